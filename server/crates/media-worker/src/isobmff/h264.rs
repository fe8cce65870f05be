//! H.264 as encoders and containers give it (Annex B, or units behind their lengths) to H.264 as
//! our segments hold it (ISO/IEC 14496-15, lengths of four bytes). What the parameter sets say is
//! in `sps`.

use std::collections::BTreeSet;

use super::sps;

/// NAL unit types of ITU-T H.264 table 7-1 that matter here.
const NAL_SLICE: u8 = 1;
const NAL_IDR: u8 = 5;
const NAL_SPS: u8 = 7;
const NAL_PPS: u8 = 8;
const NAL_ACCESS_UNIT_DELIMITER: u8 = 9;
const NAL_FILLER: u8 = 12;
/// This bit of a unit's header is never set (§7.4.1).
const FORBIDDEN: u8 = 0x80;

/// How the units of an access unit are told apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Framing {
    /// Start codes (ITU-T H.264 annex B).
    AnnexB,
    /// Each behind its length in that many bytes (ISO/IEC 14496-15 §5.3.3.1).
    Lengths(u8),
}

/// The parameter sets of a stream: one sequence parameter set of each encoder, and picture
/// parameter sets.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ParameterSets {
    /// At least one.
    sequences: Vec<Vec<u8>>,
    pictures: Vec<Vec<u8>>,
}

impl ParameterSets {
    /// Takes those of an Annex B stream from its extradata. `None` if there are none, or several
    /// that contradict each other.
    pub fn from_annex_b(extradata: &[u8]) -> Option<Self> {
        let of_kind = |kind| {
            let units = nal_units(extradata).filter(move |unit| nal_type(unit) == Some(kind));
            let mut distinct: Vec<Vec<u8>> = Vec::new();
            for unit in units.filter(|unit| unit.len() > 1) {
                if !distinct.iter().any(|known| known == unit) {
                    distinct.push(unit.to_vec());
                }
            }
            distinct
        };
        Self::of(of_kind(NAL_SPS), of_kind(NAL_PPS))
    }

    /// Takes those of an AVCDecoderConfigurationRecord (ISO/IEC 14496-15 §5.3.3.1.2), together
    /// with the framing that it announces. `None` as above.
    pub fn from_configuration(record: &[u8]) -> Option<(Self, Framing)> {
        let [1, _, _, _, lengths, count, rest @ ..] = record else {
            return None;
        };
        let (sequences, rest) = take_sized(usize::from(count & 0x1f), rest)?;
        let (count, rest) = rest.split_first()?;
        let (pictures, _) = take_sized(usize::from(*count), rest)?;
        let sets = Self::of(sequences, pictures)?;
        Some((sets, Framing::Lengths((lengths & 3) + 1)))
    }

    fn of(sequences: Vec<Vec<u8>>, pictures: Vec<Vec<u8>>) -> Option<Self> {
        let is_usable = sequences.len() == 1 && sequences[0].len() >= 4;
        (is_usable && (1..=usize::from(u8::MAX)).contains(&pictures.len())).then_some(Self {
            sequences,
            pictures,
        })
    }

    /// Those of two encoders whose segments stand in one stream. `None` if they are not of one
    /// profile, or if a number has two meanings.
    pub fn joined(&self, other: &Self) -> Option<Self> {
        let sequences = [self.sequences.as_slice(), &other.sequences].concat();
        let pictures = [self.pictures.as_slice(), &other.pictures].concat();
        let is_one_profile = self.sequences[0].get(1) == other.sequences[0].get(1);
        let are_told_apart = are_distinct(&sequences, sps::sequence_number)?
            && are_distinct(&pictures, sps::picture_number)?;
        (is_one_profile && are_told_apart && pictures.len() <= usize::from(u8::MAX)).then_some(
            Self {
                sequences,
                pictures,
            },
        )
    }

    /// The first sequence parameter set, with its NAL header.
    pub fn sequence(&self) -> &[u8] {
        &self.sequences[0]
    }

