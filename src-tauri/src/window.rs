//! The one window: a browser on the server's address, or the splash page while there is no
//! server. Pages of the server get nothing of the app: no capability, no command.
//!
//! What does not belong here: what the pages show (`web`), when there is a server (`host`).

use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use tauri::webview::NewWindowResponse;
use tauri::{
    AppHandle, DragDropEvent, Manager, Url, WebviewUrl, WebviewWindow, WebviewWindowBuilder,
    Window, WindowEvent,
};
use tauri_plugin_opener::OpenerExt;

use crate::host::{self, Contact, Host};
use crate::{app as life, pulse, take_in};

const LABEL: &str = "main";
/// The page of the app's own, as Tauri serves it.
const SPLASH: &str = "tauri://localhost/index.html";
/// What the links of the splash page begin with.
const ACTION: &str = "homereel-action";
/// Links that a page may hand to the system.
const OUTSIDE: [&str; 3] = ["http", "https", "mailto"];
/// Comfortable on a laptop; it may be made as narrow as a phone.
const SIZE: (f64, f64) = (1200.0, 800.0);
const LEAST_SIZE: (f64, f64) = (390.0, 480.0);

/// What the splash page says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Splash {
    Starting,
    /// Another program listens on our port.
    Port,
    /// The folder is another person's.
    Locked,
    Failed,
}

impl Splash {
    fn word(self) -> &'static str {
        match self {
            Self::Starting => "starting",
            Self::Port => "port",
            Self::Locked => "locked",
            Self::Failed => "failed",
        }
    }
}

/// Makes the window with the splash page in it.
///
/// # Errors
/// As Tauri has it.
pub(crate) fn create(app: &AppHandle, visible: bool) -> tauri::Result<()> {
    let (going, opening) = (app.clone(), app.clone());
    let mut builder = WebviewWindowBuilder::new(app, LABEL, WebviewUrl::App("index.html".into()))
        .title("Homereel")
        .inner_size(SIZE.0, SIZE.1)
        .min_inner_size(LEAST_SIZE.0, LEAST_SIZE.1)
        .visible(visible)
        .on_navigation(move |url| may_go(&going, url))
        .on_new_window(move |url, _| {
            open_beside(&opening, &url);
            NewWindowResponse::Deny
        });
    if let Some(icon) = app.default_window_icon() {
        builder = builder.icon(icon.clone())?;
    }
    builder.build()?;
    Ok(())
}

/// Shows the window and brings it to the front.
pub(crate) fn show(app: &AppHandle) {
    if let Some(window) = window(app) {
        let shown = window
            .show()
            .and_then(|()| window.unminimize())
            .and_then(|()| window.set_focus());
        note(shown);
    }
}

/// Takes the window away; what it shows goes on.
pub(crate) fn hide(app: &AppHandle) {
    if let Some(window) = window(app) {
        note(window.hide());
    }
}

/// Shows the splash page with `sentence`.
pub(crate) fn say(app: &AppHandle, splash: Splash, sentence: &str) {
    let words = [("state", splash.word()), ("sentence", sentence)];
    match own_page(SPLASH, &words) {
        Ok(page) => go(app, page),
        Err(error) => tracing::warn!(error, "The window does not say what it should."),
    }
}

/// A page of the app's own with what it is to say. That is for the script of the page alone, so
/// it goes behind the hash.
///
/// # Errors
/// A sentence.
pub(crate) fn own_page(page: &str, words: &[(&str, &str)]) -> Result<Url, String> {
    let mut url = Url::parse(page).map_err(|error| format!("{page}: {error}"))?;
    url.query_pairs_mut().extend_pairs(words);
    let words = url.query().unwrap_or_default().to_owned();
    url.set_query(None);
    url.set_fragment(Some(&words));
    Ok(url)
}

/// Shows the library, signed in by a ticket.
pub(crate) async fn open_library(app: &AppHandle, contact: &Contact) {
    let api = contact.api.clone();
    let way_in = tauri::async_runtime::spawn_blocking(move || api.way_in()).await;
    let url = way_in.ok().and_then(|url| Url::parse(&url).ok());
    if let Some(url) = url {
        go(app, url);
    }
}

/// Whether closing was never done before in this run.
pub(crate) fn is_first_closing(app: &AppHandle) -> bool {
    struct Closed(AtomicBool);
    if let Some(closed) = app.try_state::<Closed>() {
        return !closed.0.swap(true, Ordering::Relaxed);
    }
    app.manage(Closed(AtomicBool::new(true)))
}

/// Closing hides; what is dropped is taken in. Other windows of the app just close.
pub(crate) fn on_event(window: &Window, event: &WindowEvent) {
    if window.label() != LABEL {
        return;
    }
    let app = window.app_handle();
    match event {
        WindowEvent::CloseRequested { api, .. } => {
            api.prevent_close();
            note(window.hide());
            pulse::tell_that_it_goes_on(app);
        }
        WindowEvent::DragDrop(DragDropEvent::Drop { paths, .. }) => {
            take_in::take_in(app, files_among(paths));
        }
        _ => {}
    }
}

