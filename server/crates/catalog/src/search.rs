//! What people type into the search box, as the full-text index takes it. A pure rule; it is the
//! only place where such text becomes part of an expression.

use model::error::{Error, ErrorKind, Result};

/// The longest text to search for, in characters.
const MAX_TEXT_CHARS: usize = 200;
/// More words do not make a title easier to find.
const MAX_WORDS: usize = 16;

/// Finds nothing.
const NOTHING: &str = "\"\"";

/// The expression that finds titles with every word of `text`, or words that begin so; `None` if
/// there is nothing to search for.
///
/// Each word becomes a string of the index's language, in which only the quotation mark means
/// something. What is between letters and digits parts words there as it does in names, so
/// `snake_case` is found by itself, and by `snake`.
///
/// # Errors
/// `InvalidInput` if the text is longer than 200 characters.
pub(crate) fn expression(text: Option<&str>) -> Result<Option<String>> {
    let text = text.unwrap_or_default().trim();
    if text.chars().nth(MAX_TEXT_CHARS).is_some() {
        let message = format!("search for {MAX_TEXT_CHARS} characters at most");
        return Err(Error::new(ErrorKind::InvalidInput, message));
    }
    let is_empty = text.is_empty();
    let plain = |character: char| {
        if character.is_control() || character == '"' {
            ' '
        } else {
            character
        }
    };
    let text: String = text.chars().map(plain).collect();
    let words: Vec<String> = text
        .split_whitespace()
        .take(MAX_WORDS)
        .map(|word| format!("\"{word}\"*"))
        .collect();
    Ok(match words.as_slice() {
        _ if is_empty => None,
        [] => Some(NOTHING.to_owned()),
        words => Some(words.join(" ")),
    })
}

#[cfg(test)]
mod tests {
    use super::expression;

    #[test]
    fn every_word_is_a_quoted_beginning() {
        for (text, expected) in [
            ("", None),
            ("  ", None),
            ("\"\"", Some("\"\"")),
            ("\0", Some("\"\"")),
            ("alps", Some("\"alps\"*")),
            ("a OR b", Some("\"a\"* \"OR\"* \"b\"*")),
            ("name:x*", Some("\"name:x*\"*")),
            ("x\" OR \"y", Some("\"x\"* \"OR\"* \"y\"*")),
            ("a\0b", Some("\"a\"* \"b\"*")),
        ] {
            let found = expression(Some(text)).unwrap();
            assert_eq!(found.as_deref(), expected, "for {text:?}");
        }
        assert_eq!(expression(None).unwrap(), None);
        assert!(expression(Some(&"ä".repeat(201))).is_err());
    }
}
