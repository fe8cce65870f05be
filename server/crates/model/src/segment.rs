//! Stored pieces of a title: their names in URLs, their keys in the store, their rows.

use std::fmt;

use crate::id::TitleId;
use crate::settings::Place;

/// The name under which the store keeps an object. Built here and nowhere else; never from
/// anything a user or a file said.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ObjectKey(String);

impl ObjectKey {
    /// A piece of a title: `{title}/{generation}/{name}`.
    pub fn of_piece(title: TitleId, generation: u32, piece: Piece) -> Self {
        Self(format!("{title}/{generation}/{piece}"))
    }

    /// The key as a row or a listing has it; refused unless it looks like one of ours.
    pub fn parse(text: &str) -> Option<Self> {
        let mut parts = text.splitn(3, '/');
        let _title: TitleId = parts.next()?.parse().ok()?;
        let generation = parts.next()?;
        let canonical: u32 = generation.parse().ok()?;
        let piece = Piece::parse(parts.next()?)?;
        (canonical.to_string() == generation && !piece.to_string().is_empty())
            .then(|| Self(text.to_owned()))
    }

    /// The key as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether it belongs to that life of that title.
    pub fn is_of(&self, title: TitleId, generation: u32) -> bool {
        self.0.starts_with(&format!("{title}/{generation}/"))
    }

    /// What the object is of its title.
    pub fn piece(&self) -> Option<Piece> {
        self.0.splitn(3, '/').nth(2).and_then(Piece::parse)
    }

    /// The title the object belongs to.
    pub fn title(&self) -> Option<TitleId> {
        self.0.split('/').next()?.parse().ok()
    }
}

impl fmt::Display for ObjectKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A piece of a title, as URLs and object keys spell it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Piece {
    /// `init-stream{R}.m4s`
    Init {
        /// Stream number.
        stream: u32,
    },
    /// `chunk-stream{R}-{NNNNN}.m4s`; numbers start at 1 and have at least five digits.
    Media {
        /// Stream number.
        stream: u32,
        /// Segment number, from 1.
        number: u32,
    },
    /// `poster.jpg`
    Poster,
    /// `poster-{N}.jpg`: a picture that may be chosen as the poster instead.
    PosterChoice {
        /// From 1 to [`POSTER_CHOICES`].
        number: u32,
    },
    /// `subtitle-{N}.vtt`: a text track, whole.
    Subtitle {
        /// Index into the plan's text tracks, from 0.
        index: u32,
    },
    /// `thumbs-{N}.jpg`: a sheet of small pictures for the seek bar.
    Thumbs {
        /// From 1.
        sheet: u32,
    },
}

/// How many pictures a poster can be chosen from.
pub const POSTER_CHOICES: u32 = 5;

impl Piece {
    /// Reads a file name; exactly one spelling names each piece.
    pub fn parse(name: &str) -> Option<Self> {
        let numbered = |before: &str, after: &str| -> Option<u32> {
            name.strip_prefix(before)?.strip_suffix(after)?.parse().ok()
        };
        let piece = if name == "poster.jpg" {
            Self::Poster
        } else if let Some(stream) = numbered("init-stream", ".m4s") {
            Self::Init { stream }
        } else if let Some(number) = numbered("poster-", ".jpg") {
            Self::PosterChoice { number }
        } else if let Some(index) = numbered("subtitle-", ".vtt") {
            Self::Subtitle { index }
        } else if let Some(sheet) = numbered("thumbs-", ".jpg") {
            Self::Thumbs { sheet }
        } else {
            media(name)?
        };
        (piece.is_numbered_right() && piece.to_string() == name).then_some(piece)
    }

    /// What counts from 1 has no number 0, and there are so many posters to choose from.
    fn is_numbered_right(self) -> bool {
        match self {
            Self::Media { number, .. } => number >= 1,
            Self::Thumbs { sheet } => sheet >= 1,
            Self::PosterChoice { number } => (1..=POSTER_CHOICES).contains(&number),
            Self::Init { .. } | Self::Poster | Self::Subtitle { .. } => true,
        }
    }
}

fn media(name: &str) -> Option<Piece> {
    let (stream, number) = name
        .strip_prefix("chunk-stream")?
        .strip_suffix(".m4s")?
        .split_once('-')?;
    Some(Piece::Media {
        stream: stream.parse().ok()?,
        number: number.parse().ok()?,
    })
}

impl fmt::Display for Piece {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Init { stream } => write!(f, "init-stream{stream}.m4s"),
            Self::Media { stream, number } => write!(f, "chunk-stream{stream}-{number:05}.m4s"),
            Self::Poster => f.write_str("poster.jpg"),
            Self::PosterChoice { number } => write!(f, "poster-{number}.jpg"),
            Self::Subtitle { index } => write!(f, "subtitle-{index}.vtt"),
            Self::Thumbs { sheet } => write!(f, "thumbs-{sheet}.jpg"),
        }
    }
}

/// A stored object as its row describes it. The row exists only if the object is complete.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredPiece {
    /// Which piece it is.
    pub piece: Piece,
    /// In which store it is.
    pub place: Place,
    /// Where that store keeps it.
    pub key: ObjectKey,
    /// Its length.
    pub size_bytes: u64,
    /// SHA-256 in hex.
    pub sha256: String,
}

#[cfg(test)]
mod tests {
    use super::{ObjectKey, Piece};
    use crate::id::TitleId;

    #[test]
    fn a_piece_has_exactly_one_spelling() {
        for name in [
            "init-stream0.m4s",
            "chunk-stream4-00001.m4s",
            "chunk-stream0-123456.m4s",
            "poster.jpg",
            "poster-1.jpg",
            "poster-5.jpg",
            "subtitle-0.vtt",
            "subtitle-31.vtt",
            "thumbs-1.jpg",
        ] {
            let piece = Piece::parse(name);
            assert_eq!(piece.map(|piece| piece.to_string()).as_deref(), Some(name));
        }
        for name in [
            "init-stream00.m4s",
            "init-stream-1.m4s",
            "init-stream+1.m4s",
            "chunk-stream0-1.m4s",
            "chunk-stream0-00000.m4s",
            "chunk-stream0-000001.m4s",
            "chunk-stream0-18446744073709551616.m4s",
            "chunk-stream0-00001.m3u8",
            "CHUNK-stream0-00001.m4s",
            "../poster.jpg",
            "poster.jpg/",
            "poster-0.jpg",
            "poster-6.jpg",
            "poster-01.jpg",
            "subtitle-.vtt",
            "subtitle-+1.vtt",
            "subtitle-0.srt",
            "thumbs-0.jpg",
            "thumbs.vtt",
            "",
        ] {
            assert_eq!(Piece::parse(name), None, "{name:?} must not name a piece");
        }
    }

    #[test]
    fn keys_come_back_from_listings_only_if_they_are_ours() {
        let title = TitleId::generate();
        let key = ObjectKey::of_piece(
            title,
            3,
            Piece::Media {
                stream: 1,
                number: 7,
            },
        );
        assert_eq!(ObjectKey::parse(key.as_str()), Some(key.clone()));
        assert_eq!(key.title(), Some(title));
        assert!(key.is_of(title, 3) && !key.is_of(title, 30));
        for foreign in [
            "../../etc/passwd",
            "a/b/c",
            &format!("{title}/03/poster.jpg"),
            &format!("{title}/3/x"),
        ] {
            assert_eq!(
                ObjectKey::parse(foreign),
                None,
                "{foreign:?} is not an object of ours"
            );
        }
    }
}
