//! Copied pictures over in-memory pipes: what the worker offers to copy, and that the segments hold
//! the source's own bytes at the source's own times. What does not belong here: sources that other
//! programs made (`tests/e2e/copied.rs`).

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test that cannot set up its story must stop"
)]

mod pipes;

use media_proto::copy::{CopyFacts, CopySpec};
use media_proto::message::{
    Event, GridPolicy, Inspection, NumberedEvent, PreparedVideo, Preset, Request, RungSpec,
    VideoSpec,
};
use media_worker::av::encoder::{Encoder, H264Settings};
use media_worker::av::frame::Frame;
use media_worker::av::input::Input;
use media_worker::av::packet::Packet;
use media_worker::av::stream::Colour;
use media_worker::inspect;
use media_worker::isobmff::fragment::{Sample, Span, segment};
use media_worker::isobmff::h264::{ParameterSets, is_idr, to_length_prefixed};
use media_worker::isobmff::init::{self, VideoTrack};
use std::collections::BTreeMap;
use std::fs::File;

use pipes::grid::{SECOND, grid};
use pipes::{ask, file_of, files_in};

const FRAME: i64 = SECOND / 5;
const GRID: GridPolicy = grid(60 * SECOND);

/// A film with B frames, five frames a second, and its coded pictures in decode order.
struct Film {
    file: File,
    samples: Vec<Sample>,
}

/// `seconds` long, with a keyframe every `keyframes` frames.
fn film(seconds: i64, keyframes: i64) -> Film {
    let mut encoder = Encoder::h264(&H264Settings {
        width: 96,
        height: 64,
        timescale: 90_000,
        frame_rate: (5, 1),
        crf: 30,
        preset: "medium",
        peak_bps: 1_000_000,
        threads: 1,
        colour: Colour::bt709(),
        sets_number: 0,
    })
    .unwrap();
    let mut samples = Vec::new();
    for index in 0..seconds * 5 {
        let luma = u8::try_from(16 + index % 200).unwrap();
        let mut frame = Frame::grey(96, 64, luma).unwrap();
        frame.set_pts(index * FRAME);
        frame.force_keyframe(index % keyframes == 0);
        encoder.send(Some(&frame)).unwrap();
        collect(&mut encoder, &mut samples);
    }
    encoder.send(None).unwrap();
    collect(&mut encoder, &mut samples);
    let reordered = samples.windows(2).any(|pair| pair[1].pts < pair[0].pts);
    assert!(reordered, "the film has B frames");
    Film {
        file: file_of(&whole(&encoder, &samples, seconds * SECOND)),
        samples,
    }
}

fn collect(encoder: &mut Encoder, samples: &mut Vec<Sample>) {
    let mut packet = Packet::new().unwrap();
    while encoder.receive(&mut packet).is_ok() {
        samples.push(Sample {
            pts: packet.pts().unwrap(),
            is_sync: is_idr(packet.data()),
            data: to_length_prefixed(packet.data()),
        });
        packet.clear();
    }
}

fn whole(encoder: &Encoder, samples: &[Sample], end: i64) -> Vec<u8> {
    let parameter_sets = ParameterSets::from_annex_b(encoder.extradata()).unwrap();
    let mut bytes = init::video(&VideoTrack {
        width: 96,
        height: 64,
        timescale: 90_000,
        parameter_sets: &parameter_sets,
    });
    bytes.extend(segment(1, Span { start: 0, end }, samples).unwrap());
    bytes
}

fn last_event(events: Vec<NumberedEvent>) -> Event {
    events.into_iter().next_back().unwrap().event
}

fn inspection_of(source: &File) -> Inspection {
    inspection_by(GRID, source)
}

fn inspection_by(grid: GridPolicy, source: &File) -> Inspection {
    let folder = tempfile::tempdir().unwrap();
    match last_event(ask(source, folder.path(), &[Request::Inspect { grid }])) {
        Event::Inspected(inspection) => *inspection,
        other => panic!("an inspection was expected, not {other:?}"),
    }
}

fn facts(inspection: &Inspection) -> &CopyFacts {
    let video = inspection.video.as_ref().unwrap();
    video.copy.as_ref().unwrap()
}

/// Where the copied stream is cut.
fn copied_cuts(inspection: &Inspection) -> &[i64] {
    let apart = facts(inspection).apart.as_deref();
    apart.unwrap_or(&inspection.cuts)
}

/// The requests for all spans, in order.
fn requests(inspection: &Inspection) -> Vec<Request> {
    let mut first = 0;
    let spans = facts(inspection).spans.iter().map(|span| {
        let count = span.segment_count as usize;
        let spec = CopySpec {
            track: inspection.video.as_ref().unwrap().track,
            stream: 3,
            origin: inspection.origin,
            first_segment: u32::try_from(first).unwrap() + 1,
            cuts: copied_cuts(inspection)[first..=first + count].to_vec(),
            frames: span.frames,
            entries: span.entries.clone(),
        };
        first += count;
        Request::CopySegments(spec)
    });
    spans.collect()
}

/// The files that a fresh worker makes.
fn answer(source: &File, requests: &[Request]) -> BTreeMap<String, Vec<u8>> {
    let folder = tempfile::tempdir().unwrap();
    let events = ask(source, folder.path(), requests);
    let done = |event: &&NumberedEvent| matches!(event.event, Event::CopyDone { .. });
    assert_eq!(
        events.iter().filter(done).count(),
        requests.len(),
        "{events:?}"
    );
    files_in(folder.path())
}

