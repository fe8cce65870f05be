//! A text as a picture that telephones read. What does not belong here: which text.

use qrcode::render::svg::Color;
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

#[cfg(test)]
mod tests {
    use super::svg;

    #[test]
    fn an_address_becomes_a_picture() {
        let picture = svg("http://homereel.local:8096").unwrap();
        assert!(picture.contains("<svg"), "{picture}");
        assert!(!picture.contains("style"), "the policy forbids it");
        assert_eq!(svg(&"a".repeat(301)), None, "too fine for a camera");
    }
}
