//! The address of the library for other screens: a small window of the app's own with a QR code
//! for telephones, and the clipboard.
//!
//! What does not belong here: which address that is; the server knows.

use gtk::gdk::SELECTION_CLIPBOARD;
use tauri::{AppHandle, Manager, Url, WebviewUrl, WebviewWindowBuilder};
use tauri_plugin_dialog::{DialogExt, MessageDialogKind};

use crate::host::{Contact, Host};
use crate::window;

pub(crate) const LABEL: &str = "address";
/// The page of the app's own, as Tauri serves it.
const PAGE: &str = "tauri://localhost/address.html";
const SIZE: (f64, f64) = (380.0, 500.0);
const FOR_US_ALONE: &str = "Only this computer reaches Homereel: there is no network, or it \
                            listens to no other computer. Started with --listen 0.0.0.0:8096 it \
                            is open to the house.";

/// Shows the address to read and to scan.
pub(crate) fn show(app: &AppHandle) {
    with_address(app, |app, contact, address| {
        let Some(address) = address else {
            return explain(app);
        };
        let shown = contact
            .api
            .address_as_picture()
            .and_then(|picture| page(&address, &picture))
            .and_then(|page| open(app, page).map_err(|error| error.to_string()));
        if let Err(error) = shown {
            tracing::warn!(%error, "The address cannot be shown.");
        }
    });
}

/// Copies the address: the one for other screens, if there is one.
pub(crate) fn copy(app: &AppHandle) {
    with_address(app, |app, contact, address| {
        let address = address.unwrap_or_else(|| contact.api.base().to_owned());
        let copying = app.run_on_main_thread(move || {
            let clipboard = gtk::Clipboard::get(&SELECTION_CLIPBOARD);
            clipboard.set_text(&address);
            clipboard.store();
        });
        if let Err(error) = copying {
            tracing::debug!(%error, "The address was not copied.");
        }
    });
}

/// Asks the server for its address, where waiting for it keeps nobody.
fn with_address(
    app: &AppHandle,
    work: impl FnOnce(&AppHandle, &Contact, Option<String>) + Send + 'static,
) {
    let Some(contact) = app.state::<Host>().contact() else {
        return;
    };
    let app = app.clone();
    tauri::async_runtime::spawn_blocking(move || {
        let address = contact.api.address_in_the_house();
        work(&app, &contact, address);
    });
}

/// The page with its words behind the hash, which are for its script alone.
fn page(address: &str, picture: &str) -> Result<Url, String> {
    window::own_page(PAGE, &[("address", address), ("picture", picture)])
}

fn open(app: &AppHandle, page: Url) -> tauri::Result<()> {
    if let Some(window) = app.get_webview_window(LABEL) {
        window.navigate(page)?;
        window.show()?;
        return window.set_focus();
    }
    let mut builder = WebviewWindowBuilder::new(app, LABEL, WebviewUrl::CustomProtocol(page))
        .title("Homereel on another screen")
        .inner_size(SIZE.0, SIZE.1)
        .resizable(false)
        .on_navigation(window::is_ours);
    if let Some(icon) = app.default_window_icon() {
        builder = builder.icon(icon.clone())?;
    }
    builder.build()?;
    Ok(())
}

fn explain(app: &AppHandle) {
    app.dialog()
        .message(FOR_US_ALONE)
        .title("Homereel")
        .kind(MessageDialogKind::Info)
        .show(|_| {});
}
