//! What Rust files look like: they say what they are for, functions are short, and `unsafe` has
//! its places.

use crate::none;
use crate::repository::{TextFile, rust_files};

/// The longest a function may be. Most should be near ten lines.
const MAX_FUNCTION_LINES: usize = 100;

/// Where `unsafe` may be written. The workspace denies it, each of these says why it is needed.
const UNSAFE_HOMES: &[&str] = &[
    // Starting a process with limits of its own.
    "server/crates/media/src/confine.rs",
    // Everything that is called in libav.
    "server/crates/media-worker/src/av/",
    // Taking over the descriptors the worker was started with.
    "server/crates/media-worker/src/descriptors.rs",
    // Calls that the sandbox must refuse, most of which have no safe interface.
    "server/crates/media-worker/src/sandbox/attempt.rs",
];

#[test]
fn every_file_begins_by_saying_what_it_is_for() {
    let files = rust_files().unwrap();
    let silent = files.iter().filter(|file| !file.text.starts_with("//! "));
    none(
        silent
            .map(|file| format!("{} must begin with `//!`", file.path))
            .collect(),
    );
}

/// The indentation of a line that begins a function with a body.
fn function_indent(line: &str) -> Option<usize> {
    const WORDS: &[&str] = &["pub", "const", "async", "unsafe", "extern", "\"C\""];
    let text = line.trim_start();
    let mut words = text.split_whitespace();
    let first = words.find(|word| !WORDS.contains(word) && !word.starts_with("pub("))?;
    (first == "fn").then(|| line.len() - text.len())
}

/// Functions with the number of their first line and their length. Relies on rustfmt: the brace
/// that ends a function is indented like its first line.
fn functions(file: &TextFile) -> Vec<(usize, usize)> {
    let mut found = Vec::new();
    let mut open: Option<(usize, usize)> = None;
    for (number, line) in file.lines() {
        let indent = line.len() - line.trim_start().len();
        match open {
            None => open = function_indent(line).map(|indent| (number, indent)),
            Some((first, first_indent)) => {
                let ends = line.trim_start().starts_with('}') || line.ends_with(';');
                if ends && indent == first_indent {
                    found.push((first, number + 1 - first));
                    open = None;
                }
            }
        }
    }
    found
}

#[test]
fn no_function_is_longer_than_a_hundred_lines() {
    let mut problems = Vec::new();
    for file in rust_files().unwrap() {
        for (number, lines) in functions(&file) {
            if lines > MAX_FUNCTION_LINES {
                problems.push(format!(
                    "{}:{number}: a function of {lines} lines",
                    file.path
                ));
            }
        }
    }
    none(problems);
}

/// A line of code that contains `unsafe` as a word.
fn has_unsafe(line: &str) -> bool {
    let code = line.split("//").next().unwrap_or_default();
    let is_word = |char: char| char.is_alphanumeric() || char == '_';
    code.split(|char| !is_word(char))
        .any(|word| word == "unsafe")
        && !code.contains('"')
}

#[test]
fn unsafe_code_stays_in_its_places() {
    let mut problems = Vec::new();
    for file in rust_files().unwrap() {
        let is_home = UNSAFE_HOMES.iter().any(|home| file.path.starts_with(home));
        if is_home {
            continue;
        }
        let lines = file.lines().filter(|(_, line)| has_unsafe(line));
        problems.extend(lines.map(|(number, _)| format!("{}:{number}: unsafe", file.path)));
    }
    none(problems);
}
