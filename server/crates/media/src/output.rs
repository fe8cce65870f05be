//! What a worker delivers while it encodes, in the server's own words. `media-proto` stays
//! between this crate and the worker.

use media_proto::message::{Cause, Event};
use model::error::{Error, ErrorKind};
use model::time::{AudioTicks, Ticks, VideoTicks};

/// Characters of a worker's message that reach the owner.
const MAX_MESSAGE_CHARACTERS: usize = 500;

/// Something a worker delivered for one request.
#[derive(Debug)]
pub enum Output {
    /// A segment lies complete in the scratch folder.
    Segment {
        /// Stream number.
        stream: u32,
        /// Segment number, from 1.
        number: u32,
        /// Its length.
        size_bytes: u64,
    },
    /// Bytes arrive; nothing else is to be told yet.
    Reading,
    /// How far the encoder has come on the timeline.
    Progress(VideoTicks),
    /// The encoder in graphics hardware failed, with a sentence about it; the worker goes on
    /// without it.
    FellBack(String),
    /// All segments of a chunk are out.
    ChunkDone {
        /// Frames that were encoded.
        frames: u32,
        /// Frames that the index promised but no decoder delivered.
        missing: u32,
    },
    /// All segments of a span of sound are out.
    AudioDone {
        /// Silence put in for sound that was missing.
        silence: AudioTicks,
    },
    /// All segments of a copied part are out.
    CopyDone,
    /// `poster.jpg` lies complete in the scratch folder, and beside it what it can be chosen from.
    PosterDone {
        /// Its length.
        size_bytes: u64,
        /// Lengths of `poster-{N}.jpg`, from 1; none where there is nothing to choose.
        choices: Vec<u64>,
    },
    /// `thumbs-{N}.jpg` lies complete in the scratch folder.
    ThumbsDone {
        /// Its length.
        size_bytes: u64,
    },
    /// The request cannot be fulfilled; the worker lives on. `Unsupported` if the same file will
    /// fail the same way again.
    Failed(Error),
}

impl Output {
    /// What an event of an encoding worker means; `None` for answers to other questions.
    pub(crate) fn of(event: Event) -> Option<Self> {
        match event {
            Event::Segment {
                stream,
                number,
                size_bytes,
            } => Some(Self::Segment {
                stream,
                number,
                size_bytes,
            }),
            Event::Reading { .. } => Some(Self::Reading),
            Event::Progress { position } => Some(Self::Progress(Ticks(position))),
            Event::FellBack { reason } => Some(Self::FellBack(cleaned(&reason))),
            Event::ChunkDone { frames, missing } => Some(Self::ChunkDone { frames, missing }),
            Event::AudioDone { silence } => Some(Self::AudioDone {
                silence: Ticks(silence),
            }),
            Event::CopyDone { .. } => Some(Self::CopyDone),
            Event::PosterDone {
                size_bytes,
                choices,
            } => Some(Self::PosterDone {
                size_bytes,
                choices,
            }),
            Event::ThumbsDone { size_bytes } => Some(Self::ThumbsDone { size_bytes }),
            Event::Failed { cause, message } => Some(Self::Failed(failure(cause, &message))),
            Event::Hello { .. }
            | Event::Inspected(_)
            | Event::Prepared { .. }
            | Event::SidecarDone { .. } => None,
        }
    }
}

/// The error for a request that the worker could not fulfil.
pub(crate) fn failure(cause: Cause, message: &str) -> Error {
    let kind = match cause {
        cause if cause.is_permanent() => ErrorKind::Unsupported,
        Cause::OutOfSpace => ErrorKind::OutOfSpace,
        Cause::Io => ErrorKind::Unavailable,
        _ => ErrorKind::Internal,
    };
    Error::new(kind, cleaned(message))
}

/// A worker's words as they may be shown.
pub(crate) fn cleaned(message: &str) -> String {
    message
        .chars()
        .filter(|character| !character.is_control())
        .take(MAX_MESSAGE_CHARACTERS)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::failure;
    use media_proto::message::Cause;
    use model::error::ErrorKind;

    #[test]
    fn only_a_cause_in_the_file_itself_is_final() {
        let cases = [
            (Cause::NotMedia, ErrorKind::Unsupported),
            (Cause::Encrypted, ErrorKind::Unsupported),
            (Cause::Damaged, ErrorKind::Unsupported),
            (Cause::OutOfSpace, ErrorKind::OutOfSpace),
            (Cause::Io, ErrorKind::Unavailable),
            (Cause::Internal, ErrorKind::Internal),
        ];
        for (cause, kind) in cases {
            assert_eq!(failure(cause, "x").kind(), kind, "{cause:?}");
        }
    }

    #[test]
    fn a_message_from_a_worker_is_cleaned_and_cut() {
        let error = failure(
            Cause::Damaged,
            &format!("a\nb\x1b[31m{}", "x".repeat(9_000)),
        );
        assert!(
            error.message().starts_with("ab[31m"),
            "no control characters: {error}"
        );
        assert_eq!(error.message().chars().count(), 500, "no endless messages");
    }
}
