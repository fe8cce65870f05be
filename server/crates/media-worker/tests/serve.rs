//! The worker's serve loop over in-memory pipes: what the server asks and what comes back.
//!
//! Sources are made here with the worker's own encoders and boxes; no process is started.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test that cannot set up its story must stop"
)]

mod in_hardware;
mod pipes;

use media_proto::message::{
    AudioSpec, Cause, ChunkSpec, Event, GridPolicy, Inspection, NumberedEvent, Preset, Request,
    RungSpec, VideoSpec,
};
use media_proto::pictures::{PosterSource, PosterSpec, SheetSpec};
use media_worker::av::encoder::{Encoder, H264Settings};
use media_worker::av::frame::Frame;
use media_worker::av::packet::Packet;
use media_worker::av::stream::Colour;
use media_worker::hardware::remote::Remote;
use media_worker::isobmff::fragment::{Sample, Span, segment};
use media_worker::isobmff::h264::{ParameterSets, is_idr, to_length_prefixed};
use media_worker::isobmff::init::{self, AudioTrack, VideoTrack};
use std::fs::File;
use std::path::Path;

use pipes::grid::{SECOND, grid};
use pipes::{ask, ask_with, file_of, files_in};

const GRID: GridPolicy = grid(10 * SECOND);
/// Of two rungs, in pixels.
const SIZES: [(u32, u32); 2] = [(48, 32), (96, 64)];

fn last_event(events: Vec<NumberedEvent>) -> Event {
    events.into_iter().next_back().unwrap().event
}

/// A film of grey frames that slowly change, with a keyframe every two seconds.
fn film(seconds: i64, frames_a_second: i64) -> File {
    let (width, height) = (96, 64);
    let mut encoder = Encoder::h264(&H264Settings {
        width,
        height,
        timescale: 90_000,
        frame_rate: (u32::try_from(frames_a_second).unwrap(), 1),
        crf: 30,
        preset: "ultrafast",
        peak_bps: 1_000_000,
        threads: 1,
        colour: Colour::bt709(),
        sets_number: 0,
    })
    .unwrap();
    let parameter_sets = ParameterSets::from_annex_b(encoder.extradata()).unwrap();
    let mut bytes = init::video(&VideoTrack {
        width: 96,
        height: 64,
        timescale: 90_000,
        parameter_sets: &parameter_sets,
    });
    let mut samples = Vec::new();
    for index in 0..seconds * frames_a_second {
        let luma = u8::try_from(16 + index % 200).unwrap();
        let mut frame = Frame::grey(width, height, luma).unwrap();
        frame.set_pts(index * SECOND / frames_a_second);
        frame.force_keyframe(index % (2 * frames_a_second) == 0);
        encoder.send(Some(&frame)).unwrap();
        collect(&mut encoder, &mut samples);
    }
    encoder.send(None).unwrap();
    collect(&mut encoder, &mut samples);
    let span = Span {
        start: 0,
        end: seconds * SECOND,
    };
    bytes.extend(segment(1, span, &samples).unwrap());
    file_of(&bytes)
}

fn collect(encoder: &mut Encoder, samples: &mut Vec<Sample>) {
    let mut packet = Packet::new().unwrap();
    while encoder.receive(&mut packet).is_ok() {
        let data = packet.data();
        let pts = packet.pts().unwrap();
        samples.push(Sample {
            pts,
            is_sync: is_idr(data),
            data: to_length_prefixed(data),
        });
        packet.clear();
    }
}

/// A song of `seconds`, as its own file.
fn song(seconds: i64) -> File {
    let mut encoder = Encoder::aac(1, 64_000, 48_000).unwrap();
    let mut bytes = init::audio(&AudioTrack {
        channels: 1,
        sample_rate: 48_000,
        bit_rate_bps: 64_000,
        configuration: encoder.extradata(),
        language: *b"und",
    });
    let frames = seconds * 48_000 / 1024;
    let mut samples: Vec<Sample> = Vec::new();
    let mut packet = Packet::new().unwrap();
    for index in 0..frames {
        let mut block = Frame::sound(1024, 1, 48_000).unwrap();
        block.set_pts(index * 1024);
        encoder.send(Some(&block)).unwrap();
        while encoder.receive(&mut packet).is_ok() {
            let pts = i64::try_from(samples.len()).unwrap() * 1024;
            samples.push(Sample {
                pts,
                is_sync: true,
                data: packet.data().to_vec(),
            });
            packet.clear();
        }
    }
    let end = i64::try_from(samples.len()).unwrap() * 1024;
    bytes.extend(segment(1, Span { start: 0, end }, &samples).unwrap());
    file_of(&bytes)
}

