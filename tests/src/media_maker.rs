//! Makes the clips that the tests play with, by the ffmpeg program, and keeps them under
//! `target/e2e/media` so that the next run need not make them again. A clip's file name carries a
//! fingerprint of its recipe, so a changed recipe makes a new file.
//!
//! What does not belong here: files from real recordings (`../shared/media`, see `e2e::corpus`).

use anyhow::{Context, Result};
use sha2::{Digest, Sha256};
use std::path::PathBuf;
use std::sync::Mutex;

use crate::program::{command, report_folder, run};

/// How to make one clip.
#[derive(Clone, Debug)]
pub struct Recipe {
    name: String,
    extension: String,
    arguments: Vec<String>,
}

/// Clips are made one after the other: ffmpeg uses all cores anyway, and two tests that want the
/// same clip must not write it twice.
static MAKING: Mutex<()> = Mutex::new(());

/// Times in seconds at which [`flash_and_beep`] flashes and beeps.
pub const FLASHES_S: [f64; 5] = [1.0, 3.0, 5.0, 7.0, 9.0];

impl Recipe {
    /// A clip called `name`, made by `ffmpeg` with these arguments (separated by blanks) before
    /// the output's name.
    pub fn new(name: &str, extension: &str, arguments: &str) -> Self {
        Self {
            name: name.to_owned(),
            extension: extension.to_owned(),
            arguments: arguments.split_whitespace().map(str::to_owned).collect(),
        }
    }

    /// Makes the clip unless an earlier run left it, and returns where it lies.
    pub fn make(&self) -> Result<PathBuf> {
        let _one_at_a_time = MAKING
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner);
        let path = self.path()?;
        if path.exists() {
            return Ok(path);
        }
        let unfinished = path.with_extension(format!("unfinished.{}", self.extension));
        run(command("ffmpeg")
            .args(["-nostdin", "-v", "error", "-y"])
            .args(&self.arguments)
            .arg(&unfinished))
        .with_context(|| format!("making the clip {}", self.name))?;
        std::fs::rename(&unfinished, &path)?;
        Ok(path)
    }

    fn path(&self) -> Result<PathBuf> {
        let folder = report_folder()?.join("media");
        std::fs::create_dir_all(&folder)?;
        let digest = Sha256::digest(self.arguments.join("\0"));
        let fingerprint: String = digest.iter().take(4).map(|b| format!("{b:02x}")).collect();
        Ok(folder.join(format!("{}-{fingerprint}.{}", self.name, self.extension)))
    }
}

/// A moving test picture with a tone, in the codecs that are usual in the container.
pub fn plain(extension: &str, seconds: u32) -> Recipe {
    let codecs = usual_codecs(extension);
    Recipe::new(
        "plain",
        extension,
        &format!(
            "-f lavfi -i testsrc2=s=640x360:r=25:d={seconds} \
             -f lavfi -i sine=f=440:r=48000:d={seconds} {codecs}"
        ),
    )
}

/// A test picture of the given size, 25 frames a second, a keyframe every two seconds, and a tone.
pub fn sized(width: u32, height: u32, seconds: u32) -> Recipe {
    Recipe::new(
        &format!("sized-{width}x{height}-{seconds}s"),
        "mp4",
        &format!(
            "-f lavfi -i testsrc2=s={width}x{height}:r=25:d={seconds} \
             -f lavfi -i sine=f=440:r=48000:d={seconds} \
             -c:v libx264 -preset ultrafast -g 50 -pix_fmt yuv420p -c:a aac"
        ),
    )
}

/// Two seconds of small pictures, each number another film.
pub fn tiny(number: u32) -> Recipe {
    Recipe::new(
        &format!("tiny-{number}"),
        "mp4",
        &format!(
            "-f lavfi -i testsrc2=s=160x120:r=25:d=2 -f lavfi -i sine=f={}:r=48000:d=2 \
             -c:v libx264 -preset ultrafast -pix_fmt yuv420p -c:a aac",
            200 + number * 20
        ),
    )
}

