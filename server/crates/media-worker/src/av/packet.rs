//! A compressed packet.

use std::ptr::NonNull;

use ffmpeg_next::ffi;

use super::error::{AvError, check};

/// The number that Matroska gives to transparency among what lies beside a packet.
const TRANSPARENCY: u64 = 1;

/// An `AVPacket`, reused for many reads.
#[derive(Debug)]
pub struct Packet {
    raw: NonNull<ffi::AVPacket>,
}

// SAFETY: a packet owns its reference-counted data, whose counter is atomic.
unsafe impl Send for Packet {}

impl Packet {
    /// An empty packet.
    pub fn new() -> Result<Self, AvError> {
        // SAFETY: no arguments; null means no memory.
        let raw = unsafe { ffi::av_packet_alloc() };
        NonNull::new(raw)
            .map(|raw| Self { raw })
            .ok_or(AvError::NO_MEMORY)
    }

    /// A packet without data that is shown and decoded at `time`.
    #[cfg(test)]
    pub fn timed(time: Option<i64>) -> Result<Self, AvError> {
        let mut packet = Self::new()?;
        let time = time.unwrap_or(ffi::AV_NOPTS_VALUE);
        // SAFETY: the pointer is valid for as long as the packet.
        let fields = unsafe { packet.raw.as_mut() };
        (fields.pts, fields.dts) = (time, time);
        fields.flags = ffi::AV_PKT_FLAG_KEY;
        Ok(packet)
    }

    pub(super) fn as_mut_ptr(&mut self) -> *mut ffi::AVPacket {
        self.raw.as_ptr()
    }

    pub(super) fn as_ptr(&self) -> *const ffi::AVPacket {
        self.raw.as_ptr()
    }

    fn fields(&self) -> &ffi::AVPacket {
        // SAFETY: the pointer is valid for as long as self.
        unsafe { self.raw.as_ref() }
    }

    /// Releases the data and keeps the packet for another read.
    pub fn clear(&mut self) {
        // SAFETY: valid packet.
        unsafe { ffi::av_packet_unref(self.raw.as_ptr()) }
    }

    /// Index of the track it belongs to; -1 for packets that do not come from a file.
    pub fn track(&self) -> Option<usize> {
        usize::try_from(self.fields().stream_index).ok()
    }

    /// Presentation time in the track's time base, where the container tells.
    pub fn pts(&self) -> Option<i64> {
        present(self.fields().pts)
    }

    /// Decoding time in the track's time base, where the container tells.
    pub fn dts(&self) -> Option<i64> {
        present(self.fields().dts)
    }

    /// Takes the decoding time for the presentation time.
    pub(super) fn show_when_decoded(&mut self) {
        let dts = self.fields().dts;
        // SAFETY: the pointer is valid for as long as self, which is borrowed uniquely.
        unsafe { self.raw.as_mut() }.pts = dts;
    }

    /// Moves it in time, in the track's time base.
    pub(super) fn shift(&mut self, offset: i64) {
        // SAFETY: the pointer is valid for as long as the packet.
        let fields = unsafe { self.raw.as_mut() };
        for time in [&mut fields.pts, &mut fields.dts] {
            *time = present(*time).map_or(*time, |known| known.saturating_add(offset));
        }
    }

    /// Length in the track's time base; zero where unknown.
    pub fn duration(&self) -> i64 {
        self.fields().duration.max(0)
    }

    /// Byte position in the file; negative where unknown.
    pub fn position(&self) -> i64 {
        self.fields().pos
    }

    /// Decoding may start here.
    pub fn is_key(&self) -> bool {
        self.fields().flags & ffi::AV_PKT_FLAG_KEY != 0
    }

    /// Needed to decode others but never shown: an edit list cuts it away.
    pub fn is_discarded(&self) -> bool {
        self.fields().flags & ffi::AV_PKT_FLAG_DISCARD != 0
    }

    /// The container says that bytes are missing or wrong.
    pub fn is_corrupt(&self) -> bool {
        self.fields().flags & ffi::AV_PKT_FLAG_CORRUPT != 0
    }

    /// Samples that the decoder will drop from the start of this packet.
    pub fn skipped_samples(&self) -> u32 {
        let data = self.side_data(ffi::AVPacketSideDataType::AV_PKT_DATA_SKIP_SAMPLES);
        data.and_then(|data| data.first_chunk())
            .map_or(0, |samples| u32::from_le_bytes(*samples))
    }

