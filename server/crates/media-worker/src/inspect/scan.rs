//! The packet scan: takes every packet of the chosen tracks once, without decoding more than a
//! few of them, and remembers when each is shown. Of an input that is skimmed it fetches the data
//! of those few, and of some keyframes.
//!
//! Containers lie about durations and start times, so only packets count. Frames are decoded
//! until each track has delivered one: that is what "decodable" means, and only decoded frames
//! tell whether a picture is interlaced. A recording that begins with something else tells so only
//! later, so a few more places are looked at.

use media_proto::clock::ClockStep;
use media_proto::message::{Cause, SoundAnchor};

use crate::av::decoder::Decoder;
use crate::av::error::AvError;
use crate::av::frame::Frame;
use crate::av::input::Input;
use crate::av::packet::Packet;
use crate::av::stream::{Kind, Stream};
use crate::copy::examine::Examiner;
use crate::failure::Failure;
use crate::inspect::sound_index::SoundIndex;
use crate::inspect::steps::{StepFinder, Timed};
use crate::inspect::text::TextProbe;
use crate::isobmff::h264::Content;

/// Packets fed to a video decoder before it counts as unable. An open GOP at the start of a
/// broadcast recording can take a hundred.
const VIDEO_TRIES: u32 = 300;
/// Packets fed to an audio decoder before it counts as unable.
const AUDIO_TRIES: u32 = 60;
/// Decoded pictures that are looked at for the interlaced flag.
const SAMPLED_FRAMES: u32 = 12;
/// The same at each of the further places.
const SAMPLED_FRAMES_FURTHER_ON: u32 = 2;
/// Packets fed to the decoder there.
const TRIES_FURTHER_ON: u32 = 40;
/// The further places divide the file into this many parts.
const PARTS: u64 = 4;
/// Keyframes that are examined of a film that is skimmed, evenly spread.
const EXAMINED_KEYFRAMES: u64 = 32;
/// Errors of the demuxer in a row after which the rest of the file is given up.
const MAX_ERRORS: u32 = 64;

/// A packet of the picture, in the track's time base.
#[derive(Clone, Copy, Debug)]
pub struct IndexedPacket {
    /// Presentation time, or decoding time where the container has no other.
    pub pts: i64,
    /// Decoding time.
    pub dts: i64,
    /// Zero where unknown.
    pub duration: i64,
    /// Byte position, negative where unknown.
    pub position: i64,
    /// Decoding may start here.
    pub is_key: bool,
    /// Decoded but never shown.
    pub is_discarded: bool,
    /// Nothing before it is needed; known only where the picture may be copied.
    pub is_idr: bool,
    /// Its length; where the picture may be copied, as it is in our segments.
    pub size_bytes: u32,
}

/// What the scan found out about one track.
#[derive(Debug, Default)]
pub struct TrackScan {
    /// A frame came out of its decoder.
    pub decodable: bool,
    /// A decoded frame was interlaced.
    pub interlaced: bool,
    /// A decoded frame was PQ or HLG.
    pub hdr: bool,
    /// Channels of the first decoded block.
    pub channels: u32,
    /// Pixel aspect of the first decoded picture.
    pub sample_aspect_ratio: Option<(i32, i32)>,
    /// Coded size of the first decoded picture.
    pub size: Option<(u32, u32)>,
    /// Earliest thing presented, in the track's time base.
    pub start: Option<i64>,
    /// End of the last thing presented, in the track's time base.
    pub end: Option<i64>,
    /// Packets without any time.
    pub untimed: u64,
    /// Packets that have only a decoding time.
    pub without_pts: u64,
    /// Every packet, for the main picture.
    pub packets: Vec<IndexedPacket>,
    /// No packet was a reason not to copy the track.
    pub may_be_copied: bool,
    /// Where decoding can start, for sound.
    pub sound: SoundIndex,
}

/// How often an edit list may play all of a file. A million edits of a tick would have every
/// picture decoded thousands of times.
const MAX_REPEATS: u64 = 50;

