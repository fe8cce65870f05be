//! Names that say nothing are not used for types, modules and files.

use std::path::Path;

use crate::none;
use crate::repository::{TextFile, rust_files, text_files};

/// Such names grow into drawers for everything.
const EMPTY_WORDS: &[&str] = &["manager", "helper", "util", "service"];

/// `JobQueue` and `job_queue` and `job-queue` as words in lower case.
fn words(name: &str) -> Vec<String> {
    let mut words = vec![String::new()];
    for char in name.chars() {
        let ends_word = !char.is_alphanumeric() || char.is_uppercase();
        if ends_word && words.last().is_some_and(|word| !word.is_empty()) {
            words.push(String::new());
        }
        if char.is_alphanumeric()
            && let Some(word) = words.last_mut()
        {
            word.extend(char.to_lowercase());
        }
    }
    words
}

fn is_empty_name(name: &str) -> bool {
    words(name).iter().any(|word| {
        EMPTY_WORDS.contains(&word.trim_end_matches('s')) || EMPTY_WORDS.contains(&&**word)
    })
}

/// The names that a Rust file declares.
fn declared(file: &TextFile) -> impl Iterator<Item = (usize, &str)> {
    file.lines().filter_map(|(number, line)| {
        let mut words = line.split(|char: char| !char.is_alphanumeric() && char != '_');
        words.find(|word| ["struct", "enum", "trait", "type", "mod"].contains(word))?;
        let is_comment = line.trim_start().starts_with("//");
        words
            .next()
            .filter(|_| !is_comment)
            .map(|name| (number, name))
    })
}

#[test]
fn types_and_modules_have_names_that_say_something() {
    let mut problems = Vec::new();
    for file in rust_files().unwrap() {
        let empty = declared(&file).filter(|(_, name)| is_empty_name(name));
        problems.extend(empty.map(|(number, name)| format!("{}:{number}: {name}", file.path)));
    }
    none(problems);
}

#[test]
fn files_have_names_that_say_something() {
    let files = text_files().unwrap();
    let empty = files.iter().filter(|file| {
        let stem = Path::new(&file.path).file_stem();
        stem.is_some_and(|stem| is_empty_name(&stem.to_string_lossy()))
    });
    none(empty.map(|file| file.path.clone()).collect());
}

#[test]
fn words_are_found_in_every_spelling() {
    for name in [
        "JobManager",
        "string_utils",
        "helpers",
        "my-service",
        "ServiceWorker",
    ] {
        assert!(is_empty_name(name), "{name} says nothing");
    }
    for name in ["Reutilise", "manages", "utility_company"] {
        assert!(!is_empty_name(name), "{name} says something");
    }
}