fn inspect(source: &File, folder: &Path) -> Inspection {
    match last_event(ask(source, folder, &[Request::Inspect { grid: GRID }])) {
        Event::Inspected(inspection) => *inspection,
        other => panic!("an inspection was expected, not {other:?}"),
    }
}

/// The specification of two rungs, prepared.
fn prepared_video(source: &File, folder: &Path, inspection: &Inspection) -> VideoSpec {
    prepared_with(Vec::new(), SIZES, source, folder, inspection)
}

/// The same by a worker with encoders in graphics hardware.
fn prepared_with(
    encoders: Vec<Remote>,
    sizes: [(u32, u32); 2],
    source: &File,
    folder: &Path,
    inspection: &Inspection,
) -> VideoSpec {
    let video = inspection.video.as_ref().unwrap();
    let rung = |(width, height)| RungSpec {
        width,
        height,
        peak_bps: 300_000,
        parameter_sets: String::new(),
        hardware_sets: None,
    };
    let mut spec = VideoSpec {
        track: video.track,
        origin: inspection.origin,
        clock_steps: inspection.clock_steps.clone(),
        frame_rate: video.frame_rate,
        interlaced: video.interlaced,
        hdr: video.hdr,
        rungs: sizes.map(rung).into(),
        preset: Preset::Fast,
    };
    let request = Request::Prepare {
        video: Some(spec.clone()),
        copied: false,
        audio: Vec::new(),
    };
    let events = ask_with(encoders, source, folder, &[request]);
    let Event::Prepared { video, .. } = last_event(events) else {
        panic!("the encoders must open");
    };
    for (rung, prepared) in spec.rungs.iter_mut().zip(video) {
        assert!(
            prepared.codec.starts_with("avc1.64"),
            "{} is High profile",
            prepared.codec
        );
        rung.parameter_sets = prepared.parameter_sets;
        rung.hardware_sets = prepared.hardware_sets;
    }
    spec
}

fn chunk_requests(spec: &VideoSpec, inspection: &Inspection) -> Vec<Request> {
    let mut first = 0;
    let chunks = &inspection.video.as_ref().unwrap().chunks;
    let requests = chunks.iter().map(|chunk| {
        let from = first as usize;
        let to = from + chunk.segment_count as usize;
        first += chunk.segment_count;
        Request::EncodeChunk {
            video: spec.clone(),
            chunk: ChunkSpec {
                first_segment: u32::try_from(from).unwrap() + 1,
                cuts: inspection.cuts[from..=to].to_vec(),
                frames: chunk.frames,
                last: to + 1 == inspection.cuts.len(),
                entries: chunk.entries.clone(),
            },
        }
    });
    requests.collect()
}

#[test]
fn a_film_becomes_a_ladder_of_segments() {
    let (source, folder) = (film(21, 25), tempfile::tempdir().unwrap());
    let inspection = inspect(&source, folder.path());
    assert_eq!(
        inspection.cuts.last(),
        Some(&(21 * SECOND)),
        "the end comes from the packets"
    );
    assert_eq!(inspection.video.as_ref().unwrap().frames, 21 * 25);
    let spec = prepared_video(&source, folder.path(), &inspection);
    let events = ask(&source, folder.path(), &chunk_requests(&spec, &inspection));
    let done: Vec<(u32, u32)> = events
        .iter()
        .filter_map(|event| match event.event {
            Event::ChunkDone { frames, missing } => Some((frames, missing)),
            _ => None,
        })
        .collect();
    let frames: u32 = done.iter().map(|(frames, _)| frames).sum();
    assert_eq!(
        frames,
        21 * 25,
        "every frame of the source was encoded exactly once"
    );
    assert!(done.iter().all(|(_, missing)| *missing == 0));
    let segments = inspection.cuts.len() - 1;
    let names = files_in(folder.path());
    assert_eq!(
        names.len(),
        2 * (segments + 1),
        "an init and all segments per rung: {:?}",
        names.keys()
    );
    assert!(
        names.keys().all(|name| !name.ends_with(".part")),
        "nothing half-written is left"
    );
}

#[test]
fn a_chunk_alone_is_the_same_as_a_chunk_in_a_row() {
    let (source, folder) = (film(30, 24), tempfile::tempdir().unwrap());
    let inspection = inspect(&source, folder.path());
    let spec = prepared_video(&source, folder.path(), &inspection);
    let requests = chunk_requests(&spec, &inspection);
    assert!(
        requests.len() >= 3,
        "the film is long enough for several chunks"
    );
    ask(&source, folder.path(), &requests);
    let in_a_row = files_in(folder.path());
    // Backwards, each in a worker of its own: every one has to seek.
    for request in requests.iter().rev() {
        let alone = tempfile::tempdir().unwrap();
        let events = ask(&source, alone.path(), std::slice::from_ref(request));
        assert!(matches!(
            last_event(events),
            Event::ChunkDone { missing: 0, .. }
        ));
        for (name, bytes) in files_in(alone.path()) {
            assert!(
                in_a_row[&name] == bytes,
                "{name} must not depend on how decoding got there"
            );
        }
    }
}

