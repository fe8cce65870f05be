//! A person's hand at the screen: closes windows, drops files on them, and looks into the
//! clipboard, as X11 programs see it. What does not belong here: what is in the windows
//! (`webdriver`), trays and notifications (`bus`).

use anyhow::{Context, Result, ensure};
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::time::Duration;
use x11rb::connection::Connection;
use x11rb::protocol::Event;
use x11rb::protocol::xproto::{
    Atom, AtomEnum, ClientMessageEvent, ConnectionExt, CreateWindowAux, EventMask, MapState,
    PropMode, SELECTION_NOTIFY_EVENT, SelectionNotifyEvent, SelectionRequestEvent, Window,
    WindowClass,
};
use x11rb::rust_connection::RustConnection;
use x11rb::wrapper::ConnectionExt as _;
use x11rb::{COPY_DEPTH_FROM_PARENT, COPY_FROM_PARENT, CURRENT_TIME, NONE};

use crate::api::wait_until;

x11rb::atom_manager! {
    Atoms: AtomsCookie {
        WM_PROTOCOLS,
        WM_DELETE_WINDOW,
        UTF8_STRING,
        CLIPBOARD,
        HANDED_OVER,
        XdndEnter,
        XdndPosition,
        XdndStatus,
        XdndDrop,
        XdndFinished,
        XdndSelection,
        XdndActionCopy,
        URI_LIST: b"text/uri-list",
    }
}

/// The version of drag and drop (XDND) that is spoken.
const XDND: u32 = 5;
/// Where on a window something is dropped.
const PLACE: u32 = 200;

/// A hand at one screen.
#[derive(Debug)]
pub struct Hand {
    screen: RustConnection,
    root: Window,
    own: Window,
    atoms: Atoms,
}

impl Hand {
    /// A hand at `display`, such as `:7`.
    pub(crate) fn at(display: &str) -> Result<Self> {
        let (screen, number) = x11rb::connect(Some(display)).context("reaching the screen")?;
        let root = screen.setup().roots[number].root;
        let atoms = Atoms::new(&screen)?.reply()?;
        let own = screen.generate_id()?;
        let plain = CreateWindowAux::new();
        screen.create_window(
            COPY_DEPTH_FROM_PARENT,
            own,
            root,
            0,
            0,
            1,
            1,
            0,
            WindowClass::INPUT_OUTPUT,
            COPY_FROM_PARENT,
            &plain,
        )?;
        screen.flush()?;
        Ok(Self {
            screen,
            root,
            own,
            atoms,
        })
    }

    /// A window called `title` is to be seen.
    pub fn sees(&self, title: &str) -> Result<bool> {
        Ok(self.window(title)?.is_some())
    }

    /// Waits until a window called `title` is to be seen, or until none is.
    pub fn wait_to_see(&self, title: &str, seen: bool, deadline: Duration) -> Result<()> {
        let what = if seen { "to be seen" } else { "gone" };
        wait_until(what, deadline, || {
            Ok((self.sees(title)? == seen).then_some(()))
        })
        .with_context(|| format!("the window {title:?}"))
    }

    /// Presses the button that closes the window called `title`.
    pub fn close(&self, title: &str) -> Result<()> {
        let window = self.window(title)?.context("there is no such window")?;
        let delete = [self.atoms.WM_DELETE_WINDOW, CURRENT_TIME, 0, 0, 0];
        self.tell(window, self.atoms.WM_PROTOCOLS, delete)
    }

    /// Drops `file` on the window called `title`, as a file manager does.
    pub fn drop_file(&self, title: &str, file: &Path, deadline: Duration) -> Result<()> {
        let target = self.window(title)?.context("there is no such window")?;
        let atoms = &self.atoms;
        self.screen
            .set_selection_owner(self.own, atoms.XdndSelection, CURRENT_TIME)?;
        let enter = [self.own, XDND << 24, atoms.URI_LIST, 0, 0];
        self.tell(target, atoms.XdndEnter, enter)?;
        self.hover(target)?;
        let list = format!("file://{}\r\n", percent_encoded(file));
        wait_until("dropped", deadline, || {
            while let Some(event) = self.screen.poll_for_event()? {
                if self.is_over(target, &event, list.as_bytes())? {
                    return Ok(Some(()));
                }
            }
            Ok(None)
        })
        .with_context(|| format!("{} on {title:?}", file.display()))
    }

