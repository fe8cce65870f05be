//! What files look like: how long they may be, how they end, where their links lead.

use std::path::{Component, Path, PathBuf};
use tests::program::repository;

use crate::none;
use crate::repository::{TextFile, text_files};

/// The longest a file may be, by the ending of its name. Most should be near 150.
const MAX_LINES: &[(&str, usize)] = &[
    ("rs", 600),
    ("ts", 400),
    ("mjs", 400),
    ("css", 600),
    ("html", 300),
    ("sql", 400),
    ("sh", 200),
    ("md", 500),
];

/// Files that programs write.
fn is_generated(file: &TextFile) -> bool {
    // Golden files hold exactly what the code writes.
    let endings = ["Cargo.lock", "package-lock.json"];
    endings.iter().any(|ending| file.path.ends_with(ending)) || file.path.contains("/golden/")
}

#[test]
fn no_file_is_longer_than_its_kind_may_be() {
    let files = text_files().unwrap();
    let too_long = files.iter().filter_map(|file| {
        let (_, most) = MAX_LINES
            .iter()
            .find(|(ending, _)| *ending == file.ending())?;
        let lines = file.lines().count();
        (lines > *most).then(|| format!("{} has {lines} lines, {most} are enough", file.path))
    });
    none(too_long.collect());
}

#[test]
fn lines_end_where_their_text_ends_and_files_with_a_line() {
    let mut problems = Vec::new();
    for file in text_files()
        .unwrap()
        .iter()
        .filter(|file| !is_generated(file))
    {
        if !file.text.is_empty() && (!file.text.ends_with('\n') || file.text.ends_with("\n\n")) {
            problems.push(format!("{} must end with one newline", file.path));
        }
        if file.path == "LICENSE" {
            continue;
        }
        for (number, line) in file.lines() {
            if line.ends_with([' ', '\t', '\r']) {
                problems.push(format!(
                    "{}:{number}: white space at the end of the line",
                    file.path
                ));
            }
        }
    }
    none(problems);
}

/// Targets of `[text](target)` outside of code, without their anchors.
fn links(file: &TextFile) -> Vec<(usize, String)> {
    let mut in_code = false;
    let mut found = Vec::new();
    for (number, line) in file.lines() {
        if line.trim_start().starts_with("```") {
            in_code = !in_code;
        }
        if in_code {
            continue;
        }
        for rest in line.split("](").skip(1) {
            if let Some((target, _)) = rest.split_once(')') {
                let path = target.split('#').next().unwrap_or_default();
                found.push((number, path.to_owned()));
            }
        }
    }
    found
}

fn is_elsewhere(target: &str) -> bool {
    target.is_empty() || target.starts_with("https://") || target.starts_with("mailto:")
}

/// `folder/target` without `..`; `None` if it leads out of the repository.
fn resolve(folder: &Path, target: &str) -> Option<PathBuf> {
    let mut path = PathBuf::new();
    for component in folder.join(target).components() {
        match component {
            Component::Normal(name) => path.push(name),
            Component::CurDir => {}
            Component::ParentDir => {
                if !path.pop() {
                    return None;
                }
            }
            Component::RootDir | Component::Prefix(_) => return None,
        }
    }
    Some(path)
}

#[test]
fn links_in_documents_lead_to_files_of_the_repository() {
    let mut problems = Vec::new();
    for file in text_files().unwrap() {
        if file.ending() != "md" {
            continue;
        }
        for (number, target) in links(&file) {
            let resolved = resolve(&file.folder(), &target);
            if !is_elsewhere(&target)
                && !resolved.is_some_and(|path| repository().join(path).exists())
            {
                problems.push(format!("{}:{number}: {target} leads nowhere", file.path));
            }
        }
    }
    none(problems);
}
