//! What the owner wants of a title that is planned now. The worker's own words for it are in
//! `media-proto`, which only this crate and the worker know.

use media_proto::message;
use model::settings::{Settings, Speed};

/// What a new title should be like.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Demand {
    /// How much work goes into a frame.
    pub speed: Speed,
    /// The highest rung, by its short side.
    pub top_rung: u32,
    /// The picture may be offered as it is, where it fits.
    pub may_copy: bool,
}

impl Demand {
    /// What the settings say of every title.
    pub fn of(settings: &Settings) -> Self {
        Self {
            speed: settings.speed,
            top_rung: settings.top_rung,
            may_copy: true,
        }
    }
}

/// The word in requests.
pub(crate) fn preset(speed: Speed) -> message::Preset {
    match speed {
        Speed::Fast => message::Preset::Fast,
        Speed::Balanced => message::Preset::Balanced,
        Speed::Small => message::Preset::Small,
    }
}