    /// What was copied last.
    pub fn clipboard(&self, deadline: Duration) -> Result<String> {
        let (own, atoms) = (self.own, &self.atoms);
        self.screen.convert_selection(
            own,
            atoms.CLIPBOARD,
            atoms.UTF8_STRING,
            atoms.HANDED_OVER,
            CURRENT_TIME,
        )?;
        self.screen.flush()?;
        let answer = wait_until("handed over", deadline, || {
            Ok(match self.screen.poll_for_event()? {
                Some(Event::SelectionNotify(answer)) => Some(answer),
                _ => None,
            })
        })?;
        ensure!(answer.property != NONE, "the clipboard is empty");
        let text = self.property(own, atoms.HANDED_OVER, atoms.UTF8_STRING)?;
        String::from_utf8(text).context("the clipboard holds no text")
    }

    /// Answers what the window under the hand asks; says whether it has taken what was dropped.
    fn is_over(&self, target: Window, event: &Event, list: &[u8]) -> Result<bool> {
        match event {
            Event::SelectionRequest(request) => self.hand_over(request, list)?,
            Event::ClientMessage(message) if message.type_ == self.atoms.XdndFinished => {
                return Ok(true);
            }
            Event::ClientMessage(message) if message.type_ == self.atoms.XdndStatus => {
                // A window that does not know yet says no, and is asked again as the hand moves.
                if message.data.as_data32()[1] & 1 == 0 {
                    self.hover(target)?;
                } else {
                    let release = [self.own, 0, CURRENT_TIME, 0, 0];
                    self.tell(target, self.atoms.XdndDrop, release)?;
                }
            }
            _ => {}
        }
        Ok(false)
    }

    fn hover(&self, target: Window) -> Result<()> {
        let place = (PLACE << 16) | PLACE;
        let position = [self.own, 0, place, CURRENT_TIME, self.atoms.XdndActionCopy];
        self.tell(target, self.atoms.XdndPosition, position)
    }

    fn hand_over(&self, request: &SelectionRequestEvent, list: &[u8]) -> Result<()> {
        let (screen, requestor) = (&self.screen, request.requestor);
        let known = request.target == self.atoms.URI_LIST;
        if known {
            let target = request.target;
            screen.change_property8(
                PropMode::REPLACE,
                requestor,
                request.property,
                target,
                list,
            )?;
        }
        let answer = SelectionNotifyEvent {
            response_type: SELECTION_NOTIFY_EVENT,
            sequence: 0,
            time: request.time,
            requestor,
            selection: request.selection,
            target: request.target,
            property: if known { request.property } else { NONE },
        };
        screen.send_event(false, requestor, EventMask::NO_EVENT, answer)?;
        screen.flush()?;
        Ok(())
    }

    fn tell(&self, window: Window, kind: Atom, words: [u32; 5]) -> Result<()> {
        let message = ClientMessageEvent::new(32, window, kind, words);
        self.screen
            .send_event(false, window, EventMask::NO_EVENT, message)?;
        self.screen.flush()?;
        Ok(())
    }

    /// The window called `title`, if it is to be seen. Without a window manager all of them lie
    /// directly on the screen.
    fn window(&self, title: &str) -> Result<Option<Window>> {
        for window in self.screen.query_tree(self.root)?.reply()?.children {
            // It may have gone meanwhile.
            let (Ok(name), Ok(look)) = (
                self.property(window, AtomEnum::WM_NAME.into(), AtomEnum::ANY.into()),
                self.screen.get_window_attributes(window)?.reply(),
            ) else {
                continue;
            };
            if name == title.as_bytes() && look.map_state == MapState::VIEWABLE {
                return Ok(Some(window));
            }
        }
        Ok(None)
    }

    fn property(&self, window: Window, name: Atom, kind: Atom) -> Result<Vec<u8>> {
        let property = self
            .screen
            .get_property(false, window, name, kind, 0, 1 << 16)?;
        Ok(property.reply()?.value)
    }
}

/// `path` as it stands in URLs.
fn percent_encoded(path: &Path) -> String {
    let bytes = path.as_os_str().as_bytes().iter();
    let encoded = bytes.map(|byte| match byte {
        byte if byte.is_ascii_alphanumeric() || b"/-_.".contains(byte) => {
            char::from(*byte).to_string()
        }
        byte => format!("%{byte:02X}"),
    });
    encoded.collect()
}
