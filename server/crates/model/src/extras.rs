//! What goes with picture and sound: subtitles, thumbnails, chapters, and what the file says of
//! itself. Parts of a [`Plan`](crate::plan::Plan). What does not belong here: streams.

use serde::{Deserialize, Serialize};

use crate::ladder::Size;
use crate::time::VideoTicks;

/// A text track, from the file or from a file beside it, as one WebVTT file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TextPlan {
    /// The track's index in the source file; absent if it comes from a file beside it.
    pub track: Option<u32>,
    /// BCP 47 or ISO 639 as the file has it; `und` where it says nothing.
    pub language: String,
    /// The track's own title, such as "Signs and songs".
    pub name: Option<String>,
    /// The track that is shown unless the viewer chooses otherwise.
    pub default: bool,
    /// Only what must be read to follow the film, such as signs in another language.
    pub forced: bool,
    /// Says in words what can only be heard.
    pub hearing_impaired: bool,
}

/// Small pictures of the whole title, in sheets of [`Self::COLUMNS`] by [`Self::ROWS`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ThumbsPlan {
    /// One picture.
    pub tile: Size,
    /// From one picture to the next.
    pub every: VideoTicks,
    /// How many pictures there are.
    pub tiles: u32,
}

impl ThumbsPlan {
    /// Pictures in a row of a sheet.
    pub const COLUMNS: u32 = 10;
    /// Rows of a sheet.
    pub const ROWS: u32 = 10;

    /// How many sheets there are; the last is filled up with black.
    pub fn sheets(&self) -> u32 {
        self.tiles.div_ceil(Self::COLUMNS * Self::ROWS)
    }
}

/// A chapter of the title.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Chapter {
    /// Where it begins.
    pub start: VideoTicks,
    /// What the file calls it.
    pub name: Option<String>,
}

/// What the file says of itself as a whole.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tags {
    /// What it is called.
    pub title: Option<String>,
    /// When it was made, as the file has it: `1936`, `2024-05-01T12:00:00Z`.
    pub date: Option<String>,
    /// Who made it.
    pub artist: Option<String>,
    /// What it is a part of.
    pub album: Option<String>,
    /// A text about it.
    pub comment: Option<String>,
}

#[cfg(test)]
mod tests {
    use super::ThumbsPlan;
    use crate::ladder::Size;
    use crate::time::VideoTicks;

    #[test]
    fn a_sheet_holds_a_hundred_pictures() {
        for (tiles, sheets) in [(1, 1), (100, 1), (101, 2), (720, 8)] {
            let thumbs = ThumbsPlan {
                tile: Size {
                    width: 320,
                    height: 180,
                },
                every: VideoTicks::from_seconds(10),
                tiles,
            };
            assert_eq!(thumbs.sheets(), sheets, "{tiles} pictures");
        }
    }
}
