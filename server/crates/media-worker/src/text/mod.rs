//! Subtitles: from what files hold to WebVTT that every browser shows.
//!
//! Pure functions over bytes and text; libav's subtitle decoders are not used. Each format has a
//! parser; all of them make [`Cue`]s, which [`vtt::write`] puts in order. What does not belong
//! here: reading files (`sidecar`), collecting packets (`inspect`).

pub mod ass;
pub mod charset;
pub mod clock;
pub mod markup;
pub mod mov_text;
pub mod srt;
pub mod vtt;

/// The most that is read of one text track. Subtitles of a long film have a tenth of a megabyte.
pub const MAX_BYTES: usize = 10_000_000;

/// Words on the screen, from when to when.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cue {
    /// Begin in video ticks on the timeline; may lie before zero.
    pub start: i64,
    /// End in video ticks; not after `start` where nobody knows.
    pub end: i64,
    /// What is shown.
    pub words: Words,
}

/// What a cue shows.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Words {
    /// Text of a WebVTT cue: escaped, with `b`, `i` and `u` only, without blank lines.
    pub text: String,
    /// Shown at the top, because the bottom is taken.
    pub at_top: bool,
}

/// How a track of a container holds its words.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Packets {
    /// Plain text with the tags of SubRip.
    SubRip,
    /// Events of SubStation Alpha as Matroska has them.
    Ass,
    /// 3GPP timed text.
    MovText,
    /// Payload of WebVTT cues.
    WebVtt,
}

impl Packets {
    /// For libav's name of a codec; `None` for pictures and what nobody reads.
    ///
    /// libav 5.1 knows no codec for `S_TEXT/WEBVTT`, so a track of Matroska without one may be
    /// that; its packets tell (see [`read`](Self::read)).
    pub fn of_codec(codec: &str, container: &str) -> Option<Self> {
        match codec {
            "subrip" | "srt" | "text" => Some(Self::SubRip),
            "ass" | "ssa" => Some(Self::Ass),
            "mov_text" => Some(Self::MovText),
            "webvtt" => Some(Self::WebVtt),
            _ if is_nameless(codec) && container.contains("matroska") => Some(Self::WebVtt),
            _ => None,
        }
    }

    /// The words of one packet; `None` if it holds no text at all.
    pub fn read(self, data: &[u8]) -> Option<Words> {
        if self == Self::MovText {
            return mov_text::words(data);
        }
        let text = std::str::from_utf8(data).ok()?;
        if text.chars().any(is_binary) {
            return None;
        }
        Some(match self {
            Self::SubRip => srt::words(text),
            Self::Ass => ass::words(ass::text_of_packet(text)?),
            Self::MovText | Self::WebVtt => vtt::words(text),
        })
    }
}

/// libav has no name for it and shows the four-character code instead, if there is one.
fn is_nameless(codec: &str) -> bool {
    codec.is_empty() || codec == "none" || codec.starts_with("[0]")
}

/// No subtitle has these; a packet of boxes or pictures does.
fn is_binary(character: char) -> bool {
    character.is_control() && !matches!(character, '\t' | '\n' | '\r' | '\u{c}' | '\0')
}

/// The formats of subtitles in files of their own, read whole.
pub fn cues_of_file(format: media_proto::sidecar::TextFormat, text: &str) -> Vec<Cue> {
    use media_proto::sidecar::TextFormat;
    match format {
        TextFormat::SubRip => srt::cues(text),
        TextFormat::Ass => ass::cues(text),
        TextFormat::WebVtt => vtt::cues(text),
    }
}

#[cfg(test)]
mod tests {
    use super::Packets;

    #[test]
    fn packets_of_every_format_become_words() {
        let cases: [(Packets, &[u8], Option<&str>); 9] = [
            (
                Packets::SubRip,
                b"<i>Hello</i> & bye",
                Some("<i>Hello</i> &amp; bye"),
            ),
            (
                Packets::Ass,
                b"3,0,Main,,0,0,0,,One, two\\Nthree",
                Some("One, two\nthree"),
            ),
            (Packets::Ass, b"3,0,Main", None),
            (Packets::WebVtt, b"<v Ann>Hi", Some("Hi")),
            (Packets::WebVtt, b"\x00\x00\x00\x10vttc\x01\x02", None),
            (Packets::WebVtt, b"\xff\xfe", None),
            (Packets::MovText, b"\x00\x03abc", Some("abc")),
            (Packets::MovText, b"\x00\x00", Some("")),
            (Packets::MovText, b"\x00", None),
        ];
        for (format, data, expected) in cases {
            let words = format.read(data);
            let text = words.as_ref().map(|words| words.text.as_str());
            assert_eq!(text, expected, "{format:?} {data:?}");
        }
    }

    #[test]
    fn a_track_is_text_by_its_codec() {
        for (codec, container, expected) in [
            ("subrip", "matroska,webm", Some(Packets::SubRip)),
            ("ass", "matroska,webm", Some(Packets::Ass)),
            (
                "mov_text",
                "mov,mp4,m4a,3gp,3g2,mj2",
                Some(Packets::MovText),
            ),
            ("[0][0][0][0]", "matroska,webm", Some(Packets::WebVtt)),
            ("[0][0][0][0]", "mov,mp4,m4a,3gp,3g2,mj2", None),
            ("hdmv_pgs_subtitle", "matroska,webm", None),
        ] {
            assert_eq!(
                Packets::of_codec(codec, container),
                expected,
                "{codec} in {container}"
            );
        }
    }
}
