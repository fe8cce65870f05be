//! `make bench`: the budgets of the design, measured against a named peer in the same run.
//! Everything is done [`ROUNDS`] times, in turns, and reported as a median. A number here never
//! fails a test; it is for the README and for comparing two states of the code.
//! What does not belong here: whether the result is right (`e2e`).

mod first_frame;
mod ladder;
mod machine;

use anyhow::Result;
use std::io::Write;

/// Odd, so that the median is a measured value.
const ROUNDS: usize = 3;

fn main() -> Result<()> {
    let mut out = std::io::stdout().lock();
    writeln!(out, "{}\n", machine::describe()?)?;
    writeln!(out, "{}\n", ladder::measure(ROUNDS)?)?;
    writeln!(out, "{}", first_frame::measure(ROUNDS)?)?;
    Ok(())
}

/// The middle value.
fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or(f64::NAN)
}
