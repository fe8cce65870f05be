//! Chunks that are encoded in graphics hardware, and what becomes of one whose hardware fails. x264
//! behind real pipes stands in for it: its parameter sets are others than those of the x264 that
//! is no hardware.

use media_proto::message::{Event, NumberedEvent, Request, VideoSpec};
use media_worker::hardware::process;
use media_worker::hardware::remote::Remote;
use std::collections::BTreeMap;
use std::fs::File;
use std::io::Read;
use std::path::Path;

use crate::pipes::grid::SECOND;
use crate::pipes::{ask, ask_with, file_of, files_in};
use crate::{chunk_requests, film, inspect, prepared_with};

/// Of two rungs, in pixels; smaller ones are none for hardware.
const SIZES: [(u32, u32); 2] = [(176, 160), (192, 176)];
/// More bytes than any of these films has.
const ENDLESS: u64 = u64::MAX;

/// An encoder whose process ends after it has read so many bytes.
fn encoder(lifetime_bytes: u64) -> Remote {
    let (orders_out, orders) = std::io::pipe().unwrap();
    let (answers, mut answers_in) = std::io::pipe().unwrap();
    std::thread::spawn(move || {
        let reader = &mut orders_out.take(lifetime_bytes);
        // That it ends in the middle of an order is what some of these tests want.
        let _ = process::serve("libx264", reader, &mut answers_in);
    });
    Remote::new(orders, answers)
}

/// Two rungs drawn for hardware, too, and the chunks to be made.
fn planned(source: &File, folder: &Path) -> (VideoSpec, Vec<Request>) {
    let inspection = inspect(source, folder);
    let spec = prepared_with(vec![encoder(ENDLESS)], SIZES, source, folder, &inspection);
    let requests = chunk_requests(&spec, &inspection);
    (spec, requests)
}

/// Every segment exactly once, and every picture.
fn expect_whole(events: &[NumberedEvent], frames_expected: u32) {
    let mut segments: BTreeMap<(u32, u32), u32> = BTreeMap::new();
    let mut frames_made = 0;
    for event in events {
        match &event.event {
            Event::Segment { stream, number, .. } => {
                *segments.entry((*stream, *number)).or_default() += 1;
            }
            Event::ChunkDone { frames, missing } => {
                assert_eq!(*missing, 0);
                frames_made += frames;
            }
            Event::Failed { message, .. } => panic!("{message}"),
            _ => {}
        }
    }
    assert_eq!(frames_made, frames_expected);
    assert!(
        segments.values().all(|times| *times == 1),
        "none is delivered twice: {segments:?}"
    );
}

fn setbacks(events: &[NumberedEvent]) -> usize {
    let is_setback = |event: &&NumberedEvent| matches!(event.event, Event::FellBack { .. });
    events.iter().filter(is_setback).count()
}

/// What a reader finds in a rung, by decoding all of it.
fn frames_in(files: &BTreeMap<String, Vec<u8>>, stream: u32) -> u64 {
    let init = &files[&format!("init-stream{stream}.m4s")];
    let segments = (1..).map_while(|number| {
        let name = format!("chunk-stream{stream}-{number:05}.m4s");
        files.get(&name)
    });
    let bytes = [init].into_iter().chain(segments).flatten().copied();
    let film = file_of(&bytes.collect::<Vec<u8>>());
    let folder = tempfile::tempdir().unwrap();
    let inspection = inspect(&film, folder.path());
    // As a film of its own it is prepared and encoded again, which decodes every picture.
    let spec = prepared_with(Vec::new(), SIZES, &film, folder.path(), &inspection);
    let events = ask(&film, folder.path(), &chunk_requests(&spec, &inspection));
    let frames = events.iter().filter_map(|event| match event.event {
        Event::ChunkDone { frames, .. } => Some(u64::from(frames)),
        _ => None,
    });
    frames.sum()
}

#[test]
fn hardware_makes_a_ladder_that_software_could_go_on_with() {
    let (source, folder) = (film(21, 25), tempfile::tempdir().unwrap());
    let (spec, requests) = planned(&source, folder.path());
    for rung in &spec.rungs {
        let sets = rung.hardware_sets.as_ref().unwrap();
        assert_ne!(*sets, rung.parameter_sets, "two encoders, two sets");
    }
    let encoders = vec![encoder(ENDLESS), encoder(ENDLESS)];
    let events = ask_with(encoders, &source, folder.path(), &requests);
    expect_whole(&events, 21 * 25);
    assert_eq!(setbacks(&events), 0);
    let software = tempfile::tempdir().unwrap();
    let events = ask(&source, software.path(), &requests);
    expect_whole(&events, 21 * 25);
    let (made, other) = (files_in(folder.path()), files_in(software.path()));
    let first = "chunk-stream1-00001.m4s";
    assert_ne!(made[first], other[first], "it was not x264 that made it");
    // Every second segment by software.
    let mixed: BTreeMap<String, Vec<u8>> = made
        .into_iter()
        .map(|(name, bytes)| {
            let is_swapped = name.ends_with("2.m4s") || name.ends_with("4.m4s");
            let bytes = other
                .get(&name)
                .filter(|_| is_swapped)
                .cloned()
                .unwrap_or(bytes);
            (name, bytes)
        })
        .collect();
    for stream in [0, 1] {
        assert_eq!(frames_in(&mixed, stream), 21 * 25, "stream {stream}");
    }
}

#[test]
fn hardware_that_fails_in_a_chunk_is_replaced_within_the_chunk() {
    let (source, folder) = (film(21, 25), tempfile::tempdir().unwrap());
    let (_, requests) = planned(&source, folder.path());
    let picture_bytes = 192 * 176 * 3 / 2;
    // In the first chunk, at its beginning and behind its first segments, and in a later one.
    for pictures in [0, 1, 130, 170, 300] {
        let made = tempfile::tempdir().unwrap();
        let encoders = vec![encoder(ENDLESS), encoder(pictures * picture_bytes)];
        let events = ask_with(encoders, &source, made.path(), &requests);
        expect_whole(&events, 21 * 25);
        assert_eq!(setbacks(&events), 1, "told once, after {pictures} pictures");
        let mut files = files_in(made.path());
        for (name, bytes) in files_in(folder.path()) {
            files.entry(name).or_insert(bytes);
        }
        for stream in [0, 1] {
            assert_eq!(frames_in(&files, stream), 21 * 25, "stream {stream}");
        }
    }
}

#[test]
fn a_plan_for_software_alone_leaves_hardware_alone() {
    let (source, folder) = (film(4, 25), tempfile::tempdir().unwrap());
    let inspection = inspect(&source, folder.path());
    let spec = prepared_with(vec![encoder(0)], SIZES, &source, folder.path(), &inspection);
    let is_software = |rung: &media_proto::message::RungSpec| rung.hardware_sets.is_none();
    assert!(spec.rungs.iter().all(is_software), "it could not be asked");
    let encoders = vec![encoder(ENDLESS), encoder(ENDLESS)];
    let requests = chunk_requests(&spec, &inspection);
    let events = ask_with(encoders, &source, folder.path(), &requests);
    expect_whole(&events, 4 * 25);
    let last = inspection.cuts.last().copied();
    assert_eq!(last, Some(4 * SECOND));
}
