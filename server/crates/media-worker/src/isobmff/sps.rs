//! What an H.264 sequence parameter set says of its pictures (ITU-T H.264 §7.3.2.1.1), as far as it
//! decides whether they can be shown as they are. What does not belong here: cropping and colour,
//! which libav reads.

/// The properties of a stream that players must agree with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sequence {
    /// profile_idc: 66 is Baseline, 77 Main, 100 High.
    pub profile: u8,
    /// level_idc: ten times the level.
    pub level: u8,
    /// 8 bits of brightness and of colour.
    pub is_eight_bit: bool,
    /// Colour at half the resolution in both directions.
    pub is_420: bool,
    /// Every picture is a whole frame, never a field or a mix of both.
    pub is_frames_only: bool,
}

/// Profiles whose sets tell of colour and depth (§7.3.2.1.1).
const PROFILES_WITH_CHROMA: [u8; 13] =
    [100, 110, 122, 244, 44, 83, 86, 118, 128, 138, 139, 134, 135];

/// Reads a sequence parameter set with its NAL header; `None` if it breaks off.
pub fn sequence(unit: &[u8]) -> Option<Sequence> {
    let [_, profile, _, level, rest @ ..] = unit else {
        return None;
    };
    let payload = without_emulation(rest);
    let mut bits = Bits::new(&payload);
    bits.unsigned()?; // seq_parameter_set_id
    let (mut is_420, mut is_eight_bit) = (true, true);
    if PROFILES_WITH_CHROMA.contains(profile) {
        (is_420, is_eight_bit) = chroma(&mut bits)?;
    }
    bits.unsigned()?; // log2_max_frame_num_minus4
    skip_order_count(&mut bits)?;
    bits.unsigned()?; // max_num_ref_frames
    bits.bit()?; // gaps_in_frame_num_value_allowed_flag
    bits.unsigned()?; // pic_width_in_mbs_minus1
    bits.unsigned()?; // pic_height_in_map_units_minus1
    Some(Sequence {
        profile: *profile,
        level: *level,
        is_eight_bit,
        is_420,
        is_frames_only: bits.bit()?,
    })
}

/// The number by which pictures name a sequence parameter set.
pub fn sequence_number(unit: &[u8]) -> Option<u32> {
    Bits::new(&without_emulation(unit.get(4..)?)).unsigned()
}

/// The number by which slices name a picture parameter set.
pub fn picture_number(unit: &[u8]) -> Option<u32> {
    Bits::new(&without_emulation(unit.get(1..)?)).unsigned()
}

/// 4:2:0, and eight bits.
fn chroma(bits: &mut Bits<'_>) -> Option<(bool, bool)> {
    let format = bits.unsigned()?;
    if format == 3 {
        bits.bit()?; // separate_colour_plane_flag
    }
    let depths = (bits.unsigned()?, bits.unsigned()?);
    bits.bit()?; // qpprime_y_zero_transform_bypass_flag
    if bits.bit()? {
        let lists = if format == 3 { 12 } else { 8 };
        for list in 0..lists {
            if bits.bit()? {
                skip_scaling_list(bits, if list < 6 { 16 } else { 64 })?;
            }
        }
    }
    Some((format == 1, depths == (0, 0)))
}

fn skip_scaling_list(bits: &mut Bits<'_>, size: u32) -> Option<()> {
    let (mut last, mut next) = (8_i32, 8_i32);
    for _ in 0..size {
        if next != 0 {
            next = bits.signed()?.saturating_add(last).rem_euclid(256);
        }
        if next != 0 {
            last = next;
        }
    }
    Some(())
}

fn skip_order_count(bits: &mut Bits<'_>) -> Option<()> {
    match bits.unsigned()? {
        0 => bits.unsigned().map(drop), // log2_max_pic_order_cnt_lsb_minus4
        1 => {
            bits.bit()?; // delta_pic_order_always_zero_flag
            bits.signed()?; // offset_for_non_ref_pic
            bits.signed()?; // offset_for_top_to_bottom_field
            let count = bits.unsigned().filter(|count| *count < 256)?;
            (0..count).try_for_each(|_| bits.signed().map(drop))
        }
        _ => Some(()),
    }
}

/// The bytes that were meant: a 3 behind two zeros only keeps start codes away (§7.4.1).
fn without_emulation(bytes: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(bytes.len());
    for byte in bytes {
        let is_guard = *byte == 3 && out.ends_with(&[0, 0]);
        // A guard counts as a byte that is no zero.
        out.push(if is_guard { GUARD } else { u16::from(*byte) });
    }
    out.into_iter()
        .filter_map(|byte| u8::try_from(byte).ok())
        .collect()
}

