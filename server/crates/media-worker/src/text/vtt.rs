//! WebVTT (W3C): the files people have, and the one that is written.

use media_proto::VIDEO_TIMESCALE;
use std::collections::HashMap;
use std::fmt::Write;

use super::srt::{Unknown, scan};
use super::{Cue, MAX_BYTES, Words, clock};

/// How long words stay whose end nobody knows.
const LONGEST_GUESS: i64 = 5 * VIDEO_TIMESCALE as i64;
/// The same words again within this time are the same cue: karaoke and fades repeat them for every
/// frame.
const SAME_CUE: i64 = VIDEO_TIMESCALE as i64 / 20;

/// The words of a cue's payload.
pub fn words(text: &str) -> Words {
    scan(text, Unknown::IsTag)
}

/// The cues of a file: blocks between blank lines, one of whose first two lines has times.
pub fn cues(text: &str) -> Vec<Cue> {
    let lines: Vec<&str> = text.lines().collect();
    lines
        .split(|line| line.trim().is_empty())
        .filter_map(cue_of_block)
        .collect()
}

fn cue_of_block(lines: &[&str]) -> Option<Cue> {
    let at = lines.iter().take(2).position(|line| line.contains("-->"))?;
    let (start, end, settings) = clock::span(lines.get(at)?)?;
    let mut words = words(&lines.get(at + 1..)?.join("\n"));
    words.at_top |= is_at_top(settings);
    Some(Cue { start, end, words })
}

/// `line:0` and the like: the first lines, or the upper half.
fn is_at_top(settings: &str) -> bool {
    let line = settings
        .split_whitespace()
        .find_map(|setting| setting.strip_prefix("line:"));
    let Some(line) = line.map(|line| line.split(',').next().unwrap_or_default()) else {
        return false;
    };
    match line.strip_suffix('%') {
        Some(percent) => percent.parse::<f32>().is_ok_and(|percent| percent < 50.0),
        None => line
            .parse::<i32>()
            .is_ok_and(|number| (0..5).contains(&number)),
    }
}

/// A file with `cues` on a timeline that ends at `end`; `None` if nothing is left to read.
pub fn write(cues: Vec<Cue>, end: i64) -> Option<String> {
    let cues = arranged(cues, end);
    if cues.is_empty() {
        return None;
    }
    let mut text = String::from("WEBVTT\n");
    for cue in cues {
        let top = if cue.words.at_top { " line:0" } else { "" };
        let (from, until) = (clock::text(cue.start), clock::text(cue.end));
        if text.len() + cue.words.text.len() > MAX_BYTES {
            break;
        }
        // Writing to a string cannot fail.
        let _ = write!(text, "\n{from} --> {until}{top}\n{}\n", cue.words.text);
    }
    Some(text)
}

/// In order, within the title, each with an end, none twice.
fn arranged(mut cues: Vec<Cue>, end: i64) -> Vec<Cue> {
    cues.retain(|cue| !cue.words.text.is_empty());
    cues.sort_by_key(|cue| cue.start);
    guess_ends(&mut cues);
    for cue in &mut cues {
        cue.start = cue.start.max(0);
        cue.end = cue.end.min(end);
    }
    // A millisecond is the least that can be written.
    cues.retain(|cue| cue.end - cue.start >= i64::from(VIDEO_TIMESCALE) / 1000);
    without_repeats(cues)
}

/// Until the next words, but not for ever.
fn guess_ends(cues: &mut [Cue]) {
    let mut next_start = i64::MAX;
    let mut this_start = i64::MAX;
    for cue in cues.iter_mut().rev() {
        if cue.start < this_start {
            next_start = this_start;
            this_start = cue.start;
        }
        if cue.end <= cue.start {
            cue.end = next_start.min(cue.start.saturating_add(LONGEST_GUESS));
        }
    }
}

fn without_repeats(cues: Vec<Cue>) -> Vec<Cue> {
    let mut kept: Vec<Cue> = Vec::with_capacity(cues.len());
    let mut latest: HashMap<String, usize> = HashMap::new();
    for cue in cues {
        let before = latest.get(&cue.words.text).copied();
        match before.and_then(|index| kept.get_mut(index)) {
            Some(same) if same.end.saturating_add(SAME_CUE) >= cue.start => {
                same.end = same.end.max(cue.end);
            }
            _ => {
                latest.insert(cue.words.text.clone(), kept.len());
                kept.push(cue);
            }
        }
    }
    kept
}

#[cfg(test)]
mod tests {
    use super::{cues, write};
    use crate::text::{Cue, Words};

    fn cue(start: i64, end: i64, text: &str) -> Cue {
        let words = Words {
            text: text.into(),
            at_top: false,
        };
        Cue {
            start: start * 90,
            end: end * 90,
            words,
        }
    }

    fn written(cues: Vec<Cue>) -> String {
        write(cues, 60_000 * 90).unwrap_or_default()
    }

    #[test]
    fn cues_are_in_order_within_the_title_and_end() {
        let text = written(vec![
            cue(9_000, 0, "no end, next after two seconds"),
            cue(11_000, 12_000, "next"),
            cue(-500, 500, "begins before"),
            cue(-900, -500, "before"),
            cue(59_000, 70_000, "cut"),
            cue(50_000, 50_000, "no end, nothing soon"),
            cue(61_000, 62_000, "behind"),
            cue(20_000, 21_000, ""),
        ]);
        assert_eq!(
            text,
            "WEBVTT\n\n\
             00:00:00.000 --> 00:00:00.500\nbegins before\n\n\
             00:00:09.000 --> 00:00:11.000\nno end, next after two seconds\n\n\
             00:00:11.000 --> 00:00:12.000\nnext\n\n\
             00:00:50.000 --> 00:00:55.000\nno end, nothing soon\n\n\
             00:00:59.000 --> 00:01:00.000\ncut\n"
        );
    }

    #[test]
    fn the_same_words_in_layers_or_frames_are_one_cue() {
        let text = written(vec![
            cue(1_000, 2_000, "sign"),
            cue(1_000, 2_000, "sign"),
            cue(2_040, 2_080, "sign"),
            cue(1_500, 1_600, "other"),
            cue(5_000, 6_000, "sign"),
        ]);
        assert_eq!(text.matches("sign").count(), 2, "{text}");
        assert!(
            text.contains("00:00:01.000 --> 00:00:02.080\nsign"),
            "{text}"
        );
    }

    #[test]
    fn nothing_to_read_is_no_file() {
        assert_eq!(write(vec![cue(0, 1_000, "")], 90_000), None);
        assert_eq!(write(Vec::new(), 90_000), None);
    }

    #[test]
    fn files_with_notes_styles_and_names_are_read() {
        let file = "WEBVTT - title\n\nSTYLE\n::cue { color: red }\n\nNOTE\n1 --> 2\n\n\
                    intro\n00:01.000 --> 00:02.000 line:10%\n<v.loud Ann>Hi <c.x>there</c>\n- Yes\n\n\
                    00:00:03.000 --> 00:00:04.000 line:-1\n<00:00:03.500>later &lt;3\n";
        let found = cues(file);
        let texts: Vec<&str> = found.iter().map(|cue| cue.words.text.as_str()).collect();
        assert_eq!(texts, ["Hi there\n- Yes", "later &lt;3"]);
        assert!(found[0].words.at_top && !found[1].words.at_top);
        let again = cues(&written(found.clone()));
        assert_eq!(again, found, "what is written can be read");
    }
}
