//! SubRip: its files, and its words, which other formats have, too. There is no standard; this
//! reads what people have.

use super::markup::{Markup, Style, entity};
use super::{Cue, Words, clock};

/// The longest tag; what is longer is text.
const MAX_TAG_BYTES: usize = 300;

/// The cues of a file. What is between two lines of times belongs to the first of them, except for
/// the number of the second.
pub fn cues(text: &str) -> Vec<Cue> {
    let lines: Vec<&str> = text.lines().collect();
    let times: Vec<(usize, (i64, i64, &str))> = lines
        .iter()
        .enumerate()
        .filter_map(|(index, line)| Some((index, clock::span(line)?)))
        .collect();
    let ends = times.iter().skip(1).map(|(next, _)| *next);
    let ends = ends.chain(std::iter::once(lines.len()));
    times
        .iter()
        .zip(ends)
        .map(|((at, (start, end, _)), until)| Cue {
            start: *start,
            end: *end,
            words: words(&without_number(lines.get(at + 1..until).unwrap_or(&[])).join("\n")),
        })
        .collect()
}

/// The last line is the number of the cue that follows, if a blank line stands before it.
fn without_number<'a, 'b>(lines: &'a [&'b str]) -> &'a [&'b str] {
    let is_number = |line: &str| {
        let line = line.trim();
        !line.is_empty() && line.bytes().all(|digit| digit.is_ascii_digit())
    };
    match lines {
        [rest @ .., blank, last] if blank.trim().is_empty() && is_number(last) => rest,
        [last] if is_number(last) => &[],
        _ => lines,
    }
}

/// Words with the tags that SubRip files have: `<i>`, `{\an8}`, `{i}`, `<font color=…>`.
pub fn words(text: &str) -> Words {
    scan(text, Unknown::IsText)
}

/// What a tag that nobody knows is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unknown {
    /// Somebody's words, such as `<laughs>`.
    IsText,
    /// A tag to be left out.
    IsTag,
}

/// Reads words with tags in angle brackets, and overrides in braces where `unknown` is text.
pub fn scan(text: &str, unknown: Unknown) -> Words {
    let mut markup = Markup::default();
    let mut rest = text;
    while let Some(character) = rest.chars().next() {
        let after = &rest[character.len_utf8()..];
        let taken = match character {
            '<' => tag(after, unknown, &mut markup),
            '{' if unknown == Unknown::IsText => braces(after, &mut markup),
            '&' => entity(after).map(|(meant, length)| {
                markup.push(meant);
                length
            }),
            _ => None,
        };
        if taken.is_none() {
            markup.push(character);
        }
        rest = after.get(taken.unwrap_or(0)..).unwrap_or("");
    }
    markup.finish()
}

/// Takes the tag that begins `text` (after its `<`) and says how long it is.
fn tag(text: &str, unknown: Unknown, markup: &mut Markup) -> Option<usize> {
    let length = text.find(['>', '<', '\n'])?;
    if length > MAX_TAG_BYTES || text.as_bytes().get(length) != Some(&b'>') {
        return None;
    }
    // No tag begins with a blank, but a comparison does.
    let inner = text.get(..length)?.trim_end();
    if inner.starts_with(char::is_whitespace) {
        return None;
    }
    let (name, on) = match inner.strip_prefix('/') {
        Some(name) => (name, false),
        None => (inner, true),
    };
    let end = name.find(|c: char| c.is_whitespace() || c == '.' || c == '/');
    let name = name.get(..end.unwrap_or(name.len()))?.to_ascii_lowercase();
    match (style(&name), name.as_str()) {
        (Some(style), _) => markup.set(style, on),
        (None, "br") => markup.push('\n'),
        (None, "font" | "span" | "c" | "v" | "lang" | "ruby" | "rt") => {}
        (None, _) if unknown == Unknown::IsTag => {}
        _ => return None,
    }
    Some(length + 1)
}

fn style(name: &str) -> Option<Style> {
    match name {
        "b" | "strong" => Some(Style::Bold),
        "i" | "em" => Some(Style::Italic),
        "u" => Some(Style::Underline),
        _ => None,
    }
}

/// Takes `{\…}`, `{i}` or `{/i}` (after the brace) and says how long it is.
fn braces(text: &str, markup: &mut Markup) -> Option<usize> {
    let length = text.find(['}', '{', '\n'])?;
    if length > MAX_TAG_BYTES || text.as_bytes().get(length) != Some(&b'}') {
        return None;
    }
    let inner = text.get(..length)?;
    if inner.starts_with('\\') {
        super::ass::override_styles(inner, markup);
        return Some(length + 1);
    }
    let (name, on) = match inner.strip_prefix('/') {
        Some(name) => (name, false),
        None => (inner, true),
    };
    markup.set(style(&name.to_ascii_lowercase())?, on);
    Some(length + 1)
}

#[cfg(test)]
mod tests {
    use super::{cues, words};

    #[test]
    fn tags_that_browsers_show_stay_and_others_go() {
        for (written, expected) in [
            ("<i>a</i>", "<i>a</i>"),
            ("<I>a</I><B>b", "<i>a</i><b>b</b>"),
            ("<font color=\"#ff0\">a</font>", "a"),
            ("{\\an2}a {b}c{/b}", "a <b>c</b>"),
            ("{curly} a", "{curly} a"),
            ("<laughs> a", "&lt;laughs&gt; a"),
            ("a < b & c > d", "a &lt; b &amp; c &gt; d"),
            ("a &amp; b&nbsp;c", "a &amp; b\u{a0}c"),
            ("a<br>b<br/>c", "a\nb\nc"),
            ("a <", "a &lt;"),
            ("ä<i", "ä&lt;i"),
        ] {
            assert_eq!(words(written).text, expected, "{written:?}");
        }
        assert!(words("{\\an8}top").at_top && !words("bottom").at_top);
    }

    #[test]
    fn files_are_read_as_people_have_them() {
        let file = "1\r\n00:00:01,000 --> 00:00:02,000\r\nOne\r\nline\r\n\r\n\
                    2\r\n00:00:03,000 --> 00:00:04,000\r\n\r\nAfter a blank\r\n\r\n\r\n\
                    00:00:05.000-->00:00:06.000\r\n1984\r\n\r\n4\r\n\
                    00:00:07,000 --> 00:00:08,000\r\n\r\n5\r\n";
        let texts: Vec<(i64, String)> = cues(file)
            .into_iter()
            .map(|cue| (cue.start / 90_000, cue.words.text))
            .collect();
        let expected = [(1, "One\nline"), (3, "After a blank"), (5, "1984"), (7, "")];
        assert_eq!(texts, expected.map(|(at, text)| (at, text.to_owned())));
        assert!(cues("no times here").is_empty());
    }
}
