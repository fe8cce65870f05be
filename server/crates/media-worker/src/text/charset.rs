//! From bytes in any charset to text: what subtitle files beside a film are made of.

use chardetng::EncodingDetector;
use encoding_rs::{Encoding, UTF_16BE, UTF_16LE};

/// The text in `bytes`; `language` (BCP 47 in small letters) helps to tell charsets apart. `None` if it is no
/// text.
pub fn decode(bytes: &[u8], language: Option<&str>) -> Option<String> {
    let (text, _, _) = charset_of(bytes, language).decode(bytes);
    let odd = text.chars().filter(|c| is_odd(*c)).count();
    // A few bytes may be broken; a picture has them everywhere.
    (odd <= text.len() / 100).then(|| text.into_owned())
}

fn charset_of(bytes: &[u8], language: Option<&str>) -> &'static Encoding {
    if let Some((charset, _)) = Encoding::for_bom(bytes) {
        return charset;
    }
    if let Some(charset) = utf16_without_mark(bytes) {
        return charset;
    }
    if std::str::from_utf8(bytes).is_ok() {
        return encoding_rs::UTF_8;
    }
    let mut detector = EncodingDetector::new();
    detector.feed(bytes, true);
    detector.guess(language.and_then(domain).map(str::as_bytes), false)
}

/// Digits, spaces and line ends are everywhere in subtitles: in UTF-16 every second byte of them
/// is zero.
fn utf16_without_mark(bytes: &[u8]) -> Option<&'static Encoding> {
    let sample = bytes.get(..bytes.len().min(4096))?;
    let zeros = |skip: usize| {
        sample
            .iter()
            .skip(skip)
            .step_by(2)
            .filter(|b| **b == 0)
            .count()
    };
    let (even, odd) = (zeros(0), zeros(1));
    let many = sample.len() / 8;
    match (even > many.max(1), odd > many.max(1)) {
        (false, true) => Some(UTF_16LE),
        (true, false) => Some(UTF_16BE),
        _ => None,
    }
}

fn is_odd(character: char) -> bool {
    character == char::REPLACEMENT_CHARACTER || character == '\0' || super::is_binary(character)
}

/// The country whose pages the detector has learned the language from.
fn domain(language: &str) -> Option<&str> {
    let (primary, _) = language.split_once('-').unwrap_or((language, ""));
    let known = if primary == "zh" { language } else { primary };
    match known {
        "ar" => Some("eg"),
        "be" => Some("by"),
        "cs" => Some("cz"),
        "da" => Some("dk"),
        "el" => Some("gr"),
        "en" => None,
        "et" => Some("ee"),
        "fa" => Some("ir"),
        "he" => Some("il"),
        "ja" => Some("jp"),
        "ko" => Some("kr"),
        "nb" | "nn" => Some("no"),
        "sl" => Some("si"),
        "sr" => Some("rs"),
        "sv" => Some("se"),
        "uk" => Some("ua"),
        "vi" => Some("vn"),
        "zh-tw" | "zh-hk" | "zh-hant" => Some("tw"),
        "zh-cn" | "zh-hans" => Some("cn"),
        // Two charsets are as likely.
        "zh" => None,
        same if same.len() == 2 && same.bytes().all(|b| b.is_ascii_lowercase()) => Some(same),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::decode;
    use encoding_rs::{BIG5, Encoding, GBK, SHIFT_JIS, WINDOWS_1250, WINDOWS_1251, WINDOWS_1252};

    #[test]
    fn the_charsets_that_people_have_are_told_apart() {
        let cases: [(&str, Option<&str>, &'static Encoding); 6] = [
            (
                "Größe, Straße, schöne Grüße aus Köln; für Ärger übrig",
                Some("de"),
                WINDOWS_1252,
            ),
            (
                "Příliš žluťoučký kůň úpěl ďábelské ódy",
                Some("cs"),
                WINDOWS_1250,
            ),
            (
                "Съешь же ещё этих мягких французских булок",
                None,
                WINDOWS_1251,
            ),
            (
                "これは日本語の字幕です。ありがとうございます。",
                Some("ja"),
                SHIFT_JIS,
            ),
            ("这是中文字幕，谢谢大家观看这部电影。", Some("zh-cn"), GBK),
            ("這是中文字幕，謝謝大家觀看這部電影。", Some("zh-tw"), BIG5),
        ];
        for (text, language, charset) in cases {
            let (bytes, _, lossy) = charset.encode(text);
            assert!(!lossy, "{text} fits into {}", charset.name());
            assert_eq!(
                decode(&bytes, language).as_deref(),
                Some(text),
                "{}",
                charset.name()
            );
        }
    }

    #[test]
    fn unicode_needs_no_guessing() {
        let text = "1\n00:00:01,000 --> 00:00:02,000\nGrüße ☕\n";
        let wide = |order: fn(u16) -> [u8; 2]| -> Vec<u8> {
            text.encode_utf16().flat_map(order).collect()
        };
        let marked = [&[0xff, 0xfe], &wide(u16::to_le_bytes)[..]].concat();
        for bytes in [
            text.as_bytes().to_vec(),
            [b"\xef\xbb\xbf", text.as_bytes()].concat(),
            wide(u16::to_le_bytes),
            wide(u16::to_be_bytes),
            marked,
        ] {
            assert_eq!(
                decode(&bytes, None).as_deref(),
                Some(text),
                "{:?}",
                &bytes[..4]
            );
        }
    }

    #[test]
    fn pictures_are_no_text() {
        let noise: Vec<u8> = (0..4096_u32).map(|n| (n * n % 251 % 32) as u8).collect();
        assert_eq!(decode(&noise, None), None);
    }
}
