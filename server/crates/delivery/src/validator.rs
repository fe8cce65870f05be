//! Conditional requests: `If-None-Match` against an entity tag (RFC 9110 §13.1.2).

use axum::http::{HeaderMap, header};

/// Whether the client already has the version that `etag` (with its quotes) names. Compared
/// weakly, as the standard asks for this header.
pub(crate) fn is_current(headers: &HeaderMap, etag: &str) -> bool {
    headers
        .get_all(header::IF_NONE_MATCH)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|list| list.split(','))
        .map(str::trim)
        .any(|tag| tag == "*" || strong(tag) == strong(etag))
}

fn strong(tag: &str) -> &str {
    tag.strip_prefix("W/").unwrap_or(tag)
}

#[cfg(test)]
mod tests {
    use super::is_current;
    use axum::http::{HeaderMap, HeaderValue, header};

    #[test]
    fn a_known_version_is_recognised_in_any_spelling() {
        for (sent, expected) in [
            ("\"a\"", true),
            ("W/\"a\"", true),
            ("\"b\", \"a\"", true),
            ("*", true),
            ("\"b\"", false),
            ("a", false),
            ("", false),
        ] {
            let mut headers = HeaderMap::new();
            headers.insert(header::IF_NONE_MATCH, HeaderValue::from_str(sent).unwrap());
            assert_eq!(is_current(&headers, "\"a\""), expected, "{sent:?}");
        }
        assert!(!is_current(&HeaderMap::new(), "\"a\""), "nothing was sent");
    }
}
