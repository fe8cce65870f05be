//! The text of a WebVTT cue, built piece by piece: escaped, its tags nested and closed, no blank
//! lines. What does not belong here: what tags other formats have.

use super::Words;

/// A style that survives.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Style {
    /// `b`
    Bold,
    /// `i`
    Italic,
    /// `u`
    Underline,
}

impl Style {
    fn letter(self) -> char {
        match self {
            Self::Bold => 'b',
            Self::Italic => 'i',
            Self::Underline => 'u',
        }
    }
}

/// A cue's text under construction.
#[derive(Debug, Default)]
pub struct Markup {
    text: String,
    /// Styles that are on, outermost first.
    open: Vec<Style>,
    /// The cue belongs to the top of the picture.
    pub at_top: bool,
}

impl Markup {
    /// Adds one character as it is to be read.
    pub fn push(&mut self, character: char) {
        match character {
            '&' => self.text.push_str("&amp;"),
            '<' => self.text.push_str("&lt;"),
            '>' => self.text.push_str("&gt;"),
            '\r' | '\0' => {}
            '\u{c}' | '\t' => self.text.push(' '),
            other => self.text.push(other),
        }
    }

    /// Turns a style on or off.
    pub fn set(&mut self, style: Style, on: bool) {
        let place = self.open.iter().position(|open| *open == style);
        match (place, on) {
            (None, true) => {
                self.open.push(style);
                self.tag(style, false);
            }
            (Some(place), false) => self.close(place),
            _ => {}
        }
    }

    /// Turns all styles off.
    pub fn reset(&mut self) {
        while let Some(style) = self.open.pop() {
            self.tag(style, true);
        }
    }

    /// Tags must nest, so the styles inside are closed and opened again.
    fn close(&mut self, place: usize) {
        let inside = self.open.split_off(place + 1);
        for style in inside.iter().rev() {
            self.tag(*style, true);
        }
        if let Some(style) = self.open.pop() {
            self.tag(style, true);
        }
        for style in inside {
            self.open.push(style);
            self.tag(style, false);
        }
    }

    fn tag(&mut self, style: Style, closes: bool) {
        self.text.push('<');
        if closes {
            self.text.push('/');
        }
        self.text.push(style.letter());
        self.text.push('>');
    }

    /// The finished text; empty if there is nothing to read.
    pub fn finish(mut self) -> Words {
        self.reset();
        let lines: Vec<&str> = self
            .text
            .split('\n')
            .map(str::trim)
            .filter(|line| !line.is_empty())
            .collect();
        let text = lines.join("\n");
        Words {
            text: if has_words(&text) {
                text
            } else {
                String::new()
            },
            at_top: self.at_top,
        }
    }
}

/// Something besides tags and white space.
fn has_words(text: &str) -> bool {
    let mut inside = false;
    text.chars().any(|character| {
        match character {
            '<' => inside = true,
            '>' => inside = false,
            _ => return !inside && !character.is_whitespace(),
        }
        false
    })
}

/// The character behind a named reference at the start of `text` (after the `&`), and how many
/// bytes it takes.
pub fn entity(text: &str) -> Option<(char, usize)> {
    const NAMED: [(&str, char); 7] = [
        ("amp;", '&'),
        ("lt;", '<'),
        ("gt;", '>'),
        ("quot;", '"'),
        ("nbsp;", '\u{a0}'),
        ("lrm;", '\u{200e}'),
        ("rlm;", '\u{200f}'),
    ];
    NAMED
        .iter()
        .find(|(name, _)| text.starts_with(name))
        .map(|(name, character)| (*character, name.len()))
}

#[cfg(test)]
mod tests {
    use super::{Markup, Style};

    #[test]
    fn tags_nest_and_close_whatever_the_source_does() {
        let mut markup = Markup::default();
        markup.set(Style::Bold, true);
        markup.push('a');
        markup.set(Style::Italic, true);
        markup.push('b');
        markup.set(Style::Bold, false);
        markup.push('c');
        markup.set(Style::Underline, false);
        assert_eq!(markup.finish().text, "<b>a<i>b</i></b><i>c</i>");
    }

    #[test]
    fn no_cue_has_blank_lines_or_ends_early() {
        for (input, expected) in [
            ("a\n\n\nb", "a\nb"),
            ("\r\n a --> b \r\n", "a --&gt; b"),
            ("<&>", "&lt;&amp;&gt;"),
            (" \n\t", ""),
        ] {
            let mut markup = Markup::default();
            input.chars().for_each(|character| markup.push(character));
            assert_eq!(markup.finish().text, expected, "{input:?}");
        }
        let mut empty = Markup::default();
        empty.set(Style::Italic, true);
        empty.push(' ');
        assert_eq!(empty.finish().text, "", "tags alone are nothing to read");
    }
}