/// Half a minute of slowly moving colours, each number others: what a library looks like that
/// people filled. Every third film is large enough for several rungs.
pub fn picture(number: u32) -> Recipe {
    let size = if number.is_multiple_of(3) {
        "1280x720"
    } else {
        "640x360"
    };
    Recipe::new(
        &format!("picture-{number}"),
        "mp4",
        &format!(
            "-f lavfi -i gradients=s={size}:r=10:d=30:n=4:speed=0.01:seed={} \
             -f lavfi -i sine=f={}:r=48000:d=30 \
             -c:v libx264 -preset ultrafast -g 20 -pix_fmt yuv420p -c:a aac",
            number + 7,
            200 + number * 20
        ),
    )
}

/// Black, with one white frame and 100 ms of a 1 kHz beep at each of [`FLASHES_S`].
/// The sound is at 44.1 kHz, so that it must be resampled.
pub fn flash_and_beep(extension: &str) -> Recipe {
    let codecs = usual_codecs(extension);
    Recipe::new(
        "flash-and-beep",
        extension,
        &format!(
            "-f lavfi -i color=black:s=640x360:r=25:d=10,\
         drawbox=w=iw:h=ih:color=white:t=fill:enable='lt(mod(t+1\\,2)\\,0.02)' \
         -f lavfi -i aevalsrc='if(lt(mod(t+1\\,2)\\,0.1)\\,0.8*sin(2*PI*1000*t)\\,0)':s=44100:d=10 \
         {codecs} -b:a 160k"
        ),
    )
}

/// H.264 with B frames in AVI, which does not say when pictures are shown; each frame is brighter than
/// the one before.
pub fn brighter_avi(frames: u32) -> Recipe {
    Recipe::new(
        "brighter",
        "avi",
        &format!(
            "-f lavfi -i color=black:s=320x240:r=25,format=gray,geq=lum='16+2*N' \
             -c:v libx264 -preset veryfast -bf 3 -b_strategy 0 -g 50 -pix_fmt yuv420p \
             -frames:v {frames}"
        ),
    )
}

/// A recording of that many seconds whose clock begins at `offset_s`: like [`flash_and_beep`], at
/// every odd second.
pub fn tape(extension: &str, seconds: u32, offset_s: u32) -> Recipe {
    let codecs = match extension {
        "vob" => "-c:v mpeg2video -q:v 4 -g 12 -bf 2 -c:a ac3 -ar 48000",
        _ => "-c:v libx264 -preset ultrafast -bf 3 -g 50 -pix_fmt yuv420p -c:a aac",
    };
    Recipe::new(
        "tape",
        extension,
        &format!(
            "-f lavfi -i color=black:s=320x180:r=25:d={seconds},\
         drawbox=w=iw:h=ih:color=white:t=fill:enable='lt(mod(t+1\\,2)\\,0.02)' \
         -f lavfi -i aevalsrc='if(lt(mod(t+1\\,2)\\,0.1)\\,0.8*sin(2*PI*1000*t)\\,0)':s=44100:d={seconds} \
         {codecs} -b:a 160k -output_ts_offset {offset_s}"
        ),
    )
}

/// A film whose picture comes two seconds after its sound.
pub fn late_picture() -> Recipe {
    Recipe::new(
        "late-picture",
        "mkv",
        "-f lavfi -i sine=f=440:r=48000:d=8 \
         -itsoffset 2 -f lavfi -i testsrc2=s=320x240:r=25:d=6 -map 1:v -map 0:a \
         -c:v libx264 -preset veryfast -bf 2 -g 50 -pix_fmt yuv420p -c:a aac",
    )
}

fn usual_codecs(extension: &str) -> &'static str {
    match extension {
        "webm" => "-c:v libvpx -deadline realtime -cpu-used 8 -b:v 1M -g 60 -c:a libvorbis",
        "avi" => "-c:v mpeg4 -q:v 4 -g 50 -c:a libmp3lame",
        _ => "-c:v libx264 -preset veryfast -bf 3 -g 50 -pix_fmt yuv420p -c:a aac",
    }
}

/// A picture of one pixel.
pub fn one_pixel() -> Recipe {
    Recipe::new(
        "one-pixel",
        "mkv",
        "-f lavfi -i color=red:s=16x16:r=25:d=2 -vf scale=1:1,format=yuv444p -c:v libx264",
    )
}

