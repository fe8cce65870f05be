//! What the API tells of a title's thumbnails: enough to show one without reading a manifest.

use model::extras::ThumbsPlan;
use model::segment::Piece;
use model::title::Title;
use serde::Serialize;
use utoipa::ToSchema;

/// Small pictures of the whole film in large ones, row by row.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub(crate) struct ThumbsView {
    /// Size of one small picture.
    pub(crate) width: u32,
    pub(crate) height: u32,
    /// How many stand beside and below each other on a sheet.
    pub(crate) columns: u32,
    pub(crate) rows: u32,
    /// From one to the next.
    pub(crate) every_s: f64,
    /// How many there are on all sheets.
    pub(crate) count: u32,
    /// Where each sheet is found; null as long as it is not made.
    pub(crate) sheets: Vec<Option<String>>,
}

impl ThumbsView {
    /// Those of `title`; `None` if it has none.
    pub(crate) fn of(title: &Title) -> Option<Self> {
        let thumbs = title.summary.as_ref()?.thumbs?;
        let url = |sheet| format!("/media/{}/{}", title.id, Piece::Thumbs { sheet });
        let stored = |sheet: u32| title.thumb_sheets.contains(&sheet).then(|| url(sheet));
        Some(Self {
            width: thumbs.tile.width,
            height: thumbs.tile.height,
            columns: ThumbsPlan::COLUMNS,
            rows: ThumbsPlan::ROWS,
            every_s: thumbs.every.seconds(),
            count: thumbs.tiles,
            sheets: (1..=thumbs.sheets()).map(stored).collect(),
        })
    }
}
