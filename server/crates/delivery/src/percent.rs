//! Text as it stands in addresses and in the parameters of headers.

/// Everything but unreserved characters as `%XX` (RFC 3986 §2.3). They are all among the
/// `attr-char`s of RFC 8187 as well.
pub(crate) fn encoded(text: &str) -> String {
    text.bytes()
        .map(|byte| match byte {
            b'-' | b'.' | b'_' | b'~' => char::from(byte).to_string(),
            byte if byte.is_ascii_alphanumeric() => char::from(byte).to_string(),
            byte => format!("%{byte:02X}"),
        })
        .collect()
}
