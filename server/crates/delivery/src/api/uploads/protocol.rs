//! The tus protocol's headers (<https://tus.io/protocols/resumable-upload>, version 1.0.0), read
//! and written. What does not belong here: what requests do.

use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use model::clock::WallTime;
use model::upload::{Checksum, ChecksumKind, Upload, UploadState};

use crate::problem::Problem;
use crate::rfc3339;

pub(crate) const RESUMABLE: HeaderName = HeaderName::from_static("tus-resumable");
const VERSION: HeaderName = HeaderName::from_static("tus-version");
const EXTENSION: HeaderName = HeaderName::from_static("tus-extension");
const MAX_SIZE: HeaderName = HeaderName::from_static("tus-max-size");
const ALGORITHMS: HeaderName = HeaderName::from_static("tus-checksum-algorithm");
pub(crate) const OFFSET: HeaderName = HeaderName::from_static("upload-offset");
pub(crate) const LENGTH: HeaderName = HeaderName::from_static("upload-length");
pub(crate) const DEFER: HeaderName = HeaderName::from_static("upload-defer-length");
const EXPIRES: HeaderName = HeaderName::from_static("upload-expires");
pub(crate) const METADATA: HeaderName = HeaderName::from_static("upload-metadata");
pub(crate) const CHECKSUM: HeaderName = HeaderName::from_static("upload-checksum");
pub(crate) const OVERRIDE: HeaderName = HeaderName::from_static("x-http-method-override");

/// The only version there is.
const SPOKEN: &str = "1.0.0";
const EXTENSIONS: &str = "creation,creation-defer-length,termination,checksum,expiration";
const BODY: &str = "application/offset+octet-stream";
/// Checksum Mismatch, as the protocol has it.
const MISMATCH: u16 = 460;

/// Refuses other versions of the protocol.
pub(crate) fn check_version(headers: &HeaderMap) -> Result<(), Problem> {
    if one(headers, &RESUMABLE)? == Some(SPOKEN) {
        return Ok(());
    }
    Err(Problem::new(
        StatusCode::PRECONDITION_FAILED,
        "This server speaks version 1.0.0 of the tus protocol. Say so in Tus-Resumable.",
    ))
}

/// Refuses bodies that are not bytes of an upload.
pub(crate) fn check_kind(headers: &HeaderMap) -> Result<(), Problem> {
    if one(headers, &header::CONTENT_TYPE)? == Some(BODY) {
        return Ok(());
    }
    Err(Problem::new(
        StatusCode::UNSUPPORTED_MEDIA_TYPE,
        "Send the bytes as application/offset+octet-stream.",
    ))
}

/// The one value of a header.
pub(crate) fn one<'a>(
    headers: &'a HeaderMap,
    name: &HeaderName,
) -> Result<Option<&'a str>, Problem> {
    let mut values = headers.get_all(name).iter();
    match (values.next().map(HeaderValue::to_str), values.next()) {
        (None, _) => Ok(None),
        (Some(Ok(text)), None) => Ok(Some(text)),
        _ => Err(wrong(name)),
    }
}

/// A number of bytes: digits and nothing else.
pub(crate) fn number(headers: &HeaderMap, name: &HeaderName) -> Result<Option<u64>, Problem> {
    let Some(text) = one(headers, name)? else {
        return Ok(None);
    };
    let is_plain = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    // The largest number that every client can count to.
    let number = text
        .parse()
        .ok()
        .filter(|it| *it <= i64::MAX.unsigned_abs());
    number
        .filter(|_| is_plain)
        .map_or_else(|| Err(wrong(name)), |it| Ok(Some(it)))
}

/// What the bytes must hash to.
pub(crate) fn checksum(headers: &HeaderMap) -> Result<Option<Checksum>, Problem> {
    let Some(text) = one(headers, &CHECKSUM)? else {
        return Ok(None);
    };
    let (kind, encoded) = text.split_once(' ').ok_or_else(|| wrong(&CHECKSUM))?;
    let (kind, length) = match kind {
        "sha1" => (ChecksumKind::Sha1, 20),
        "sha256" => (ChecksumKind::Sha256, 32),
        _ => {
            return Err(Problem::bad_request(
                "Checksums can be sha1 or sha256, no other.",
            ));
        }
    };
    let digest = STANDARD.decode(encoded).ok();
    let digest = digest.filter(|digest| digest.len() == length);
    let digest = digest.ok_or_else(|| wrong(&CHECKSUM))?;
    Ok(Some(Checksum { kind, digest }))
}

fn wrong(name: &HeaderName) -> Problem {
    Problem::bad_request(format!("The header {name} makes no sense."))
}

/// The answer when a checksum does not hold.
pub(crate) fn mismatch() -> Problem {
    let status = StatusCode::from_u16(MISMATCH).unwrap_or(StatusCode::BAD_REQUEST);
    Problem::new(
        status,
        "The bytes are not what their checksum says. None was kept.",
    )
}