/// What the scan found out.
#[derive(Debug)]
pub struct Scan {
    /// One entry per wanted track.
    pub tracks: Vec<TrackScan>,
    /// The rest of the file was given up, because nothing in it made sense.
    pub is_partial: bool,
    /// Where the clock steps, unless the input goes on over that.
    pub clock_steps: Vec<ClockStep>,
    /// The input was skimmed, and what was fetched is not what its tables say.
    pub is_doubtful: bool,
}

/// A track under observation.
struct Probe {
    track: usize,
    kind: Kind,
    sample_rate: u32,
    time_base: crate::av::stream::TimeBase,
    keep_packets: bool,
    decoder: Option<Decoder>,
    examiner: Option<Examiner>,
    sample: Sample,
    /// Byte positions behind which another keyframe is decoded, the nearest last.
    places: Vec<i64>,
    /// The same for keyframes that are examined where the input is skimmed.
    examined: Vec<i64>,
    /// What the container says of keyframes and order does not hold.
    is_doubtful: bool,
    scan: TrackScan,
}

/// A few packets that are decoded.
#[derive(Debug)]
struct Sample {
    tries_left: u32,
    frames_left: u32,
    /// A packet was fed.
    is_fed: bool,
    /// A frame came out.
    is_filled: bool,
}

impl Sample {
    fn new(tries: u32, frames: u32) -> Self {
        Self {
            tries_left: tries,
            frames_left: frames,
            is_fed: false,
            is_filled: false,
        }
    }

    fn is_over(&self) -> bool {
        self.tries_left == 0 || self.frames_left == 0
    }
}

/// Scans the tracks `wanted`; keeps all packets of `main_video`. Packets of `texts` are taken
/// along.
pub fn scan(
    input: &mut Input,
    streams: &[Stream],
    wanted: &[usize],
    main_video: Option<usize>,
    texts: &mut [TextProbe],
) -> Result<Scan, Failure> {
    let internal = |error| Failure::internal("allocating a packet", error);
    let mut packet = Packet::new().map_err(internal)?;
    let mut frame = Frame::new().map_err(internal)?;
    let mut probes: Vec<Probe> = wanted
        .iter()
        .filter_map(|track| streams.get(*track))
        .map(|stream| Probe::new(stream, main_video == Some(stream.index), input.size_bytes()))
        .collect();
    let read = wanted
        .iter()
        .copied()
        .chain(texts.iter().map(|text| text.track));
    input.select(&read.collect::<Vec<_>>());
    let mut finder = finder(input);
    let mut errors = 0;
    let mut is_whole = true;
    let most_bytes = input.size_bytes().saturating_mul(MAX_REPEATS);
    let mut bytes = 0_u64;
    loop {
        match input.read(&mut packet) {
            Ok(()) => errors = 0,
            Err(AvError::END) => break,
            Err(error) => {
                is_whole = false;
                errors += 1;
                if errors >= MAX_ERRORS {
                    break;
                }
                if is_io(error) {
                    return Err(unreadable(error));
                }
                continue;
            }
        }
        bytes = bytes.saturating_add(packet.data().len() as u64);
        if bytes > most_bytes {
            return Err(repeats_itself());
        }
        let track = packet.track();
        if let Some(probe) = probes.iter_mut().find(|probe| Some(probe.track) == track) {
            let has_data = !input.is_skimmed() || probe.wants(&packet);
            if has_data {
                input.fetch(&mut packet).map_err(unreadable)?;
            }
            probe.observe(&packet, has_data, &mut frame);
            if let (Some(finder), Some(timed)) = (finder.as_mut(), timed(&packet)) {
                finder.observe(probe.track, timed);
            }
        } else if let Some(text) = texts.iter_mut().find(|text| Some(text.track) == track) {
            input.fetch(&mut packet).map_err(unreadable)?;
            text.observe(&packet);
        }
    }
    let others: Vec<usize> = texts.iter().map(|text| text.track).collect();
    let is_partial = errors >= MAX_ERRORS;
    let is_doubtful = input.is_skimmed() && probes.iter().any(|probe| probe.is_doubtful);
    for probe in &mut probes {
        probe.finish(&mut frame);
        // Players may stop at damage that our decoder gets over.
        probe.scan.may_be_copied &= is_whole && input.clock_steps().is_empty();
    }
    Ok(Scan {
        tracks: probes.into_iter().map(|probe| probe.scan).collect(),
        clock_steps: finder.map_or(Vec::new(), |finder| finder.steps(&others)),
        is_partial,
        is_doubtful,
    })
}

