//! What goes with picture and sound: subtitles, thumbnails, chapters, and what the file says of
//! itself. Parts of a [`Plan`](crate::plan::Plan). What does not belong here: streams.

use serde::{Deserialize, Serialize};

use crate::ladder::Size;
use crate::time::{Ticks, VideoTicks};

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
    /// From one picture to the next.
    const EVERY_SECONDS: i64 = 10;
    /// Longest side of a picture, in pixels.
    const LONG_SIDE: u32 = 320;
    /// Pictures in a row of a sheet.
    pub const COLUMNS: u32 = 10;
    /// Rows of a sheet.
    pub const ROWS: u32 = 10;

    /// For pictures of the shape of `display` over a title that ends at `end`.
    pub fn of(display: Size, end: VideoTicks) -> Self {
        let every = VideoTicks::from_seconds(Self::EVERY_SECONDS);
        let tiles = end
            .0
            .max(1)
            .cast_unsigned()
            .div_ceil(every.0.cast_unsigned());
        Self {
            tile: display.within(Self::LONG_SIDE),
            every,
            tiles: u32::try_from(tiles).unwrap_or(u32::MAX),
        }
    }

    /// What moment picture `tile` (from 0) shows: the middle of the time it stands for.
    pub fn shows(&self, tile: u32, end: VideoTicks) -> VideoTicks {
        let begin = self.every.0.saturating_mul(i64::from(tile));
        let until = begin.saturating_add(self.every.0).min(end.0);
        Ticks(begin.midpoint(until))
    }

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
    fn ten_seconds_have_a_picture_and_the_rest_has_one() {
        let display = Size {
            width: 1080,
            height: 1920,
        };
        for (seconds, tiles, last_shows) in [(1, 1, 0), (10, 1, 5), (11, 2, 10), (7200, 720, 7195)]
        {
            let end = VideoTicks::from_seconds(seconds);
            let thumbs = ThumbsPlan::of(display, end);
            assert_eq!(thumbs.tiles, tiles, "{seconds} s");
            let shown = thumbs.shows(tiles - 1, end).0 / VideoTicks::from_seconds(1).0;
            assert_eq!(shown, last_shows, "{seconds} s");
            assert_eq!((thumbs.tile.width, thumbs.tile.height), (180, 320));
        }
    }

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
