//! Can the picture be offered as it is? Every packet of the main track passes here during the
//! scan, so the answer holds for the whole film, as far as its container can be believed.
//!
//! Players must be able to decode it (H.264 up to High and level 5.1, 4:2:0 in 8 bits, frames),
//! to show it upright in square pixels, and to join it with our own rungs: one parameter set, IDR
//! pictures at the cuts, no two frames at the same time. What does not belong here: where it is
//! cut (`inspect::grid`), and whether it is worth it (the server).

use crate::av::packet::Packet;
use crate::av::stream::Stream;
use crate::isobmff::h264::{Content, Framing, ParameterSets, content};
use crate::isobmff::sps::{Sequence, sequence};

/// Baseline, Main and High.
const PROFILES: [u8; 3] = [66, 77, 100];
/// Level 5.1, in tenths: 4K at 30 frames a second.
const HIGHEST_LEVEL: u8 = 51;

/// A stream's parameter sets and how its units are told apart, if it may be copied.
#[derive(Clone, Debug)]
pub struct Form {
    /// Those of the whole stream.
    pub sets: ParameterSets,
    /// Of each packet.
    pub framing: Framing,
}

impl Form {
    /// The form of a track that players can show as it is.
    pub fn of(stream: &Stream) -> Option<Self> {
        if !stream.is_h264() || stream.display_matrix.is_some() || stream.has_order_only {
            return None;
        }
        let extradata = stream.extradata();
        let form = match ParameterSets::from_configuration(extradata) {
            Some((sets, framing)) => Self { sets, framing },
            None => Self {
                sets: ParameterSets::from_annex_b(extradata)?,
                framing: Framing::AnnexB,
            },
        };
        sequence(form.sets.sequence())
            .is_some_and(is_playable)
            .then_some(form)
    }

    /// Other parameter sets hold from this packet on.
    pub fn ends_at(&self, packet: &Packet) -> bool {
        let announced = packet.new_extradata();
        announced.is_some_and(|extradata| !self.is_same(extradata))
    }

    fn is_same(&self, extradata: &[u8]) -> bool {
        let sets = match self.framing {
            Framing::AnnexB => ParameterSets::from_annex_b(extradata),
            Framing::Lengths(_) => {
                ParameterSets::from_configuration(extradata).map(|(sets, _)| sets)
            }
        };
        sets.as_ref() == Some(&self.sets)
    }
}

fn is_playable(sequence: Sequence) -> bool {
    PROFILES.contains(&sequence.profile)
        && sequence.level <= HIGHEST_LEVEL
        && sequence.is_eight_bit
        && sequence.is_420
        && sequence.is_frames_only
}

/// Looks at every packet of a track.
#[derive(Debug)]
pub struct Examiner {
    form: Form,
    /// When the last IDR picture is shown: nothing behind it may be shown before it.
    idr_shown_at: Option<i64>,
    /// The latest that is shown so far.
    shown_until: i64,
    decoded_at: i64,
}

impl Examiner {
    /// An examiner for a track that may be copied, as far as its description tells.
    pub fn of(stream: &Stream) -> Option<Self> {
        Some(Self {
            form: Form::of(stream)?,
            idr_shown_at: None,
            shown_until: i64::MIN,
            decoded_at: i64::MIN,
        })
    }

    /// What the packet holds; `None` if it is a reason not to copy the track.
    pub fn see(&mut self, packet: &Packet) -> Option<Content> {
        let content = content(self.form.framing, packet.data(), &self.form.sets)?;
        self.admit(packet, content)
    }

    /// The same of a packet whose data was not read: its container is believed that a keyframe is
    /// an IDR picture. Copying looks at every packet once more.
    pub fn believe(&mut self, packet: &Packet) -> Option<Content> {
        // With other lengths it grows when it is copied, nobody knows by how much.
        if self.form.framing != Framing::Lengths(4) {
            return None;
        }
        let told = Content {
            is_idr: packet.is_key(),
            is_picture: true,
            has_strange_sets: false,
            size: packet.data().len(),
        };
        self.admit(packet, told)
    }

