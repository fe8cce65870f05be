//! What a desktop has on its message bus besides the apps: somebody who shows notifications, and a
//! tray. Both remember what they were given, and the tray's menus can be used. What does not
//! belong here: windows (`hand`), starting the bus (`desktop`).

use anyhow::{Context, Result, bail};
use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use zbus::blocking::{Connection, Proxy, connection};
use zbus::message::Header;
use zbus::zvariant::{Dict, OwnedValue, Value};

use crate::api::wait_until;

const NOTIFICATIONS: (&str, &str) = (
    "org.freedesktop.Notifications",
    "/org/freedesktop/Notifications",
);
const TRAY: (&str, &str) = ("org.kde.StatusNotifierWatcher", "/StatusNotifierWatcher");

/// The two of them on one bus.
#[derive(Debug)]
pub struct Bus {
    connection: Connection,
    told: Memory<String>,
    icons: Memory<Icon>,
}

/// An entry of a menu.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    id: i32,
    /// What is to be read.
    pub label: String,
    /// It can be chosen.
    pub enabled: bool,
    /// It has a mark.
    pub marked: bool,
}

/// Who put something into the tray, and where they answer.
#[derive(Clone, Debug)]
struct Icon {
    owner: String,
    path: String,
}

type Memory<T> = Arc<Mutex<Vec<T>>>;
/// `(ia{sv}av)` of a menu: number, properties, entries below.
type Node = (i32, HashMap<String, OwnedValue>, Vec<OwnedValue>);

/// Shows notifications to nobody.
struct Notifications(Memory<String>);

#[zbus::interface(name = "org.freedesktop.Notifications")]
impl Notifications {
    #[expect(clippy::too_many_arguments, reason = "the specification has them")]
    fn notify(
        &mut self,
        _app: String,
        _replaces: u32,
        _icon: String,
        summary: String,
        _body: String,
        _actions: Vec<String>,
        _hints: HashMap<String, OwnedValue>,
        _expires: i32,
    ) -> u32 {
        push(&self.0, summary);
        1
    }

    fn close_notification(&self, _id: u32) {}

    fn get_capabilities(&self) -> Vec<String> {
        vec!["body".to_owned()]
    }

    fn get_server_information(&self) -> (String, String, String, String) {
        let (name, version) = ("tests".to_owned(), "1.2".to_owned());
        (name.clone(), name, version.clone(), version)
    }
}

/// A tray without pictures.
struct Tray(Memory<Icon>);

#[zbus::interface(name = "org.kde.StatusNotifierWatcher")]
impl Tray {
    fn register_status_notifier_item(
        &mut self,
        service: String,
        #[zbus(header)] header: Header<'_>,
    ) {
        let owner = header.sender().map(|sender| sender.as_str().to_owned());
        let icon = Icon {
            owner: owner.unwrap_or_default(),
            path: service,
        };
        push(&self.0, icon);
    }

    #[zbus(property)]
    fn is_status_notifier_host_registered(&self) -> bool {
        true
    }

    #[zbus(property)]
    fn protocol_version(&self) -> i32 {
        0
    }
}

impl Bus {
    /// Takes both places on the bus at `address`.
    pub(crate) fn join(address: &str) -> Result<Self> {
        let (told, icons) = (Memory::default(), Memory::default());
        let connection = connection::Builder::address(address)?
            .serve_at(NOTIFICATIONS.1, Notifications(Arc::clone(&told)))?
            .serve_at(TRAY.1, Tray(Arc::clone(&icons)))?
            .name(NOTIFICATIONS.0)?
            .name(TRAY.0)?
            .build()
            .context("joining the message bus")?;
        Ok(Self {
            connection,
            told,
            icons,
        })
    }

    /// The headings of all notifications so far.
    pub fn told(&self) -> Vec<String> {
        content(&self.told)
    }

