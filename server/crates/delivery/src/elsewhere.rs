//! Where players fetch pieces without us: from the public address in front of a bucket, if the owner
//! gave one, and only what anyone may watch. Pure rules; what does not belong here: the pieces that
//! we send ourselves (`segments`).

use model::rights::{Audience, Visibility};
use model::segment::StoredPiece;
use model::settings::{Place, Settings};
use model::title::Title;

/// Whether anyone at all may watch `title`.
pub(crate) fn is_public(settings: &Settings, title: &Title) -> bool {
    title.visibility == Visibility::Everyone && settings.audience == Audience::Anyone
}

/// The public address of `stored`, unless we send it ourselves.
pub(crate) fn address(settings: &Settings, title: &Title, stored: &StoredPiece) -> Option<String> {
    if !is_public(settings, title) || stored.place != Place::Bucket {
        return None;
    }
    let bucket = settings.bucket.as_ref()?;
    let base = usable(bucket.public_base_url.as_deref()?)?;
    Some(match bucket.prefix.trim_matches('/') {
        "" => format!("{base}/{}", stored.key),
        prefix => format!("{base}/{prefix}/{}", stored.key),
    })
}

/// What pages must be allowed to connect to besides ourselves, such as `https://cdn.example.org`.
pub(crate) fn origin(settings: &Settings) -> Option<&str> {
    let base = usable(settings.bucket.as_ref()?.public_base_url.as_deref()?)?;
    let host = base.find("://")? + 3;
    let end = base[host..]
        .find('/')
        .map_or(base.len(), |path| host + path);
    Some(&base[..end])
}

/// An address that can stand in a header, without its last slash.
fn usable(typed: &str) -> Option<&str> {
    let base = typed.trim().trim_end_matches('/');
    let rest = base
        .strip_prefix("https://")
        .or_else(|| base.strip_prefix("http://"))?;
    let usual = |letter: char| letter.is_ascii_alphanumeric() || "-._~/:[]%".contains(letter);
    (!rest.is_empty() && !rest.starts_with('/') && rest.chars().all(usual)).then_some(base)
}

#[cfg(test)]
mod tests {
    use super::{origin, usable};
    use model::settings::{Bucket, Settings};

    #[test]
    fn only_a_plain_address_is_used() {
        for (typed, expected) in [
            (
                "https://cdn.example.org/films/",
                Some("https://cdn.example.org/films"),
            ),
            ("http://10.0.0.2:8080", Some("http://10.0.0.2:8080")),
            ("cdn.example.org", None),
            ("https://", None),
            ("https:///films", None),
            ("javascript://x", None),
            ("https://a; script-src *", None),
            ("https://a?x=1", None),
            ("https://me@a", None),
        ] {
            assert_eq!(usable(typed), expected, "{typed:?}");
        }
    }

    #[test]
    fn the_origin_is_the_address_without_its_path() {
        for (typed, expected) in [
            (
                "https://cdn.example.org/films/",
                Some("https://cdn.example.org"),
            ),
            ("http://10.0.0.2:8080", Some("http://10.0.0.2:8080")),
            ("nonsense", None),
        ] {
            let bucket = Bucket {
                endpoint: "http://nas".into(),
                name: "films".into(),
                region: String::new(),
                access_key: String::new(),
                secret_key: String::new(),
                path_style: true,
                prefix: String::new(),
                public_base_url: Some(typed.into()),
            };
            let settings = Settings {
                bucket: Some(bucket),
                ..Settings::default()
            };
            assert_eq!(origin(&settings), expected, "{typed:?}");
        }
    }
}