/// Sound without a picture.
pub fn audio_only() -> Recipe {
    Recipe::new(
        "audio-only",
        "mp3",
        "-f lavfi -i sine=f=440:r=44100:d=20 -c:a libmp3lame",
    )
}

/// A picture without sound.
pub fn video_only() -> Recipe {
    Recipe::new(
        "video-only",
        "mp4",
        "-f lavfi -i testsrc2=s=640x360:r=30:d=10 -c:v libx264 -preset veryfast -g 60 -pix_fmt yuv420p",
    )
}

/// B frames that reach over the keyframes: a chunk that starts at one finds leading pictures.
pub fn open_gop() -> Recipe {
    Recipe::new(
        "open-gop",
        "mp4",
        "-f lavfi -i testsrc2=s=640x360:r=25:d=30 -f lavfi -i sine=f=440:r=48000:d=30 \
         -c:v libx264 -preset fast -pix_fmt yuv420p -bf 5 -b_strategy 0 \
         -x264-params open-gop=1:keyint=48:min-keyint=48:scenecut=0:b-pyramid=normal -c:a aac",
    )
}

/// Fields of a moving picture, half a minute, a keyframe every half second.
pub fn interlaced() -> Recipe {
    Recipe::new(
        "interlaced",
        "ts",
        "-f lavfi -i testsrc2=s=720x576:r=50:d=30 -vf interlace \
         -c:v mpeg2video -flags +ilme+ildct -b:v 4M -bf 2 -g 12",
    )
}

/// Pictures that look as if they could be copied and cannot, by the reason. Half of them differ
/// from a fitting one only in what the coded bytes say.
pub fn not_to_be_copied() -> Result<Vec<Recipe>> {
    let picture = "-f lavfi -i testsrc2=s=640x360:r=25:d=6";
    let encoder = "-c:v libx264 -preset veryfast -g 50";
    let plain = format!("{picture} {encoder} -pix_fmt yuv420p");
    let recipe = |name: &str, extension: &str, arguments: &str| {
        Recipe::new(&format!("unfit-{name}"), extension, arguments)
    };
    let upright = recipe("source-of-rotated", "mp4", &plain).make()?;
    let small = "-f lavfi -i testsrc2=s=480x360:r=25:d=6 -c:v libx264 -pix_fmt yuv420p -g 50";
    let parts = [
        recipe("first-part", "ts", &plain).make()?,
        recipe("second-part", "ts", small).make()?,
    ];
    let joined = parts.map(|part| part.display().to_string()).join("|");
    Ok(vec![
        recipe("interlaced", "ts", &format!("{plain} -flags +ilme+ildct")),
        recipe("other-pixels", "mp4", &format!("{plain} -vf setsar=4/3")),
        recipe(
            "rotated",
            "mp4",
            &format!("-i {} -c copy -metadata:s:v rotate=90", upright.display()),
        ),
        recipe(
            "ten-bits",
            "mkv",
            &format!("{picture} {encoder} -pix_fmt yuv420p10le"),
        ),
        recipe(
            "much-colour",
            "mp4",
            &format!("{picture} {encoder} -pix_fmt yuv444p"),
        ),
        recipe(
            "hevc",
            "mp4",
            &format!(
                "{picture} -c:v libx265 -preset ultrafast -x265-params log-level=error -tag:v hvc1"
            ),
        ),
        recipe("changing", "ts", &format!("-i concat:{joined} -c copy")),
    ])
}

/// Twenty seconds that fill fifty megabytes and take little work: long enough not to be read as a
/// whole before the film plays.
pub fn heavy() -> Recipe {
    Recipe::new(
        "heavy",
        "mp4",
        "-f lavfi -i testsrc2=s=640x360:r=25:d=20,noise=alls=60:allf=t \
         -f lavfi -i sine=f=440:r=48000:d=20 \
         -c:v libx264 -preset ultrafast -g 50 -b:v 20M -minrate 20M -maxrate 20M -bufsize 20M \
         -pix_fmt yuv420p -c:a aac",
    )
}

/// One keyframe in half a minute.
pub fn long_gop() -> Recipe {
    Recipe::new(
        "long-gop",
        "mkv",
        "-f lavfi -i testsrc2=s=640x360:r=25:d=30 -f lavfi -i sine=f=440:r=48000:d=30 \
         -c:v libx264 -preset veryfast -pix_fmt yuv420p -g 9999 -keyint_min 9999 -sc_threshold 0 -c:a aac",
    )
}

