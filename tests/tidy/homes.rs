//! One foreign package, one home. The root manifest names the homes beside each package, and
//! this reads them there: `axum = "0.8"  # delivery`. A package without a comment may be used
//! anywhere, one with `tests only` in the tests of any crate. The package `tests` reads the same
//! formats independently and is at home nowhere.

use anyhow::{Context, Result};
use std::collections::BTreeMap;
use std::fs;
use tests::program::repository;

use crate::dependencies::{Dependency, Package, metadata};
use crate::none;
use crate::repository::text_files;

/// Who may use a package, as the comment has it: `delivery`, or `delivery (tests)` for a package
/// that only the crate's tests use.
type Homes = BTreeMap<String, Vec<(String, Use)>>;

/// Stands for every crate.
const ANYWHERE: &str = "*";

#[derive(Clone, Copy, PartialEq, Eq)]
enum Use {
    Everywhere,
    TestsOnly,
}

fn homes() -> Result<Homes> {
    let manifest =
        fs::read_to_string(repository().join("Cargo.toml")).context("reading the root manifest")?;
    let lines = manifest
        .lines()
        .skip_while(|line| *line != "[workspace.dependencies]")
        .skip(1)
        .take_while(|line| !line.starts_with('['));
    Ok(lines.filter_map(home_of_line).collect())
}

fn home_of_line(line: &str) -> Option<(String, Vec<(String, Use)>)> {
    let (package, rest) = line.split_once(" = ")?;
    let (_, comment) = rest.split_once(" # ")?;
    let homes = comment.split(',').map(|home| {
        let home = home.trim();
        if home == "tests only" {
            return (ANYWHERE.to_owned(), Use::TestsOnly);
        }
        match home.strip_suffix(" (tests)") {
            Some(home) => (crate_called(home), Use::TestsOnly),
            None => (crate_called(home), Use::Everywhere),
        }
    });
    Some((package.trim().to_owned(), homes.collect()))
}

/// The folder `server` holds the package `homereel`.
fn crate_called(home: &str) -> String {
    if home == "server" { "homereel" } else { home }.to_owned()
}

fn strangers(homes: &Homes, package: &Package) -> Vec<String> {
    let dependencies = package.dependencies.iter();
    dependencies
        .filter(|dependency| package.name != "tests" && !is_at_home(homes, package, dependency))
        .map(|dependency| {
            format!(
                "{} is not at home in {}; Cargo.toml says where it is",
                dependency.name, package.name
            )
        })
        .collect()
}

fn is_at_home(homes: &Homes, package: &Package, dependency: &Dependency) -> bool {
    let Some(homes) = homes.get(&dependency.name) else {
        return true;
    };
    let is_for_tests = dependency.kind.as_deref() == Some("dev");
    homes.iter().any(|(home, usage)| {
        (*home == package.name || home == ANYWHERE) && (is_for_tests || *usage == Use::Everywhere)
    })
}

#[test]
fn foreign_packages_are_used_only_in_their_homes() {
    let homes = homes().unwrap();
    assert!(
        homes.contains_key("rusqlite"),
        "the root manifest names homes"
    );
    let metadata = metadata().unwrap();
    none(
        metadata
            .packages
            .iter()
            .flat_map(|package| strangers(&homes, package))
            .collect(),
    );
}

#[test]
fn versions_and_lints_are_set_once_in_the_root_manifest() {
    let mut problems = Vec::new();
    for file in text_files().unwrap() {
        if !file.path.ends_with("/Cargo.toml") {
            continue;
        }
        let mut section = "";
        for (number, line) in file.lines() {
            if line.starts_with('[') {
                section = line;
            } else if section.ends_with("dependencies]")
                && line.contains('=')
                && !line.contains("workspace = true")
            {
                problems.push(format!(
                    "{}:{number}: take the version from the workspace",
                    file.path
                ));
            }
        }
        if !file.text.contains("[lints]\nworkspace = true") {
            problems.push(format!("{}: take the lints from the workspace", file.path));
        }
    }
    none(problems);
}
