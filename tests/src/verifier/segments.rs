//! Proofs about single segments: they start with an IDR picture, decode alone, and are described
//! truthfully. What does not belong here: how they follow each other (`timeline`).

use anyhow::{Context, Result, ensure};

use crate::download::{Download, SegmentFile, Stream};
use crate::program::{command, run_silently};
use crate::verifier::Effort;

/// NAL unit type of an IDR slice.
const IDR: u8 = 5;
/// NAL unit types of coded slices: 1 plain, 2 to 4 partitions, 5 IDR.
const SLICES: std::ops::RangeInclusive<u8> = 1..=5;

/// The first picture of every segment is an IDR, and only sync samples say they are.
pub fn every_segment_starts_with_an_idr(download: &Download) -> Result<()> {
    for stream in download.pictures() {
        let length_bytes = stream.init.avc()?.length_bytes;
        for segment in &stream.segments {
            check_sync_samples(segment, length_bytes)
                .with_context(|| format!("{}: {}", stream.label(), segment.url))?;
        }
    }
    Ok(())
}

fn check_sync_samples(segment: &SegmentFile, length_bytes: usize) -> Result<()> {
    for (index, sample) in segment.fragment.samples.iter().enumerate() {
        let types = sample.nal_types(&segment.bytes, length_bytes)?;
        let slice = types.iter().find(|kind| SLICES.contains(kind));
        let slice = *slice.with_context(|| format!("sample {index} has no picture: {types:?}"))?;
        ensure!(
            index > 0 || slice == IDR,
            "its first picture has NAL type {slice}, not 5"
        );
        ensure!(
            sample.is_sync() == (slice == IDR),
            "sample {index} has NAL type {slice}, but its sync flag says {}",
            sample.is_sync()
        );
    }
    Ok(())
}

/// ffmpeg decodes init + segment without a word and finds as many frames as there are samples.
pub fn segments_decode_alone(download: &Download, effort: Effort) -> Result<()> {
    let is_sound = |stream: &&Stream| Some(&stream.representation.id) != download.damaged.as_ref();
    for stream in download.streams.iter().filter(is_sound) {
        for segment in chosen(stream, effort) {
            decodes_alone(download, stream, segment)
                .with_context(|| format!("{}: {}", stream.label(), segment.url))?;
        }
    }
    Ok(())
}

fn chosen(stream: &Stream, effort: Effort) -> Vec<&SegmentFile> {
    let all: Vec<&SegmentFile> = stream.segments.iter().collect();
    if effort == Effort::Full || all.len() <= 3 {
        return all;
    }
    vec![all[0], all[all.len() / 2], all[all.len() - 1]]
}

fn decodes_alone(download: &Download, stream: &Stream, segment: &SegmentFile) -> Result<()> {
    let file = download.joined(stream, std::slice::from_ref(segment))?;
    let output = run_silently(
        command("ffprobe")
            .args(["-v", "error", "-count_frames", "-of", "csv=p=0"])
            .args(["-show_entries", "stream=nb_read_frames"])
            .arg(&file),
    )?;
    let frames: usize = String::from_utf8(output)?.trim().parse()?;
    ensure!(
        frames == segment.fragment.samples.len(),
        "{frames} frames decode from {} samples",
        segment.fragment.samples.len()
    );
    Ok(())
}

/// `CODECS` in both manifests is what avcC and AudioSpecificConfig say.
pub fn codecs_are_what_the_bytes_say(download: &Download) -> Result<()> {
    for stream in &download.streams {
        let is = stream.init.codec.rfc6381();
        ensure!(
            stream.representation.codecs == is,
            "{}: the MPD says {}, the init segment {is}",
            stream.label(),
            stream.representation.codecs
        );
        for variant in &download.master.variants {
            let concerned =
                variant.url == stream.playlist_url || download.plays_with(variant, stream);
            ensure!(
                !concerned || variant.codecs.contains(&is),
                "variant {} says {:?}, {} is {is}",
                variant.url,
                variant.codecs,
                stream.label()
            );
        }
        if let Ok(avc) = stream.init.avc() {
            ensure!(
                (1..=2).contains(&avc.sequence_sets.len()) && !avc.picture_sets.is_empty(),
                "{}: avcC must carry one SPS of each encoder, and a PPS",
                stream.label()
            );
        }
        ensure!(
            !stream.init.has_edit_list,
            "{}: an edit list shifts the stream",
            stream.label()
        );
    }
    Ok(())
}

/// No segment needs more bits a second than its manifest promises; in HLS that is picture and
/// sound together.
pub fn peaks_stay_within_bandwidth(download: &Download) -> Result<()> {
    for stream in &download.streams {
        let peak = peak_bps(stream);
        ensure!(
            peak <= stream.representation.bandwidth,
            "{}: a segment needs {peak} bit/s, the MPD promises {}",
            stream.label(),
            stream.representation.bandwidth
        );
    }
    for variant in &download.master.variants {
        let mut own = download.streams.iter();
        let own = own.find(|stream| stream.playlist_url == variant.url);
        let own = own.with_context(|| format!("variant {} is no stream", variant.url))?;
        let sounds = download
            .sounds()
            .filter(|sound| own.is_video() && download.plays_with(variant, sound));
        let peak = peak_bps(own) + sounds.map(peak_bps).max().unwrap_or(0);
        ensure!(
            peak <= variant.bandwidth,
            "variant {}: picture and sound need {peak} bit/s, BANDWIDTH is {}",
            variant.url,
            variant.bandwidth
        );
    }
    Ok(())
}

/// The rate of the stream's most demanding segment, in bits per second.
fn peak_bps(stream: &Stream) -> u64 {
    let timescale = u64::from(stream.init.timescale);
    let rate = |segment: &SegmentFile| {
        let duration = u64::try_from(segment.fragment.duration().max(1)).unwrap_or(1);
        segment.bytes.len() as u64 * 8 * timescale / duration
    };
    stream.segments.iter().map(rate).max().unwrap_or(0)
}
