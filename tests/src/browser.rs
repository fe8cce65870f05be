//! Runs a scenario of `tests/browser` in node and returns what it measured. What does not belong
//! here: the scenarios, and what is good enough.

use anyhow::{Context, Result, ensure};
use serde::de::DeserializeOwned;
use std::path::PathBuf;
use std::process::Command;

use crate::program::{command, repository, run};

/// `node {scenario}` with `input` as its argument, not started yet.
pub fn scenario_command(scenario: &str, input: &serde_json::Value) -> Result<Command> {
    let folder = folder();
    ensure!(
        folder.join("node_modules/playwright-core").is_dir(),
        "playwright-core is not installed: run `npm ci --prefix {}`",
        folder.display()
    );
    let mut node = command("node");
    node.arg(folder.join(scenario)).arg(input.to_string());
    Ok(node)
}

/// Runs a scenario to its end.
pub fn run_scenario<T: DeserializeOwned>(scenario: &str, input: &serde_json::Value) -> Result<T> {
    let output = run(&mut scenario_command(scenario, input)?)
        .with_context(|| format!("the browser scenario {scenario}"))?;
    outcome_of(&output.stdout)
}

/// The last line of what a scenario wrote.
pub fn outcome_of<T: DeserializeOwned>(stdout: &[u8]) -> Result<T> {
    let text = String::from_utf8_lossy(stdout);
    let last = text.lines().last().context("the scenario said nothing")?;
    serde_json::from_str(last).with_context(|| format!("the scenario said {last:?}"))
}

fn folder() -> PathBuf {
    repository().join("tests/browser")
}
