//! Who may depend on whom. The table here is the law; `ARCHITECTURE.md` shows it, and cargo is
//! asked whether it holds.

use anyhow::{Context, Result};
use serde::Deserialize;
use std::collections::BTreeSet;
use std::fs;
use tests::program::{command, repository, text_of};

use crate::none;

/// Which of our crates a crate may depend on.
enum Allowed {
    These(&'static [&'static str]),
    AllBut(&'static [&'static str]),
}

/// The dependency table. Tests of a crate may use whatever the crates below it bring.
const TABLE: &[(&str, Allowed)] = &[
    ("model", Allowed::These(&[])),
    ("media-proto", Allowed::These(&[])),
    ("web", Allowed::These(&[])),
    ("catalog", Allowed::These(&["model"])),
    ("storage", Allowed::These(&["model"])),
    ("media-worker", Allowed::These(&["media-proto"])),
    ("media", Allowed::These(&["model", "media-proto"])),
    ("ingest", Allowed::These(&["model", "catalog"])),
    ("sources", Allowed::These(&["model", "ingest"])),
    (
        "jobs",
        Allowed::These(&["model", "catalog", "storage", "media"]),
    ),
    (
        "delivery",
        Allowed::These(&["model", "catalog", "storage", "web"]),
    ),
    (
        "homereel",
        Allowed::AllBut(&["media-worker", "desktop", "tests"]),
    ),
    ("desktop", Allowed::These(&["homereel"])),
    ("tests", Allowed::These(&[])),
];

impl Allowed {
    fn permits(&self, name: &str) -> bool {
        match self {
            Self::These(names) => names.contains(&name),
            Self::AllBut(names) => !names.contains(&name),
        }
    }

    /// As the table in `ARCHITECTURE.md` words it.
    fn in_words(&self) -> String {
        match self {
            Self::These([]) => "–".to_owned(),
            Self::These(names) => names.join(", "),
            Self::AllBut(names) => format!("all but {}", names.join(", ")),
        }
    }
}

/// What `cargo metadata` says.
#[derive(Deserialize)]
pub(crate) struct Metadata {
    /// The crates of the workspace.
    pub(crate) packages: Vec<Package>,
}

/// A crate.
#[derive(Deserialize)]
pub(crate) struct Package {
    /// Its name.
    pub(crate) name: String,
    /// What its manifest asks for.
    pub(crate) dependencies: Vec<Dependency>,
}

/// A line of a manifest.
#[derive(Deserialize)]
pub(crate) struct Dependency {
    /// The package it asks for.
    pub(crate) name: String,
    /// `None` for a normal dependency, else `dev` or `build`.
    pub(crate) kind: Option<String>,
}

/// The workspace as cargo sees it.
pub(crate) fn metadata() -> Result<Metadata> {
    let mut cargo = command(env!("CARGO"));
    cargo
        .current_dir(repository())
        .args(["metadata", "--no-deps", "--format-version", "1"]);
    let text = text_of(&mut cargo).context("asking cargo for the workspace")?;
    serde_json::from_str(&text).context("reading what cargo says of the workspace")
}

fn allowed(name: &str) -> Option<&'static Allowed> {
    let row = TABLE.iter().find(|(crate_name, _)| *crate_name == name);
    row.map(|(_, allowed)| allowed)
}

/// Everything that `name` may see in its tests: what it may depend on, and what that may.
fn below(name: &str) -> BTreeSet<&'static str> {
    let mut found = BTreeSet::from_iter(TABLE.iter().map(|(crate_name, _)| *crate_name));
    found.retain(|other| allowed(name).is_some_and(|allowed| allowed.permits(other)));
    let deeper: Vec<&str> = found.iter().flat_map(|other| below_named(other)).collect();
    found.extend(deeper);
    found
}

fn below_named(name: &'static str) -> BTreeSet<&'static str> {
    match allowed(name) {
        Some(Allowed::These(_)) => below(name),
        // The composition root is below nothing.
        _ => BTreeSet::new(),
    }
}

fn problems_of(package: &Package) -> Vec<String> {
    let Some(allowed) = allowed(&package.name) else {
        return vec![format!(
            "{} is not in the dependency table of tests/tidy/dependencies.rs",
            package.name
        )];
    };
    let below = below(&package.name);
    let ours = package
        .dependencies
        .iter()
        .filter(|dependency| TABLE.iter().any(|(name, _)| *name == dependency.name));
    let forbidden = ours.filter(|dependency| match dependency.kind.as_deref() {
        Some("dev") => !below.contains(dependency.name.as_str()),
        _ => !allowed.permits(&dependency.name),
    });
    forbidden
        .map(|dependency| format!("{} must not depend on {}", package.name, dependency.name))
        .collect()
}

#[test]
fn crates_depend_only_on_what_the_table_allows() {
    let metadata = metadata().unwrap();
    none(metadata.packages.iter().flat_map(problems_of).collect());
    let present: BTreeSet<&str> = metadata
        .packages
        .iter()
        .map(|package| &*package.name)
        .collect();
    let absent = TABLE.iter().filter(|(name, _)| !present.contains(name));
    none(
        absent
            .map(|(name, _)| format!("{name} is in the table, but there is no such crate"))
            .collect(),
    );
}

#[test]
fn architecture_shows_the_same_table() {
    let text = fs::read_to_string(repository().join("ARCHITECTURE.md")).unwrap();
    let mut rows = text
        .lines()
        .skip_while(|line| !line.starts_with("| crate | may depend on |"))
        .skip(2)
        .take_while(|line| line.starts_with('|'))
        .map(|line| {
            let cells: Vec<&str> = line.split('|').map(str::trim).collect();
            (cells[1].to_owned(), cells[2].to_owned())
        });
    for (name, allowed) in TABLE {
        assert_eq!(
            rows.next(),
            Some((format!("`{name}`"), allowed.in_words())),
            "the row of {name} in ARCHITECTURE.md"
        );
    }
    assert_eq!(rows.next(), None, "ARCHITECTURE.md has a row too many");
}
