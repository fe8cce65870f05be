//! *Prepare*: opens every encoder once and writes the init segments, so that manifests can name
//! the real codecs before the first frame is encoded.

use media_proto::message::{AudioSpec, Cause, Event, PreparedVideo, RungSpec, VideoSpec};
use media_proto::{AUDIO_TIMESCALE, VIDEO_TIMESCALE};

use crate::av::encoder::Encoder;
use crate::av::stream::Stream;
use crate::copy::examine::Form;
use crate::failure::Failure;
use crate::hardware::remote::Remote;
use crate::isobmff::h264::ParameterSets;
use crate::isobmff::init::{self, AudioTrack, VideoTrack};
use crate::output::{Output, init_name};
use crate::picture::settings;
use crate::source_file::SourceFile;

/// Pictures smaller than this are none for hardware, whose makers draw the line in many places.
const LEAST_FOR_HARDWARE: (u32, u32) = (160, 160);

/// Writes `init-stream{R}.m4s` for every stream and says what the encoders are. What is wrong with
/// the `hardware` goes to `regret`; it is no reason to fail.
pub fn prepare(
    video: Option<&VideoSpec>,
    copied: bool,
    audio: &[AudioSpec],
    file: &SourceFile,
    output: &Output,
    hardware: Option<&mut Remote>,
    regret: impl FnOnce(Failure),
) -> Result<Event, Failure> {
    let video = video.map_or(Ok(Vec::new()), |spec| {
        prepare_video(spec, copied, file, output, hardware, regret)
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
    hardware: Option<&mut Remote>,
    regret: impl FnOnce(Failure),
) -> Result<Vec<PreparedVideo>, Failure> {
    let (_, stream) = file.open_track(spec.track, &spec.clock_steps)?;
    // Where the hardware cannot make one of the rungs, it makes none.
    let hardware = hardware.filter(|_| spec.rungs.iter().all(is_for_hardware));
    let both =
        hardware.and_then(|remote| beside_hardware(spec, &stream, remote).map_err(regret).ok());
    let encoded = match both {
        Some(both) => both,
        None => by_software(spec, &stream)?,
    };
    let mut prepared = Vec::new();
    for (index, (rung, sets)) in (0..).zip(spec.rungs.iter().zip(&encoded)) {
        prepared.push(write_video(index, (rung.width, rung.height), sets, output)?);
    }
    if copied {
        let stream_number = u32::try_from(prepared.len()).unwrap_or(u32::MAX);
        let form = Form::of(&stream)
            .ok_or_else(|| Failure::new(Cause::Internal, "The picture can no longer be copied."))?;
        let size = stream.coded_size();
        let sets = Sets {
            software: form.sets,
            hardware: None,
        };
        prepared.push(write_video(stream_number, size, &sets, output)?);
    }
    Ok(prepared)
}

fn is_for_hardware(rung: &RungSpec) -> bool {
    let (width, height) = LEAST_FOR_HARDWARE;
    rung.width >= width && rung.height >= height
}

/// How the segments of a rung describe their pictures.
struct Sets {
    /// Those of x264, or of the source.
    software: ParameterSets,
    /// Those of an encoder in graphics hardware, and of both.
    hardware: Option<(ParameterSets, ParameterSets)>,
}

fn by_software(spec: &VideoSpec, stream: &Stream) -> Result<Vec<Sets>, Failure> {
    let alone = |rung: &RungSpec| {
        Ok(Sets {
            software: x264_sets(spec, rung, stream)?,
            hardware: None,
        })
    };
    spec.rungs.iter().map(alone).collect()
}

/// Both kinds for all rungs, or nothing.
fn beside_hardware(
    spec: &VideoSpec,
    stream: &Stream,
    remote: &mut Remote,
) -> Result<Vec<Sets>, Failure> {
    let mut all = Vec::new();
    for rung in &spec.rungs {
        let hardware = remote.parameter_sets(&settings::h264(spec, rung, stream))?;
        let beside = RungSpec {
            hardware_sets: Some(hardware.fingerprint()),
            ..rung.clone()
        };
        let software = x264_sets(spec, &beside, stream)?;
        let both = software.joined(&hardware).ok_or_else(|| {
            Failure::new(Cause::Internal, "Two encoders have sets of one number.")
        })?;
        all.push(Sets {
            software,
            hardware: Some((hardware, both)),
        });
    }
    Ok(all)
}

fn x264_sets(spec: &VideoSpec, rung: &RungSpec, stream: &Stream) -> Result<ParameterSets, Failure> {
    let encoder = Encoder::h264(&settings::h264(spec, rung, stream))
        .map_err(|error| Failure::internal("opening the H.264 encoder", error))?;
    ParameterSets::from_annex_b(encoder.extradata())
        .ok_or_else(|| Failure::new(Cause::Internal, "The H.264 encoder gave no parameter sets."))
}

fn write_video(
    stream: u32,
    (width, height): (u32, u32),
    sets: &Sets,
    output: &Output,
) -> Result<PreparedVideo, Failure> {
    let parameter_sets = match &sets.hardware {
        Some((_, both)) => both,
        None => &sets.software,
    };
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
        parameter_sets: sets.software.fingerprint(),
        hardware_sets: sets.hardware.as_ref().map(|(own, _)| own.fingerprint()),
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
