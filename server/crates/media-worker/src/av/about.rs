//! What a file says of itself as a whole: its chapters and its tags.

use super::input::Input;
use super::stream::{TimeBase, metadata};

/// The most chapters that are read.
const MAX_CHAPTERS: usize = 500;

/// A chapter as the file has it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Chapter {
    /// Unit of its time.
    pub time_base: TimeBase,
    /// Begin on the file's clock.
    pub start: i64,
    /// Its title.
    pub title: Option<String>,
}

/// Chosen tags of the file. Its location is never among them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tags {
    /// `title`
    pub title: Option<String>,
    /// `date`, else when it was made.
    pub date: Option<String>,
    /// `artist`
    pub artist: Option<String>,
    /// `album`
    pub album: Option<String>,
    /// `comment`
    pub comment: Option<String>,
}

impl Input {
    /// The chapters in the file's order.
    pub fn chapters(&self) -> Vec<Chapter> {
        // SAFETY: `chapters` has `nb_chapters` valid entries for as long as the context is open.
        unsafe {
            let context = &*self.as_ptr();
            let count = (context.nb_chapters as usize).min(MAX_CHAPTERS);
            (0..count)
                .map(|index| {
                    let chapter = &**context.chapters.add(index);
                    Chapter {
                        time_base: TimeBase {
                            numerator: chapter.time_base.num,
                            denominator: chapter.time_base.den,
                        },
                        start: chapter.start,
                        title: metadata(chapter.metadata, c"title"),
                    }
                })
                .collect()
        }
    }

    /// The tags of the whole file.
    pub fn tags(&self) -> Tags {
        // SAFETY: the dictionary belongs to the open context.
        let tag = |key| unsafe { metadata((*self.as_ptr()).metadata, key) };
        let made = || {
            let local = tag(c"com.apple.quicktime.creationdate");
            local
                .or_else(|| tag(c"creation_time"))
                .filter(|date| is_set(date))
        };
        Tags {
            title: tag(c"title"),
            date: tag(c"date").or_else(made),
            artist: tag(c"artist"),
            album: tag(c"album"),
            comment: tag(c"comment"),
        }
    }
}

/// A clock that was never set says the beginning of its era.
fn is_set(date: &str) -> bool {
    !date.starts_with("1904-01-01") && !date.starts_with("1970-01-01")
}

#[cfg(test)]
mod tests {
    use super::is_set;

    #[test]
    fn clocks_that_were_never_set_say_nothing() {
        assert!(is_set("2024-05-01T12:00:00.000000Z"));
        assert!(!is_set("1904-01-01T00:00:00.000000Z") && !is_set("1970-01-01T00:00:00Z"));
    }
}