    /// Other extradata that holds from here on.
    pub fn new_extradata(&self) -> Option<&[u8]> {
        self.side_data(ffi::AVPacketSideDataType::AV_PKT_DATA_NEW_EXTRADATA)
    }

    /// The transparency of VP8 and VP9 is a picture of its own beside the packet, and its keyframes
    /// need not be those of the colours. False where it needs what came before.
    pub fn is_key_of_transparency(&self) -> bool {
        let kind = ffi::AVPacketSideDataType::AV_PKT_DATA_MATROSKA_BLOCKADDITIONAL;
        let data = self
            .side_data(kind)
            .and_then(|data| data.split_first_chunk());
        match data {
            Some((number, picture)) if u64::from_be_bytes(*number) == TRANSPARENCY => {
                is_vpx_keyframe(picture)
            }
            _ => true,
        }
    }

    fn side_data(&self, kind: ffi::AVPacketSideDataType) -> Option<&[u8]> {
        let mut size = 0;
        // SAFETY: valid packet; the returned block is `size` bytes long and lives in the packet.
        unsafe {
            let start = ffi::av_packet_get_side_data(self.raw.as_ptr(), kind, &raw mut size);
            (!start.is_null()).then(|| std::slice::from_raw_parts(start, size))
        }
    }

    /// The compressed bytes.
    pub fn data(&self) -> &[u8] {
        let fields = self.fields();
        let size = usize::try_from(fields.size).unwrap_or(0);
        if fields.data.is_null() || size == 0 {
            return &[];
        }
        // SAFETY: libav guarantees `size` readable bytes at `data` while the packet is unchanged.
        unsafe { std::slice::from_raw_parts(fields.data, size) }
    }

    /// The compressed bytes, to be replaced; a copy of them if others hold them too.
    pub(super) fn data_mut(&mut self) -> Result<&mut [u8], AvError> {
        // SAFETY: valid packet.
        check(unsafe { ffi::av_packet_make_writable(self.raw.as_ptr()) })?;
        // SAFETY: the pointer is valid for as long as the packet.
        let fields = unsafe { self.raw.as_mut() };
        let size = usize::try_from(fields.size).unwrap_or(0);
        if fields.data.is_null() || size == 0 {
            return Ok(&mut []);
        }
        // SAFETY: the packet has `size` bytes at `data`, which nobody else holds since they were
        // made writable.
        Ok(unsafe { std::slice::from_raw_parts_mut(fields.data, size) })
    }
}

/// `None` for libav's "no such time".
pub(super) fn present(timestamp: i64) -> Option<i64> {
    (timestamp != ffi::AV_NOPTS_VALUE).then_some(timestamp)
}

/// A keyframe of VP8 (RFC 6386 §9.1) or VP9 (its specification, §6.2): each has its sync code.
fn is_vpx_keyframe(data: &[u8]) -> bool {
    match data {
        [tag, _, _, 0x9d, 0x01, 0x2a, ..] => tag & 1 == 0,
        [header, 0x49, 0x83, 0x42, ..] => header & 4 == 0,
        _ => false,
    }
}

impl Drop for Packet {
    fn drop(&mut self) {
        let mut raw = self.raw.as_ptr();
        // SAFETY: allocated by av_packet_alloc, freed once.
        unsafe { ffi::av_packet_free(&raw mut raw) }
    }
}

#[cfg(test)]
mod tests {
    use super::is_vpx_keyframe;

    #[test]
    fn keyframes_of_vp8_and_vp9_are_known_by_their_first_bytes() {
        let cases: [(&str, &[u8], bool); 6] = [
            ("VP8's", &[0x10, 0x02, 0, 0x9d, 0x01, 0x2a, 0x40], true),
            (
                "VP8's between",
                &[0x11, 0x02, 0, 0x9d, 0x01, 0x2a, 0x40],
                false,
            ),
            ("VP9's", &[0x82, 0x49, 0x83, 0x42, 0], true),
            ("VP9's between", &[0x86, 0x00, 0x40, 0x92, 0], false),
            ("VP9's without others", &[0x86, 0x49, 0x83, 0x42, 0], false),
            ("nothing", &[], false),
        ];
        for (whose, data, expected) in cases {
            assert_eq!(is_vpx_keyframe(data), expected, "{whose}");
        }
    }
}
