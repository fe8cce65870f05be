//! `thumbs.vtt`: for each stretch of the title the part of a sheet that shows it, as WebVTT with
//! media fragments (W3C, Media Fragments URI 1.0, `xywh`). Players that know neither DASH's tiles
//! nor our API read it.

use model::extras::ThumbsPlan;
use model::plan::Plan;
use model::segment::Piece;
use model::time::{Ticks, VideoTicks};
use std::fmt::Write;

/// The cues of `plan`; `None` if it has no thumbnails.
pub(crate) fn cues(plan: &Plan) -> Option<String> {
    let thumbs = plan.thumbs?;
    let mut text = String::from("WEBVTT\n");
    for tile in 0..thumbs.tiles {
        let begin = Ticks(thumbs.every.0.saturating_mul(i64::from(tile)));
        let end = (begin + thumbs.every).min(plan.end());
        let (from, to, part) = (clock(begin), clock(end), part(&thumbs, tile));
        // Writing to a string cannot fail.
        let _ = write!(text, "\n{from} --> {to}\n{part}\n");
    }
    Some(text)
}

/// Where the picture is found.
fn part(thumbs: &ThumbsPlan, tile: u32) -> String {
    let on_a_sheet = ThumbsPlan::COLUMNS * ThumbsPlan::ROWS;
    let sheet = Piece::Thumbs {
        sheet: tile / on_a_sheet + 1,
    };
    let (width, height) = (thumbs.tile.width, thumbs.tile.height);
    let left = tile % ThumbsPlan::COLUMNS * width;
    let top = tile % on_a_sheet / ThumbsPlan::COLUMNS * height;
    format!("{sheet}#xywh={left},{top},{width},{height}")
}

/// `HH:MM:SS.mmm`
fn clock(time: VideoTicks) -> String {
    let milliseconds = time.rescale::<1_000>().0;
    let (seconds, rest) = (milliseconds / 1_000, milliseconds % 1_000);
    let (minutes, seconds) = (seconds / 60, seconds % 60);
    let (hours, minutes) = (minutes / 60, minutes % 60);
    format!("{hours:02}:{minutes:02}:{seconds:02}.{rest:03}")
}

#[cfg(test)]
mod tests {
    use super::cues;
    use crate::manifest::samples::{film, sound_only};
    use model::extras::ThumbsPlan;
    use model::ladder::Size;
    use model::plan::Plan;
    use model::time::VideoTicks;

    #[test]
    fn every_moment_has_its_part_of_a_sheet() {
        let end = VideoTicks::from_seconds(3_725);
        let display = Size {
            width: 1920,
            height: 1080,
        };
        let plan = Plan {
            cuts: vec![VideoTicks::ZERO, end],
            thumbs: Some(ThumbsPlan::of(display, end)),
            ..film()
        };
        let text = cues(&plan).unwrap();
        let cues: Vec<&str> = text.split("\n\n").collect();
        assert_eq!(cues.len(), 1 + 373, "a picture for each ten seconds");
        for (number, expected) in [
            (0, "WEBVTT"),
            (
                1,
                "00:00:00.000 --> 00:00:10.000\nthumbs-1.jpg#xywh=0,0,320,180",
            ),
            (
                12,
                "00:01:50.000 --> 00:02:00.000\nthumbs-1.jpg#xywh=320,180,320,180",
            ),
            (
                100,
                "00:16:30.000 --> 00:16:40.000\nthumbs-1.jpg#xywh=2880,1620,320,180",
            ),
            (
                101,
                "00:16:40.000 --> 00:16:50.000\nthumbs-2.jpg#xywh=0,0,320,180",
            ),
            (
                373,
                "01:02:00.000 --> 01:02:05.000\nthumbs-4.jpg#xywh=640,1260,320,180\n",
            ),
        ] {
            assert_eq!(cues[number], expected, "cue {number}");
        }
        assert_eq!(super::cues(&sound_only()), None, "there is nothing to see");
    }
}
