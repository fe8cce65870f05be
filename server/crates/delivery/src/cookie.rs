//! The cookie that says which browser this is. It carries a secret and nothing else.

use axum::http::{HeaderMap, HeaderValue, header};
use std::time::Duration;

use crate::origin::Way;
use crate::secret::{LONGEST_BYTES, Secret};

/// Its name. Cookies are not kept apart by port, so it must not be anybody else's.
const NAME: &str = "homereel_session";

/// The secrets that a browser sent under the name; more than one if somebody planted another.
pub(crate) fn secrets(headers: &HeaderMap) -> impl Iterator<Item = &str> {
    headers
        .get_all(header::COOKIE)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|pairs| pairs.split(';'))
        .filter_map(|pair| pair.trim().split_once('='))
        .filter(|(name, value)| *name == NAME && !value.is_empty() && value.len() <= LONGEST_BYTES)
        .map(|(_, value)| value)
        .take(2)
}

/// Makes a browser remember `secret` for `lifetime`.
pub(crate) fn set(secret: &Secret, lifetime: Duration, way: Way) -> HeaderValue {
    spelled(secret.reveal(), lifetime, way)
}

/// Makes a browser forget it.
pub(crate) fn forget(way: Way) -> HeaderValue {
    spelled("", Duration::ZERO, way)
}

/// Where the way was encrypted, the browser must not send it over any other.
fn spelled(value: &str, lifetime: Duration, way: Way) -> HeaderValue {
    let seconds = lifetime.as_secs();
    let secure = if way.encrypted { "; Secure" } else { "" };
    let text = format!("{NAME}={value}; Path=/; Max-Age={seconds}; HttpOnly; SameSite=Lax{secure}");
    // Letters and digits always make a header.
    HeaderValue::try_from(text).unwrap_or_else(|_| HeaderValue::from_static(""))
}

#[cfg(test)]
mod tests {
    use super::{forget, secrets, set};
    use crate::origin::Way;
    use crate::secret::Secret;
    use axum::http::{HeaderMap, HeaderValue, header};
    use std::time::Duration;

    #[test]
    fn the_secret_is_found_among_other_cookies() {
        for (sent, expected) in [
            ("homereel_session=abc", vec!["abc"]),
            ("theme=dark; homereel_session=abc;x=y", vec!["abc"]),
            (
                "homereel_session=a; homereel_session=b; homereel_session=c",
                vec!["a", "b"],
            ),
            ("xhomereel_session=abc", vec![]),
            ("homereel_session=", vec![]),
            ("homereel_session", vec![]),
            ("", vec![]),
        ] {
            let mut headers = HeaderMap::new();
            headers.insert(header::COOKIE, HeaderValue::from_str(sent).unwrap());
            assert_eq!(secrets(&headers).collect::<Vec<_>>(), expected, "{sent}");
        }
        let mut headers = HeaderMap::new();
        let huge = format!("homereel_session={}", "x".repeat(65_536));
        headers.insert(header::COOKIE, HeaderValue::from_str(&huge).unwrap());
        assert_eq!(secrets(&headers).count(), 0, "nothing of ours is so long");
    }

    #[test]
    fn scripts_and_other_sites_do_not_get_it() {
        let secret = Secret::long("").unwrap();
        let way = |encrypted| Way {
            encrypted,
            ..Way::of(None, &HeaderMap::new(), &[])
        };
        let header = set(&secret, Duration::from_secs(60), way(false));
        let text = header.to_str().unwrap();
        for part in [
            "Path=/",
            "Max-Age=60",
            "HttpOnly",
            "SameSite=Lax",
            secret.reveal(),
        ] {
            assert!(text.contains(part), "{text} lacks {part}");
        }
        assert!(!text.contains("Secure"), "plain HTTP would not keep it");
        let encrypted = set(&secret, Duration::from_secs(60), way(true));
        assert!(encrypted.to_str().unwrap().ends_with("; Secure"));
        let forgotten = forget(way(false));
        assert!(forgotten.to_str().unwrap().contains("=; Path=/; Max-Age=0"));
    }
}
