//! Templates turned into pages. Everything a template prints is escaped for the place it is
//! printed in; only our own icon sprite and names of built files are not.

use std::error::Error;
use std::fmt;
use std::sync::LazyLock;

use minijinja::syntax::SyntaxConfig;
use minijinja::value::{Serde, Value};
use minijinja::{AutoEscape, Environment, HtmlEscape, UndefinedBehavior};
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
    environment.add_filter("language", |code: &str| format::language(code));
    environment.add_filter("initials", |name: &str| format::initials(name));
    environment.add_filter("day", |time: &str| format::day(time));
    environment.add_filter("codes", |text: &str| Value::from_safe_string(codes(text)));
    environment
});

/// The template `name` filled with `context`.
pub fn render(name: &str, context: impl Serialize) -> Result<String, RenderError> {
    ENVIRONMENT
        .get_template(name)
        .and_then(|template| template.render(Serde(context)))
        .map_err(RenderError)
}

/// Text whose words between backticks are code, as descriptions of the API have them.
fn codes(text: &str) -> String {
    let parts = text.split('`').enumerate();
    parts
        .map(|(index, part)| {
            let part = HtmlEscape(part);
            if index % 2 == 1 {
                format!("<code>{part}</code>")
            } else {
                part.to_string()
            }
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::{codes, render};
    use crate::samples::{HOSTILE, account, film, framed, library, people};
    use serde_json::{Value, json};

    /// Every page of this crate's own tests, with `name` wherever people or files can write.
    fn pages(name: &str) -> Vec<(&'static str, String)> {
        let entry = json!({ "next": "/", "open_sign_up": false });
        [
            ("library.html", library(&[film(name)])),
            ("library.html", library(&[])),
            ("watch.html", json!({ "video": film(name) })),
            ("title.html", json!({ "video": film(name) })),
            ("account.html", account(name)),
            ("users.html", people(name)),
            ("setup.html", entry.clone()),
            ("sign-in.html", entry.clone()),
            ("join.html", entry.clone()),
            ("reset.html", entry.clone()),
            ("enter.html", entry),
            ("problem.html", json!({ "title": name, "detail": name })),
        ]
        .into_iter()
        .map(|(page, facts)| (page, render(page, framed(name, facts)).unwrap()))
        .collect()
    }

    #[test]
    fn names_from_files_and_people_are_text_everywhere() {
        for (page, html) in pages(HOSTILE) {
            assert!(!html.contains("<img src=x"), "{page}: a name became markup");
            // First run knows no names yet.
            assert!(
                html.contains("{{7*7}}") || page == "setup.html",
                "{page}: a name is shown literally"
            );
            assert!(
                !html.contains("</script><img"),
                "{page}: a name left its data block"
            );
        }
    }

    #[test]
    fn no_page_carries_script_or_style_of_its_own() {
        for (page, html) in pages("Sunday") {
            for forbidden in [
                " style=",
                "<style",
                " onclick",
                "javascript:",
                "http://",
                "https://",
            ] {
                assert!(
                    !html.contains(forbidden),
                    "{page}: the policy forbids {forbidden:?}"
                );
            }
        }
    }

    #[test]
    fn no_page_names_a_file_that_the_build_does_not_make() {
        for (page, html) in pages("Sunday") {
            for empty in ["src=\"\"", "href=\"\""] {
                assert!(!html.contains(empty), "{page} has {empty}");
            }
        }
    }

    #[test]
    fn words_between_backticks_are_code_and_nothing_else_is_markup() {
        assert_eq!(
            codes("`a<b>` says & <why>"),
            "<code>a&lt;b&gt;</code> says &amp; &lt;why&gt;"
        );
    }

    #[test]
    fn ids_of_a_page_are_its_own() {
        for (page, html) in pages("Sunday") {
            let body = html.split("</svg>").skip(1).collect::<String>();
            let mut ids: Vec<&str> = body
                .split(" id=\"")
                .skip(1)
                .filter_map(|rest| rest.split('"').next())
                .collect();
            ids.sort_unstable();
            let before = ids.len();
            ids.dedup();
            assert_eq!(ids.len(), before, "{page} has an id twice: {ids:?}");
        }
    }

    #[test]
    fn the_rail_shows_what_the_caller_may_open() {
        let mut facts = framed("Ada", library(&[]));
        let page = render("library.html", &facts).unwrap();
        for entry in ["/upload", "/inbox", "/jobs", "/settings", "/account"] {
            assert!(page.contains(&format!("href=\"{entry}\"")), "{entry}");
        }
        facts["shell"]["user"] = json!(null);
        facts["shell"]["may"] = json!({ "upload": false, "follow": false, "settings": false });
        let page = render("library.html", &facts).unwrap();
        for entry in ["/upload", "/inbox", "/jobs", "/settings", "/account"] {
            assert!(!page.contains(&format!("href=\"{entry}\"")), "{entry}");
        }
        assert!(page.contains("href=\"/sign-in\""), "a guest can sign in");
    }

    #[test]
    fn a_house_that_is_nobodys_says_so() {
        let mut facts = framed("Ada", library(&[]));
        assert!(!render("library.html", &facts).unwrap().contains("/setup"));
        facts["shell"]["claimed"] = json!(false);
        assert!(render("library.html", &facts).unwrap().contains("/setup"));
    }

    #[test]
    fn a_card_tells_how_far_it_is() {
        let page = render("library.html", framed("Ada", library(&[film("Sunday")]))).unwrap();
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
            "hardware": { "encoder": null, "sentence": words },
            "configured": [{ "path": words, "online": false, "reason": words }],
            "settings": {
                "house_name": words, "audience": "members", "open_sign_up": true,
                "rates": "home", "speed": "fast", "top_rung": 720, "place": "bucket",
                "discoverable": false, "hardware_encoding": false,
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
    fn a_title_goes_on_where_it_was_left() {
        let facts = json!({ "video": film("Sunday"), "sizes_bytes": [42_000_000, 7_000] });
        let page = render("title.html", framed("Ada", facts)).unwrap();
        assert!(page.contains("Resume at 12:40"), "{page}");
        assert!(page.contains("640 × 360 · 42 MB"), "{page}");
        assert!(page.contains("1.4 GB"), "{page}");
    }

    #[test]
    fn an_empty_library_says_where_to_put_films() {
        let page = render("library.html", framed("Ada", library(&[]))).unwrap();
        assert!(page.contains("Drop</code>"), "{page}");
        assert!(page.contains("watching"), "{page}");
    }

    #[test]
    fn an_open_house_has_words_for_those_who_were_not_invited() {
        let join = |open| {
            let facts = json!({ "next": "/", "open_sign_up": open });
            render("join.html", framed("Ada", facts)).unwrap()
        };
        assert!(join(true).contains("Anyone may make an account"));
        assert!(!join(false).contains("Anyone may make an account"));
    }

    #[test]
    fn an_emptied_description_is_sent_and_a_name_fits_what_is_kept() {
        let page = render(
            "title.html",
            framed("Ada", json!({ "video": film("Sunday") })),
        )
        .unwrap();
        let field = |name: &str| {
            let from = page.find(&format!(" name=\"{name}\"")).unwrap();
            page[from..].split('>').next().unwrap().to_owned()
        };
        assert!(
            field("description").contains("data-empty=\"keep\""),
            "{page}"
        );
        assert!(field("name").contains("maxlength=\"300\""), "{page}");
    }
}
