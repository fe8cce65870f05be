//! Tries an encoder in graphics hardware: encodes two seconds of a moving picture, decodes them by
//! software and compares. Drivers lie, hang and crash, so each trial has a process of its own.
//!
//! What does not belong here: who is tried, and what follows from it.

use media_proto::VIDEO_TIMESCALE;
use media_proto::hardware::{Finding, Report, Trial};
use rustix::fs::{Access, access};
use rustix::io::Errno;
use std::path::{Path, PathBuf};

use super::picture::{HEIGHT, WIDTH, picture, similarity};
use crate::av::decoder::Decoder;
use crate::av::encoder::H264Settings;
use crate::av::error::AvError;
use crate::av::frame::Frame;
use crate::av::hardware::{HardwareEncoder, Kind};
use crate::av::packet::Packet;
use crate::av::stream::Colour;
use crate::isobmff::h264::{ParameterSets, is_idr};

/// Two seconds.
const PICTURES: usize = 50;
const PICTURES_A_SECOND: usize = 25;
/// Where the second segment would begin.
const SECOND_KEYFRAME: usize = 30;
/// A bit rate at which the picture is easy for every encoder.
const PEAK_BPS: u32 = 6_000_000;
/// Less, and somebody would see it.
const ENOUGH_DECIBELS: f64 = 32.0;

/// Tries each of these encoders, by libav's names.
pub fn report(names: &[&str]) -> Report {
    let trial = |name: &&str| Trial {
        encoder: (*name).to_owned(),
        finding: examine(name),
    };
    Report {
        trials: names.iter().map(trial).collect(),
    }
}

fn examine(name: &str) -> Finding {
    let Some(kind) = Kind::of(name).filter(|kind| kind.is_compiled_in()) else {
        return Finding::NotCompiledIn;
    };
    if let Err(reason) = find_device(kind) {
        return Finding::NoDevice { reason };
    }
    match encode_and_compare(kind) {
        Ok(decibels) => Finding::Passed { decibels },
        Err(reason) => Finding::Failed { reason },
    }
}

/// The driver's own words for a device that is not there differ, and none of them help.
fn find_device(kind: Kind) -> Result<(), String> {
    let device = match kind {
        Kind::Software | Kind::VideoToolbox => return Ok(()),
        Kind::Nvenc => PathBuf::from("/dev/nvidiactl"),
        Kind::QuickSync | Kind::Vaapi => {
            render_node().ok_or_else(|| "there is no /dev/dri/renderD128".to_owned())?
        }
    };
    let shown = device.display();
    access(&device, Access::READ_OK | Access::WRITE_OK).map_err(|error| match error {
        Errno::NOENT => format!("there is no {shown}"),
        Errno::ACCESS => format!("this account may not open {shown}"),
        error => format!("{shown} cannot be opened: {error}"),
    })
}

/// The first device that draws without a screen.
fn render_node() -> Option<PathBuf> {
    let entries = std::fs::read_dir(Path::new("/dev/dri")).ok()?;
    let is_node = |entry: &std::fs::DirEntry| {
        let name = entry.file_name();
        name.as_encoded_bytes().starts_with(b"renderD")
    };
    let nodes = entries.flatten().filter(is_node);
    nodes.map(|entry| entry.path()).min()
}

/// What the pictures look like afterwards, on average, in decibels.
fn encode_and_compare(kind: Kind) -> Result<f64, String> {
    let mut encoder = HardwareEncoder::open(kind, &settings()).map_err(|error| {
        // The sentence of libav is about its own insides: "Unknown error occurred".
        format!("it cannot be opened ({})", said(error))
    })?;
    let mut judge = Judge::new().map_err(said)?;
    for number in 0..PICTURES {
        let mut frame = picture(number).map_err(said)?;
        frame.set_pts(time_of(number));
        frame.force_keyframe(is_keyframe(number));
        encoder.send(Some(&frame)).map_err(said)?;
        judge.take(&mut encoder)?;
    }
    encoder.send(None).map_err(said)?;
    judge.take(&mut encoder)?;
    judge.verdict()
}

fn said(error: AvError) -> String {
    error.to_string()
}

