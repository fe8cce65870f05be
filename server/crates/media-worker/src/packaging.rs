//! From coded samples to a segment file in the output folder.

use media_proto::message::Cause;

use crate::failure::Failure;
use crate::isobmff::fragment::{Sample, Span, segment};
use crate::output::{Output, segment_name};

/// Writes segment `number` of `stream`; returns its length in bytes.
pub fn write_segment(
    output: &Output,
    stream: u32,
    number: u32,
    span: Span,
    samples: &[Sample],
) -> Result<u64, Failure> {
    let name = segment_name(stream, number);
    let bytes = segment(number, span, samples).map_err(|misfit| {
        Failure::new(
            Cause::Internal,
            format!("Packaging {name} failed: {misfit}."),
        )
    })?;
    output
        .write(&name, &bytes)
        .map_err(|error| Failure::writing(&name, &error))
}