/// A picture or a link that is dragged within a page arrives as its address, not as a file.
fn files_among(dropped: &[PathBuf]) -> Vec<PathBuf> {
    let files = dropped.iter().filter(|path| path.is_absolute());
    files.cloned().collect()
}

/// Whether the window may go to `url`. Everything that is neither the server's nor ours opens in
/// the system's browser, or nowhere.
fn may_go(app: &AppHandle, url: &Url) -> bool {
    let contact = app.state::<Host>().contact();
    match place(url, contact.as_ref().map(|contact| contact.api.base())) {
        Place::Inside => true,
        Place::Action => {
            // Links of the splash page mean something only while it is shown.
            if contact.is_none() {
                act(app, url.path());
            }
            false
        }
        Place::Outside => {
            open_outside(app, url);
            false
        }
        Place::Nowhere => false,
    }
}

/// A page wants a window of its own.
fn open_beside(app: &AppHandle, url: &Url) {
    let contact = app.state::<Host>().contact();
    match place(url, contact.as_ref().map(|contact| contact.api.base())) {
        Place::Inside => go(app, url.clone()),
        Place::Outside => open_outside(app, url),
        Place::Action | Place::Nowhere => {}
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Place {
    Inside,
    Action,
    Outside,
    Nowhere,
}

fn place(url: &Url, base: Option<&str>) -> Place {
    let server = base.and_then(|base| Url::parse(base).ok());
    if server.is_some_and(|server| server.origin() == url.origin()) || is_ours(url) {
        return Place::Inside;
    }
    match url.scheme() {
        ACTION => Place::Action,
        scheme if OUTSIDE.contains(&scheme) => Place::Outside,
        _ => Place::Nowhere,
    }
}

/// Whether it is a page of the app's own.
pub(crate) fn is_ours(url: &Url) -> bool {
    url.as_str() == "about:blank"
        || (url.scheme() == "tauri" && url.host_str() == Some("localhost"))
}

fn act(app: &AppHandle, action: &str) {
    match action {
        "again" => host::begin(app, Vec::new()),
        "another-port" => host::begin_at_another_port(app),
        "quit" => life::leave(app),
        _ => {}
    }
}

fn open_outside(app: &AppHandle, url: &Url) {
    if let Err(error) = app.opener().open_url(url.as_str(), None::<&str>) {
        tracing::warn!(%error, "The system's browser does not open.");
    }
}

fn go(app: &AppHandle, url: Url) {
    if let Some(window) = window(app) {
        note(window.navigate(url));
    }
}

fn window(app: &AppHandle) -> Option<WebviewWindow> {
    app.get_webview_window(LABEL)
}

fn note(outcome: tauri::Result<()>) {
    if let Err(error) = outcome {
        tracing::warn!(%error, "The window does not do what it should.");
    }
}

#[cfg(test)]
mod tests {
    use super::{Place, files_among, own_page, place};
    use std::path::PathBuf;
    use tauri::Url;

    #[test]
    fn the_window_stays_with_its_server() {
        let base = Some("http://127.0.0.1:8096");
        let check = |url: &str, base, expected| {
            assert_eq!(place(&Url::parse(url).unwrap(), base), expected, "{url}");
        };
        check("http://127.0.0.1:8096/watch/1", base, Place::Inside);
        check("http://127.0.0.1:8097/", base, Place::Outside);
        check("https://127.0.0.1:8096/", base, Place::Outside);
        check("http://127.0.0.1:8096@evil.example/", base, Place::Outside);
        check("http://127.0.0.1:8096/", None, Place::Outside);
        check(
            "tauri://localhost/index.html#state=port",
            base,
            Place::Inside,
        );
        check("homereel-action:quit", base, Place::Action);
        for url in [
            "file:///etc/passwd",
            "javascript:alert(1)",
            "data:text/html,x",
            "about:srcdoc",
        ] {
            check(url, base, Place::Nowhere);
        }
    }

    #[test]
    fn what_is_dragged_within_a_page_is_no_file() {
        let check = |path: &str, is_file: bool| {
            let files = files_among(&[PathBuf::from(path)]);
            assert_eq!(!files.is_empty(), is_file, "{path:?}");
        };
        check("/srv/films/a film.mp4", true);
        check("http://127.0.0.1:8096/watch/1", false);
        check("", false);
        check("a.mp4", false);
    }

    #[test]
    fn what_a_page_of_ours_says_stays_behind_the_hash() {
        let words = [("state", "port"), ("sentence", "50 % & more #1")];
        let page = own_page("tauri://localhost/index.html", &words).unwrap();
        assert_eq!(page.query(), None);
        let said = page.fragment().unwrap();
        assert_eq!(said, "state=port&sentence=50+%25+%26+more+%231");
    }
}
