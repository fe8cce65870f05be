//! `make bench`: the budgets of the design, measured against a named peer in the same run.
//! Everything is done [`ROUNDS`] times, in turns, and reported as a median. A number here never
//! fails a test; it is for the README and for comparing two states of the code. `bench ladder`,
//! `bench quality`, `bench first-frame`, `bench long`, `bench serving` and `bench library` measure one
//! part only.
//! What does not belong here: whether the result is right (`e2e`).

mod first_frame;
mod ladder;
mod library;
mod long;
mod machine;
mod meter;
mod quality;
mod serving;

use anyhow::Result;
use std::io::Write;

/// Odd, so that the median is a measured value.
const ROUNDS: usize = 3;

fn main() -> Result<()> {
    let wanted = std::env::args().nth(1);
    let is_wanted = |part: &str| wanted.as_deref().is_none_or(|wanted| wanted == part);
    let mut out = std::io::stdout().lock();
    writeln!(out, "{}", machine::describe()?)?;
    if is_wanted("ladder") {
        writeln!(out, "\n{}", ladder::measure(ROUNDS)?)?;
    }
    if is_wanted("quality") {
        // The encoder gives the same bytes each time, or nearly: once is enough.
        writeln!(out, "\n{}", quality::measure()?)?;
    }
    if is_wanted("first-frame") {
        writeln!(out, "\n{}", first_frame::measure(ROUNDS)?)?;
    }
    if is_wanted("long") {
        writeln!(out, "\n{}", long::measure(ROUNDS)?)?;
    }
    if is_wanted("serving") {
        writeln!(out, "\n{}", serving::measure(ROUNDS)?)?;
    }
    if is_wanted("library") {
        writeln!(out, "\n{}", library::measure(ROUNDS)?)?;
    }
    Ok(())
}

/// The middle value.
fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or(f64::NAN)
}
