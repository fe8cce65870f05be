//! Pictures that are attached to a file, such as the cover of an album. They have decoders of their
//! own, which nothing else may use. What does not belong here: which picture is the poster.

use crate::av::decoder::Decoder;
use crate::av::error::AvError;
use crate::av::frame::Frame;
use crate::av::input::Input;
use crate::av::packet::Packet;
use crate::source_file::SourceFile;
use crate::still::{fit, shown_size, upright};

/// Demuxers hand attached pictures out before anything else.
const MAX_PACKETS: u32 = 100;

/// The first of the tracks that can be decoded, as large as it is shown; what cannot be decoded is
/// no reason to fail.
pub fn first(covers: &[u32], long_side: u32, file: &SourceFile) -> Option<Frame> {
    covers.iter().find_map(|track| {
        let (mut input, stream) = file.open_track(*track, &[]).ok()?;
        let packet = attached(&mut input, stream.index)?;
        let mut decoder = Decoder::open_cover(&stream).ok()?;
        let mut frame = Frame::new().ok()?;
        decoder.send(Some(&packet)).ok()?;
        let _ = decoder.send(None);
        decoder.receive(&mut frame).ok()?;
        let size = fit(shown_size(&frame, &stream), long_side);
        upright(frame, &stream, size).ok()
    })
}

fn attached(input: &mut Input, track: usize) -> Option<Packet> {
    let mut packet = Packet::new().ok()?;
    for _ in 0..MAX_PACKETS {
        match input.read(&mut packet) {
            Ok(()) if packet.track() == Some(track) => return Some(packet),
            Err(AvError::END) => return None,
            Ok(()) | Err(_) => {}
        }
    }
    None
}
