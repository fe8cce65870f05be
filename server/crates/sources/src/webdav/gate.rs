//! What a request must be before it reaches the protocol's library, which is more trusting than
//! we are. Pure.

use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, Uri, header};
use xml::reader::{EventReader, XmlEvent};

/// Longest header that names another place, in bytes.
const DESTINATION_BYTES: usize = 8 * 1024;
/// Deepest nesting of a body; no honest client comes near it.
const XML_DEPTH: usize = 32;
const DEPTH: HeaderName = HeaderName::from_static("depth");
const DESTINATION: HeaderName = HeaderName::from_static("destination");

/// Refuses what we do not take, and removes what must not be believed.
///
/// # Errors
/// The status of the refusal.
pub(crate) fn check(method: &Method, headers: &mut HeaderMap) -> Result<(), StatusCode> {
    // Testers get no depth that nobody else gets.
    headers.remove("x-litmus");
    headers.remove("x-litmus-second");
    // A guess of the Finder's; the library would cut a file off where it is too low.
    headers.remove("x-expected-entity-length");
    if headers.contains_key(header::CONTENT_RANGE) {
        return Err(StatusCode::NOT_IMPLEMENTED);
    }
    match method.as_str() {
        "PATCH" => Err(StatusCode::METHOD_NOT_ALLOWED),
        "PROPFIND" => check_depth(headers),
        "COPY" | "MOVE" => check_destination(headers),
        _ => Ok(()),
    }
}

/// The library reads a missing depth as one that leaves the thing itself out.
fn check_depth(headers: &mut HeaderMap) -> Result<(), StatusCode> {
    match headers.get(DEPTH).map(HeaderValue::as_bytes) {
        Some(b"0" | b"1") => Ok(()),
        // RFC 4918 §9.1: a server may refuse to look at everything at once.
        Some(b"infinity" | b"Infinity") => Ok(()),
        None => {
            headers.insert(DEPTH, HeaderValue::from_static("1"));
            Ok(())
        }
        Some(_) => Err(StatusCode::BAD_REQUEST),
    }
}

/// There is one place to go to, and it is on this server.
fn check_destination(headers: &HeaderMap) -> Result<(), StatusCode> {
    let mut values = headers.get_all(DESTINATION).iter();
    let (Some(value), None) = (values.next(), values.next()) else {
        return Err(StatusCode::BAD_REQUEST);
    };
    let text = value.to_str().map_err(|_| StatusCode::BAD_REQUEST)?;
    if text.len() > DESTINATION_BYTES || text.starts_with("//") {
        return Err(StatusCode::BAD_REQUEST);
    }
    let uri: Uri = text.parse().map_err(|_| StatusCode::BAD_REQUEST)?;
    if text.starts_with('/') {
        return Ok(());
    }
    let (Some(authority), Some(scheme)) = (uri.authority(), uri.scheme_str()) else {
        return Err(StatusCode::BAD_REQUEST);
    };
    let host = headers
        .get(header::HOST)
        .and_then(|host| host.to_str().ok());
    let is_web = matches!(scheme, "http" | "https");
    let is_ours = host.is_some_and(|host| authority.as_str().eq_ignore_ascii_case(host));
    if is_web && is_ours {
        Ok(())
    } else {
        // RFC 4918 §9.8.5: another server.
        Err(StatusCode::BAD_GATEWAY)
    }
}

/// The path of the place to go to, once it was checked.
pub(crate) fn destination(headers: &HeaderMap) -> Option<String> {
    let text = headers.get(DESTINATION)?.to_str().ok()?;
    let uri: Uri = text.parse().ok()?;
    Some(uri.path().to_owned())
}

/// Whether XML is what honest clients send: no document type, no great depth. It keeps a parser
/// that calls itself from running out of stack, and entities from growing.
pub(crate) fn is_harmless(xml: &[u8]) -> bool {
    if xml.contains(&0) || find(xml, b"<!DOCTYPE") || find(xml, b"<!ENTITY") {
        return false;
    }
    is_shallow(xml)
}