/// What this server can do.
pub(crate) fn abilities(most_bytes: u64) -> Response {
    let mut response = StatusCode::NO_CONTENT.into_response();
    let headers = response.headers_mut();
    headers.insert(VERSION, HeaderValue::from_static(SPOKEN));
    headers.insert(EXTENSION, HeaderValue::from_static(EXTENSIONS));
    headers.insert(MAX_SIZE, HeaderValue::from(most_bytes));
    headers.insert(ALGORITHMS, HeaderValue::from_static("sha1,sha256"));
    response
}

/// The headers of every answer, refusals and all.
pub(crate) async fn speak(mut response: Response) -> Response {
    let refused_version = response.status() == StatusCode::PRECONDITION_FAILED;
    let headers = response.headers_mut();
    headers.insert(RESUMABLE, HeaderValue::from_static(SPOKEN));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    if refused_version {
        headers.insert(VERSION, HeaderValue::from_static(SPOKEN));
    }
    response
}

/// Adds how far the upload has come.
pub(crate) fn describe(mut response: Response, upload: &Upload) -> Response {
    let headers = response.headers_mut();
    headers.insert(OFFSET, HeaderValue::from(upload.offset_bytes));
    match upload.length_bytes {
        Some(length_bytes) => headers.insert(LENGTH, HeaderValue::from(length_bytes)),
        None => headers.insert(DEFER, HeaderValue::from(1)),
    };
    let metadata = upload.metadata.as_deref().map(HeaderValue::from_str);
    if let Some(Ok(metadata)) = metadata {
        headers.insert(METADATA, metadata);
    }
    let expires = HeaderValue::from_str(&http_date(upload.expires_at));
    if let (UploadState::Receiving, Ok(expires)) = (&upload.state, expires) {
        headers.insert(EXPIRES, expires);
    }
    response
}

/// `Sun, 23 Nov 2025 19:40:00 GMT` (RFC 9110 §5.6.7).
fn http_date(time: WallTime) -> String {
    const MONTHS: [&str; 12] = [
        "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
    ];
    const DAYS: [&str; 7] = ["Thu", "Fri", "Sat", "Sun", "Mon", "Tue", "Wed"];
    let text = rfc3339::format(time);
    let part = |from: usize, to: usize| text.get(from..to).unwrap_or_default();
    let month: usize = part(5, 7).parse().unwrap_or(1);
    let month = MONTHS.get(month - 1).copied().unwrap_or_default();
    let weekday = time.0.div_euclid(86_400_000).rem_euclid(7);
    let weekday = usize::try_from(weekday).ok().and_then(|day| DAYS.get(day));
    let (day, year, clock) = (part(8, 10), part(0, 4), part(11, 19));
    let weekday = weekday.copied().unwrap_or_default();
    format!("{weekday}, {day} {month} {year} {clock} GMT")
}

#[cfg(test)]
mod tests {
    use super::{CHECKSUM, LENGTH, checksum, http_date, number};
    use axum::http::{HeaderMap, HeaderValue};
    use model::clock::WallTime;

    fn with(name: axum::http::HeaderName, values: &[&str]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for value in values {
            headers.append(name.clone(), HeaderValue::from_str(value).unwrap());
        }
        headers
    }

    #[test]
    fn a_length_is_digits_and_nothing_else() {
        for text in [
            "-1",
            "-0",
            "+5",
            "1e3",
            "0x10",
            " 5",
            "18446744073709551616",
            "",
            "9223372036854775808",
        ] {
            assert!(number(&with(LENGTH, &[text]), &LENGTH).is_err(), "{text:?}");
        }
        assert!(number(&with(LENGTH, &["5", "5"]), &LENGTH).is_err());
        assert_eq!(number(&with(LENGTH, &["0"]), &LENGTH).unwrap(), Some(0));
        assert_eq!(number(&HeaderMap::new(), &LENGTH).unwrap(), None);
    }

    #[test]
    fn a_checksum_has_a_known_kind_and_its_length() {
        let good = "sha1 Lve95gjOVATpfV8EL5X4nxwjKHE=";
        assert!(checksum(&with(CHECKSUM, &[good])).unwrap().is_some());
        for text in [
            "md5 AAAA",
            "sha1",
            "sha1 Lve95gjOVATpfV8EL5X4",
            "sha256 Lve95gjOVATpfV8EL5X4nxwjKHE=",
            "sha1 ???",
        ] {
            assert!(checksum(&with(CHECKSUM, &[text])).is_err(), "{text}");
        }
    }

    #[test]
    fn dates_are_those_of_http() {
        let time = WallTime(1_763_926_800_000);
        assert_eq!(http_date(time), "Sun, 23 Nov 2025 19:40:00 GMT");
        assert_eq!(http_date(WallTime(0)), "Thu, 01 Jan 1970 00:00:00 GMT");
    }
}
