//! `Upload-Metadata`: words and base64 in one header, and what they mean to us. Pure.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use model::rights::Visibility;
use model::upload::{Details, NewUpload};
use std::collections::BTreeMap;

use crate::problem::Problem;

/// Longest header, in bytes.
const MAX_BYTES: usize = 8 * 1024;
/// Most words in it.
const MAX_WORDS: usize = 32;

/// What a sender says of a file, its length aside. Words we do not know are kept and mean
/// nothing.
pub(crate) fn read(header: &str) -> Result<NewUpload, Problem> {
    let words = words(header)?;
    let text = |word: &str| words.get(word).filter(|text| !text.trim().is_empty());
    Ok(NewUpload {
        file_name: text("filename").cloned().unwrap_or_default(),
        details: details(
            text("title").map(String::as_str),
            text("description").map(String::as_str),
            text("visibility").map(String::as_str),
        )?,
        length_bytes: None,
        metadata: (!header.is_empty()).then(|| header.to_owned()),
    })
}

/// What is said of a film, in whichever protocol.
pub(crate) fn details(
    title: Option<&str>,
    description: Option<&str>,
    visibility: Option<&str>,
) -> Result<Details, Problem> {
    let visibility = match visibility {
        None => Visibility::default(),
        Some(word) => Visibility::parse(word).ok_or_else(|| {
            Problem::bad_request("A film can be for everyone, members or only_me.")
        })?,
    };
    Ok(Details {
        name: title.map(|text| without_controls(text, "").trim().to_owned()),
        description: description.map(|text| without_controls(text, "\n\t")),
        visibility,
        owner: None,
        upload: None,
    })
}

fn without_controls(text: &str, but: &str) -> String {
    let kept = |char: &char| !char.is_control() || but.contains(*char);
    text.chars().filter(kept).collect()
}

fn words(header: &str) -> Result<BTreeMap<String, String>, Problem> {
    if header.len() > MAX_BYTES {
        return Err(wrong("it is longer than 8 kB"));
    }
    let mut words = BTreeMap::new();
    for pair in header.split(',').map(str::trim) {
        if pair.is_empty() {
            continue;
        }
        let (word, encoded) = pair.split_once(' ').unwrap_or((pair, ""));
        let bytes = STANDARD.decode(encoded.trim());
        let bytes = bytes.map_err(|_| wrong("not all values are base64"))?;
        let text = String::from_utf8(bytes).map_err(|_| wrong("not all values are UTF-8"))?;
        if words.insert(word.to_owned(), text).is_some() {
            return Err(wrong("a word is there twice"));
        }
        if words.len() > MAX_WORDS {
            return Err(wrong("it has too many words"));
        }
    }
    Ok(words)
}

fn wrong(why: &str) -> Problem {
    Problem::bad_request(format!("Upload-Metadata makes no sense: {why}."))
}

#[cfg(test)]
mod tests {
    use super::read;
    use base64::Engine;
    use base64::engine::general_purpose::STANDARD;
    use model::rights::Visibility;

    fn header(pairs: &[(&str, &str)]) -> String {
        let pairs = pairs
            .iter()
            .map(|(word, text)| format!("{word} {}", STANDARD.encode(text)));
        pairs.collect::<Vec<_>>().join(",")
    }

    #[test]
    fn what_is_said_is_understood() {
        let new = read(&header(&[
            ("filename", "Ä b.mp4"),
            ("title", " The\u{7} sea "),
            ("description", "Two\nlines"),
            ("visibility", "only_me"),
            ("filetype", "video/mp4"),
        ]))
        .unwrap();
        assert_eq!(new.file_name, "Ä b.mp4");
        assert_eq!(new.details.name.as_deref(), Some("The sea"));
        assert_eq!(new.details.description.as_deref(), Some("Two\nlines"));
        assert_eq!(new.details.visibility, Visibility::OnlyMe);
        assert_eq!(read("").unwrap().metadata, None);
        assert!(read("is_confidential").is_ok(), "a word may stand alone");
    }

    #[test]
    fn nonsense_is_refused() {
        let many: Vec<String> = (0..1_000).map(|index| format!("w{index} YQ==")).collect();
        for text in [
            "filename ???".to_owned(),
            "filename /////w".to_owned(),
            "filename //79".to_owned(),
            header(&[("title", "a"), ("title", "b")]),
            header(&[("visibility", "nobody")]),
            many.join(","),
            format!("filename {}", "YQ==".repeat(4_000)),
        ] {
            let start: String = text.chars().take(40).collect();
            assert!(read(&text).is_err(), "{start} was let through");
        }
    }
}
