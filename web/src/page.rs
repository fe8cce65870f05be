//! Templates turned into pages. Everything a template prints is escaped for the place it is
//! printed in; only our own icon sprite and names of built files are not.

use std::error::Error;
use std::fmt;
use std::sync::LazyLock;

use minijinja::syntax::SyntaxConfig;
use minijinja::value::{Serde, Value};
use minijinja::{AutoEscape, Environment, UndefinedBehavior};
use rust_embed::Embed;
use serde::Serialize;

use crate::{asset, format};

/// The template sources.
#[derive(Embed)]
#[folder = "templates/"]
struct Templates;

/// A page could not be made: a defect in a template, or a context that does not fit it.
#[derive(Debug)]
pub struct RenderError(minijinja::Error);

impl fmt::Display for RenderError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "rendering a page: {}", self.0)
    }
}

impl Error for RenderError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.0.source()
    }
}

static ENVIRONMENT: LazyLock<Environment<'static>> = LazyLock::new(|| {
    let mut environment = Environment::new();
    environment.set_loader(|name| {
        Ok(Templates::get(name).map(|file| String::from_utf8_lossy(&file.data).into_owned()))
    });
    // Whatever a template is called, it makes HTML.
    environment.set_auto_escape_callback(|_| AutoEscape::Html);
    environment.set_undefined_behavior(UndefinedBehavior::SemiStrict);
    if let Ok(syntax) = SyntaxConfig::builder()
        .trim_blocks(true)
        .lstrip_blocks(true)
        .build()
    {
        environment.set_syntax(syntax);
    }
    environment.add_function("asset", |name: &str| {
        Value::from_safe_string(asset::url(name).unwrap_or_default())
    });
    environment.add_function("icon_sprite", || {
        Value::from_safe_string(asset::icon_sprite())
    });
    environment.add_filter("clock", format::clock);
    environment.add_filter("runtime", format::length);
    environment.add_filter("left", format::left);
    environment.add_filter("size", format::size);
    environment.add_filter("percent", format::percent);
    environment.add_filter("initials", |name: &str| format::initials(name));
    environment.add_filter("day", |time: &str| format::day(time));
    environment
});

/// The template `name` filled with `context`.
pub fn render(name: &str, context: impl Serialize) -> Result<String, RenderError> {
    ENVIRONMENT
        .get_template(name)
        .and_then(|template| template.render(Serde(context)))
        .map_err(RenderError)
}

#[cfg(test)]
mod tests {
    use super::render;
    use serde_json::{Value, json};

    const HOSTILE: &str = "</script><img src=x onerror=alert(1)>{{7*7}}\u{2028}";

    /// A title as the API describes it, half encoded.
    fn film(name: &str) -> Value {
        json!({
            "id": "01jd0000000000000000000000", "name": name, "state": "playable",
            "reason": null, "added_at": "2025-11-23T10:00:00Z", "duration_s": 5400.0,
            "poster": "/media/x/poster.jpg", "source": {}, "notes": [name], "job": null,
            "progress": { "step": "encoding" },
            "rungs": [{ "name": 360, "ready": 1.0 }, { "name": 480, "ready": 0.5 }],
            "strip": {
                "cells": [{ "start": 0.0, "end": 0.5, "lit": [1.0, 1.0] }, { "start": 0.5, "end": 1.0, "lit": [0.5, 0.0] }],
                "working": 1, "wished": []
            }
        })
    }

    fn library(videos: &[Value]) -> Value {
        json!({
            "query": "", "page": 1, "pages": 1, "total": videos.len(), "videos": videos,
            "arrivals": [], "problems": [], "newer": null, "older": null,
            "folders": [{ "path": "/home/ada/Homereel/Drop", "online": true, "reason": null }]
        })
    }

    #[test]
    fn names_from_files_are_text_everywhere() {
        let pages = [
            render("library.html", library(&[film(HOSTILE)])).unwrap(),
            render("watch.html", json!({ "video": film(HOSTILE) })).unwrap(),
            render(
                "problem.html",
                json!({ "title": HOSTILE, "detail": HOSTILE }),
            )
            .unwrap(),
        ];
        for page in pages {
            assert!(!page.contains("<img src=x"), "a name became markup: {page}");
            assert!(
                page.contains("{{7*7}}"),
                "a name is shown literally: {page}"
            );
            assert!(
                !page.contains("</script><img"),
                "a name left its data block: {page}"
            );
        }
    }

    #[test]
    fn no_page_carries_script_or_style_of_its_own() {
        let page = render("watch.html", json!({ "video": film("Sunday") })).unwrap();
        for forbidden in [
            " style=",
            "<style",
            " onclick",
            "javascript:",
            "http://",
            "https://",
        ] {
            assert!(
                !page.contains(forbidden),
                "the policy forbids {forbidden:?}"
            );
        }
    }

    #[test]
    fn a_card_tells_how_far_it_is() {
        let page = render("library.html", library(&[film("Sunday")])).unwrap();
        assert!(page.contains("still getting sharper"), "{page}");
        assert!(
            page.contains("data-part=\"strip\""),
            "an unfinished title has its strip"
        );
    }

    /// What an admin may set, as the settings page gets it.
    fn settings(words: &str) -> Value {
        json!({
            "version": "0.1.0", "encoding_paused": true,
            "settings": {
                "house_name": words, "audience": "members", "open_sign_up": true,
                "rates": "home", "speed": "fast", "top_rung": 720, "place": "bucket",
                "discoverable": false,
                "bucket": {
                    "endpoint": words, "name": words, "region": words, "access_key": words,
                    "secret_key": "", "path_style": false, "prefix": words,
                    "public_base_url": null
                }
            }
        })
    }

    #[test]
    fn pages_about_work_and_settings_keep_to_the_policy() {
        for name in ["upload.html", "inbox.html", "jobs.html", "settings.html"] {
            let page = render(name, settings(HOSTILE)).unwrap();
            assert!(!page.contains("<img src=x"), "a name became markup: {page}");
            for forbidden in [" style=", "<style", " onclick", "javascript:"] {
                assert!(!page.contains(forbidden), "{name} has {forbidden:?}");
            }
        }
    }

    #[test]
    fn settings_show_what_holds_now() {
        let page = render("settings.html", settings("Ada's")).unwrap();
        for held in [
            r#"value="members" checked"#,
            r#"value="720" checked"#,
            r#"value="fast" checked"#,
            r#"value="bucket" checked"#,
        ] {
            assert!(page.contains(held), "{held} is missing: {page}");
        }
    }

    #[test]
    fn an_empty_library_says_where_to_put_films() {
        let page = render("library.html", library(&[])).unwrap();
        assert!(page.contains("Drop</code>"), "{page}");
        assert!(page.contains("watching"), "{page}");
    }
}
