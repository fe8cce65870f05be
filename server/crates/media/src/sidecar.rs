//! What a worker is told of a file of subtitles beside a film. What does not belong here: finding
//! such files (`jobs`), reading them (the worker).

use media_proto::sidecar::SidecarSpec;
use model::time::VideoTicks;

/// A file of subtitles.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sidecar {
    /// What its name says it is.
    pub format: Format,
    /// BCP 47, where its name says it.
    pub language: Option<String>,
    /// Number of the text track it becomes.
    pub index: u32,
    /// Length of the title.
    pub end: VideoTicks,
}

/// A format of subtitles.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// SubRip.
    SubRip,
    /// (Advanced) SubStation Alpha.
    Ass,
    /// WebVTT.
    WebVtt,
}

impl Sidecar {
    pub(crate) fn spec(&self) -> SidecarSpec {
        SidecarSpec {
            format: match self.format {
                Format::SubRip => media_proto::sidecar::TextFormat::SubRip,
                Format::Ass => media_proto::sidecar::TextFormat::Ass,
                Format::WebVtt => media_proto::sidecar::TextFormat::WebVtt,
            },
            language: self.language.as_deref().map(str::to_ascii_lowercase),
            index: self.index,
            end: self.end.0,
        }
    }
}