/// How long [`far_keyframes`] takes to turn a strip above its picture from black to white.
pub const BRIGHTENS_S: u32 = 64;

/// Keyframes twenty seconds apart, in 65 seconds.
pub fn far_keyframes() -> Recipe {
    Recipe::new(
        "far-keyframes",
        "mp4",
        &format!(
            "-f lavfi -i color=white:s=854x80:r=25:d=65,fade=d={BRIGHTENS_S} \
             -f lavfi -i testsrc2=s=854x400:r=25:d=65 -f lavfi -i sine=f=440:r=48000:d=65 \
             -filter_complex [0][1]vstack -c:v libx264 -preset veryfast -crf 18 -pix_fmt yuv420p \
             -g 500 -keyint_min 500 -sc_threshold 0 -bf 3 -c:a aac"
        ),
    )
}

/// Steps between frames that vary between 33 and 167 ms.
pub fn variable_frame_rate() -> Recipe {
    Recipe::new(
        "variable-frame-rate",
        "mp4",
        "-f lavfi -i testsrc2=s=640x360:r=30:d=15,\
         select='not(mod(n\\,5))+lt(mod(n\\,60)\\,25)' \
         -f lavfi -i sine=f=440:r=48000:d=15 \
         -fps_mode vfr -c:v libx264 -preset veryfast -g 60 -pix_fmt yuv420p -c:a aac",
    )
}

/// The picture begins 1.3 s after the sound.
pub fn late_video() -> Recipe {
    Recipe::new(
        "late-video",
        "mp4",
        "-itsoffset 1.3 -f lavfi -i testsrc2=s=640x360:r=25:d=10 \
         -f lavfi -i sine=f=440:r=48000:d=11 \
         -fps_mode passthrough -c:v libx264 -preset veryfast -g 50 -pix_fmt yuv420p -c:a aac",
    )
}

/// Ten minutes of 1080p, whose picture is copied.
pub fn ten_minutes() -> Result<Recipe> {
    looped_1080p(30, Fate::Copied)
}

/// A long film that is cheap to make: one flat scene of 20.48 s (a whole number of AAC frames),
/// `times` over, with just enough bytes for every rung to be worth making.
pub fn looped_1080p(times: u32, fate: Fate) -> Result<Recipe> {
    let (what, options) = fate.words();
    let scene = Recipe::new(
        &format!("{what}-flat-scene-1080p"),
        "mp4",
        &format!(
            "-f lavfi -i testsrc=s=1920x1080:r=25:d=20.48 \
             -f lavfi -i sine=f=440:r=48000:d=20.48 \
             -c:v libx264 -preset ultrafast -crf 12 {options} -pix_fmt yuv420p -c:a aac"
        ),
    )
    .make()?;
    Ok(Recipe::new(
        &format!("{what}-looped-1080p-{times}"),
        "mp4",
        &format!(
            "-stream_loop {} -i {} -c copy",
            times.saturating_sub(1),
            scene.display()
        ),
    ))
}

/// Forty seconds of 1080p with a little grain: at CRF 23 its top rung needs about 5 Mbit/s, which
/// is what the ladder expects of a film of middling difficulty. In MPEG-2, as discs and broadcasts
/// have it: with keyframes at the usual distances, and not to be copied.
pub fn grainy_1080p() -> Recipe {
    Recipe::new(
        "grainy-1080p-40s",
        "mp4",
        "-f lavfi -i testsrc2=s=1920x1080:r=25:d=40,noise=alls=3:allf=t \
         -f lavfi -i sine=f=440:r=48000:d=40 \
         -c:v mpeg2video -q:v 3 -g 15 -bf 2 -pix_fmt yuv420p -c:a aac",
    )
}

/// A hundred seconds of 720p with grain: sixty megabytes, so that an upload has a middle, and quick
/// to encode.
pub fn grainy_720p() -> Recipe {
    Recipe::new(
        "grainy-720p-100s",
        "mp4",
        "-f lavfi -i testsrc2=s=1280x720:r=25:d=100,noise=alls=2:allf=t \
         -f lavfi -i sine=f=440:r=48000:d=100 \
         -c:v libx264 -preset ultrafast -crf 26 -g 50 -pix_fmt yuv420p -c:a aac",
    )
}

