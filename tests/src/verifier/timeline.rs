//! Proofs about time: no gap, no overlap, and the same story in media, DASH and HLS.
//! What does not belong here: what is in the samples.

use anyhow::{Result, ensure};

use crate::download::{Download, Stream};

/// Each segment ends where the next one begins.
pub fn decode_times_are_contiguous(download: &Download) -> Result<()> {
    for stream in &download.streams {
        for pair in stream.segments.windows(2) {
            let (end, next) = (pair[0].fragment.end(), pair[1].fragment.decode_time);
            ensure!(
                end == next,
                "{}: {} ends at {end}, {} begins at {next} (in 1/{} s)",
                stream.label(),
                pair[0].url,
                pair[1].url,
                stream.timescale()
            );
        }
    }
    Ok(())
}

/// All qualities have segments at the same times, and all streams begin at the same instant. What
/// stands apart, in a set of its own, is cut at some of these times and nowhere else.
pub fn rungs_cut_at_the_same_times(download: &Download) -> Result<()> {
    let stands_apart = |stream: &&Stream| stream.representation.is_alternate;
    let mut ladder = download.pictures().filter(|stream| !stands_apart(stream));
    let Some(lowest) = ladder.next() else {
        ensure!(download.pictures().count() == 0, "there is no main picture");
        return Ok(());
    };
    for stream in ladder {
        ensure!(
            stream.timescale() == lowest.timescale() && cuts(stream) == cuts(lowest),
            "{} is cut at {:?}, {} at {:?}",
            stream.label(),
            cuts(stream),
            lowest.label(),
            cuts(lowest)
        );
    }
    let apart: Vec<&Stream> = download.pictures().filter(stands_apart).collect();
    ensure!(apart.len() <= 1, "{} pictures stand apart", apart.len());
    for stream in apart {
        let rungs = cuts(lowest);
        let own = cuts(stream);
        let is_coarser = own.len() < rungs.len() && own.iter().all(|cut| rungs.contains(cut));
        ensure!(
            stream.timescale() == lowest.timescale() && is_coarser,
            "{} stands apart and is cut at {own:?}, {} at {rungs:?}",
            stream.label(),
            lowest.label(),
        );
    }
    Ok(())
}

/// When its segments begin.
fn cuts(stream: &Stream) -> Vec<i64> {
    let segments = stream.segments.iter();
    segments.map(|s| s.fragment.decode_time).collect()
}

/// `S@t` is the `tfdt`, `S@d` the sum of the samples' durations, `EXTINF` the same in seconds.
pub fn manifests_tell_the_times_of_the_media(download: &Download) -> Result<()> {
    for stream in &download.streams {
        ensure!(
            stream.representation.timescale == stream.timescale(),
            "{}: the MPD counts in 1/{} s, the media in 1/{} s",
            stream.label(),
            stream.representation.timescale,
            stream.timescale()
        );
        for (told, found) in stream.representation.segments.iter().zip(&stream.segments) {
            let is = (found.fragment.decode_time, found.fragment.duration());
            ensure!(
                (told.start, told.duration) == is,
                "{}: the MPD says {} begins at {} and lasts {}, its samples say {} and {}",
                stream.label(),
                told.url,
                told.start,
                told.duration,
                is.0,
                is.1
            );
        }
        extinf_follows_the_media(stream)?;
    }
    Ok(())
}

/// A player that adds up `EXTINF` is never further off than a tick and the rounding of six
/// decimals; otherwise it finds holes or overlaps at the joins.
fn extinf_follows_the_media(stream: &Stream) -> Result<()> {
    ensure!(
        stream.playlist.segment_urls.len() == stream.segments.len(),
        "{}: HLS lists {} segments, DASH {}",
        stream.label(),
        stream.playlist.segment_urls.len(),
        stream.segments.len()
    );
    let tick_us = 1_000_000 / stream.timescale() + 1;
    let mut told_us = 0;
    let mut ticks = 0;
    let urls = stream.playlist.segment_urls.iter();
    for ((url, duration_us), segment) in urls
        .zip(&stream.playlist.durations_us)
        .zip(&stream.segments)
    {
        ensure!(
            *url == segment.url,
            "{}: HLS names {url} where DASH names {}",
            stream.label(),
            segment.url
        );
        told_us += duration_us;
        ticks += segment.fragment.duration();
        let exact_us = ticks * 1_000_000 / stream.timescale();
        ensure!(
            (told_us - exact_us).abs() <= tick_us + 1,
            "{}: up to {url}, EXTINF adds up to {told_us} µs, the samples to {exact_us} µs",
            stream.label()
        );
    }
    Ok(())
}

/// Every stream begins at zero and ends at the end of the presentation, to one tick.
pub fn all_streams_end_together(download: &Download) -> Result<()> {
    for stream in &download.streams {
        let begin = stream
            .segments
            .first()
            .map_or(0, |s| s.fragment.decode_time);
        ensure!(begin == 0, "{} begins at {begin}, not at 0", stream.label());
        let end = stream.segments.last().map_or(0, |s| s.fragment.end());
        let end_s = seconds(end, stream.timescale());
        let tick_s = seconds(1, stream.timescale());
        ensure!(
            (end_s - download.presentation.duration_s).abs() <= tick_s + 1e-6,
            "{} ends at {end_s:.6} s, the presentation at {:.6} s",
            stream.label(),
            download.presentation.duration_s
        );
    }
    Ok(())
}

/// RFC 8216: no segment is longer than the target once rounded, which is the same for all streams,
/// and a film is complete VOD with independent segments.
pub fn playlists_follow_the_rules(download: &Download) -> Result<()> {
    let first = download.streams.first();
    let target_s = first.map_or(0, |stream| stream.playlist.target_duration_s);
    for stream in &download.streams {
        let playlist = &stream.playlist;
        ensure!(
            playlist.target_duration_s == target_s,
            "{} has a target of {} s, another stream one of {target_s} s",
            stream.playlist_url,
            playlist.target_duration_s
        );
        let longest_us = playlist.durations_us.iter().copied().max().unwrap_or(0);
        let longest_s = u64::try_from((longest_us + 500_000) / 1_000_000)?;
        ensure!(
            longest_s <= playlist.target_duration_s,
            "{}: a segment of {longest_us} µs with a target of {} s",
            stream.playlist_url,
            playlist.target_duration_s
        );
        ensure!(
            playlist.complete && playlist.version == Some(7),
            "{} is not a complete VOD playlist of version 7",
            stream.playlist_url
        );
        ensure!(
            playlist.independent_segments || download.master.independent_segments,
            "{} does not promise independent segments",
            stream.playlist_url
        );
    }
    Ok(())
}

/// For messages and tolerances; exact comparisons stay in ticks.
#[expect(
    clippy::cast_precision_loss,
    reason = "2^53 ticks are three thousand years"
)]
pub fn seconds(ticks: i64, timescale: i64) -> f64 {
    ticks as f64 / timescale as f64
}