    /// `unit` is one of these sets.
    pub fn contains(&self, unit: &[u8]) -> bool {
        let mut all = self.sequences.iter().chain(&self.pictures);
        all.any(|set| set == unit)
    }

    /// Profile, the constraints that hold for all, and the highest level.
    fn capability(&self) -> [u8; 3] {
        let of = |sequence: &Vec<u8>| [sequence[1], sequence[2], sequence[3]];
        let all = self.sequences.iter().map(of);
        all.reduce(|one, other| [one[0], one[1] & other[1], one[2].max(other[2])])
            .unwrap_or_default()
    }

    /// RFC 6381: `avc1.` and profile, constraints and level in hex.
    pub fn codec(&self) -> String {
        let [profile, constraints, level] = self.capability();
        format!("avc1.{profile:02x}{constraints:02x}{level:02x}")
    }

    /// Tells sets apart: every byte of all, in hex.
    pub fn fingerprint(&self) -> String {
        let hex = |bytes: &Vec<u8>| {
            bytes
                .iter()
                .map(|byte| format!("{byte:02x}"))
                .collect::<String>()
        };
        let pictures: Vec<String> = self.pictures.iter().map(hex).collect();
        let sequences: Vec<String> = self.sequences.iter().map(hex).collect();
        format!("{}-{}", sequences.join("-"), pictures.join("-"))
    }

    /// AVCDecoderConfigurationRecord (ISO/IEC 14496-15 §5.3.3.1.2) for 4:2:0 in 8 bits.
    pub fn write_configuration(&self, out: &mut Vec<u8>) {
        let [profile, constraints, level] = self.capability();
        out.extend_from_slice(&[1, profile, constraints, level]);
        out.push(0xff); // NAL lengths take four bytes
        out.push(0xe0 | u8::try_from(self.sequences.len()).unwrap_or(1));
        for sequence in &self.sequences {
            write_sized(out, sequence);
        }
        out.push(u8::try_from(self.pictures.len()).unwrap_or(u8::MAX));
        for picture in &self.pictures {
            write_sized(out, picture);
        }
        if profile == 100 {
            out.extend_from_slice(&[0xfd, 0xf8, 0xf8, 0]); // 4:2:0, 8 bits, no extensions
        }
    }
}

/// All sets have numbers of their own; `None` if one breaks off.
fn are_distinct(sets: &[Vec<u8>], number: impl Fn(&[u8]) -> Option<u32>) -> Option<bool> {
    let mut seen = BTreeSet::new();
    for set in sets {
        if !seen.insert(number(set)?) {
            return Some(false);
        }
    }
    Some(true)
}

/// `count` units, each behind its length in two bytes, and what follows them.
fn take_sized(count: usize, mut rest: &[u8]) -> Option<(Vec<Vec<u8>>, &[u8])> {
    let mut units = Vec::with_capacity(count);
    for _ in 0..count {
        let (length, behind) = rest.split_first_chunk::<2>()?;
        let length = usize::from(u16::from_be_bytes(*length));
        units.push(behind.get(..length)?.to_vec());
        rest = &behind[length..];
    }
    Some((units, rest))
}

fn write_sized(out: &mut Vec<u8>, unit: &[u8]) {
    out.extend_from_slice(&u16::try_from(unit.len()).unwrap_or(u16::MAX).to_be_bytes());
    out.extend_from_slice(unit);
}

/// An access unit with four-byte lengths instead of start codes. Delimiters and parameter sets
/// are left out: `avc1` keeps the latter in the init segment (§5.4.2.1).
pub fn to_length_prefixed(annex_b: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(annex_b.len() + 16);
    nal_units(annex_b).for_each(|unit| write_unit(&mut out, unit));
    out
}