    /// Waits until a notification has this heading.
    pub fn wait_for_news(&self, heading: &str, deadline: Duration) -> Result<()> {
        let found = wait_until("told", deadline, || {
            Ok(self.told().iter().any(|told| told == heading).then_some(()))
        });
        found.with_context(|| format!("{heading:?} among the notifications {:?}", self.told()))
    }

    /// The entries of the newest icon's menu, from its top; empty while there is none.
    pub fn menu(&self) -> Result<Vec<Entry>> {
        let Some(menu) = self.menu_of_newest()? else {
            return Ok(Vec::new());
        };
        let wanted = ["label", "enabled", "toggle-state"];
        let layout = menu.call_method("GetLayout", &(0, 1, wanted.as_slice()))?;
        let (_, (_, _, entries)): (u32, Node) = layout.body().deserialize()?;
        entries.iter().map(entry).collect()
    }

    /// Waits until the menu has an entry that is called `label` and passes.
    pub fn wait_for_entry(
        &self,
        label: &str,
        deadline: Duration,
        passes: impl Fn(&Entry) -> bool,
    ) -> Result<Entry> {
        let mut last = Vec::new();
        let found = wait_until("in the menu", deadline, || {
            last = self.menu().unwrap_or_default();
            let entries = last.iter();
            let found = entries
                .filter(|entry| entry.label == label)
                .find(|entry| passes(entry));
            Ok(found.cloned())
        });
        found.with_context(|| format!("{label:?} in the menu {last:?}"))
    }

    /// Chooses the entry that is called `label`, once it can be chosen.
    pub fn choose(&self, label: &str, deadline: Duration) -> Result<()> {
        let entry = self.wait_for_entry(label, deadline, |entry| entry.enabled)?;
        let menu = self.menu_of_newest()?.context("the tray is empty")?;
        let nothing = Value::from(0);
        menu.call_method("Event", &(entry.id, "clicked", nothing, 0_u32))
            .with_context(|| format!("choosing {label:?}"))?;
        Ok(())
    }

    fn menu_of_newest(&self) -> Result<Option<Proxy<'static>>> {
        let Some(icon) = content(&self.icons).pop() else {
            return Ok(None);
        };
        let item = "org.kde.StatusNotifierItem";
        let item = Proxy::new(&self.connection, icon.owner.clone(), icon.path, item)?;
        let path: zbus::zvariant::OwnedObjectPath = item.get_property("Menu")?;
        let menu = "com.canonical.dbusmenu";
        Ok(Some(Proxy::new(&self.connection, icon.owner, path, menu)?))
    }
}

/// A [`Node`] in a list.
fn entry(value: &OwnedValue) -> Result<Entry> {
    let Value::Structure(node) = &**value else {
        bail!("an entry of a menu is {value:?}");
    };
    let [Value::I32(id), Value::Dict(properties), ..] = node.fields() else {
        bail!("an entry of a menu is {node:?}");
    };
    let is = |name, wanted: &Value<'_>| property(properties, name).map(|value| value == wanted);
    let label = match property(properties, "label") {
        Some(Value::Str(label)) => label.as_str().to_owned(),
        _ => String::new(),
    };
    Ok(Entry {
        id: *id,
        label,
        enabled: !is("enabled", &Value::Bool(false)).unwrap_or_default(),
        marked: is("toggle-state", &Value::I32(1)).unwrap_or_default(),
    })
}

fn property<'a>(properties: &'a Dict<'a, 'a>, name: &str) -> Option<&'a Value<'a>> {
    let named = |key: &Value<'_>| matches!(key, Value::Str(key) if key.as_str() == name);
    let (_, value) = properties.iter().find(|(key, _)| named(key))?;
    Some(match value {
        Value::Value(inner) => inner,
        value => value,
    })
}

fn push<T>(memory: &Memory<T>, item: T) {
    memory
        .lock()
        .unwrap_or_else(PoisonError::into_inner)
        .push(item);
}

fn content<T: Clone>(memory: &Memory<T>) -> Vec<T> {
    memory
        .lock()
        .unwrap_or_else(PoisonError::into_inner)
        .clone()
}
