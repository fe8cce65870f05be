//! The input file as a place to start demuxing from, as often as needed.

use std::fs::File;

use crate::av::input::Input;
use crate::av::stream::Stream;
use crate::failure::Failure;
use crate::inspect;
use crate::pulse::Pulse;
use media_proto::clock::ClockStep;
use media_proto::message::Cause;

/// The already open input.
#[derive(Debug)]
pub struct SourceFile {
    file: File,
    pulse: Pulse,
}

impl SourceFile {
    /// Reads from `file`, always with explicit positions; `pulse` tells that bytes arrive.
    pub fn new(file: File, pulse: Pulse) -> Self {
        Self { file, pulse }
    }

    /// Demuxes from the beginning.
    pub fn open(&self) -> Result<Input, Failure> {
        self.open_by(Input::open)
    }

    /// Demuxes from the beginning without reading the packets' data, see [`Input::skim`].
    pub fn skim(&self) -> Result<Input, Failure> {
        self.open_by(Input::skim)
    }

    fn open_by(&self, open: inspect::Open) -> Result<Input, Failure> {
        let file = self.file.try_clone().map_err(|error| {
            Failure::new(
                Cause::Io,
                format!("Duplicating the input's descriptor failed: {error}."),
            )
        })?;
        let pulse = self.pulse.clone();
        inspect::open(file, Box::new(move |count| pulse.read(count)), open)
    }

    /// The file itself, for what is no container.
    pub fn whole(&self) -> &File {
        &self.file
    }

    /// Demuxes from the beginning, together with the description of track `track`, whose clock goes
    /// on over `steps`.
    pub fn open_track(&self, track: u32, steps: &[ClockStep]) -> Result<(Input, Stream), Failure> {
        let mut input = self.open()?;
        input.step_over(steps);
        let index = track as usize;
        let streams = input
            .streams()
            .map_err(|error| Failure::internal("describing the tracks", error))?;
        let stream = streams
            .into_iter()
            .find(|stream| stream.index == index)
            .ok_or_else(|| {
                Failure::new(
                    Cause::Damaged,
                    format!("Track {track} is no longer in the file. Was the file replaced?"),
                )
            })?;
        input.select(&[index]);
        Ok((input, stream))
    }
}