fn settings() -> H264Settings {
    H264Settings {
        width: WIDTH,
        height: HEIGHT,
        timescale: VIDEO_TIMESCALE,
        frame_rate: (u32::try_from(PICTURES_A_SECOND).unwrap_or(25), 1),
        crf: 0,
        preset: "",
        peak_bps: PEAK_BPS,
        threads: 1,
        colour: Colour::bt709(),
        sets_number: 0,
    }
}

fn is_keyframe(number: usize) -> bool {
    number == 0 || number == SECOND_KEYFRAME
}

fn time_of(number: usize) -> i64 {
    let step = VIDEO_TIMESCALE as usize / PICTURES_A_SECOND;
    i64::try_from(number * step).unwrap_or(0)
}

/// Looks at what comes out of an encoder.
struct Judge {
    decoder: Decoder,
    packet: Packet,
    frame: Frame,
    packets: usize,
    pictures: usize,
    decibels: f64,
}

impl Judge {
    fn new() -> Result<Self, AvError> {
        Ok(Self {
            decoder: Decoder::h264()?,
            packet: Packet::new()?,
            frame: Frame::new()?,
            packets: 0,
            pictures: 0,
            decibels: 0.0,
        })
    }

    /// Everything that the encoder has ready.
    fn take(&mut self, encoder: &mut HardwareEncoder) -> Result<(), String> {
        loop {
            match encoder.receive(&mut self.packet) {
                Ok(()) => self.judge_packet()?,
                Err(AvError::AGAIN | AvError::END) => return Ok(()),
                Err(error) => return Err(said(error)),
            }
        }
    }

    /// Segments are made of such packets: whole from their first picture, and in order.
    fn judge_packet(&mut self) -> Result<(), String> {
        let (number, data) = (self.packets, self.packet.data());
        if self.packet.pts() != Some(time_of(number)) {
            return Err("pictures come out in another order or at another time".into());
        }
        if is_keyframe(number) != is_idr(data) {
            return Err("keyframes are not where they were asked for".into());
        }
        if is_keyframe(number) && ParameterSets::from_annex_b(data).is_none() {
            return Err("keyframes come without their parameter sets".into());
        }
        self.packets += 1;
        self.decoder.send(Some(&self.packet)).map_err(said)?;
        self.packet.clear();
        self.compare()
    }

    fn compare(&mut self) -> Result<(), String> {
        loop {
            match self.decoder.receive(&mut self.frame) {
                Ok(()) => {}
                Err(AvError::AGAIN | AvError::END) => return Ok(()),
                Err(error) => return Err(format!("its pictures cannot be decoded: {error}")),
            }
            if self.frame.is_corrupt() {
                return Err("its pictures are damaged".into());
            }
            let shown = picture(self.pictures).map_err(said)?;
            self.decibels += similarity(&shown, &self.frame);
            self.pictures += 1;
        }
    }

    fn verdict(mut self) -> Result<f64, String> {
        self.decoder.send(None).map_err(said)?;
        self.compare()?;
        if (self.packets, self.pictures) != (PICTURES, PICTURES) {
            let came = self.pictures.min(self.packets);
            return Err(format!("of {PICTURES} pictures {came} came out"));
        }
        let decibels = self.decibels / PICTURES as f64;
        if decibels < ENOUGH_DECIBELS {
            return Err(format!(
                "what it encodes does not look like what it was given ({decibels:.0} dB)"
            ));
        }
        Ok(decibels)
    }
}

#[cfg(test)]
mod tests {
    use super::report;
    use media_proto::hardware::Finding;

    #[test]
    fn an_encoder_passes_if_its_pictures_are_those_it_was_given() {
        let report = report(&["libx264", "libx265", "no_such_encoder"]);
        let [x264, other, none] = report.trials.as_slice() else {
            panic!("one trial each: {report:?}");
        };
        assert!(
            matches!(x264.finding, Finding::Passed { decibels } if decibels > 38.0),
            "{x264:?}"
        );
        assert_eq!(other.finding, Finding::NotCompiledIn, "no H.264");
        assert_eq!(none.finding, Finding::NotCompiledIn);
    }
}
