//! (Advanced) SubStation Alpha, as far as words go: styles of a whole line, places, colours and
//! drawings are left out.

use super::markup::{Markup, Style};
use super::{Cue, Words, clock};

/// Fields before the text of an event as Matroska stores it: ReadOrder, Layer, Style, Name, three
/// margins, Effect.
const FIELDS_BEFORE_TEXT: usize = 8;

/// The text of an event in a packet.
pub fn text_of_packet(packet: &str) -> Option<&str> {
    packet
        .splitn(FIELDS_BEFORE_TEXT + 1, ',')
        .nth(FIELDS_BEFORE_TEXT)
}

/// The cues of a file: the `Dialogue:` lines of its `[Events]`.
pub fn cues(text: &str) -> Vec<Cue> {
    let mut layout = Layout::default();
    let mut in_events = false;
    let mut cues = Vec::new();
    for line in text.lines().map(str::trim) {
        if line.starts_with('[') {
            in_events = line.eq_ignore_ascii_case("[Events]");
        } else if !in_events {
        } else if let Some(fields) = field_of(line, "Format") {
            layout = Layout::of(fields);
        } else if let Some(event) = field_of(line, "Dialogue") {
            cues.extend(layout.cue(event));
        }
    }
    cues
}

fn field_of<'a>(line: &'a str, name: &str) -> Option<&'a str> {
    let (key, value) = line.split_once(':')?;
    key.trim()
        .eq_ignore_ascii_case(name)
        .then(|| value.trim_start())
}

/// Where the fields of an event are.
#[derive(Debug)]
struct Layout {
    fields: usize,
    start: usize,
    end: usize,
}

impl Default for Layout {
    fn default() -> Self {
        Self {
            fields: 10,
            start: 1,
            end: 2,
        }
    }
}

impl Layout {
    /// The text is always the last field, because it may hold commas.
    fn of(format: &str) -> Self {
        let names: Vec<&str> = format.split(',').map(str::trim).collect();
        let place = |name: &str| {
            names
                .iter()
                .position(|field| field.eq_ignore_ascii_case(name))
        };
        match (place("Start"), place("End")) {
            (Some(start), Some(end)) => Self {
                fields: names.len(),
                start,
                end,
            },
            _ => Self::default(),
        }
    }

    fn cue(&self, event: &str) -> Option<Cue> {
        let fields: Vec<&str> = event.splitn(self.fields, ',').collect();
        if fields.len() < self.fields {
            return None;
        }
        Some(Cue {
            start: clock::ticks(fields.get(self.start)?)?,
            end: clock::ticks(fields.get(self.end)?)?,
            words: words(fields.last()?),
        })
    }
}

/// The words of an event.
pub fn words(text: &str) -> Words {
    let mut markup = Markup::default();
    let mut draws = false;
    let mut rest = text;
    while let Some(character) = rest.chars().next() {
        let after = &rest[character.len_utf8()..];
        let next = after.chars().next();
        rest = after;
        match (character, next) {
            ('{', _) if after.contains('}') => {
                let (inner, behind) = after.split_once('}').unwrap_or((after, ""));
                draws = override_styles(inner, &mut markup).unwrap_or(draws);
                rest = behind;
            }
            ('\\', Some(escape @ ('N' | 'n' | 'h'))) => {
                markup.push(match escape {
                    'N' => '\n',
                    'h' => '\u{a0}',
                    _ => ' ',
                });
                rest = &after[1..];
            }
            _ if draws => {}
            _ => markup.push(character),
        }
    }
    markup.finish()
}

/// Obeys the overrides between two braces; says whether what follows is a drawing, if they do.
pub fn override_styles(inner: &str, markup: &mut Markup) -> Option<bool> {
    let mut draws = None;
    for tag in inner.split('\\').skip(1) {
        let digits = tag.trim_end().find(|c: char| c.is_ascii_digit());
        let (name, value) = tag
            .trim_end()
            .split_at(digits.unwrap_or(tag.trim_end().len()));
        let number: u32 = value.parse().unwrap_or(0);
        match name {
            "i" => markup.set(Style::Italic, number > 0),
            // A weight may stand there instead of 1.
            "b" => markup.set(Style::Bold, number == 1 || number > 400),
            "u" => markup.set(Style::Underline, number > 0),
            "an" => markup.at_top = (7..=9).contains(&number),
            "a" => markup.at_top = (5..=7).contains(&number),
            "p" if digits.is_some() => draws = Some(number > 0),
            _ if name.starts_with('r') && !name.starts_with("rnd") => markup.reset(),
            _ => {}
        }
    }
    draws
}

#[cfg(test)]
mod tests {
    use super::{cues, words};

    #[test]
    fn overrides_become_tags_or_nothing() {
        for (written, expected) in [
            ("{\\i1}a{\\i0} b", "<i>a</i> b"),
            ("{\\b700}a{\\b0}", "<b>a</b>"),
            ("{\\pos(10,20)\\fad(1,2)}a", "a"),
            ("a\\Nb\\nc\\hd", "a\nb c\u{a0}d"),
            ("{\\p1}m 0 0 l 1 1{\\p0}words", "words"),
            ("{\\p1}m 0 0 l 1 1", ""),
            ("{\\i1}a{\\r}b", "<i>a</i>b"),
            ("{a comment}b", "b"),
            ("{no end", "{no end"),
            ("{\\k20}ka{\\k30}ra", "kara"),
            ("a \\ b", "a \\ b"),
        ] {
            assert_eq!(words(written).text, expected, "{written:?}");
        }
        assert!(words("{\\an8}a").at_top && words("{\\a6}a").at_top);
        assert!(!words("{\\an2}a").at_top);
    }

    #[test]
    fn a_file_has_its_fields_in_any_order() {
        let file = "[Script Info]\nDialogue: 0,0:00:01.00,0:00:02.00,,,,,,,not an event\n\
                    [Events]\nFormat: Start, End, Layer, Text\n\
                    Dialogue: 0:00:01.50,0:00:02.00,0,One, two\n\
                    Comment: 0:00:01.50,0:00:02.00,0,hidden\n\
                    Dialogue: broken\n";
        let cues = cues(file);
        assert_eq!(cues.len(), 1, "{cues:?}");
        assert_eq!((cues[0].start, cues[0].end), (135_000, 180_000));
        assert_eq!(cues[0].words.text, "One, two");
    }
}