/// Looks for steps where there can be any, and where they are not gone over already.
fn finder(input: &Input) -> Option<StepFinder> {
    let is_open = input.may_step() && input.clock_steps().is_empty();
    is_open.then(StepFinder::default)
}

fn timed(packet: &Packet) -> Option<Timed> {
    let shown = packet.pts().or_else(|| packet.dts())?;
    Some(Timed {
        decoded: packet.dts().unwrap_or(shown),
        shown,
        duration: packet.duration(),
        position: packet.position(),
    })
}

pub(super) fn unreadable(error: AvError) -> Failure {
    Failure::new(Cause::Io, format!("Reading the file failed: {error}."))
}

fn repeats_itself() -> Failure {
    Failure::new(
        Cause::Damaged,
        "This film's edit list plays the same parts again and again, more often than can be made. \
         Export it anew without edits.",
    )
}

/// The file could not be read, as opposed to: what was read makes no sense.
pub(super) fn is_io(error: AvError) -> bool {
    error == AvError(-rustix::io::Errno::IO.raw_os_error())
}

impl Probe {
    fn new(stream: &Stream, is_main_video: bool, size_bytes: u64) -> Self {
        let (tries, frames) = if stream.kind == Kind::Video {
            (VIDEO_TRIES, SAMPLED_FRAMES)
        } else {
            (AUDIO_TRIES, 1)
        };
        let looks_further = is_main_video && stream.may_be_interlaced();
        let division =
            |parts: u64| move |part| i64::try_from(size_bytes / parts * part).unwrap_or(i64::MAX);
        let places = (1..PARTS).rev().filter(|_| looks_further);
        let examined = (0..EXAMINED_KEYFRAMES).rev().filter(|_| is_main_video);
        Self {
            track: stream.index,
            kind: stream.kind,
            sample_rate: stream.sample_rate(),
            time_base: stream.time_base,
            keep_packets: is_main_video,
            decoder: Decoder::open(stream, 1).ok(),
            examiner: Some(stream)
                .filter(|_| is_main_video)
                .and_then(Examiner::of),
            sample: Sample::new(tries, frames),
            places: places.map(division(PARTS)).collect(),
            examined: examined.map(division(EXAMINED_KEYFRAMES)).collect(),
            is_doubtful: false,
            scan: TrackScan::default(),
        }
    }

    /// The packet's data will be looked at.
    fn wants(&mut self, packet: &Packet) -> bool {
        let is_behind = |places: &[i64]| {
            let next = places.last();
            packet.is_key() && next.is_some_and(|place| packet.position() >= *place)
        };
        let is_examined = is_behind(&self.examined);
        self.examined
            .retain(|place| !is_examined || *place > packet.position());
        is_examined || is_behind(&self.places) || !self.sample.is_over()
    }

    fn observe(&mut self, packet: &Packet, has_data: bool, frame: &mut Frame) {
        self.index(packet, has_data);
        if self.sample.is_over() {
            self.look_further_on(packet);
        }
        if !self.sample.is_over() {
            self.sample.tries_left -= 1;
            self.sample.is_fed = true;
            self.decode(Some(packet), frame);
        }
    }

    /// Begins another sample at the first keyframe behind the next place.
    fn look_further_on(&mut self, packet: &Packet) {
        let Some(decoder) = self.decoder.as_mut().filter(|_| packet.is_key()) else {
            return;
        };
        let position = packet.position();
        if self.places.last().is_none_or(|place| position < *place) {
            return;
        }
        self.places.retain(|place| *place > position);
        decoder.flush();
        self.sample = Sample::new(TRIES_FURTHER_ON, SAMPLED_FRAMES_FURTHER_ON);
    }

    /// A file shorter than the decoder's delay gives its frames only now.
    fn finish(&mut self, frame: &mut Frame) {
        if self.sample.is_fed && !self.sample.is_filled {
            self.decode(None, frame);
        }
        self.decoder = None;
        self.scan.may_be_copied = self.examiner.is_some();
    }

