//! Sound in spans: they join without a seam, and their bytes do not depend on their order.
//!
//! The source is a piece of music that is known to the sample, so that what comes out can be
//! compared with what went in. Decoding is done by libav, as players do it.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test that cannot set up its story must stop"
)]

mod pipes;

use media_proto::AUDIO_FRAME_SAMPLES;
use media_proto::message::{AudioSpec, Event, GridPolicy, Inspection, Request};
use media_worker::av::decoder::Decoder;
use media_worker::av::frame::Frame;
use media_worker::av::input::Input;
use media_worker::av::packet::Packet;
use media_worker::inspect;
use std::collections::BTreeMap;
use std::f64::consts::TAU;
use std::fs::File;

use pipes::grid::{SECOND, grid};
use pipes::{ask, file_of, files_in};

const GRID: GridPolicy = grid(10 * SECOND);
/// Long enough for three joins.
const SECONDS: i64 = 52;

/// The music at a moment: a chord that swells, and a beat nearly five times a second, so that
/// some beats fall on joins and make the encoder change the form of its frames.
fn music(seconds: f64) -> f64 {
    let chord: f64 = [220.0, 440.7, 1234.5, 3001.0]
        .iter()
        .map(|hertz| (TAU * hertz * seconds).sin())
        .sum();
    let swell = 0.08 + 0.03 * (TAU * 0.3 * seconds).sin();
    let since_beat = seconds % 0.213;
    let beat = (TAU * 2_000.0 * seconds).sin() * (-since_beat * 60.0).exp();
    chord * swell + beat * 0.3
}

/// The music as 16-bit PCM in a WAV file.
fn recording(sample_rate: u32) -> File {
    let samples = SECONDS * i64::from(sample_rate);
    let data_bytes = u32::try_from(samples * 2).unwrap();
    let mut bytes = Vec::new();
    bytes.extend(b"RIFF");
    bytes.extend((36 + data_bytes).to_le_bytes());
    bytes.extend(b"WAVEfmt ");
    for word in [16, 0x0001_0001, sample_rate, sample_rate * 2, 0x0010_0002] {
        bytes.extend(u32::to_le_bytes(word));
    }
    bytes.extend(b"data");
    bytes.extend(data_bytes.to_le_bytes());
    for sample in 0..samples {
        let value = music(sample as f64 / f64::from(sample_rate)) * 32_000.0;
        bytes.extend((value.round() as i16).to_le_bytes());
    }
    file_of(&bytes)
}

fn inspected(source: &File) -> Inspection {
    let folder = tempfile::tempdir().unwrap();
    let mut events = ask(source, folder.path(), &[Request::Inspect { grid: GRID }]);
    match events.pop().unwrap().event {
        Event::Inspected(inspection) => *inspection,
        other => panic!("an inspection was expected, not {other:?}"),
    }
}

/// The title's cuts on the grid of AAC frames.
fn cuts(inspection: &Inspection) -> Vec<i64> {
    let last = inspection.cuts.len() - 1;
    let cut = |(index, cut): (usize, &i64)| {
        let samples = cut * 48_000 / SECOND;
        let frames = (samples + AUDIO_FRAME_SAMPLES / 2) / AUDIO_FRAME_SAMPLES;
        if index == last {
            samples
        } else {
            frames * AUDIO_FRAME_SAMPLES
        }
    };
    inspection.cuts.iter().enumerate().map(cut).collect()
}

/// The whole title as one span.
fn continuous(inspection: &Inspection) -> AudioSpec {
    AudioSpec {
        track: 0,
        stream: 0,
        origin: inspection.origin,
        clock_steps: inspection.clock_steps.clone(),
        channels: 1,
        bit_rate_bps: 96_000,
        first_segment: 1,
        cuts: cuts(inspection),
        entry: None,
        anchor: inspection.audio[0].anchor,
        language: "und".into(),
    }
}

/// The spans that the inspection proposes.
fn spans(inspection: &Inspection) -> Vec<AudioSpec> {
    let whole = continuous(inspection);
    let mut first = 0;
    let spans = inspection
        .sound_spans
        .iter()
        .zip(&inspection.audio[0].entries);
    spans
        .map(|(count, entry)| {
            let from = first;
            first += *count as usize;
            AudioSpec {
                first_segment: u32::try_from(from).unwrap() + 1,
                cuts: whole.cuts[from..=first].to_vec(),
                entry: *entry,
                ..whole.clone()
            }
        })
        .collect()
}