/// The same for an access unit in any framing; `None` if its units do not fill it exactly.
pub fn to_four_byte(framing: Framing, data: &[u8]) -> Option<Vec<u8>> {
    match framing {
        Framing::AnnexB => Some(to_length_prefixed(data)),
        Framing::Lengths(bytes) => {
            let mut out = Vec::with_capacity(data.len() + 16);
            each_sized(bytes, data, |unit| write_unit(&mut out, unit)).then_some(out)
        }
    }
}

fn write_unit(out: &mut Vec<u8>, unit: &[u8]) {
    if is_kept(unit) {
        out.extend_from_slice(&u32::try_from(unit.len()).unwrap_or(u32::MAX).to_be_bytes());
        out.extend_from_slice(unit);
    }
}

/// Part of an access unit in our segments.
fn is_kept(unit: &[u8]) -> bool {
    !matches!(
        nal_type(unit),
        None | Some(NAL_SPS | NAL_PPS | NAL_ACCESS_UNIT_DELIMITER)
    )
}

/// What an access unit consists of.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Content {
    /// It holds an IDR slice: nothing before it is needed.
    pub is_idr: bool,
    /// It holds a slice at all.
    pub is_picture: bool,
    /// It holds a parameter set that is none of those expected.
    pub has_strange_sets: bool,
    /// Its length as [`to_four_byte`] writes it.
    pub size: usize,
}

/// Looks through an access unit; `None` if its units do not fill it exactly, or one of them is
/// none that a film has: browsers stop at such damage.
pub fn content(framing: Framing, data: &[u8], expected: &ParameterSets) -> Option<Content> {
    let mut content = Content::default();
    let mut are_usual = true;
    let mut see = |unit: &[u8]| {
        are_usual &= unit.first().is_some_and(|header| header & FORBIDDEN == 0)
            && matches!(nal_type(unit), Some(NAL_SLICE | NAL_IDR..=NAL_FILLER));
        match nal_type(unit) {
            Some(NAL_IDR) => content.is_idr = true,
            Some(NAL_SPS | NAL_PPS) => content.has_strange_sets |= !expected.contains(unit),
            _ => {}
        }
        content.is_picture |= matches!(nal_type(unit), Some(NAL_SLICE..=NAL_IDR));
        if is_kept(unit) {
            content.size += 4 + unit.len();
        }
    };
    let fits = match framing {
        Framing::AnnexB => {
            nal_units(data).for_each(&mut see);
            true
        }
        Framing::Lengths(bytes) => each_sized(bytes, data, see),
    };
    (fits && are_usual).then_some(content)
}

/// The access unit holds an IDR slice: nothing before it is needed.
pub fn is_idr(annex_b: &[u8]) -> bool {
    nal_units(annex_b).any(|unit| nal_type(unit) == Some(NAL_IDR))
}

fn nal_type(unit: &[u8]) -> Option<u8> {
    unit.first().map(|byte| byte & 0x1f)
}

/// Hands out the units behind lengths of `bytes` bytes; false if they do not fill `data` exactly.
fn each_sized<'a>(bytes: u8, mut data: &'a [u8], mut see: impl FnMut(&'a [u8])) -> bool {
    while !data.is_empty() {
        let Some((length, rest)) = data.split_at_checked(usize::from(bytes)) else {
            return false;
        };
        let length = length
            .iter()
            .fold(0, |length, byte| length << 8 | usize::from(*byte));
        let Some((unit, rest)) = rest.split_at_checked(length) else {
            return false;
        };
        see(unit);
        data = rest;
    }
    true
}

/// The units between start codes (ITU-T H.264 annex B), without trailing zeros.
fn nal_units(annex_b: &[u8]) -> impl Iterator<Item = &[u8]> {
    let mut rest = after_start_code(annex_b).unwrap_or(&[]);
    std::iter::from_fn(move || {
        if rest.is_empty() {
            return None;
        }
        let end = start_code(rest);
        let unit = &rest[..end.unwrap_or(rest.len())];
        rest = end.map_or(&[][..], |end| &rest[end + 3..]);
        let last = unit
            .iter()
            .rposition(|byte| *byte != 0)
            .map_or(0, |last| last + 1);
        Some(&unit[..last])
    })
}