    fn admit(&mut self, packet: &Packet, content: Content) -> Option<Content> {
        let shown_at = packet.pts()?;
        // Some containers do not tell of decoding times; order alone is enough for copying.
        let decoded_at = packet.dts().unwrap_or(self.decoded_at.saturating_add(1));
        if packet.is_corrupt() || self.form.ends_at(packet) {
            return None;
        }
        self.is_in_order(content, shown_at, decoded_at)
            .then_some(content)
    }

    /// A whole picture that joins those before it: what comes before an IDR picture is shown
    /// before it, the rest behind it.
    fn is_in_order(&mut self, content: Content, shown_at: i64, decoded_at: i64) -> bool {
        let is_usable = content.is_picture && !content.has_strange_sets;
        let is_placed = if content.is_idr {
            shown_at > self.shown_until
        } else {
            self.idr_shown_at.is_some_and(|idr| shown_at > idr)
        };
        let is_rising = decoded_at > self.decoded_at;
        if content.is_idr {
            self.idr_shown_at = Some(shown_at);
        }
        self.shown_until = self.shown_until.max(shown_at);
        self.decoded_at = decoded_at;
        is_usable && is_placed && is_rising
    }
}

#[cfg(test)]
mod tests {
    use super::{Examiner, Form};
    use crate::isobmff::h264::{Content, Framing, ParameterSets};

    fn examiner() -> Examiner {
        let extradata = [
            0, 0, 1, 0x67, 0x64, 0, 0x1f, 0xac, 0, 0, 1, 0x68, 0xeb, 0xe3,
        ];
        Examiner {
            form: Form {
                sets: ParameterSets::from_annex_b(&extradata).unwrap(),
                framing: Framing::AnnexB,
            },
            idr_shown_at: None,
            shown_until: i64::MIN,
            decoded_at: i64::MIN,
        }
    }

    fn picture(is_idr: bool) -> Content {
        Content {
            is_idr,
            is_picture: true,
            has_strange_sets: false,
            size: 100,
        }
    }

    /// Pictures in decode order: whether each is an IDR picture, and when it is shown.
    type Pictures = &'static [(bool, i64)];

    /// Whether all of them may be copied.
    fn is_fit(pictures: Pictures) -> bool {
        let mut examiner = examiner();
        let mut fits = |(decoded_at, (is_idr, shown_at)): (i64, &(bool, i64))| {
            examiner.is_in_order(picture(*is_idr), *shown_at, decoded_at)
        };
        (0..).zip(pictures).all(&mut fits)
    }

    #[test]
    fn only_closed_groups_of_pictures_are_copied() {
        let cases: [(&str, Pictures, bool); 5] = [
            (
                "two groups with B frames",
                &[(true, 2), (false, 5), (false, 3), (true, 6), (false, 7)],
                true,
            ),
            ("no IDR at first", &[(false, 2), (true, 3)], false),
            ("shown before its IDR", &[(true, 2), (false, 1)], false),
            (
                "an IDR that is shown too early",
                &[(true, 2), (false, 5), (true, 4)],
                false,
            ),
            ("two at the same time", &[(true, 2), (false, 2)], false),
        ];
        for (what, pictures, expected) in cases {
            assert_eq!(is_fit(pictures), expected, "{what}");
        }
    }

    #[test]
    fn what_is_no_whole_picture_of_the_stream_is_not_copied() {
        let strange = Content {
            has_strange_sets: true,
            ..picture(true)
        };
        assert!(!examiner().is_in_order(strange, 0, 0), "other sets");
        let words = Content {
            is_picture: false,
            ..picture(true)
        };
        assert!(!examiner().is_in_order(words, 0, 0), "nothing to see");
        let mut examiner = examiner();
        assert!(examiner.is_in_order(picture(true), 0, 0));
        assert!(
            !examiner.is_in_order(picture(false), 1, 0),
            "decoded at the same time"
        );
    }
}
