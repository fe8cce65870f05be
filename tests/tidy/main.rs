//! The repository checks itself: who depends on whom, what files look like, where links lead.
//!
//! Each check collects everything that is wrong before it fails, one line each, so that one run
//! tells all. What does not belong here: anything the compiler or clippy already says.

mod dependencies;
mod files;
mod homes;
mod names;
mod packaging;
mod repository;
mod rust;
mod words;

/// Fails with all `problems`, if there are any.
fn none(problems: Vec<String>) {
    assert!(problems.is_empty(), "\n{}\n", problems.join("\n"));
}