fn after_start_code(bytes: &[u8]) -> Option<&[u8]> {
    let start = start_code(bytes)?;
    bytes.get(start + 3..)
}

/// Where the next start code is. Looks at every third byte: films are large, and most bytes are
/// no part of one.
fn start_code(bytes: &[u8]) -> Option<usize> {
    let mut at = 2;
    while let Some(last) = bytes.get(at) {
        match last {
            1 if bytes[at - 2..at] == [0, 0] => return Some(at - 2),
            0 => at += 1,
            _ => at += 3,
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::{
        Content, Framing, ParameterSets, content, is_idr, to_four_byte, to_length_prefixed,
    };

    const SPS: [u8; 5] = [0x67, 0x64, 0x00, 0x1f, 0xac];
    const PPS: [u8; 3] = [0x68, 0xeb, 0xe3];

    fn annex_b(units: &[&[u8]]) -> Vec<u8> {
        units
            .iter()
            .flat_map(|unit| [&[0, 0, 0, 1], *unit].concat())
            .collect()
    }

    fn sized(bytes: usize, units: &[&[u8]]) -> Vec<u8> {
        let length = |unit: &[u8]| u32::try_from(unit.len()).unwrap().to_be_bytes();
        let sized = |unit: &&[u8]| [&length(unit)[4 - bytes..], *unit].concat();
        units.iter().flat_map(sized).collect()
    }

    fn sets() -> ParameterSets {
        ParameterSets::from_annex_b(&annex_b(&[&SPS, &PPS])).unwrap()
    }

    #[test]
    fn the_sets_of_two_encoders_stand_side_by_side_under_their_own_numbers() {
        // Level 3.1 with numbers 0 and level 4.0 with numbers 7: 0x11 begins with 7 as ue(v).
        let one = sets();
        let other_sequence = [0x67, 0x64, 0x0c, 0x28, 0x11, 0x80];
        let other_picture = [0x68, 0x11, 0x80];
        let units: [&[u8]; 2] = [&other_sequence, &other_picture];
        let other = ParameterSets::from_annex_b(&annex_b(&units)).unwrap();
        let both = one.joined(&other).unwrap();
        assert_eq!(
            both.codec(),
            "avc1.640028",
            "what all keep, and the higher level"
        );
        assert!(both.contains(&SPS) && both.contains(&other_picture));
        let mut record = Vec::new();
        both.write_configuration(&mut record);
        assert_eq!(record[5], 0xe2, "two sequence parameter sets");
        assert_eq!(one.joined(&one), None, "a number has one meaning");
    }

    #[test]
    fn parameter_sets_are_found_behind_start_codes_of_either_length() {
        let mut extradata = vec![0, 0, 0, 1];
        extradata.extend_from_slice(&SPS);
        extradata.extend_from_slice(&[0, 0, 1]);
        extradata.extend_from_slice(&PPS);
        let sets = ParameterSets::from_annex_b(&extradata).unwrap();
        assert_eq!(
            sets.codec(),
            "avc1.64001f",
            "profile 100, level 3.1, as in the bytes"
        );
        let mut configuration = Vec::new();
        sets.write_configuration(&mut configuration);
        assert_eq!(configuration[..6], [1, 0x64, 0, 0x1f, 0xff, 0xe1]);
        assert_eq!(
            configuration[configuration.len() - 4..],
            [0xfd, 0xf8, 0xf8, 0]
        );
    }

    #[test]
    fn a_configuration_is_read_as_it_is_written() {
        let second = [0x68, 0x5b, 1];
        let sets = ParameterSets::from_annex_b(&annex_b(&[&SPS, &PPS, &second, &PPS])).unwrap();
        let mut record = Vec::new();
        sets.write_configuration(&mut record);
        assert_eq!(
            ParameterSets::from_configuration(&record),
            Some((sets, Framing::Lengths(4))),
            "both picture parameter sets, each once"
        );
        record[4] = 0xfd;
        let framing = ParameterSets::from_configuration(&record).unwrap().1;
        assert_eq!(framing, Framing::Lengths(2));
        for length in 0..record.len() - 4 {
            assert_eq!(
                ParameterSets::from_configuration(&record[..length]),
                None,
                "cut after {length} bytes"
            );
        }
    }

    #[test]
    fn two_sequences_are_not_one_stream() {
        let other = [0x67, 0x64, 0x00, 0x28, 0xac];
        assert_eq!(
            ParameterSets::from_annex_b(&annex_b(&[&SPS, &other, &PPS])),
            None
        );
        assert_eq!(ParameterSets::from_annex_b(&annex_b(&[&SPS])), None);
    }

    #[test]
    fn an_access_unit_keeps_its_slices_and_loses_its_headers() {
        let unit = [
            0, 0, 0, 1, 9, 0xf0, // delimiter
            0, 0, 0, 1, 0x67, 1, 2, 3, // parameter set
            0, 0, 1, 0x65, 0x88, 0x84, 0, 0, 0, 1, 0x65, 7, // two IDR slices
        ];
        assert_eq!(
            to_length_prefixed(&unit),
            [0, 0, 0, 3, 0x65, 0x88, 0x84, 0, 0, 0, 2, 0x65, 7]
        );
        assert!(is_idr(&unit));
        assert!(
            !is_idr(&[0, 0, 1, 0x41, 1]),
            "a P slice is not a place to start"
        );
        assert!(to_length_prefixed(&[]).is_empty());
    }

    #[test]
    fn the_same_picture_comes_out_of_every_framing() {
        let (slice, words) = ([0x65, 0, 0, 3, 1], [0x06, 5, 1, 0x80]);
        let units: [&[u8]; 5] = [&[9, 0xf0], &SPS, &PPS, &words, &slice];
        let expected = sized(4, &[&words, &slice]);
        let size = expected.len();
        let seen = Content {
            is_idr: true,
            is_picture: true,
            has_strange_sets: false,
            size,
        };
        let framed = [
            (Framing::AnnexB, annex_b(&units)),
            (Framing::Lengths(1), sized(1, &units)),
            (Framing::Lengths(2), sized(2, &units)),
            (Framing::Lengths(4), sized(4, &units)),
        ];
        for (framing, data) in framed {
            assert_eq!(to_four_byte(framing, &data).as_ref(), Some(&expected));
            assert_eq!(content(framing, &data, &sets()), Some(seen), "{framing:?}");
        }
    }

    #[test]
    fn strange_sets_and_wrong_lengths_are_noticed() {
        let strange = sized(4, &[&[0x67, 0x42, 0, 0x1e], &[0x41, 1]]);
        let found = content(Framing::Lengths(4), &strange, &sets()).unwrap();
        assert!(found.has_strange_sets && found.is_picture && !found.is_idr);
        let whole = sized(4, &[&[0x41, 1, 2, 3]]);
        for length in 1..whole.len() {
            assert_eq!(
                to_four_byte(Framing::Lengths(4), &whole[..length]),
                None,
                "cut after {length} bytes"
            );
        }
        let no_picture = content(Framing::AnnexB, &annex_b(&[&[6, 1]]), &sets()).unwrap();
        assert!(!no_picture.is_picture);
    }

    #[test]
    fn units_are_found_wherever_they_begin() {
        for zeros in 0..7 {
            let mut data = vec![0; zeros];
            data.extend(annex_b(&[&[0x41, 0, 0, 3, 0, 0xff], &[0x01, 7]]));
            let expected = sized(4, &[&[0x41, 0, 0, 3, 0, 0xff], &[0x01, 7]]);
            assert_eq!(to_length_prefixed(&data), expected, "{zeros} zeros before");
        }
    }
}