    /// What a packet holds, as long as the track may be copied.
    fn examine(&mut self, packet: &Packet, has_data: bool) -> Content {
        let Some(examiner) = self.examiner.as_mut() else {
            return Content::default();
        };
        let content = if has_data {
            examiner.see(packet)
        } else {
            examiner.believe(packet)
        };
        self.is_doubtful |= match content {
            Some(content) => packet.is_key() && !content.is_idr,
            None => !has_data,
        };
        if content.is_none() {
            self.examiner = None;
        }
        content.unwrap_or_default()
    }

    fn index(&mut self, packet: &Packet, has_data: bool) {
        if self.kind == Kind::Audio {
            let second = self.time_base.denominator / self.time_base.numerator.max(1);
            self.scan.sound.note(packet, i64::from(second.max(1)));
        }
        let content = self.examine(packet, has_data);
        let is_examined = self.examiner.is_some();
        let size = if is_examined {
            content.size
        } else {
            packet.data().len()
        };
        let Some(pts) = packet.pts().or_else(|| packet.dts()) else {
            self.scan.untimed += 1;
            return;
        };
        if packet.pts().is_none() {
            self.scan.without_pts += 1;
        }
        let shown_from = pts.saturating_add(self.skipped(packet));
        let shown_until = pts.saturating_add(packet.duration());
        if !packet.is_discarded() {
            self.scan.start = Some(
                self.scan
                    .start
                    .map_or(shown_from, |start| start.min(shown_from)),
            );
            self.scan.end = Some(
                self.scan
                    .end
                    .map_or(shown_until, |end| end.max(shown_until)),
            );
        }
        if self.keep_packets {
            self.scan.packets.push(IndexedPacket {
                pts,
                dts: packet.dts().unwrap_or(pts),
                duration: packet.duration(),
                position: packet.position(),
                is_key: packet.is_key() && packet.is_key_of_transparency(),
                is_discarded: packet.is_discarded(),
                is_idr: content.is_idr,
                size_bytes: u32::try_from(size).unwrap_or(u32::MAX),
            });
        }
    }

    /// Priming samples at the start of a packet, in the track's time base.
    fn skipped(&self, packet: &Packet) -> i64 {
        if self.kind != Kind::Audio || self.sample_rate == 0 {
            return 0;
        }
        let samples = i64::from(packet.skipped_samples());
        let a_second = i64::from(self.sample_rate) * i64::from(self.time_base.numerator.max(1));
        samples * i64::from(self.time_base.denominator) / a_second
    }

    fn decode(&mut self, packet: Option<&Packet>, frame: &mut Frame) {
        let Some(decoder) = self.decoder.as_mut() else {
            return;
        };
        if decoder.send(packet).is_err() {
            return;
        }
        while decoder.receive(frame).is_ok() {
            self.sample.is_filled = true;
            self.sample.frames_left = self.sample.frames_left.saturating_sub(1);
            self.scan.take(self.kind, frame);
            frame.clear();
        }
    }
}

impl TrackScan {
    /// The file has no packet of it.
    pub fn is_empty(&self) -> bool {
        self.start.is_none() && self.untimed == 0
    }

    /// Takes what a decoded frame says. What the first one said stays.
    fn take(&mut self, kind: Kind, frame: &Frame) {
        self.decodable = true;
        if kind != Kind::Video {
            self.channels = frame.channels();
            if self.sound.anchor().is_none() {
                self.sound.set_anchor(anchor(frame));
            }
            return;
        }
        self.interlaced |= frame.is_interlaced();
        self.hdr |= frame.is_hdr();
        self.sample_aspect_ratio
            .get_or_insert(frame.sample_aspect_ratio());
        self.size.get_or_insert((frame.width(), frame.height()));
    }
}

fn anchor(frame: &Frame) -> Option<SoundAnchor> {
    Some(SoundAnchor {
        pts: frame.best_timestamp()?,
        samples: u32::try_from(frame.samples()).ok()?,
        sample_rate: frame.sample_rate(),
    })
}