/// The init segment of the copied stream, and what was said of both streams.
fn prepare(film: &Film, inspection: &Inspection) -> (Vec<u8>, Vec<PreparedVideo>) {
    let video = inspection.video.as_ref().unwrap();
    let spec = VideoSpec {
        track: video.track,
        origin: inspection.origin,
        clock_steps: inspection.clock_steps.clone(),
        frame_rate: video.frame_rate,
        interlaced: false,
        hdr: false,
        rungs: vec![RungSpec {
            width: 48,
            height: 32,
            peak_bps: 300_000,
            parameter_sets: String::new(),
            hardware_sets: None,
        }],
        preset: Preset::Fast,
    };
    let folder = tempfile::tempdir().unwrap();
    let request = Request::Prepare {
        video: Some(spec),
        copied: true,
        audio: Vec::new(),
    };
    let event = last_event(ask(&film.file, folder.path(), &[request]));
    let Event::Prepared { video, .. } = event else {
        panic!("the picture must be prepared, not {event:?}");
    };
    let init = files_in(folder.path()).remove("init-stream1.m4s").unwrap();
    (init, video)
}

/// The coded pictures that libav finds in a file.
fn pictures(bytes: &[u8]) -> Vec<Sample> {
    let mut input = inspect::open(file_of(bytes), Box::new(|_| {}), Input::open).unwrap();
    let mut packet = Packet::new().unwrap();
    let mut samples = Vec::new();
    while input.read(&mut packet).is_ok() {
        samples.push(Sample {
            pts: packet.pts().unwrap(),
            is_sync: packet.is_key(),
            data: packet.data().to_vec(),
        });
    }
    samples
}

#[test]
fn a_copied_film_is_the_source_bit_by_bit() {
    let film = film(90, 10);
    let inspection = inspection_of(&film.file);
    assert_eq!(facts(&inspection).spans.len(), 2, "{:?}", inspection.cuts);
    assert_eq!(facts(&inspection).apart, None);
    is_the_source(&film, &inspection);
}

#[test]
fn far_keyframes_make_long_segments_beside_the_usual_ones() {
    let film = film(70, 100);
    let inspection = inspection_of(&film.file);
    let seconds = |cuts: &[i64]| cuts.iter().map(|cut| cut / SECOND).collect::<Vec<i64>>();
    let apart = facts(&inspection).apart.as_deref().unwrap();
    assert_eq!(seconds(apart), [0, 20, 40, 60, 70]);
    let usual = seconds(&inspection.cuts);
    assert_eq!(usual[..3], [0, 2, 4], "the rungs begin as always");
    assert!(
        apart.iter().all(|cut| inspection.cuts.contains(cut)),
        "{usual:?}"
    );
    let lengths = inspection.cuts.windows(2).map(|pair| pair[1] - pair[0]);
    assert!(lengths.max() < Some(7 * SECOND), "{usual:?}");
    is_the_source(&film, &inspection);
}

/// The segments of the copy hold what the film has, and each can be shown by itself.
fn is_the_source(film: &Film, inspection: &Inspection) {
    let files = answer(&film.file, &requests(inspection));
    assert_eq!(files.len(), copied_cuts(inspection).len() - 1);
    let (mut joined, prepared) = prepare(film, inspection);
    assert_eq!(prepared.len(), 2, "one is encoded, one is copied");
    assert_ne!(prepared[0].parameter_sets, prepared[1].parameter_sets);
    for (segment, cuts) in files.values().zip(copied_cuts(inspection).windows(2)) {
        let alone = pictures(&[&joined[..], segment].concat());
        let first = alone.iter().find(|picture| picture.pts == cuts[0]);
        assert!(
            first.is_some_and(|first| first.is_sync),
            "cut at {}",
            cuts[0]
        );
        joined.extend_from_slice(segment);
    }
    let copied = pictures(&joined);
    assert_eq!(copied.len(), film.samples.len(), "every picture once");
    for (copy, original) in copied.iter().zip(&film.samples) {
        assert!(
            copy == original,
            "the picture at {} differs from that at {}",
            copy.pts,
            original.pts
        );
    }
}

#[test]
fn a_span_does_not_depend_on_those_before_it() {
    let film = film(90, 10);
    let inspection = inspection_of(&film.file);
    let requests = requests(&inspection);
    let in_order = answer(&film.file, &requests);
    for alone in &requests {
        for (name, bytes) in answer(&film.file, std::slice::from_ref(alone)) {
            assert!(in_order[&name] == bytes, "{name}");
        }
    }
    let backwards: Vec<Request> = requests.iter().rev().cloned().collect();
    assert!(answer(&film.file, &backwards) == in_order);
}

#[test]
fn the_rates_are_those_of_the_segments() {
    let film = film(30, 10);
    let inspection = inspection_of(&film.file);
    let files = answer(&film.file, &requests(&inspection));
    let bits = |bytes: usize| i64::try_from(bytes).unwrap() * 8 * SECOND;
    let rates = files
        .values()
        .zip(inspection.cuts.windows(2))
        .map(|(bytes, cuts)| bits(bytes.len()) / (cuts[1] - cuts[0]));
    let peak = i64::from(facts(&inspection).peak_bps);
    let measured = rates.max().unwrap();
    assert!(
        measured <= peak && peak < measured * 2,
        "{measured} is promised to be at most {peak}"
    );
}

#[test]
fn too_much_between_two_keyframes_is_not_copied() {
    let film = film(30, 100);
    let far = GridPolicy {
        longest_apart: 19 * SECOND,
        ..GRID
    };
    let large = GridPolicy {
        largest_apart_bytes: 1_000,
        ..GRID
    };
    for (policy, reason) in [(far, "too far apart"), (large, "too many megabytes")] {
        let inspection = inspection_by(policy, &film.file);
        let notes = &inspection.notes;
        assert!(
            notes.iter().any(|note| note.contains(reason)),
            "{reason}: {notes:?}"
        );
        assert_eq!(inspection.video.unwrap().copy, None, "{reason}");
    }
}
