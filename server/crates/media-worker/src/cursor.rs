//! The demuxer's cursor over one track: finds the very packet that the index names.
//!
//! "Seek to the keyframe before" is not something libav gives on every container: on MPEG-TS it
//! reports success and lands behind the wanted keyframe. So the packet is found by reading on from
//! an earlier place and backing off further when that was too late. What does not belong here:
//! what is done with packets (`picture`, `copy`).

use media_proto::VIDEO_TIMESCALE;
use media_proto::clock::ClockStep;
use media_proto::message::EntryPoint;

use crate::av::error::AvError;
use crate::av::input::Input;
use crate::av::packet::Packet;
use crate::av::stream::Stream;
use crate::failure::Failure;
use crate::source_file::SourceFile;
use crate::timeline::Timeline;

/// How far before an entry point to look for it, in seconds, one try after the other.
const BACK_OFF_SECONDS: [i64; 3] = [0, 2, 12];
/// Errors of the demuxer in a row after which the file counts as ended.
const MAX_READ_ERRORS: u32 = 64;

/// The cursor.
#[derive(Debug)]
pub struct Cursor {
    input: Input,
    stream: Stream,
    timeline: Timeline,
    packet: Packet,
    /// Nothing was read or sought since the file was opened.
    is_fresh: bool,
}

impl Cursor {
    /// A cursor before the first packet of track `track`; `origin` is zero of the timeline on the
    /// source's clock, in video ticks, which goes on over `steps`.
    pub fn open(
        file: &SourceFile,
        track: u32,
        origin: i64,
        steps: &[ClockStep],
    ) -> Result<Self, Failure> {
        let (input, stream) = file.open_track(track, steps)?;
        Ok(Self {
            timeline: Timeline::new(stream.time_base, origin, VIDEO_TIMESCALE),
            packet: Packet::new()
                .map_err(|error| Failure::internal("allocating a packet", error))?,
            input,
            stream,
            is_fresh: true,
        })
    }

    /// What is known about the track.
    pub fn stream(&self) -> &Stream {
        &self.stream
    }

    /// From the track's clock to video ticks.
    pub fn timeline(&self) -> &Timeline {
        &self.timeline
    }

    /// The packet that was read last.
    pub fn packet(&self) -> &Packet {
        &self.packet
    }

    /// Reads the next packet of the track; false at the end of the file.
    pub fn advance(&mut self) -> bool {
        self.is_fresh = false;
        let mut errors = 0;
        loop {
            match self.input.read(&mut self.packet) {
                Ok(()) if self.packet.track() == Some(self.stream.index) => return true,
                Ok(()) => {}
                Err(AvError::END) => return false,
                Err(_) if errors < MAX_READ_ERRORS => errors += 1,
                Err(_) => return false,
            }
        }
    }

    /// Goes before the first packet.
    pub fn rewind(&mut self, file: &SourceFile) -> Result<(), Failure> {
        if !self.is_fresh {
            let track = u32::try_from(self.stream.index).unwrap_or(u32::MAX);
            self.input = file.open_track(track, self.input.clock_steps())?.0;
            self.is_fresh = true;
        }
        Ok(())
    }

    /// Reads the packet that `entry` names, wherever that takes the demuxer; false if there is
    /// none.
    pub fn find(&mut self, file: &SourceFile, entry: &EntryPoint) -> Result<bool, Failure> {
        let second =
            self.timeline.timestamp(i64::from(VIDEO_TIMESCALE)) - self.timeline.timestamp(0);
        self.is_fresh = false;
        for seconds in BACK_OFF_SECONDS {
            let target = entry.dts.saturating_sub(second.saturating_mul(seconds));
            if self.input.seek(self.stream.index, target).is_ok() && self.read_up_to(entry) {
                return Ok(true);
            }
        }
        if entry.position >= 0
            && self.input.seek_bytes(entry.position).is_ok()
            && self.read_up_to(entry)
        {
            return Ok(true);
        }
        // Reading on from the beginning always comes past the packet; without decoding it is fast.
        self.rewind(file)?;
        Ok(self.read_up_to(entry))
    }

    /// Reads until the packet that `entry` names; false once it was missed.
    fn read_up_to(&mut self, entry: &EntryPoint) -> bool {
        while self.advance() {
            let packet = &self.packet;
            let same_time =
                packet.pts() == Some(entry.pts) && packet.dts().is_none_or(|dts| dts == entry.dts);
            if same_time && packet.is_key() {
                return true;
            }
            if packet.dts().is_some_and(|dts| dts > entry.dts) {
                return false;
            }
        }
        false
    }
}