/// What one worker makes of `specs`, one after the other.
fn encoded(source: &File, specs: &[AudioSpec]) -> BTreeMap<String, Vec<u8>> {
    let folder = tempfile::tempdir().unwrap();
    let requests = specs.iter().map(|audio| Request::EncodeAudio {
        audio: audio.clone(),
    });
    let events = ask(source, folder.path(), &requests.collect::<Vec<_>>());
    let done = events
        .iter()
        .filter(|event| matches!(event.event, Event::AudioDone { silence: 0 }));
    assert_eq!(done.count(), specs.len(), "all is made: {events:?}");
    files_in(folder.path())
}

/// The samples that a player hears, from the timeline's zero on.
fn heard(source: &File, inspection: &Inspection, segments: &BTreeMap<String, Vec<u8>>) -> Vec<f32> {
    let folder = tempfile::tempdir().unwrap();
    let request = Request::Prepare {
        video: None,
        copied: false,
        audio: vec![continuous(inspection)],
    };
    ask(source, folder.path(), &[request]);
    let mut bytes = files_in(folder.path()).remove("init-stream0.m4s").unwrap();
    segments.values().for_each(|segment| bytes.extend(segment));
    let mut input = inspect::open(file_of(&bytes), Box::new(|_| {}), Input::open).unwrap();
    let stream = input.streams().unwrap().remove(0);
    let mut decoder = Decoder::open(&stream, 1).unwrap();
    let (mut packet, mut frame) = (Packet::new().unwrap(), Frame::new().unwrap());
    let mut samples = Vec::new();
    while input.read(&mut packet).is_ok() {
        let expected = i64::try_from(samples.len()).unwrap();
        assert_eq!(packet.pts(), Some(expected), "no frame is missing or twice");
        decoder.send(Some(&packet)).unwrap();
        decoder.receive(&mut frame).unwrap();
        samples.extend_from_slice(frame.plane_f32_mut(0));
        frame.clear();
    }
    samples
}

/// How far each AAC frame is from the music, as energy.
fn noise(samples: &[f32]) -> Vec<f64> {
    let frame_samples = usize::try_from(AUDIO_FRAME_SAMPLES).unwrap();
    let frames = samples.chunks(frame_samples).enumerate();
    frames
        .map(|(frame, samples)| {
            let difference = samples.iter().enumerate().map(|(index, sample)| {
                let moment = (frame * frame_samples + index) as f64 / 48_000.0;
                let meant = music(moment) * 32_000.0 / 32_768.0;
                (f64::from(*sample) - meant).powi(2)
            });
            difference.sum()
        })
        .collect()
}

#[test]
fn spans_join_without_a_seam_and_in_any_order() {
    for sample_rate in [48_000, 44_100, 32_000] {
        let source = recording(sample_rate);
        let inspection = inspected(&source);
        let mut specs = spans(&inspection);
        assert!(
            specs.len() >= 4,
            "several joins: {:?}",
            inspection.sound_spans
        );
        let entered = specs.iter().filter(|spec| spec.entry.is_some()).count();
        assert_eq!(
            entered,
            specs.len() - 1,
            "only the first begins with the file"
        );
        let in_order = encoded(&source, &specs);
        specs.reverse();
        for spec in &specs {
            for (name, bytes) in encoded(&source, std::slice::from_ref(spec)) {
                assert!(
                    in_order[&name] == bytes,
                    "{name} depends on what came before"
                );
            }
        }
        assert_eq!(encoded(&source, &specs), in_order, "backwards is the same");
        let whole = encoded(&source, &[continuous(&inspection)]);
        assert_eq!(
            whole.keys().collect::<Vec<_>>(),
            in_order.keys().collect::<Vec<_>>()
        );
        let joined = noise(&heard(&source, &inspection, &in_order));
        let usual = noise(&heard(&source, &inspection, &whole));
        assert_eq!(joined.len(), usual.len());
        for spec in specs.iter().filter(|spec| spec.first_segment > 1) {
            let join = usize::try_from(spec.cuts[0] / AUDIO_FRAME_SAMPLES).unwrap();
            let loudest = |noise: &[f64], reach: usize| {
                let around = &noise[join - reach..=join + reach];
                around.iter().copied().fold(0.0, f64::max)
            };
            let (at_join, elsewhere) = (loudest(&joined, 3), loudest(&usual, 10));
            assert!(
                at_join <= elsewhere * 4.0,
                "at {sample_rate} Hz the join at frame {join} is heard: {at_join:e} where \
                 {elsewhere:e} is usual"
            );
        }
    }
}

#[test]
fn a_place_that_is_not_in_the_file_is_reached_from_its_beginning() {
    let source = recording(44_100);
    let inspection = inspected(&source);
    let specs = spans(&inspection);
    let mut lost = specs[2].clone();
    if let Some(entry) = &mut lost.entry {
        (entry.pts, entry.dts) = (entry.pts + 1, entry.dts + 1);
    }
    let found = encoded(&source, &specs[2..3]);
    assert!(encoded(&source, &[lost]) == found, "slower, and the same");
}
