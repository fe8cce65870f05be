//! The proof that every quality shows exactly the pictures of the source, at their times.
//! What does not belong here: what the pictures look like.

use anyhow::{Context, Result, ensure};

use crate::download::{Download, Stream};
use crate::source::Presented;
use crate::verifier::timeline::seconds;

/// One tick of 90 kHz for rounding a picture's time, one for rounding the origin, and a tenth of
/// a microsecond for this proof's own floating point.
const TOLERANCE_S: f64 = 2.0 / 90_000.0 + 1e-7;

/// Packets from which no sound comes, such as the first one of Vorbis, may open the timeline this
/// much before anything is presented.
const LEAD_S: f64 = 0.050;

/// A first picture that comes so much later than the sound is shown from the beginning on: players
/// wait for it.
const LATE_S: f64 = 0.5;

/// Count and times of the pictures equal the source's, moved by the common origin.
pub fn pictures_are_the_sources(download: &Download, presented: &Presented) -> Result<()> {
    let Some(first_s) = presented.pictures_s.first() else {
        return Ok(());
    };
    let latest_s = presented.origin_s();
    let late_s = first_s - latest_s;
    for stream in download.pictures() {
        let shown = stream.presentation_times();
        let is_held = late_s > LATE_S - LEAD_S && shown.first() == Some(&0);
        ensure!(
            is_held || late_s <= LATE_S,
            "{}: nothing is shown for the first {late_s:.3} s",
            stream.label()
        );
        let anchor = usize::from(is_held);
        let (Some(anchor_s), Some(shown)) = (presented.pictures_s.get(anchor), shown.get(anchor))
        else {
            continue;
        };
        let origin_s = anchor_s - seconds(*shown, stream.timescale());
        ensure!(
            origin_s > latest_s - LEAD_S && origin_s < latest_s + TOLERANCE_S,
            "{}: zero of the timeline is {origin_s:.6} s in the source, where the first picture or \
             sound is at {latest_s:.6} s",
            stream.label()
        );
        let times = presented.pictures_s.iter();
        let mut wanted: Vec<f64> = times.map(|time_s| time_s - origin_s).collect();
        if is_held {
            wanted[0] = 0.0;
        }
        compare(stream, &wanted).with_context(|| stream.label())?;
    }
    Ok(())
}

/// Every quality has `count` pictures: all that can be asked where the source's have no times.
pub fn every_rung_has(download: &Download, count: usize) -> Result<()> {
    for stream in download.pictures() {
        ensure!(
            stream.sample_count() == count,
            "{} has {} pictures, the source {count}",
            stream.label(),
            stream.sample_count()
        );
    }
    Ok(())
}

fn compare(stream: &Stream, wanted: &[f64]) -> Result<()> {
    let times = stream.presentation_times();
    let shown: Vec<f64> = times
        .iter()
        .map(|ticks| seconds(*ticks, stream.timescale()))
        .collect();
    let pairs = shown.iter().zip(wanted).enumerate();
    let differing = pairs
        .clone()
        .find(|(_, (is, should))| (*is - *should).abs() > TOLERANCE_S);
    ensure!(
        shown.len() == wanted.len(),
        "it shows {} pictures, the source {}; the first that differs is {differing:?}",
        shown.len(),
        wanted.len(),
    );
    if let Some((index, (is, should))) = differing {
        anyhow::bail!("picture {index} is shown at {is:.6} s, in the source at {should:.6} s");
    }
    Ok(())
}
