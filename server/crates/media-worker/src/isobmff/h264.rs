//! H.264 as an encoder gives it (Annex B) to H.264 as MP4 wants it (ISO/IEC 14496-15).

/// NAL unit types of ITU-T H.264 table 7-1 that matter here.
const NAL_IDR: u8 = 5;
const NAL_SPS: u8 = 7;
const NAL_PPS: u8 = 8;
const NAL_ACCESS_UNIT_DELIMITER: u8 = 9;

/// The sequence and picture parameter set of an encoder.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ParameterSets {
    sequence: Vec<u8>,
    picture: Vec<u8>,
}

impl ParameterSets {
    /// Takes the first of each from an encoder's Annex B extradata.
    pub fn from_annex_b(extradata: &[u8]) -> Option<Self> {
        let find = |kind| nal_units(extradata).find(|unit| nal_type(unit) == Some(kind));
        let sequence = find(NAL_SPS)?.to_vec();
        let picture = find(NAL_PPS)?.to_vec();
        (sequence.len() >= 4).then_some(Self { sequence, picture })
    }

    /// RFC 6381: `avc1.` and profile, constraints and level in hex.
    pub fn codec(&self) -> String {
        let [_, profile, constraints, level, ..] = self.sequence.as_slice() else {
            return String::new();
        };
        format!("avc1.{profile:02x}{constraints:02x}{level:02x}")
    }

    /// Tells sets apart: every byte of both, in hex.
    pub fn fingerprint(&self) -> String {
        let hex = |bytes: &[u8]| {
            bytes
                .iter()
                .map(|byte| format!("{byte:02x}"))
                .collect::<String>()
        };
        format!("{}-{}", hex(&self.sequence), hex(&self.picture))
    }

    /// AVCDecoderConfigurationRecord (ISO/IEC 14496-15 §5.3.3.1.2) for 4:2:0 in 8 bits.
    pub fn write_configuration(&self, out: &mut Vec<u8>) {
        let [_, profile, constraints, level, ..] = self.sequence.as_slice() else {
            return;
        };
        out.extend_from_slice(&[1, *profile, *constraints, *level]);
        out.push(0xff); // NAL lengths take four bytes
        out.push(0xe1); // one sequence parameter set
        write_sized(out, &self.sequence);
        out.push(1); // one picture parameter set
        write_sized(out, &self.picture);
        if *profile == 100 {
            out.extend_from_slice(&[0xfd, 0xf8, 0xf8, 0]); // 4:2:0, 8 bits, no extensions
        }
    }
}

fn write_sized(out: &mut Vec<u8>, unit: &[u8]) {
    out.extend_from_slice(&u16::try_from(unit.len()).unwrap_or(u16::MAX).to_be_bytes());
    out.extend_from_slice(unit);
}

/// An access unit with four-byte lengths instead of start codes. Delimiters and parameter sets
/// are left out: `avc1` keeps the latter in the init segment (§5.4.2.1).
pub fn to_length_prefixed(annex_b: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(annex_b.len() + 16);
    let wanted = |unit: &&[u8]| {
        !matches!(
            nal_type(unit),
            None | Some(NAL_SPS | NAL_PPS | NAL_ACCESS_UNIT_DELIMITER)
        )
    };
    for unit in nal_units(annex_b).filter(wanted) {
        out.extend_from_slice(&u32::try_from(unit.len()).unwrap_or(u32::MAX).to_be_bytes());
        out.extend_from_slice(unit);
    }
    out
}

/// The access unit holds an IDR slice: nothing before it is needed.
pub fn is_idr(annex_b: &[u8]) -> bool {
    nal_units(annex_b).any(|unit| nal_type(unit) == Some(NAL_IDR))
}

fn nal_type(unit: &[u8]) -> Option<u8> {
    unit.first().map(|byte| byte & 0x1f)
}

/// The units between start codes (ITU-T H.264 annex B), without trailing zeros.
fn nal_units(annex_b: &[u8]) -> impl Iterator<Item = &[u8]> {
    let mut rest = after_start_code(annex_b).unwrap_or(&[]);
    std::iter::from_fn(move || {
        if rest.is_empty() {
            return None;
        }
        let end = rest.windows(3).position(|window| window == [0, 0, 1]);
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
    let start = bytes.windows(3).position(|window| window == [0, 0, 1])?;
    bytes.get(start + 3..)
}

#[cfg(test)]
mod tests {
    use super::{ParameterSets, is_idr, to_length_prefixed};

    const SPS: [u8; 5] = [0x67, 0x64, 0x00, 0x1f, 0xac];
    const PPS: [u8; 3] = [0x68, 0xeb, 0xe3];

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
}
