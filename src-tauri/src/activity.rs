//! What goes on, in words and rungs for the tray, and what is worth a notification. Pure rules
//! over answers of the API. What does not belong here: fetching them, showing it.

use serde::Deserialize;
use std::collections::HashMap;

/// The newest titles, as `/api/v1/videos` lists them.
#[derive(Debug, Default, Deserialize)]
pub(crate) struct Videos {
    videos: Vec<Video>,
    #[serde(default)]
    total: u64,
}

#[derive(Debug, Deserialize)]
struct Video {
    id: String,
    name: String,
    state: String,
    reason: Option<String>,
    #[serde(default)]
    rungs: Vec<Rung>,
    progress: Option<Progress>,
}

#[derive(Debug, Deserialize)]
struct Rung {
    ready: f64,
}

#[derive(Debug, Deserialize)]
struct Progress {
    fraction: f64,
}

/// What the tray shows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Activity {
    /// One line for the top of the menu.
    pub(crate) line: String,
    /// Rungs that are alight, of four.
    pub(crate) rungs: usize,
    /// Encoding is paused; `None` if we may not know.
    pub(crate) paused: Option<bool>,
}

/// Something that people want to hear of although they look elsewhere.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct News {
    pub(crate) heading: String,
    pub(crate) sentence: String,
}

/// The longest name in a menu, in characters.
const NAME_CHARS: usize = 40;
/// How many rungs a ladder has.
const RUNGS: usize = 4;

/// What is shown before the server answers.
pub(crate) fn unknown() -> Activity {
    Activity {
        line: "Starting…".to_owned(),
        rungs: 0,
        paused: None,
    }
}

/// What goes on among `videos`.
pub(crate) fn activity(videos: &Videos, paused: Option<bool>) -> Activity {
    let underway: Vec<&Video> = videos
        .videos
        .iter()
        .filter(|video| video.is_underway())
        .collect();
    let first = underway
        .iter()
        .find(|video| video.state != "waiting")
        .or(underway.first());
    let line = match first {
        None => library_line(videos.total),
        Some(_) if paused == Some(true) => "Encoding is paused".to_owned(),
        Some(video) => video.line(underway.len() - 1),
    };
    Activity {
        line,
        rungs: first.map_or(RUNGS, |video| video.rungs_alight()),
        paused,
    }
}

fn library_line(total: u64) -> String {
    match total {
        0 => "No films yet".to_owned(),
        1 => "1 film, ready to watch".to_owned(),
        total => format!("{total} films, all at rest"),
    }
}

impl Video {
    fn is_underway(&self) -> bool {
        matches!(&*self.state, "waiting" | "processing" | "playable")
    }

    fn line(&self, others: usize) -> String {
        let percent = self
            .progress
            .as_ref()
            .map_or(0.0, |progress| progress.fraction)
            * 100.0;
        let others = match others {
            0 => String::new(),
            others => format!(", {others} more"),
        };
        format!("{}: {percent:.0} %{others}", short(&self.name))
    }

    /// At least the first one while there is something to watch.
    fn rungs_alight(&self) -> usize {
        let ready = self.rungs.iter().filter(|rung| rung.ready >= 1.0).count();
        // Four rungs stand for all of them, however many this title has.
        let alight = (ready * RUNGS).checked_div(self.rungs.len()).unwrap_or(0);
        alight.max(usize::from(self.state == "playable"))
    }
}

fn short(name: &str) -> String {
    if name.chars().count() <= NAME_CHARS {
        return name.to_owned();
    }
    name.chars().take(NAME_CHARS - 1).chain(['…']).collect()
}

/// What was known of each title when it was last looked at.
#[derive(Debug, Default)]
pub(crate) struct Memory(Option<HashMap<String, String>>);

impl Memory {
    /// What became ready or failed since the last look; nothing at the first one.
    pub(crate) fn news(&mut self, videos: &Videos) -> Vec<News> {
        let states = videos.videos.iter();
        let now = states.map(|video| (video.id.clone(), video.state.clone()));
        let before = self.0.replace(now.collect());
        let Some(before) = before else {
            return Vec::new();
        };
        let changed = videos
            .videos
            .iter()
            .filter(|video| before.get(&video.id) != Some(&video.state));
        changed.filter_map(Video::news).collect()
    }
}

impl Video {
    fn news(&self) -> Option<News> {
        let name = short(&self.name);
        match &*self.state {
            "ready" => Some(News {
                heading: format!("{name} is ready"),
                sentence: "All its qualities are there.".to_owned(),
            }),
            // Whoever cancelled it knows.
            "failed" if self.reason.as_deref() != Some("Cancelled") => Some(News {
                heading: format!("{name} cannot be watched"),
                sentence: self.reason.clone().unwrap_or_default(),
            }),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Memory, Videos, activity};
    use serde_json::json;

    fn videos(states: &[(&str, &str)]) -> Videos {
        let videos: Vec<_> = states
            .iter()
            .map(|(name, state)| {
                json!({
                    "id": name, "name": name, "state": state, "reason": "It ends in the middle.",
                    "progress": {"fraction": 0.42},
                    "rungs": [{"ready": 1.0}, {"ready": 0.3}],
                })
            })
            .collect();
        serde_json::from_value(json!({ "total": videos.len(), "videos": videos })).unwrap()
    }

    #[test]
    fn the_tray_says_what_goes_on() {
        let check = |states: &[(&str, &str)], paused, line: &str, rungs| {
            let shown = activity(&videos(states), paused);
            assert_eq!((&*shown.line, shown.rungs), (line, rungs), "{states:?}");
        };
        check(&[], None, "No films yet", 4);
        check(&[("A", "ready")], None, "1 film, ready to watch", 4);
        let two = [("B", "waiting"), ("A", "playable")];
        check(&two, Some(false), "A: 42 %, 1 more", 2);
        check(&two, Some(true), "Encoding is paused", 2);
        let long = "x".repeat(300);
        let shown = activity(&videos(&[(&long, "processing")]), None);
        assert!(shown.line.chars().count() < 60, "{}", shown.line);
    }

    #[test]
    fn only_what_changes_while_we_look_is_news() {
        let mut memory = Memory::default();
        assert_eq!(memory.news(&videos(&[("old", "ready")])), []);
        let headings = |memory: &mut Memory, states: &[(&str, &str)]| -> Vec<String> {
            let news = memory.news(&videos(states));
            news.into_iter().map(|news| news.heading).collect()
        };
        let begun = [("new", "processing"), ("old", "ready")];
        assert!(headings(&mut memory, &begun).is_empty());
        let done = [("short", "failed"), ("new", "ready"), ("old", "ready")];
        assert_eq!(
            headings(&mut memory, &done),
            ["short cannot be watched", "new is ready"]
        );
        assert!(headings(&mut memory, &done).is_empty(), "said once");
    }
}
