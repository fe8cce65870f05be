//! A file of subtitles beside a film: read whole, its charset found, written as WebVTT.

use media_proto::message::Cause;
use media_proto::sidecar::SidecarSpec;
use std::fs::File;
use std::os::unix::fs::FileExt;

use crate::failure::Failure;
use crate::output::{Output, subtitle_name};
use crate::text::{MAX_BYTES, charset, cues_of_file, vtt};

/// Writes `subtitle-{N}.vtt`; returns its length.
pub fn read(spec: &SidecarSpec, file: &File, output: &Output) -> Result<u64, Failure> {
    let bytes = whole(file)?;
    let text = charset::decode(&bytes, spec.language.as_deref())
        .ok_or_else(|| Failure::new(Cause::NotMedia, "it is not a text"))?;
    let words = vtt::write(cues_of_file(spec.format, &text), spec.end)
        .ok_or_else(|| Failure::new(Cause::NoData, "there are no words with times in it"))?;
    let name = subtitle_name(spec.index);
    output
        .write(&name, words.as_bytes())
        .map_err(|error| Failure::writing(&name, &error))
}

fn whole(file: &File) -> Result<Vec<u8>, Failure> {
    let mut bytes = vec![0; MAX_BYTES + 1];
    let mut length = 0;
    loop {
        let rest = bytes.get_mut(length..).unwrap_or(&mut []);
        match file.read_at(rest, length as u64) {
            Ok(0) => break,
            Ok(count) => length += count,
            Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
            Err(error) => {
                return Err(Failure::new(
                    Cause::Io,
                    format!("reading it failed: {error}"),
                ));
            }
        }
    }
    if length > MAX_BYTES {
        return Err(Failure::new(Cause::TooLarge, "it is longer than 10 MB"));
    }
    bytes.truncate(length);
    Ok(bytes)
}