#[test]
fn an_encoder_that_disagrees_with_the_plan_makes_nothing() {
    let (source, folder) = (film(4, 25), tempfile::tempdir().unwrap());
    let inspection = inspect(&source, folder.path());
    let mut spec = prepared_video(&source, folder.path(), &inspection);
    spec.rungs[0].parameter_sets = "67640-68".into();
    let nothing = tempfile::tempdir().unwrap();
    let events = ask(&source, nothing.path(), &chunk_requests(&spec, &inspection));
    assert!(
        matches!(
            last_event(events),
            Event::Failed {
                cause: Cause::Internal,
                ..
            }
        ),
        "segments under one init segment must share its parameter sets"
    );
    let wrong: Vec<String> = files_in(nothing.path())
        .into_keys()
        .filter(|name| name.contains("stream0"))
        .collect();
    assert_eq!(wrong, [""; 0], "the rung that disagrees wrote nothing");
}

#[test]
fn a_song_becomes_segments_that_add_up() {
    let (source, folder) = (song(11), tempfile::tempdir().unwrap());
    let inspection = inspect(&source, folder.path());
    assert!(inspection.video.is_none(), "there is no picture");
    let end = inspection.cuts.last().unwrap() * 48_000 / SECOND;
    let cuts: Vec<i64> = vec![0, 96 * 1024, 190 * 1024, end];
    let audio = AudioSpec {
        track: inspection.audio[0].track,
        stream: 0,
        origin: inspection.origin,
        clock_steps: inspection.clock_steps.clone(),
        channels: 1,
        bit_rate_bps: 96_000,
        first_segment: 1,
        cuts: cuts.clone(),
        entry: None,
        anchor: inspection.audio[0].anchor,
        language: "eng".into(),
    };
    let requests = [
        Request::Prepare {
            video: None,
            copied: false,
            audio: vec![audio.clone()],
        },
        Request::EncodeAudio { audio },
    ];
    let events = ask(&source, folder.path(), &requests);
    assert!(
        events.iter().any(
            |event| matches!(&event.event, Event::Prepared { audio, .. } if audio == &["mp4a.40.2"])
        ),
        "AAC-LC is announced: {events:?}"
    );
    assert!(matches!(
        last_event(events),
        Event::AudioDone { silence: 0 }
    ));
    let files = files_in(folder.path());
    let names: Vec<&str> = files.keys().map(String::as_str).collect();
    let expected = [
        "chunk-stream0-00001.m4s",
        "chunk-stream0-00002.m4s",
        "chunk-stream0-00003.m4s",
        "init-stream0.m4s",
    ];
    assert_eq!(names, expected);
}

#[test]
fn a_poster_is_a_jpeg() {
    let (source, folder) = (film(4, 25), tempfile::tempdir().unwrap());
    let request = poster_of(0, vec![vec![0, 2 * SECOND]]);
    let event = last_event(ask(&source, folder.path(), &[request]));
    assert!(matches!(event, Event::PosterDone { .. }), "{event:?}");
    let poster = &files_in(folder.path())["poster.jpg"];
    assert_eq!(poster[..3], [0xff, 0xd8, 0xff], "JPEG's start of image");
}

fn poster_of(track: u32, stretches: Vec<Vec<i64>>) -> Request {
    Request::MakePoster(PosterSpec {
        from: PosterSource::Film { track, stretches },
        covers: Vec::new(),
        origin: 0,
        clock_steps: Vec::new(),
        long_side: 64,
    })
}

#[test]
fn a_poster_can_be_chosen_among_pictures_that_differ() {
    let (source, folder) = (film(8, 25), tempfile::tempdir().unwrap());
    // The film gets brighter by 25 a second; keyframes are two seconds apart.
    let places = [0, 0, 2, 4, 6].map(|second| vec![second * SECOND]);
    let request = poster_of(0, places.to_vec());
    let event = last_event(ask(&source, folder.path(), &[request]));
    let Event::PosterDone {
        size_bytes,
        choices,
    } = event
    else {
        panic!("a poster was expected, not {event:?}");
    };
    assert_eq!(choices.len(), 4, "the same picture is offered once");
    let files = files_in(folder.path());
    assert_eq!(files["poster.jpg"], files["poster-1.jpg"], "the best first");
    assert_eq!(files["poster.jpg"].len() as u64, size_bytes);
    for (number, size_bytes) in (1..).zip(choices) {
        let picture = &files[&format!("poster-{number}.jpg")];
        assert_eq!(picture.len() as u64, size_bytes, "picture {number}");
    }
}

