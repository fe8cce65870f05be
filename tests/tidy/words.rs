//! Words that must not appear: paths of one machine, addresses of registries, tests that are
//! switched off.

use crate::none;
use crate::repository::{TextFile, text_files};

/// Something that must not be written.
struct Forbidden {
    text: &'static str,
    /// Only in files whose names end so.
    ending: &'static str,
    why: &'static str,
}

/// Spelled in two halves, so that this file does not contain them.
const FORBIDDEN: &[Forbidden] = &[
    Forbidden {
        text: concat!("/wo", "rk/"),
        ending: "",
        why: "a path of one machine",
    },
    Forbidden {
        text: concat!("/ro", "ot/"),
        ending: "",
        why: "a path of one machine",
    },
    Forbidden {
        text: concat!("/t", "mp/"),
        ending: "",
        why: "ask `tempfile` or `mktemp` for a folder",
    },
    Forbidden {
        text: concat!("\"reso", "lved\":"),
        ending: "package-lock.json",
        why: "the address of one registry; npm finds packages by name",
    },
    Forbidden {
        text: concat!("#[ign", "ore"),
        ending: ".rs",
        why: "a test that does not run proves nothing",
    },
];

fn problems(file: &TextFile) -> Vec<String> {
    let mut problems = Vec::new();
    for forbidden in FORBIDDEN
        .iter()
        .filter(|word| file.path.ends_with(word.ending))
    {
        for (number, line) in file.lines() {
            if line.contains(forbidden.text) {
                problems.push(format!("{}:{number}: {}", file.path, forbidden.why));
            }
        }
    }
    problems
}

#[test]
fn nothing_names_one_machine_or_switches_a_test_off() {
    none(text_files().unwrap().iter().flat_map(problems).collect());
}
