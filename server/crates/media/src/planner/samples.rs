//! A film for the tests of this crate: what the worker would say about it.

use media_proto::copy::CopyFacts;
use media_proto::message::{
    AudioInspection, ChunkProposal, EntryPoint, Inspection, PreparedVideo, SoundAnchor,
    TagsInspection, TextInspection, Track, TrackKind, VideoInspection,
};
use media_proto::rates::PictureRates;

use model::settings::{Settings, Speed};

use crate::demand::Demand;
use crate::planner::draw::Prepared;

/// An owner in a hurry.
pub(super) fn demand() -> Demand {
    Demand {
        speed: Speed::Fast,
        ..Demand::of(&Settings::default())
    }
}

/// A 20 s clip of 640x480 with a 5.1 track in English and a mono comment without language.
pub(super) fn film() -> Inspection {
    Inspection {
        container: "matroska,webm".into(),
        tracks: vec![
            track(0, TrackKind::Video, None),
            track(1, TrackKind::Audio, Some("eng")),
            track(2, TrackKind::Audio, None),
            track(3, TrackKind::Subtitle, Some("ger")),
        ],
        origin: 126_000,
        clock_steps: Vec::new(),
        sound_spans: vec![4, 2],
        cuts: [0, 2, 4, 8, 12, 16, 20]
            .map(|second| second * 90_000)
            .into(),
        video: Some(VideoInspection {
            track: 0,
            display_width: 640,
            display_height: 480,
            rotation_degrees: 0,
            flipped: false,
            interlaced: true,
            hdr: false,
            variable_frame_rate: false,
            frame_rate: (24, 1),
            frames: 480,
            rates: PictureRates {
                average_bps: 3_000_000,
                peak_bps: 6_000_000,
            },
            chunks: vec![proposal(3), proposal(2), proposal(1)],
            copy: None,
        }),
        audio: vec![audio(1, 6, false), audio(2, 1, true)],
        text: vec![TextInspection {
            track: 3,
            default: true,
            forced: false,
            hearing_impaired: false,
        }],
        chapters: Vec::new(),
        tags: TagsInspection::default(),
        notes: vec!["Track 4 is left out.".into()],
    }
}

/// What the encoders for [`film`] say of themselves.
pub(super) fn prepared() -> Prepared {
    let video = |level: &str| PreparedVideo {
        codec: format!("avc1.6400{level}"),
        parameter_sets: format!("fingerprint-{level}"),
        hardware_sets: None,
    };
    Prepared {
        video: vec![video("1e"), video("1f")],
        audio: vec!["mp4a.40.2".into(); 3],
    }
}

/// A picture that can be copied in two runs, the first of four of [`film`]'s six segments.
pub(super) fn copied(average_bps: u32, peak_bps: u32) -> CopyFacts {
    CopyFacts {
        average_bps,
        peak_bps,
        spans: vec![proposal(4), proposal(2)],
        apart: None,
    }
}

/// The same with cuts of its own, in two segments of 8 and 12 s.
pub(super) fn apart(average_bps: u32, peak_bps: u32) -> CopyFacts {
    CopyFacts {
        spans: vec![proposal(1), proposal(1)],
        apart: Some([0, 8, 20].map(|second| second * 90_000).into()),
        ..copied(average_bps, peak_bps)
    }
}

/// A run of segments with one place to start from.
pub(super) fn proposal(segment_count: u32) -> ChunkProposal {
    ChunkProposal {
        segment_count,
        frames: 192,
        entries: vec![EntryPoint {
            pts: 512,
            dts: 0,
            position: 48,
        }],
    }
}

fn track(index: u32, kind: TrackKind, language: Option<&str>) -> Track {
    Track {
        index,
        kind,
        codec: "some".into(),
        language: language.map(Into::into),
        name: None,
        decodable: true,
    }
}

fn audio(track: u32, channels: u32, default: bool) -> AudioInspection {
    AudioInspection {
        track,
        channels,
        default,
        entries: vec![None, proposal(1).entries.pop()],
        anchor: Some(SoundAnchor {
            pts: -7,
            samples: 648,
            sample_rate: 48_000,
        }),
    }
}
