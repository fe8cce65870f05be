//! Where players fetch pieces without us: from the public address in front of a bucket, if the owner
//! gave one, and only what anyone may watch. Pure rules; what does not belong here: the pieces that
//! we send ourselves (`segments`).

use model::rights::{Audience, Visibility};
use model::segment::{Piece, StoredPiece};
use model::settings::{Place, Settings};

/// Whether anyone at all may watch what `visibility` may.
pub(crate) fn is_public(settings: &Settings, visibility: Visibility) -> bool {
    visibility == Visibility::Everyone && settings.audience == Audience::Anyone
}

/// The public address of `stored`, a piece of a title that `visibility` may watch, unless we send
/// it ourselves.
pub(crate) fn address(
    settings: &Settings,
    visibility: Visibility,
    stored: &StoredPiece,
) -> Option<String> {
    // Pictures and text tracks of a page come from us alone, as its policy says; the player's
    // connections may go elsewhere.
    let is_streamed = matches!(stored.piece, Piece::Init { .. } | Piece::Media { .. });
    if !is_public(settings, visibility) || !is_streamed || stored.place != Place::Bucket {
        return None;
    }
    settings
        .bucket
        .as_ref()?
        .public_address(stored.key.as_str())
}

/// What pages must be allowed to connect to besides ourselves, such as `https://cdn.example.org`.
pub(crate) fn origin(settings: &Settings) -> Option<&str> {
    settings.bucket.as_ref()?.public_origin()
}

#[cfg(test)]
mod tests {
    use super::address;
    use model::id::TitleId;
    use model::rights::{Audience, Visibility};
    use model::segment::{ObjectKey, Piece, StoredPiece};
    use model::settings::{Bucket, Place, Settings};

    fn bucket(public_base_url: &str) -> Bucket {
        Bucket {
            endpoint: "http://nas".into(),
            name: "films".into(),
            region: String::new(),
            access_key: String::new(),
            secret_key: String::new(),
            path_style: true,
            prefix: "ours".into(),
            public_base_url: Some(public_base_url.into()),
        }
    }

    #[test]
    fn only_what_anyone_may_watch_is_fetched_elsewhere() {
        use Audience::{Anyone, Members as MembersOnly};
        use Visibility::{Everyone, Members, OnlyMe};
        let media = Piece::Media {
            stream: 0,
            number: 1,
        };
        for (visibility, audience, place, piece, expected) in [
            (Everyone, Anyone, Place::Bucket, media, true),
            (Everyone, Anyone, Place::Local, media, false),
            (Everyone, MembersOnly, Place::Bucket, media, false),
            (Members, Anyone, Place::Bucket, media, false),
            (OnlyMe, Anyone, Place::Bucket, media, false),
            // The page's policy lets pictures come from us alone.
            (Everyone, Anyone, Place::Bucket, Piece::Poster, false),
            (
                Everyone,
                Anyone,
                Place::Bucket,
                Piece::Subtitle { index: 0 },
                false,
            ),
        ] {
            let settings = Settings {
                audience,
                bucket: Some(bucket("https://cdn.example.org/films/")),
                ..Settings::default()
            };
            let key = ObjectKey::of_piece(TitleId::generate(), 1, piece);
            let stored = StoredPiece {
                piece,
                key: key.clone(),
                place,
                size_bytes: 1,
                sha256: String::new(),
            };
            let found = address(&settings, visibility, &stored);
            let there = format!("https://cdn.example.org/films/ours/{key}");
            let what = format!("{visibility:?} {audience:?} {place:?} {piece}");
            assert_eq!(found, expected.then_some(there), "{what}");
        }
    }
}
