//! *Prepare*: opens every encoder once and writes the init segments, so that manifests can name
//! the real codecs before the first frame is encoded.

use media_proto::message::{AudioSpec, Cause, Event, PreparedVideo, VideoSpec};
use media_proto::{AUDIO_TIMESCALE, VIDEO_TIMESCALE};

use crate::av::encoder::Encoder;
use crate::copy::examine::Form;
use crate::failure::Failure;
use crate::isobmff::h264::ParameterSets;
use crate::isobmff::init::{self, AudioTrack, VideoTrack};
use crate::output::{Output, init_name};
use crate::picture::settings;
use crate::source_file::SourceFile;

/// Writes `init-stream{R}.m4s` for every stream and says what the encoders are.
pub fn prepare(
    video: Option<&VideoSpec>,
    copied: bool,
    audio: &[AudioSpec],
    file: &SourceFile,
    output: &Output,
) -> Result<Event, Failure> {
    let video = video.map_or(Ok(Vec::new()), |spec| {
        prepare_video(spec, copied, file, output)
    })?;
    let audio = audio
        .iter()
        .map(|spec| prepare_audio(spec, output))
        .collect::<Result<Vec<_>, _>>()?;
    Ok(Event::Prepared { video, audio })
}

fn prepare_video(
    spec: &VideoSpec,
    copied: bool,
    file: &SourceFile,
    output: &Output,
) -> Result<Vec<PreparedVideo>, Failure> {
    let (_, stream) = file.open_track(spec.track)?;
    let mut prepared = Vec::new();
    for (index, rung) in (0..).zip(&spec.rungs) {
        let encoder = Encoder::h264(&settings::h264(spec, rung, &stream))
            .map_err(|error| Failure::internal("opening the H.264 encoder", error))?;
        let parameter_sets = ParameterSets::from_annex_b(encoder.extradata()).ok_or_else(|| {
            Failure::new(Cause::Internal, "The H.264 encoder gave no parameter sets.")
        })?;
        let size = (rung.width, rung.height);
        prepared.push(write_video(index, size, &parameter_sets, output)?);
    }
    if copied {
        let stream_number = u32::try_from(prepared.len()).unwrap_or(u32::MAX);
        let form = Form::of(&stream)
            .ok_or_else(|| Failure::new(Cause::Internal, "The picture can no longer be copied."))?;
        let size = stream.coded_size();
        prepared.push(write_video(stream_number, size, &form.sets, output)?);
    }
    Ok(prepared)
}

fn write_video(
    stream: u32,
    (width, height): (u32, u32),
    parameter_sets: &ParameterSets,
    output: &Output,
) -> Result<PreparedVideo, Failure> {
    let too_large = |_| Failure::new(Cause::TooLarge, "The picture is too large.");
    let bytes = init::video(&VideoTrack {
        width: u16::try_from(width).map_err(too_large)?,
        height: u16::try_from(height).map_err(too_large)?,
        timescale: VIDEO_TIMESCALE,
        parameter_sets,
    });
    write_init(output, stream, &bytes)?;
    Ok(PreparedVideo {
        codec: parameter_sets.codec(),
        parameter_sets: parameter_sets.fingerprint(),
    })
}

fn prepare_audio(spec: &AudioSpec, output: &Output) -> Result<String, Failure> {
    let encoder = Encoder::aac(spec.channels, spec.bit_rate_bps, AUDIO_TIMESCALE)
        .map_err(|error| Failure::internal("opening the AAC encoder", error))?;
    let configuration = encoder.extradata();
    let bytes = init::audio(&AudioTrack {
        channels: u16::try_from(spec.channels).unwrap_or(2),
        sample_rate: AUDIO_TIMESCALE,
        bit_rate_bps: spec.bit_rate_bps,
        configuration,
        language: language_code(&spec.language),
    });
    write_init(output, spec.stream, &bytes)?;
    Ok(init::audio_codec(configuration))
}

fn write_init(output: &Output, stream: u32, bytes: &[u8]) -> Result<(), Failure> {
    let name = init_name(stream);
    output
        .write(&name, bytes)
        .map(drop)
        .map_err(|error| Failure::writing(&name, &error))
}

/// Three lower-case letters, or `und` for what a file calls a language otherwise.
fn language_code(language: &str) -> [u8; 3] {
    match *language.as_bytes() {
        [a, b, c] if [a, b, c].iter().all(u8::is_ascii_lowercase) => [a, b, c],
        _ => *b"und",
    }
}
