//! Plans that tests share.

use model::extras::{Tags, TextPlan};
use model::ladder::{Rung, Size};
use model::plan::{
    AudioPlan, Chunk, Made, PLAN_VERSION, Plan, SoundSpan, SourceFacts, VideoPlan, VideoRung,
};
use model::settings::Speed;
use model::time::{Ticks, VideoTicks};

/// Eleven seconds in four segments of 2, 2, 4 and 3 s, two rungs, two audio tracks.
pub(crate) fn film() -> Plan {
    let cuts = [0, 180_000, 360_000, 720_000, 990_000];
    // The nearest whole 1024-sample frames; the last one is cut short at the end of media.
    let sound = [0, 96_256, 192_512, 384_000, 528_000];
    Plan {
        version: PLAN_VERSION,
        source: facts(Some(Size {
            width: 854,
            height: 480,
        })),
        origin: VideoTicks::ZERO,
        clock_steps: Vec::new(),
        cuts: cuts.map(Ticks).to_vec(),
        video: Some(VideoPlan {
            track: 0,
            rungs: vec![
                rung(640, 360, 800_000, 1_400_000, "avc1.64001e"),
                rung(854, 480, 1_200_000, 2_100_000, "avc1.64001f"),
            ],
            copies: Vec::new(),
            copied_cuts: None,
            chunks: vec![
                Chunk {
                    first_segment: 1,
                    segment_count: 2,
                    frames: 96,
                    entries: Vec::new(),
                },
                Chunk {
                    first_segment: 3,
                    segment_count: 2,
                    frames: 168,
                    entries: Vec::new(),
                },
            ],
            frame_rate: (48_000, 2_002),
            speed: Speed::Balanced,
        }),
        audio: vec![
            audio("eng", None, true, &sound),
            AudioPlan {
                track: 2,
                ..audio("ger", Some("Regie \"im Gespräch\""), false, &sound)
            },
        ],
        sound_spans: vec![SoundSpan {
            first_segment: 1,
            segment_count: 4,
        }],
        text: Vec::new(),
        thumbs: None,
        chapters: Vec::new(),
        notes: Vec::new(),
    }
}

/// The film with a third picture that is copied and stands apart, in segments of 4 and 7 s.
pub(crate) fn film_apart() -> Plan {
    let mut plan = film();
    if let Some(video) = &mut plan.video {
        video.rungs.push(VideoRung {
            made: Made::Copied,
            ..rung(854, 480, 900_000, 1_000_000, "avc1.4d401f")
        });
        video.copies = vec![Chunk {
            first_segment: 1,
            segment_count: 2,
            frames: 264,
            entries: Vec::new(),
        }];
        video.copied_cuts = Some([0, 360_000, 990_000].map(Ticks).to_vec());
    }
    plan
}

/// The film with three text tracks.
pub(crate) fn film_with_words() -> Plan {
    let text = |language: &str, name: Option<&str>| TextPlan {
        track: Some(3),
        language: language.into(),
        name: name.map(Into::into),
        default: true,
        forced: false,
        hearing_impaired: false,
    };
    Plan {
        text: vec![
            text("eng", None),
            TextPlan {
                hearing_impaired: true,
                ..text("ger", Some("Für \"alle\" & jeden"))
            },
            TextPlan {
                forced: true,
                ..text("und", None)
            },
        ],
        ..film()
    }
}

/// Eight seconds of sound in two segments.
pub(crate) fn sound_only() -> Plan {
    Plan {
        source: facts(None),
        cuts: [0, 360_000, 720_000].map(Ticks).to_vec(),
        video: None,
        audio: vec![AudioPlan {
            cuts: [0, 96_000, 384_000].map(Ticks).to_vec(),
            ..audio("und", None, true, &[])
        }],
        sound_spans: vec![SoundSpan {
            first_segment: 1,
            segment_count: 2,
        }],
        ..film()
    }
}

fn rung(width: u32, height: u32, average_bps: u32, peak_bps: u32, codec: &str) -> VideoRung {
    VideoRung {
        rung: Rung {
            size: Size { width, height },
            average_bps,
            peak_bps,
        },
        made: Made::Encoded,
        codec: codec.into(),
        parameter_sets: "00".into(),
        hardware_sets: None,
    }
}

fn audio(language: &str, name: Option<&str>, default: bool, cuts: &[i64]) -> AudioPlan {
    AudioPlan {
        track: 1,
        language: language.into(),
        name: name.map(Into::into),
        default,
        channels: 2,
        bit_rate_bps: 128_000,
        codec: "mp4a.40.2".into(),
        cuts: cuts.iter().copied().map(Ticks).collect(),
        entries: vec![None],
        anchor: None,
    }
}

fn facts(display: Option<Size>) -> SourceFacts {
    SourceFacts {
        container: "mov,mp4,m4a,3gp,3g2,mj2".into(),
        display,
        rotation_degrees: 0,
        flipped: false,
        interlaced: false,
        hdr: false,
        variable_frame_rate: false,
        frames: 264,
        tracks: Vec::new(),
        tags: Tags::default(),
    }
}
