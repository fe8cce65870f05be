//! `Range` requests (RFC 9110 §14): one part or the whole, never several parts at once.

use std::ops::Range;

use axum::http::{HeaderMap, header};

/// What part of an object a client wants.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Wanted {
    /// All of it: no range was asked for, or one that we need not understand.
    Whole,
    /// These bytes, at least one, inside the object.
    Part(Range<u64>),
    /// Bytes that the object does not have.
    Nothing,
}

/// Reads the `Range` header for an object of `size_bytes` with the entity tag `etag`. Headers that
/// are malformed, name several ranges or another unit are ignored, as the standard allows.
pub(crate) fn wanted(headers: &HeaderMap, size_bytes: u64, etag: &str) -> Wanted {
    let mut ranges = headers.get_all(header::RANGE).iter();
    let (Some(range), None) = (ranges.next(), ranges.next()) else {
        return Wanted::Whole;
    };
    // With another version in hand a client must not be given the middle of this one.
    let same_version = headers
        .get(header::IF_RANGE)
        .is_none_or(|validator| validator.as_bytes() == etag.as_bytes());
    let spec = range
        .to_str()
        .ok()
        .and_then(|text| text.strip_prefix("bytes="));
    match spec.filter(|_| same_version).and_then(parse) {
        Some(spec) => spec.within(size_bytes),
        None => Wanted::Whole,
    }
}

/// A range as it is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Spec {
    /// `first-last` or `first-`.
    From { first: u64, last: Option<u64> },
    /// `-length`: the end of the object.
    Last { length: u64 },
}

fn parse(spec: &str) -> Option<Spec> {
    let (first, last) = spec.trim().split_once('-')?;
    match (first, last) {
        ("", length) => Some(Spec::Last {
            length: number(length)?,
        }),
        (first, "") => Some(Spec::From {
            first: number(first)?,
            last: None,
        }),
        (first, last) => {
            let (first, last) = (number(first)?, number(last)?);
            (first <= last).then_some(Spec::From {
                first,
                last: Some(last),
            })
        }
    }
}

/// Digits only; a number too large to count is as far as any number goes.
fn number(digits: &str) -> Option<u64> {
    let only_digits = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
    only_digits.then(|| digits.parse().unwrap_or(u64::MAX))
}

impl Spec {
    fn within(self, size_bytes: u64) -> Wanted {
        let range = match self {
            Self::From { first, last } => {
                let end = last.map_or(size_bytes, |last| last.saturating_add(1).min(size_bytes));
                first..end
            }
            Self::Last { length } => size_bytes.saturating_sub(length)..size_bytes,
        };
        if range.is_empty() {
            Wanted::Nothing
        } else {
            Wanted::Part(range)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Wanted, wanted};
    use axum::http::{HeaderMap, HeaderValue, header};

    fn ask(range: &str) -> Wanted {
        let mut headers = HeaderMap::new();
        headers.insert(header::RANGE, HeaderValue::from_str(range).unwrap());
        wanted(&headers, 100, "\"a\"")
    }

    #[test]
    fn one_part_is_given_and_cut_to_the_object() {
        for (range, expected) in [
            ("bytes=0-0", 0..1),
            ("bytes=10-19", 10..20),
            ("bytes=90-", 90..100),
            ("bytes=90-1000", 90..100),
            ("bytes=-10", 90..100),
            ("bytes=-1000", 0..100),
            ("bytes=0-18446744073709551615", 0..100),
            ("bytes=0-99999999999999999999999", 0..100),
        ] {
            assert_eq!(ask(range), Wanted::Part(expected), "{range}");
        }
    }

    #[test]
    fn what_lies_outside_is_refused() {
        for range in ["bytes=100-", "bytes=-0", "bytes=18446744073709551615-"] {
            assert_eq!(ask(range), Wanted::Nothing, "{range}");
        }
    }

    #[test]
    fn what_makes_no_sense_is_ignored() {
        for range in [
            "bytes=5-2",
            "bytes=0-0,1-1",
            "bytes=",
            "bytes=a-b",
            "bytes=-",
            "bytes=+1-2",
            "lines=0-1",
            "0-1",
        ] {
            assert_eq!(ask(range), Wanted::Whole, "{range}");
        }
    }

    #[test]
    fn another_version_is_given_whole() {
        let mut headers = HeaderMap::new();
        headers.insert(header::RANGE, HeaderValue::from_static("bytes=0-9"));
        headers.insert(header::IF_RANGE, HeaderValue::from_static("\"old\""));
        assert_eq!(wanted(&headers, 100, "\"new\""), Wanted::Whole);
        assert_eq!(wanted(&headers, 100, "\"old\""), Wanted::Part(0..10));
    }

    #[test]
    fn two_headers_are_no_range() {
        let mut headers = HeaderMap::new();
        headers.append(header::RANGE, HeaderValue::from_static("bytes=0-9"));
        headers.append(header::RANGE, HeaderValue::from_static("bytes=5-9"));
        assert_eq!(wanted(&headers, 100, "\"a\""), Wanted::Whole);
    }
}