#[test]
fn sound_alone_has_its_bars_for_a_poster() {
    let (source, folder) = (song(4), tempfile::tempdir().unwrap());
    let request = Request::MakePoster(PosterSpec {
        from: PosterSource::Sound {
            track: 0,
            end: 4 * SECOND,
        },
        covers: vec![7],
        origin: 0,
        clock_steps: Vec::new(),
        long_side: 320,
    });
    let event = last_event(ask(&source, folder.path(), &[request]));
    let choices = match &event {
        Event::PosterDone { choices, .. } => choices,
        _ => panic!("a poster was expected, not {event:?}"),
    };
    assert!(choices.is_empty(), "there is nothing to choose");
    let poster = &files_in(folder.path())["poster.jpg"];
    assert_eq!(poster[..3], [0xff, 0xd8, 0xff], "JPEG's start of image");
}

#[test]
fn a_sheet_of_thumbnails_holds_what_the_film_shows_then() {
    let (source, folder) = (film(8, 25), tempfile::tempdir().unwrap());
    let inspection = inspect(&source, folder.path());
    let video = prepared_video(&source, folder.path(), &inspection);
    let entries: Vec<_> = inspection
        .video
        .iter()
        .flat_map(|video| &video.chunks)
        .filter_map(|chunk| chunk.entries.first().copied())
        .collect();
    let sheet = |number, entries| SheetSpec {
        number,
        tile_width: 96,
        tile_height: 64,
        columns: 3,
        rows: 2,
        every: 2 * SECOND,
        times: (0..4).map(|index| index * 2 * SECOND).collect(),
        entries,
    };
    let request = |sheet| Request::MakeThumbs {
        video: video.clone(),
        sheet,
    };
    // From keyframes nearby, and by decoding everything.
    let requests = [request(sheet(1, entries)), request(sheet(2, Vec::new()))];
    let events = ask(&source, folder.path(), &requests);
    let done = |event: &&NumberedEvent| matches!(event.event, Event::ThumbsDone { .. });
    assert_eq!(events.iter().filter(done).count(), 2, "{events:?}");
    let files = files_in(folder.path());
    for name in ["thumbs-1.jpg", "thumbs-2.jpg"] {
        assert_eq!(
            files[name][..3],
            [0xff, 0xd8, 0xff],
            "JPEG's start of image"
        );
    }
}

#[test]
fn what_is_no_media_is_refused_with_a_sentence_and_the_worker_lives_on() {
    let folder = tempfile::tempdir().unwrap();
    let junk: Vec<u8> = (0..200_000_u32)
        .map(|index| index.wrapping_mul(2_654_435_761).to_le_bytes()[2])
        .collect();
    let cases: [(&str, &[u8]); 4] = [
        ("a text", b"This is a text file, not a film.\n"),
        ("nothing", b""),
        ("junk", &junk),
        ("an empty box", &[0, 0, 0, 8, b'f', b't', b'y', b'p']),
    ];
    for (name, bytes) in cases {
        let inspect = Request::Inspect { grid: GRID };
        let events = ask(&file_of(bytes), folder.path(), &[inspect.clone(), inspect]);
        let refusals = events.iter().filter(|event| {
            matches!(&event.event, Event::Failed { cause, message } if cause.is_permanent() && message.ends_with('.'))
        });
        assert_eq!(
            refusals.count(),
            2,
            "{name}: both requests get an answer: {events:?}"
        );
    }
}

#[test]
fn a_film_cut_off_anywhere_never_breaks_the_worker() {
    let folder = tempfile::tempdir().unwrap();
    let source = film(6, 25);
    let length = source.metadata().unwrap().len();
    for percent in [1, 10, 50, 90, 99] {
        let cut = file_of(
            &std::fs::read(format!(
                "/proc/self/fd/{}",
                std::os::fd::AsRawFd::as_raw_fd(&source)
            ))
            .unwrap(),
        );
        cut.set_len(length * percent / 100).unwrap();
        let event = last_event(ask(&cut, folder.path(), &[Request::Inspect { grid: GRID }]));
        match event {
            Event::Inspected(inspection) => assert!(inspection.cuts.len() >= 2),
            Event::Failed { cause, .. } => assert!(cause.is_permanent(), "{percent} %: {cause:?}"),
            other => panic!("{percent} %: {other:?}"),
        }
    }
}

#[test]
fn a_disk_without_room_is_named() {
    let source = film(2, 25);
    let folder = Path::new("/proc/self");
    let request = poster_of(0, vec![vec![0]]);
    let event = last_event(ask(&source, folder, &[request]));
    assert!(
        matches!(&event, Event::Failed { cause: Cause::Io | Cause::OutOfSpace, message } if message.contains("poster.jpg")),
        "the message names the file: {event:?}"
    );
}
