//! Built files by name. Names carry a hash of the content, so a file never changes under its name.

use std::borrow::Cow;
use std::collections::HashMap;
use std::sync::LazyLock;

use rust_embed::{Embed, EmbeddedFile};

/// What `npm run build` made.
#[derive(Embed)]
#[folder = "dist/"]
struct Dist;

/// A file to be served below `/assets/`.
#[derive(Clone, Debug)]
pub struct Asset {
    /// Its content.
    pub bytes: Cow<'static, [u8]>,
    /// Media type, with the character set where that matters.
    pub content_type: &'static str,
    /// A weak entity tag with its quotes; weak because the answer may be compressed on the way.
    pub etag: String,
    /// The name is bound to this content for ever.
    pub immutable: bool,
}

/// Plain names to names with a hash, as the build wrote them.
static MANIFEST: LazyLock<HashMap<String, String>> = LazyLock::new(|| {
    Dist::get("manifest.json")
        .and_then(|file| serde_json::from_slice(&file.data).ok())
        .unwrap_or_default()
});

/// The built file with exactly this name, such as `main-3K2JX5VA.css`.
pub fn find(name: &str) -> Option<Asset> {
    // The manifest and the icon sprite are for this crate, not for browsers.
    let content_type = content_type(name)?;
    let file = Dist::get(name)?;
    Some(Asset {
        etag: etag(&file),
        bytes: file.data,
        content_type,
        immutable: has_hash(name),
    })
}

/// Where a browser finds the file that the build knows by the plain name `name`.
pub fn url(name: &str) -> Option<String> {
    let hashed = MANIFEST.get(name)?;
    Some(format!("/assets/{hashed}"))
}

/// Every icon as a symbol, for the top of a page.
pub(crate) fn icon_sprite() -> String {
    Dist::get("icons.svg")
        .map(|file| String::from_utf8_lossy(&file.data).into_owned())
        .unwrap_or_default()
}

/// The media types of what the build produces; anything else is not for browsers.
fn content_type(name: &str) -> Option<&'static str> {
    match name.rsplit_once('.')? {
        ("icons", "svg") => None,
        (_, "css") => Some("text/css; charset=utf-8"),
        (_, "js") => Some("text/javascript; charset=utf-8"),
        (_, "svg") => Some("image/svg+xml"),
        (_, "woff2") => Some("font/woff2"),
        _ => None,
    }
}

fn etag(file: &EmbeddedFile) -> String {
    let hash = file.metadata.sha256_hash();
    let hex: String = hash[..16]
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect();
    format!("W/\"{hex}\"")
}

/// `name-XXXXXXXX.ext`, as both the bundler and the build script write it.
fn has_hash(name: &str) -> bool {
    name.rsplit_once('.')
        .and_then(|(stem, _)| stem.rsplit_once('-'))
        .is_some_and(|(_, hash)| {
            hash.len() == 8 && hash.bytes().all(|byte| byte.is_ascii_alphanumeric())
        })
}

#[cfg(test)]
mod tests {
    use super::{find, url};

    #[test]
    fn every_file_a_page_names_is_there_for_ever() {
        for name in ["main.css", "library.js", "watch.js", "favicon.svg"] {
            let url = url(name).unwrap_or_default();
            let file = url.strip_prefix("/assets/").and_then(find);
            let file = file.unwrap_or_else(|| panic!("{name} is missing from the build"));
            assert!(
                file.immutable,
                "{name} carries a hash, so it may be cached for ever"
            );
            assert!(!file.bytes.is_empty(), "{name} has content");
        }
    }

    #[test]
    fn only_what_browsers_need_is_served() {
        for name in [
            "manifest.json",
            "icons.svg",
            "../Cargo.toml",
            "..%2fCargo.toml",
            "/etc/passwd",
            "",
            ".",
            "main.css",
        ] {
            assert!(find(name).is_none(), "{name:?} must not be served");
        }
    }
}
