//! What a signed-in browser is called in the list of devices. A pure rule over what the browser
//! said of itself, which is worth nothing but a name.

use serde::Serialize;

/// A browser or an app, in words.
#[derive(Debug, PartialEq, Eq, Serialize)]
pub(crate) struct Device {
    pub(crate) name: String,
    /// Something one holds in a hand.
    pub(crate) phone: bool,
}

/// What to look for, most telling first: many browsers also name those they resemble.
const PROGRAMS: [(&str, &str); 8] = [
    ("Homereel", "Homereel"),
    ("Edg", "Edge"),
    ("OPR/", "Opera"),
    ("SamsungBrowser", "Samsung Internet"),
    ("Firefox/", "Firefox"),
    ("FxiOS", "Firefox"),
    ("Chrome/", "Chrome"),
    ("Safari/", "Safari"),
];
const SYSTEMS: [(&str, &str, bool); 8] = [
    ("iPhone", "iPhone", true),
    ("iPad", "iPad", true),
    ("Android", "Android", true),
    ("Windows", "Windows", false),
    ("Mac OS X", "Mac", false),
    ("CrOS", "Chromebook", false),
    ("Tizen", "television", false),
    ("Linux", "Linux", false),
];

/// `Firefox on Linux` from what a browser sends; other texts are names already.
pub(crate) fn describe(said: &str) -> Device {
    if !said.starts_with("Mozilla/") {
        let name = if said.trim().is_empty() {
            "Unknown device"
        } else {
            said
        };
        return Device {
            name: name.to_owned(),
            phone: false,
        };
    }
    let program = PROGRAMS.iter().find(|(mark, _)| said.contains(mark));
    let system = SYSTEMS.iter().find(|(mark, _, _)| said.contains(mark));
    let program = program.map_or("Browser", |(_, name)| name);
    Device {
        name: match system {
            Some((_, system, _)) => format!("{program} on {system}"),
            None => program.to_owned(),
        },
        phone: system.is_some_and(|(_, _, phone)| *phone),
    }
}

#[cfg(test)]
mod tests {
    use super::describe;

    #[test]
    fn browsers_have_names_people_know() {
        for (said, name, phone) in [
            (
                "Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0",
                "Firefox on Linux",
                false,
            ),
            (
                "Mozilla/5.0 (Linux; Android 14) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/130.0 Mobile Safari/537.36",
                "Chrome on Android",
                true,
            ),
            (
                "Mozilla/5.0 (iPhone; CPU iPhone OS 17_0 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/17.0 Mobile/15E148 Safari/604.1",
                "Safari on iPhone",
                true,
            ),
            ("Mozilla/5.0", "Browser", false),
            ("rclone/1.60", "rclone/1.60", false),
            ("Firefox on Linux", "Firefox on Linux", false),
            (" ", "Unknown device", false),
        ] {
            let device = describe(said);
            assert_eq!(
                (device.name.as_str(), device.phone),
                (name, phone),
                "{said}"
            );
        }
    }
}