/// The library's own tokenizer counts, which does not call itself: what it takes for a tag is one.
fn is_shallow(xml: &[u8]) -> bool {
    let mut depth = 0_usize;
    for event in EventReader::new(xml) {
        match event {
            Ok(XmlEvent::StartElement { .. }) => depth += 1,
            Ok(XmlEvent::EndElement { .. }) => depth = depth.saturating_sub(1),
            Ok(_) => {}
            // The library comes no further than this either, and says so.
            Err(_) => return true,
        }
        if depth > XML_DEPTH {
            return false;
        }
    }
    true
}

fn find(text: &[u8], word: &[u8]) -> bool {
    text.windows(word.len())
        .any(|window| window.eq_ignore_ascii_case(word))
}

#[cfg(test)]
mod tests {
    use super::{check, is_harmless};
    use http::{HeaderMap, HeaderName, HeaderValue, Method};

    fn refusal(method: &str, headers: &[(&'static str, &str)]) -> u16 {
        let mut map = HeaderMap::new();
        for (name, value) in headers {
            let value = HeaderValue::from_str(value).unwrap();
            map.append(HeaderName::from_static(name), value);
        }
        let method = Method::from_bytes(method.as_bytes()).unwrap();
        check(&method, &mut map).map_or_else(|status| status.as_u16(), |()| 0)
    }

    #[test]
    fn a_film_is_moved_on_this_server_only() {
        let host = ("host", "nas.local:8096");
        for (destination, expected) in [
            ("http://nas.local:8096/dav/b", 0),
            ("http://NAS.local:8096/dav/b", 0),
            ("/dav/b", 0),
            ("http://evil.example/dav/b", 502),
            ("http://nas.local/dav/b", 502),
            ("ftp://nas.local:8096/dav/b", 502),
            ("//evil.example/dav/b", 400),
            ("b", 400),
            ("", 400),
        ] {
            let found = refusal("MOVE", &[host, ("destination", destination)]);
            assert_eq!(found, expected, "{destination:?}");
        }
        assert_eq!(refusal("COPY", &[host]), 400, "nowhere");
        let twice = [("destination", "/dav/a"), ("destination", "/dav/b")];
        assert_eq!(refusal("MOVE", &twice), 400);
        let long = format!("/dav/{}", "x".repeat(64 * 1024));
        assert_eq!(refusal("MOVE", &[("destination", &long)]), 400);
    }

    #[test]
    fn parts_of_files_and_odd_depths_are_refused() {
        assert_eq!(refusal("PUT", &[("content-range", "bytes 1-2/*")]), 501);
        assert_eq!(refusal("PATCH", &[]), 405);
        for (depth, expected) in [("0", 0), ("1", 0), ("2", 400), ("-1", 400)] {
            assert_eq!(refusal("PROPFIND", &[("depth", depth)]), expected);
        }
    }

    #[test]
    fn xml_that_would_hurt_is_told_from_xml_that_asks() {
        let nested = |depth: usize| "<a>".repeat(depth);
        for (xml, expected) in [
            ("<propfind xmlns='DAV:'><prop><x/></prop></propfind>", true),
            ("<?xml version='1.0'?><!-- x --><a/>", true),
            ("<!DOCTYPE x [<!ENTITY a 'b'>]><a>&a;</a>", false),
            ("<!doctype x><a/>", false),
            (&nested(20_000), false),
            (&format!("<x>{}</x>", "<a/>".repeat(10_000)), true),
            // Nothing but tags counts: these looked like ends of elements that were never begun.
            (&"<a>/></a x='/>'".repeat(5_000), true),
            (&"<a x='/>'>".repeat(5_000), false),
            (&"<a>/>".repeat(5_000), false),
            (&"<a><!--</a>-->".repeat(5_000), false),
            (&"<a><![CDATA[</a>]]>".repeat(3_000), false),
        ] {
            let start: String = xml.chars().take(30).collect();
            assert_eq!(is_harmless(xml.as_bytes()), expected, "{start}");
        }
    }
}
