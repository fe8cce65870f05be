//! A sound track to read from the very packet that the plan names, span after span.
//!
//! What a demuxer calls a seek may end anywhere, and some make up times for where it ended (MP3),
//! so the packet is searched for from there, by its time and its byte position, from further and
//! further back and at last from the beginning of the file. Every span has a decoder of its own.

use media_proto::message::{AudioSpec, EntryPoint};

use crate::av::decoder::Decoder;
use crate::av::error::AvError;
use crate::av::input::Input;
use crate::av::packet::Packet;
use crate::av::stream::{Kind, Stream, TimeBase};
use crate::failure::Failure;
use crate::source_file::SourceFile;

/// How far before an entry point to look for it, in seconds, one try after the other.
const BACK_OFF_SECONDS: [i64; 3] = [0, 2, 12];
/// Errors of the demuxer in a row after which the file counts as ended.
const MAX_READ_ERRORS: u32 = 64;

/// An open sound track.
#[derive(Debug)]
pub struct SoundSource {
    input: Input,
    stream: Stream,
    /// The track whose places the container can find: many have an index of the picture only.
    guide: Guide,
    packet: Packet,
    /// The packet is the first one of the span and was not handed out yet.
    is_waiting: bool,
    /// Nothing was read since the file was opened.
    is_fresh: bool,
}

#[derive(Clone, Copy, Debug)]
struct Guide {
    track: usize,
    time_base: TimeBase,
}

impl SoundSource {
    /// Opens the track that `spec` names.
    pub fn open(file: &SourceFile, spec: &AudioSpec) -> Result<Self, Failure> {
        let (input, stream) = file.open_track(spec.track, &spec.clock_steps)?;
        Ok(Self {
            guide: guide(&input, &stream)?,
            input,
            stream,
            packet: Packet::new()
                .map_err(|error| Failure::internal("allocating a packet", error))?,
            is_waiting: false,
            is_fresh: true,
        })
    }

    /// Whether it is the track that `spec` names.
    pub fn fits(&self, spec: &AudioSpec) -> bool {
        self.stream.index == spec.track as usize
    }

    /// What is known about the track.
    pub fn stream(&self) -> &Stream {
        &self.stream
    }

    /// Goes to `entry`, or to the beginning, and gives a decoder that knows of nothing before.
    pub fn start(
        &mut self,
        file: &SourceFile,
        entry: Option<&EntryPoint>,
    ) -> Result<Decoder, Failure> {
        self.is_waiting = false;
        match entry {
            Some(entry) => self.go_to(file, entry)?,
            None => self.rewind(file)?,
        }
        Decoder::open(&self.stream, 1)
            .map_err(|error| Failure::internal("opening the audio decoder", error))
    }

    /// The next packet of the track; `None` at the end of the file.
    pub fn read(&mut self) -> Option<&Packet> {
        if !std::mem::take(&mut self.is_waiting) && !self.advance() {
            return None;
        }
        Some(&self.packet)
    }

    /// Makes the packet that `entry` names the next one; the first of the file if it is nowhere.
    fn go_to(&mut self, file: &SourceFile, entry: &EntryPoint) -> Result<(), Failure> {
        for seconds in BACK_OFF_SECONDS {
            let target = self.guide_time(entry.dts, seconds);
            self.is_fresh = false;
            if self.input.seek(self.guide.track, target).is_ok() && self.find(entry) {
                return Ok(());
            }
        }
        // Reading on from the beginning always comes past the packet; without decoding it is fast.
        self.rewind(file)?;
        if self.find(entry) {
            return Ok(());
        }
        self.rewind(file)
    }

    /// Reads until `entry` is the next packet; false once it was missed.
    fn find(&mut self, entry: &EntryPoint) -> bool {
        while self.advance() {
            if self.is_at(entry) {
                self.is_waiting = true;
                return true;
            }
            if self.packet.dts().is_some_and(|dts| dts > entry.dts) {
                return false;
            }
        }
        false
    }

    fn is_at(&self, entry: &EntryPoint) -> bool {
        let packet = &self.packet;
        let same_time =
            packet.pts() == Some(entry.pts) && packet.dts().is_none_or(|dts| dts == entry.dts);
        let known = packet.position() >= 0 && entry.position >= 0;
        same_time && packet.is_key() && (!known || packet.position() == entry.position)
    }

    fn rewind(&mut self, file: &SourceFile) -> Result<(), Failure> {
        if !self.is_fresh {
            let track = u32::try_from(self.stream.index).unwrap_or(u32::MAX);
            self.input = file.open_track(track, self.input.clock_steps())?.0;
            self.is_fresh = true;
        }
        Ok(())
    }

    /// Reads on to the next packet of the track; false at the end of the file.
    fn advance(&mut self) -> bool {
        self.is_fresh = false;
        let mut errors = 0;
        while errors < MAX_READ_ERRORS {
            match self.input.read(&mut self.packet) {
                Ok(()) if self.packet.track() == Some(self.stream.index) => return true,
                Ok(()) => {}
                Err(AvError::END) => return false,
                Err(_) => errors += 1,
            }
        }
        false
    }

    /// `seconds` before `time` of the track, on the guide's clock.
    fn guide_time(&self, time: i64, seconds: i64) -> i64 {
        let (own, guide) = (self.stream.time_base, self.guide.time_base);
        let over = |base: TimeBase| {
            let (numerator, denominator) = (base.numerator.max(1), base.denominator.max(1));
            (i128::from(numerator), i128::from(denominator))
        };
        let ((own_n, own_d), (guide_n, guide_d)) = (over(own), over(guide));
        let moved = i128::from(time) * own_n - i128::from(seconds) * own_d;
        let moved = (moved * guide_d).div_euclid(own_d * guide_n);
        i64::try_from(moved).unwrap_or(i64::MIN)
    }
}

/// The picture, or the track itself where there is none.
fn guide(input: &Input, stream: &Stream) -> Result<Guide, Failure> {
    let streams = input
        .streams()
        .map_err(|error| Failure::internal("describing the tracks", error))?;
    let picture = input
        .best_stream(Kind::Video)
        .and_then(|index| streams.get(index))
        .filter(|picture| !picture.is_cover);
    let guide = picture.unwrap_or(stream);
    Ok(Guide {
        track: guide.index,
        time_base: guide.time_base,
    })
}
