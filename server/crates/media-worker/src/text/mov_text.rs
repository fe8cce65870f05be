//! 3GPP timed text (TS 26.245): a length, the text, and boxes with styles.

use super::Words;
use super::markup::{Markup, Style};

/// A run of characters with a style, from a `styl` box.
#[derive(Clone, Copy, Debug)]
struct Run {
    from: usize,
    until: usize,
    flags: u8,
}

/// The words of a sample; `None` if it is too short for what it announces.
pub fn words(sample: &[u8]) -> Option<Words> {
    let (length, rest) = sample.split_at_checked(2)?;
    let length = usize::from(u16::from_be_bytes([length[0], length[1]]));
    let (bytes, boxes) = rest.split_at_checked(length)?;
    let text = decode(bytes);
    let runs = runs(boxes);
    let mut markup = Markup::default();
    for (index, character) in text.chars().enumerate() {
        let flags = runs
            .iter()
            .filter(|run| (run.from..run.until).contains(&index))
            .fold(0, |flags, run| flags | run.flags);
        markup.set(Style::Bold, flags & 1 != 0);
        markup.set(Style::Italic, flags & 2 != 0);
        markup.set(Style::Underline, flags & 4 != 0);
        markup.push(character);
    }
    Some(markup.finish())
}

/// UTF-8, or UTF-16 behind a byte order mark.
fn decode(bytes: &[u8]) -> String {
    let Some(rest) = bytes.strip_prefix(&[0xfe, 0xff]) else {
        return String::from_utf8_lossy(bytes).into_owned();
    };
    let units = rest.as_chunks::<2>().0.iter();
    let units: Vec<u16> = units.map(|unit| u16::from_be_bytes(*unit)).collect();
    String::from_utf16_lossy(&units)
}

/// The runs of all `styl` boxes.
fn runs(mut boxes: &[u8]) -> Vec<Run> {
    let mut runs = Vec::new();
    while let Some((head, _)) = boxes.split_at_checked(8) {
        let size = u32::from_be_bytes([head[0], head[1], head[2], head[3]]) as usize;
        let Some((this, behind)) = boxes.split_at_checked(size.max(8)) else {
            break;
        };
        if &head[4..8] == b"styl" {
            runs.extend(
                this.get(10..)
                    .unwrap_or(&[])
                    .as_chunks::<12>()
                    .0
                    .iter()
                    .map(run),
            );
        }
        boxes = behind;
    }
    runs
}

/// A style record: first and last character, font, flags, size, colour.
fn run(record: &[u8; 12]) -> Run {
    Run {
        from: usize::from(u16::from_be_bytes([record[0], record[1]])),
        until: usize::from(u16::from_be_bytes([record[2], record[3]])),
        flags: record[6],
    }
}

#[cfg(test)]
mod tests {
    use super::words;

    #[test]
    fn a_sample_says_how_long_its_text_is() {
        for (sample, expected) in [
            (&b"\x00\x05Hallo"[..], Some("Hallo")),
            (b"\x00\x00", Some("")),
            (b"\x00\x05Hal", None),
            (b"", None),
            (b"\x00\x06\xfe\xff\x00A\x00B", Some("AB")),
        ] {
            let words = words(sample);
            assert_eq!(
                words.map(|words| words.text).as_deref(),
                expected,
                "{sample:?}"
            );
        }
    }

    #[test]
    fn styles_of_parts_become_tags() {
        let mut sample = b"\x00\x05a b c".to_vec();
        sample.extend(
            b"\x00\x00\x00\x16styl\x00\x01\x00\x02\x00\x03\x00\x01\x02\x0c\xff\xff\xff\xff",
        );
        assert_eq!(words(&sample).unwrap().text, "a <i>b</i> c");
    }
}