/// Stands for a byte that is taken out; no byte has this value.
const GUARD: u16 = 0x100;

/// Bits, the highest of a byte first.
struct Bits<'a> {
    bytes: &'a [u8],
    position: usize,
}

impl<'a> Bits<'a> {
    fn new(bytes: &'a [u8]) -> Self {
        Self { bytes, position: 0 }
    }

    fn bit(&mut self) -> Option<bool> {
        let byte = self.bytes.get(self.position / 8)?;
        let bit = byte >> (7 - self.position % 8) & 1;
        self.position += 1;
        Some(bit == 1)
    }

    /// ue(v) of §9.1.
    fn unsigned(&mut self) -> Option<u32> {
        let mut zeros = 0;
        while !self.bit()? {
            zeros += 1;
            if zeros > 31 {
                return None;
            }
        }
        let mut value = 1_u32;
        for _ in 0..zeros {
            value = value << 1 | u32::from(self.bit()?);
        }
        Some(value - 1)
    }

    /// se(v) of §9.1.1.
    fn signed(&mut self) -> Option<i32> {
        let code = i64::from(self.unsigned()?);
        let value = if code % 2 == 1 {
            (code + 1) / 2
        } else {
            -(code / 2)
        };
        i32::try_from(value).ok()
    }
}

#[cfg(test)]
mod tests {
    use super::{Sequence, sequence, without_emulation};

    /// Made by x264 for 640x360, High, progressive.
    const HIGH: [u8; 25] = [
        0x67, 0x64, 0x00, 0x1e, 0xac, 0xd9, 0x40, 0xa0, 0x2f, 0xf9, 0x70, 0x11, 0x00, 0x00, 0x03,
        0x00, 0x01, 0x00, 0x00, 0x03, 0x00, 0x32, 0x0f, 0x16, 0x2d,
    ];
    const PLAIN: Sequence = Sequence {
        profile: 100,
        level: 30,
        is_eight_bit: true,
        is_420: true,
        is_frames_only: true,
    };

    #[test]
    fn sets_of_a_common_encoder_are_read() {
        let interlaced = [
            0x67, 0x64, 0x00, 0x1e, 0xac, 0xd9, 0x40, 0xb4, 0x24, 0xd8, 0x08, 0x80, 0x00, 0x00,
            0x03, 0x00, 0x80, 0x00, 0x00, 0x19, 0x0f, 0x8a, 0x14, 0xcb,
        ];
        let ten_bits = [
            0x67, 0x6e, 0x00, 0x1e, 0xa6, 0xcd, 0x94, 0x0a, 0x02, 0xff, 0x97, 0x01, 0x10, 0x00,
        ];
        let baseline = [
            0x67, 0x42, 0xc0, 0x1e, 0xda, 0x02, 0x80, 0xbf, 0xe5, 0xc0, 0x44, 0x00,
        ];
        let cases: [(&[u8], Sequence); 4] = [
            (&HIGH, PLAIN),
            (
                &interlaced,
                Sequence {
                    is_frames_only: false,
                    ..PLAIN
                },
            ),
            (
                &ten_bits,
                Sequence {
                    profile: 110,
                    is_eight_bit: false,
                    ..PLAIN
                },
            ),
            (
                &baseline,
                Sequence {
                    profile: 66,
                    ..PLAIN
                },
            ),
        ];
        for (unit, expected) in cases {
            assert_eq!(sequence(unit), Some(expected), "{unit:02x?}");
        }
    }

    #[test]
    fn a_set_that_breaks_off_says_nothing() {
        for length in 0..9 {
            assert_eq!(sequence(&HIGH[..length]), None, "{length} bytes");
        }
    }

    #[test]
    fn guards_against_start_codes_are_taken_out() {
        let cases: [(&[u8], &[u8]); 4] = [
            (&[0, 0, 3, 1], &[0, 0, 1]),
            (&[0, 0, 3, 0, 0, 3, 0], &[0, 0, 0, 0, 0]),
            (&[0, 3, 0], &[0, 3, 0]),
            (&[0, 0, 3], &[0, 0]),
        ];
        for (bytes, expected) in cases {
            assert_eq!(without_emulation(bytes), expected, "{bytes:?}");
        }
    }
}
