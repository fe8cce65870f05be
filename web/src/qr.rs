//! A text as a picture that telephones read. What does not belong here: which text.

use qrcode::render::svg::Color;
use qrcode::render::unicode::Dense1x2;
use qrcode::{EcLevel, QrCode};

/// Longest text, in bytes: an address is far shorter, and more would be too fine for a camera.
const MAX_BYTES: usize = 300;
/// Large enough on a page; it is drawn sharp at any size.
const SIDE: u32 = 240;

/// The picture as SVG, black on white whatever the page looks like, because many cameras read
/// nothing else; `None` if the text is too long.
pub fn svg(text: &str) -> Option<String> {
    if text.len() > MAX_BYTES {
        return None;
    }
    let code = QrCode::with_error_correction_level(text, EcLevel::M).ok()?;
    let mut picture = code.render::<Color<'_>>();
    picture
        .min_dimensions(SIDE, SIDE)
        .dark_color(Color("#000"))
        .light_color(Color("#fff"));
    Some(picture.build())
}

/// The picture in letters, two rows of dots in one line, for a terminal of either colour: light dots
/// are drawn and dark ones left out, so that it is light around on a dark one. On a light terminal
/// cameras read it the other way round. `None` if the text is too long.
pub fn text(text: &str) -> Option<String> {
    if text.len() > MAX_BYTES {
        return None;
    }
    let code = QrCode::with_error_correction_level(text, EcLevel::L).ok()?;
    // What is called dark there is what is drawn.
    let mut picture = code.render::<Dense1x2>();
    picture
        .dark_color(Dense1x2::Light)
        .light_color(Dense1x2::Dark);
    Some(picture.build())
}

#[cfg(test)]
mod tests {
    use super::{svg, text};

    #[test]
    fn an_address_becomes_a_picture() {
        let picture = svg("http://homereel.local:8096").unwrap();
        assert!(picture.contains("<svg"), "{picture}");
        assert!(!picture.contains("style"), "the policy forbids it");
        assert_eq!(svg(&"a".repeat(301)), None, "too fine for a camera");
    }

    #[test]
    fn an_address_becomes_letters() {
        let picture = text("http://192.168.1.2:8096").unwrap();
        let lines: Vec<&str> = picture.lines().collect();
        // Version 2 has 25 dots a side; four around each are the margin that cameras need.
        assert_eq!(lines.len(), 17, "two rows in one line:\n{picture}");
        assert!(
            lines.iter().all(|line| line.chars().count() == 33),
            "{picture}"
        );
        assert!(
            picture.chars().all(|letter| "█▀▄ \n".contains(letter)),
            "{picture}"
        );
        assert!(
            lines[0].chars().all(|letter| letter == '█'),
            "light around:\n{picture}"
        );
        let finder = lines[2].chars().skip(4).take(7).collect::<String>();
        assert_eq!(
            finder, " ▄▄▄▄▄ ",
            "a corner that cameras look for:\n{picture}"
        );
        assert_eq!(text(&"a".repeat(301)), None);
    }
}
