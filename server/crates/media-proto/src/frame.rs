//! Framing: a little-endian `u32` length, then that many bytes of JSON.
//!
//! The length is capped, so neither end can make the other allocate without bound. What does not
//! belong here: what the messages mean.

use serde::Serialize;
use serde::de::DeserializeOwned;
use std::io::{self, Read, Write};

/// Bytes of the length that precedes every message.
pub const HEADER_BYTES: usize = 4;

/// The longest message either end accepts. An inspection of a 24-hour title has about 21 600
/// cuts and 10 800 chunks, which is 2.5 MB of JSON.
pub const MAX_MESSAGE_BYTES: usize = 8 * 1024 * 1024;

/// The message with its header, ready to be written.
pub fn encode<T: Serialize>(message: &T) -> io::Result<Vec<u8>> {
    let mut bytes = vec![0; HEADER_BYTES];
    serde_json::to_writer(&mut bytes, message)?;
    let length = bytes.len() - HEADER_BYTES;
    if length > MAX_MESSAGE_BYTES {
        return Err(too_long(length));
    }
    let header = u32::try_from(length)
        .map_err(|_| too_long(length))?
        .to_le_bytes();
    bytes[..HEADER_BYTES].copy_from_slice(&header);
    Ok(bytes)
}

/// The length that a header announces, refused if it is over [`MAX_MESSAGE_BYTES`].
pub fn length(header: [u8; HEADER_BYTES]) -> io::Result<usize> {
    let length = u32::from_le_bytes(header) as usize;
    if length > MAX_MESSAGE_BYTES {
        Err(too_long(length))
    } else {
        Ok(length)
    }
}

/// The message in `body`, which is what followed a header.
pub fn decode<T: DeserializeOwned>(body: &[u8]) -> io::Result<T> {
    serde_json::from_slice(body).map_err(|error| io::Error::new(io::ErrorKind::InvalidData, error))
}

/// Writes one message and flushes it.
pub fn write<T: Serialize>(writer: &mut dyn Write, message: &T) -> io::Result<()> {
    writer.write_all(&encode(message)?)?;
    writer.flush()
}

/// Reads one message; `None` when the other end has closed between two messages.
pub fn read<T: DeserializeOwned>(reader: &mut dyn Read) -> io::Result<Option<T>> {
    let mut header = [0; HEADER_BYTES];
    if !read_header(reader, &mut header)? {
        return Ok(None);
    }
    let mut body = vec![0; length(header)?];
    reader.read_exact(&mut body)?;
    decode(&body).map(Some)
}

/// Fills `header`; false if the stream ended before its first byte.
fn read_header(reader: &mut dyn Read, header: &mut [u8; HEADER_BYTES]) -> io::Result<bool> {
    let mut filled = 0;
    while filled < HEADER_BYTES {
        match reader.read(&mut header[filled..]) {
            Ok(0) if filled == 0 => return Ok(false),
            Ok(0) => return Err(io::ErrorKind::UnexpectedEof.into()),
            Ok(count) => filled += count,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(true)
}

fn too_long(length: usize) -> io::Error {
    io::Error::new(
        io::ErrorKind::InvalidData,
        format!("a message of {length} bytes is over the limit of {MAX_MESSAGE_BYTES}"),
    )
}

#[cfg(test)]
mod tests {
    use super::{encode, read, write};
    use crate::message::{Event, NumberedEvent};

    fn event(number: u32) -> NumberedEvent {
        NumberedEvent {
            number,
            event: Event::Progress { position: 90_000 },
        }
    }

    #[test]
    fn messages_arrive_whole_and_in_order() {
        let mut pipe = Vec::new();
        write(&mut pipe, &event(1)).unwrap();
        write(&mut pipe, &event(2)).unwrap();
        let mut reader = pipe.as_slice();
        for number in [1, 2] {
            let received: Option<NumberedEvent> = read(&mut reader).unwrap();
            assert_eq!(received, Some(event(number)));
        }
        let end: Option<NumberedEvent> = read(&mut reader).unwrap();
        assert_eq!(
            end, None,
            "a pipe closed between two messages is a clean end"
        );
    }

    #[test]
    fn a_cut_or_lying_message_is_an_error_and_allocates_nothing() {
        let bytes = encode(&event(1)).unwrap();
        for length in 1..bytes.len() {
            let cut: Result<Option<NumberedEvent>, _> = read(&mut &bytes[..length]);
            assert!(
                cut.is_err(),
                "{length} of {} bytes are not a message",
                bytes.len()
            );
        }
        let lie: Result<Option<NumberedEvent>, _> = read(&mut [0xff; 4].as_slice());
        assert!(lie.is_err(), "a header that promises 4 GB must be refused");
    }
}
