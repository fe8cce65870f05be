//! The decoders that may see a file. libav has five hundred, most of them for formats that nobody
//! has at home and few people have ever looked at; a file must not choose among those.
//!
//! What does not belong here: demuxers (`input`), and words, which are read without libav.

use std::ffi::CStr;
use std::ptr::NonNull;

use ffmpeg_next::ffi;

/// libav's names of decoders, separated by commas, as `codec_whitelist` takes them.
pub const DECODERS: &str = "h264,hevc,libdav1d,vp8,vp9,mpeg1video,mpeg2video,mpeg4,h263,h263p,h263i,\
                            msmpeg4v1,msmpeg4v2,msmpeg4,wmv1,wmv2,wmv3,vc1,flv,vp3,theora,vp5,vp6,\
                            vp6a,vp6f,svq1,svq3,cinepak,mjpeg,prores,dnxhd,dvvideo,ffv1,huffyuv,\
                            ffvhuff,rawvideo,\
                            aac,aac_latm,mp3float,mp3,mp2float,mp2,mp1float,ac3,eac3,dca,truehd,mlp,\
                            opus,vorbis,flac,alac,wmav1,wmav2,wmapro,amrnb,amrwb,speex,nellymoser,\
                            wavpack,gsm,gsm_ms,adpcm_ms,adpcm_ima_wav,adpcm_ima_qt,adpcm_swf,\
                            pcm_s8,pcm_u8,pcm_s16le,pcm_s16be,pcm_s24le,pcm_s24be,pcm_s32le,\
                            pcm_s32be,pcm_f32le,pcm_f32be,pcm_f64le,pcm_f64be,pcm_alaw,pcm_mulaw,\
                            pcm_dvd,pcm_bluray,s302m";

/// The same for attached pictures, which no other track may be decoded as.
pub const COVER_DECODERS: &str = "png,mjpeg,webp";

/// libvpx, for tracks with transparency: libav's own decoders of VP8 and VP9 do not see it. A libav
/// may be built without these.
pub const TRANSPARENT_DECODERS: &str = "libvpx,libvpx-vp9";

/// The one of [`TRANSPARENT_DECODERS`] for a format.
pub(super) fn transparent_decoder_of(format: ffi::AVCodecID) -> Option<NonNull<ffi::AVCodec>> {
    let name = match format {
        ffi::AVCodecID::AV_CODEC_ID_VP8 => c"libvpx",
        ffi::AVCodecID::AV_CODEC_ID_VP9 => c"libvpx-vp9",
        _ => return None,
    };
    // SAFETY: the name ends with a zero; a decoder is static.
    NonNull::new(unsafe { ffi::avcodec_find_decoder_by_name(name.as_ptr()) }.cast_mut())
}

/// The decoder that libav prefers for a format, if it is one of `ours`.
pub(super) fn decoder_of(format: ffi::AVCodecID, ours: &str) -> Option<NonNull<ffi::AVCodec>> {
    // SAFETY: takes an enum value that libav itself filled in; a decoder and its name are static.
    unsafe {
        let codec = NonNull::new(ffi::avcodec_find_decoder(format).cast_mut())?;
        let name = CStr::from_ptr(codec.as_ref().name).to_str().ok()?;
        ours.split(',').any(|ours| ours == name).then_some(codec)
    }
}

#[cfg(test)]
mod tests {
    use super::{COVER_DECODERS, DECODERS, decoder_of};
    use ffmpeg_next::ffi;
    use std::ffi::CString;

    #[test]
    fn every_name_is_a_decoder_of_this_libav() {
        for name in DECODERS.split(',').chain(COVER_DECODERS.split(',')) {
            let text = CString::new(name).unwrap();
            // SAFETY: the name ends with a zero.
            let codec = unsafe { ffi::avcodec_find_decoder_by_name(text.as_ptr()) };
            assert!(!codec.is_null(), "{name} is misspelt or not in this build");
        }
    }

    #[test]
    fn what_people_have_is_decoded_and_what_only_attackers_have_is_not() {
        let cases = [
            (ffi::AVCodecID::AV_CODEC_ID_H264, true),
            (ffi::AVCodecID::AV_CODEC_ID_AV1, true),
            (ffi::AVCodecID::AV_CODEC_ID_MP3, true),
            (ffi::AVCodecID::AV_CODEC_ID_DTS, true),
            (ffi::AVCodecID::AV_CODEC_ID_THEORA, true),
            (ffi::AVCodecID::AV_CODEC_ID_MAGICYUV, false),
            (ffi::AVCodecID::AV_CODEC_ID_SVG, false),
            (ffi::AVCodecID::AV_CODEC_ID_PNG, false),
            (ffi::AVCodecID::AV_CODEC_ID_EXR, false),
            (ffi::AVCodecID::AV_CODEC_ID_NONE, false),
        ];
        for (format, ours) in cases {
            let decoder = decoder_of(format, DECODERS);
            assert_eq!(decoder.is_some(), ours, "{format:?}");
        }
    }
}
