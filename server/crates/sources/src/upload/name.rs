//! What an uploaded file is called on our disk: one harmless name, whatever the sender wrote. A
//! pure rule.

use model::upload::FILE_NAME_BYTES;

/// Longest ending that is kept when a name is cut, with its dot.
const ENDING_BYTES: usize = 16;
/// What a file without a usable name is called.
const NAMELESS: &str = "upload";

/// The last part of whatever path was given, without control characters, hidden from nobody and
/// no longer than file systems take.
pub(crate) fn safe_name(name: &str) -> String {
    let last = name.rsplit(['/', '\\']).next().unwrap_or_default();
    let printable: String = last
        .chars()
        .filter(|char| !char.is_control() && !turns_text_around(*char))
        .collect();
    let trimmed = printable.trim_start_matches(['.', ' ']).trim_end();
    let trimmed = trimmed.trim_end_matches('.');
    if trimmed.is_empty() {
        return NAMELESS.to_owned();
    }
    shortened(trimmed)
}

/// Unicode's bidirectional overrides can make "gpj.exe" read as "exe.jpg" (CVE-2021-42574).
fn turns_text_around(char: char) -> bool {
    matches!(char, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

/// Cut before its ending, so that it still says what kind of file it is.
fn shortened(name: &str) -> String {
    if name.len() <= FILE_NAME_BYTES {
        return name.to_owned();
    }
    let dot = name
        .rfind('.')
        .filter(|dot| name.len() - dot <= ENDING_BYTES);
    let (stem, ending) = name.split_at(dot.unwrap_or(name.len()));
    let mut end = FILE_NAME_BYTES - ending.len();
    while !stem.is_char_boundary(end) {
        end -= 1;
    }
    format!("{}{ending}", &stem[..end])
}

#[cfg(test)]
mod tests {
    use super::safe_name;

    #[test]
    fn names_from_outside_stay_in_their_folder() {
        for (name, expected) in [
            ("film.mp4", "film.mp4"),
            ("../../x.mp4", "x.mp4"),
            ("/etc/passwd", "passwd"),
            (r"C:\films\a.mkv", "a.mkv"),
            ("..", "upload"),
            (".", "upload"),
            ("", "upload"),
            (".htaccess", "htaccess"),
            ("a\nb\t.mp4", "ab.mp4"),
            ("a\u{202e}4pm.exe", "a4pm.exe"),
            ("--help.mp4", "--help.mp4"),
            ("$(touch x).mp4", "$(touch x).mp4"),
            ("film. ", "film"),
            ("a/", "upload"),
        ] {
            assert_eq!(safe_name(name), expected, "{name:?} made safe");
        }
    }

    #[test]
    fn a_long_name_is_cut_before_its_ending() {
        let long = format!("{}.mp4", "ä".repeat(300));
        let name = safe_name(&long);
        assert!(name.len() <= 255 && name.ends_with("ä.mp4"), "{name}");
        assert_eq!(safe_name(&"x".repeat(256)).len(), 255);
        assert_eq!(safe_name(&"x".repeat(255)).len(), 255);
    }
}
