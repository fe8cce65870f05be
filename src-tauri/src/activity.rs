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
    /// Where other screens of the house find the library, in words.
    pub(crate) place: String,
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
pub(crate) fn starting() -> Activity {
    without_server("Starting…")
}

/// What is shown when there is none.
pub(crate) fn stopped() -> Activity {
    without_server("Homereel is not running")
}

fn without_server(line: &str) -> Activity {
    Activity {
        line: line.to_owned(),
        rungs: 0,
        paused: None,
        place: "No address".to_owned(),
    }
}

/// What goes on among `videos`, which other screens find at `address`.
pub(crate) fn activity(videos: &Videos, paused: Option<bool>, address: Option<String>) -> Activity {
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
        place: address.unwrap_or_else(|| "For this computer only".to_owned()),
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
pub(crate) struct Memory {
    /// Who looked; others see other titles.
    viewer: Option<String>,
    seen: Option<Seen>,
}

/// What one viewer saw so far.
#[derive(Debug)]
struct Seen {
    states: HashMap<String, String>,
    /// The last look saw every title there was.
    all: bool,
}

impl Memory {
    /// What became ready or failed since the last look of `viewer`; nothing at their first one.
    pub(crate) fn news(&mut self, viewer: Option<String>, videos: &Videos) -> Vec<News> {
        if viewer != self.viewer {
            *self = Self { viewer, seen: None };
        }
        let all = u64::try_from(videos.videos.len()).is_ok_and(|seen| seen >= videos.total);
        let Some(seen) = &mut self.seen else {
            let states = HashMap::new();
            self.seen.insert(Seen { states, all }).remember(videos);
            return Vec::new();
        };
        let changed = seen.changed(videos);
        let news = changed.filter_map(Video::news).collect();
        seen.all = all;
        seen.remember(videos);
        news
    }
}

impl Seen {
    /// Titles in another state, and new ones. One that only moved up from behind the last page
    /// because another was deleted is not new: it stands behind all that are known.
    fn changed<'a>(&'a self, videos: &'a Videos) -> impl Iterator<Item = &'a Video> {
        let known = |video: &Video| self.states.contains_key(&video.id);
        let last_known = videos.videos.iter().rposition(known);
        let new_until = if self.all {
            usize::MAX
        } else {
            last_known.unwrap_or(0)
        };
        let videos = videos.videos.iter().enumerate();
        let changed = videos.filter(move |(place, video)| match self.states.get(&video.id) {
            Some(state) => *state != video.state,
            None => *place < new_until,
        });
        changed.map(|(_, video)| video)
    }

    fn remember(&mut self, videos: &Videos) {
        let states = videos.videos.iter();
        let states = states.map(|video| (video.id.clone(), video.state.clone()));
        self.states.extend(states);
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
            let shown = activity(&videos(states), paused, None);
            assert_eq!((&*shown.line, shown.rungs), (line, rungs), "{states:?}");
        };
        check(&[], None, "No films yet", 4);
        check(&[("A", "ready")], None, "1 film, ready to watch", 4);
        let two = [("B", "waiting"), ("A", "playable")];
        check(&two, Some(false), "A: 42 %, 1 more", 2);
        check(&two, Some(true), "Encoding is paused", 2);
        let shown = activity(&videos(&[]), None, None);
        assert_eq!(shown.place, "For this computer only");
        let address = "http://192.0.2.7:8096".to_owned();
        let shown = activity(&videos(&[]), None, Some(address.clone()));
        assert_eq!(shown.place, address);
        let long = "x".repeat(300);
        let shown = activity(&videos(&[(&long, "processing")]), None, None);
        assert!(shown.line.chars().count() < 60, "{}", shown.line);
    }

    fn headings(memory: &mut Memory, viewer: &str, videos: &Videos) -> Vec<String> {
        let news = memory.news(Some(viewer.to_owned()), videos);
        news.into_iter().map(|news| news.heading).collect()
    }

    #[test]
    fn only_what_changes_while_we_look_is_news() {
        let mut memory = Memory::default();
        let mut look = |states| headings(&mut memory, "ada", &videos(states));
        assert!(look(&[("old", "ready")]).is_empty());
        assert!(look(&[("new", "processing"), ("old", "ready")]).is_empty());
        let done = [("short", "failed"), ("new", "ready"), ("old", "ready")];
        assert_eq!(look(&done), ["short cannot be watched", "new is ready"]);
        assert!(look(&done).is_empty(), "said once");
        assert!(look(&done[1..]).is_empty(), "deleting is no news");
        assert!(look(&done).is_empty(), "nor is bringing it back");
    }

    #[test]
    fn the_first_film_of_a_library_is_news() {
        let mut memory = Memory::default();
        let mut look = |states| headings(&mut memory, "ada", &videos(states));
        assert!(look(&[]).is_empty());
        assert_eq!(look(&[("a", "ready")]), ["a is ready"]);
    }

    #[test]
    fn a_title_that_moves_up_from_the_second_page_is_no_news() {
        let mut memory = Memory::default();
        let mut look = |states| {
            let page = Videos {
                total: 1000,
                ..videos(states)
            };
            headings(&mut memory, "ada", &page)
        };
        assert!(look(&[("c", "ready"), ("b", "ready")]).is_empty());
        assert!(look(&[("b", "ready"), ("a", "ready")]).is_empty());
        let one_more = [("d", "ready"), ("b", "ready")];
        assert_eq!(
            look(&one_more),
            ["d is ready"],
            "it stands before a known one"
        );
    }

    #[test]
    fn what_another_person_sees_is_no_news() {
        let mut memory = Memory::default();
        let (public, all) = (
            videos(&[("public", "ready")]),
            videos(&[("private", "ready"), ("public", "ready")]),
        );
        assert_eq!(memory.news(None, &public), []);
        assert!(headings(&mut memory, "ada", &all).is_empty());
        assert_eq!(memory.news(None, &public), []);
        assert!(headings(&mut memory, "ada", &all).is_empty());
    }
}
