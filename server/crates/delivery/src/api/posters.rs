//! What the API tells of a title's poster, and of the pictures that it can be chosen from.

use model::segment::Piece;
use model::title::Title;
use serde::Serialize;
use utoipa::ToSchema;

/// A picture that may stand for a title.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub(crate) struct PosterView {
    /// What a change of the title calls it.
    pub(crate) number: u32,
    pub(crate) url: String,
    /// It is the poster now.
    pub(crate) chosen: bool,
}

/// Where the poster of `title` is found, if it has one. Browsers keep it for a day, so another
/// choice has another address.
pub(crate) fn address(title: &Title) -> Option<String> {
    let name = Piece::Poster;
    let choice = match title.poster_piece() {
        Piece::PosterChoice { number } => format!("?choice={number}"),
        _ => String::new(),
    };
    let url = || format!("/media/{}/{name}{choice}", title.id);
    title.has_poster.then(url)
}

/// All of them, the best first; none where there is nothing to choose.
pub(crate) fn choices(title: &Title) -> Vec<PosterView> {
    let best = title.poster_choices.first().copied();
    let chosen = match title.poster_piece() {
        Piece::PosterChoice { number } => Some(number),
        _ => best,
    };
    let view = |number: u32| PosterView {
        number,
        url: format!("/media/{}/{}", title.id, Piece::PosterChoice { number }),
        chosen: chosen == Some(number),
    };
    title.poster_choices.iter().copied().map(view).collect()
}