/// What happens to the picture of a film.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fate {
    /// It fits and is copied.
    Copied,
    /// The same with keyframes that are so far apart that the copy has segments of its own.
    CopiedApart,
    /// It asks for more than players must be able to decode.
    Encoded,
}

impl Fate {
    /// For names, and what the encoder is told.
    fn words(self) -> (&'static str, &'static str) {
        match self {
            Self::Copied => ("copied", "-g 50"),
            Self::CopiedApart => ("apart", "-g 500"),
            Self::Encoded => ("encoded", "-g 500 -level 5.2"),
        }
    }
}

/// A film of 1080p at about 5 Mbit/s, cheap to make: a scene of 20.48 s (a whole number of AAC
/// frames) so many times over.
pub fn scenes_1080p(times: u32, fate: Fate) -> Result<Recipe> {
    let (what, options) = fate.words();
    let scene = Recipe::new(
        &format!("{what}-scene-1080p"),
        "mp4",
        &format!(
            "-f lavfi -i testsrc2=s=1920x1080:r=25:d=20.48,noise=alls=3:allf=t \
             -f lavfi -i sine=f=440:r=48000:d=20.48 -c:v libx264 -preset superfast -bf 2 \
             -b:v 5M -maxrate 6M -bufsize 6M {options} -pix_fmt yuv420p -c:a aac"
        ),
    )
    .make()?;
    let loops = times.saturating_sub(1);
    Ok(Recipe::new(
        &format!("{what}-{times}-scenes-1080p"),
        "mp4",
        &format!("-stream_loop {loops} -i {} -c copy", scene.display()),
    ))
}

#[cfg(test)]
mod tests {
    use super::{FLASHES_S, Recipe};
    use crate::program::{command, text_of};
    use crate::source::Presented;

    fn presented(recipe: &Recipe) -> Presented {
        Presented::of(&recipe.make().unwrap(), None).unwrap()
    }

    /// The flags of the first video track's packets, a line each.
    fn packet_flags(recipe: &Recipe) -> Vec<String> {
        let file = recipe.make().unwrap();
        let arguments = "-v error -select_streams v:0 -show_entries packet=flags -of csv=p=0";
        let text = text_of(command("ffprobe").args(arguments.split(' ')).arg(file)).unwrap();
        text.lines().map(str::to_owned).collect()
    }

    #[test]
    fn clips_have_the_traps_they_are_made_for() {
        let late = presented(&super::late_video());
        let lag_s = late.pictures_s[0] - late.sound_starts_s[0];
        assert!((lag_s - 1.3).abs() < 0.03, "picture {lag_s} s after sound");

        let varying = presented(&super::variable_frame_rate()).pictures_s;
        let steps = varying.windows(2).map(|pair| pair[1] - pair[0]);
        let (short, long) = steps.fold((1.0_f64, 0.0_f64), |(short, long), step| {
            (short.min(step), long.max(step))
        });
        assert!(long > 3.0 * short, "steps from {short} to {long} s");

        let keys = packet_flags(&super::long_gop());
        let count = keys.iter().filter(|flags| flags.starts_with('K')).count();
        assert_eq!(count, 1, "one keyframe in {} packets", keys.len());

        let sound = presented(&super::audio_only());
        assert!(sound.pictures_s.is_empty(), "no picture at all");
    }

    #[test]
    fn small_and_short_clips_are_what_their_names_say() {
        let pixel = presented(&super::one_pixel());
        assert_eq!(pixel.pictures_s.len(), 50, "two seconds of one pixel");
        for extension in ["mp4", "mkv", "ts", "avi", "webm"] {
            let clip = presented(&super::plain(extension, 12));
            assert_eq!(clip.pictures_s.len(), 300, "12 s in {extension}");
            assert_eq!(clip.sound_starts_s.len(), 1, "a tone in {extension}");
        }
        let flashing = presented(&super::flash_and_beep("ts"));
        assert!(
            flashing.pictures_s.len() >= 250 && FLASHES_S[4] < 10.0,
            "ten seconds hold all flashes"
        );
    }
}
