//! Speed against size, as the owner sets it. The worker's own word for it is in `media-proto`,
//! which only this crate and the worker know.

use media_proto::message;

/// How much work goes into a frame.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Preset {
    /// Fastest to be ready.
    Fast,
    /// The default.
    #[default]
    Balanced,
    /// Fewest bytes.
    Small,
}

impl Preset {
    /// The word in the configuration.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Fast => "fast",
            Self::Balanced => "balanced",
            Self::Small => "small",
        }
    }

    /// The preset with that name.
    pub fn parse(word: &str) -> Option<Self> {
        [Self::Fast, Self::Balanced, Self::Small]
            .into_iter()
            .find(|preset| preset.as_str() == word)
    }

    /// The word in requests.
    pub(crate) fn in_requests(self) -> message::Preset {
        match self {
            Self::Fast => message::Preset::Fast,
            Self::Balanced => message::Preset::Balanced,
            Self::Small => message::Preset::Small,
        }
    }
}
