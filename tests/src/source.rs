//! What the source of a title really shows, found out by decoding it with ffprobe, which shares no
//! code of ours. What does not belong here: the title that was made from it (`download`).

use anyhow::{Context, Result};
use serde::Deserialize;
use std::path::Path;

use crate::program::{command, text_of};

/// Times at which a source presents its pictures and begins its sound, in seconds of its own clock.
#[derive(Clone, Debug)]
pub struct Presented {
    /// Of every picture that is shown, in order.
    pub pictures_s: Vec<f64>,
    /// Of the first sound of each track.
    pub sound_starts_s: Vec<f64>,
}

#[derive(Debug, Deserialize)]
struct Probe {
    #[serde(default)]
    frames: Vec<Frame>,
    #[serde(default)]
    streams: Vec<Stream>,
}

#[derive(Debug, Deserialize)]
struct Frame {
    best_effort_timestamp: Option<i64>,
}

#[derive(Debug, Deserialize)]
struct Stream {
    index: u32,
    codec_type: Option<String>,
    time_base: Option<String>,
    disposition: Option<Disposition>,
}

#[derive(Debug, Deserialize)]
struct Disposition {
    #[serde(default)]
    attached_pic: u8,
}

impl Presented {
    /// Decodes `file`: all pictures of track `video_track` (of the first video track if `None`),
    /// and the beginning of every audio track.
    pub fn of(file: &Path, video_track: Option<u32>) -> Result<Self> {
        let streams = probe(
            file,
            &[
                "-show_entries",
                "stream=index,codec_type,time_base:stream_disposition=attached_pic",
            ],
        )?
        .streams;
        let picture = streams.iter().find(|stream| match video_track {
            Some(index) => stream.index == index,
            None => stream.is("video") && !stream.is_cover(),
        });
        let pictures_s = picture.map_or(Ok(Vec::new()), |stream| times(file, stream, &[]))?;
        let mut sound_starts_s = Vec::new();
        for stream in streams.iter().filter(|stream| stream.is("audio")) {
            // A few seconds of packets, because the first ones may hold nothing that is heard.
            let beginning = times(file, stream, &["-read_intervals", "%+5"])?;
            sound_starts_s.extend(beginning.first());
        }
        Ok(Self {
            pictures_s,
            sound_starts_s,
        })
    }

    /// The instant that is zero on a title's timeline: the first picture or sound.
    pub fn origin_s(&self) -> f64 {
        let firsts = self.sound_starts_s.iter().chain(self.pictures_s.first());
        firsts.copied().fold(f64::INFINITY, f64::min)
    }
}

impl Stream {
    fn is(&self, kind: &str) -> bool {
        self.codec_type.as_deref() == Some(kind)
    }

    fn is_cover(&self) -> bool {
        self.disposition
            .as_ref()
            .is_some_and(|d| d.attached_pic == 1)
    }

    /// Seconds in one tick of the stream's clock.
    fn tick_s(&self) -> Result<f64> {
        let text = self.time_base.as_deref().context("no time base")?;
        let (numerator, denominator) = text.split_once('/').context("a strange time base")?;
        Ok(numerator.parse::<f64>()? / denominator.parse::<f64>()?)
    }
}

/// Times of the frames of one stream, in order of presentation.
#[expect(
    clippy::cast_precision_loss,
    reason = "timestamps of test files stay far below 2^53"
)]
fn times(file: &Path, stream: &Stream, extra: &[&str]) -> Result<Vec<f64>> {
    let tick_s = stream.tick_s()?;
    let index = stream.index.to_string();
    let mut arguments = vec![
        "-select_streams",
        index.as_str(),
        "-show_entries",
        "frame=best_effort_timestamp",
    ];
    arguments.extend(extra);
    let frames = probe(file, &arguments)?.frames;
    let stamped = frames.iter().filter_map(|f| f.best_effort_timestamp);
    let mut times: Vec<f64> = stamped.map(|ticks| ticks as f64 * tick_s).collect();
    times.sort_by(f64::total_cmp);
    Ok(times)
}

fn probe(file: &Path, arguments: &[&str]) -> Result<Probe> {
    let text = text_of(
        command("ffprobe")
            .args(["-v", "fatal", "-of", "json"])
            .args(arguments)
            .arg(file),
    )?;
    serde_json::from_str(&text).with_context(|| format!("what ffprobe says of {}", file.display()))
}
