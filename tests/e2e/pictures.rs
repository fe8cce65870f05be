//! What unusual pictures look like in the end, measured in decoded pixels: transparent ones, bright
//! ones that say too little of themselves, recordings that change midway. What does not belong
//! here: times and numbers of pictures (`tests::verifier`).

use anyhow::{Context, Result, ensure};
use std::fs;
use std::path::Path;
use std::time::Duration;

use tests::api::{SourceFacts, Video};
use tests::download::Download;
use tests::media_maker::Recipe;
use tests::program::{command, run};
use tests::server::{Home, Server};
use tests::stage;

/// A loaded machine, a few clips.
const PATIENCE: Duration = Duration::from_secs(150);

/// One picture in red, green and blue.
pub(crate) struct Pixels {
    width: usize,
    rgb: Vec<u8>,
}

#[test]
fn transparent_pictures_lie_over_black() -> Result<()> {
    let _turn = stage::shared();
    let home = Home::new()?;
    let server = home.serve()?;
    // The left half is red through and through, the right half is red that nobody can see.
    let recipe = Recipe::new(
        "transparent",
        "mov",
        "-f lavfi -i color=red:s=320x240:r=25:d=2,format=yuva444p10le,\
         geq=lum='p(X\\,Y)':cb='p(X\\,Y)':cr='p(X\\,Y)':a='if(lt(X\\,160)\\,1023\\,0)' \
         -c:v prores_ks -profile:v 4444 -alpha_bits 16 -pix_fmt yuva444p10le",
    );
    let name = home.drop_file(&recipe.make()?)?;
    let video = server.api.wait_until_ready(&name, PATIENCE)?;
    let picture = picture_at(&server, &video, 1.0)?;
    let left = picture.mean(0.1, 0.4);
    let right = picture.mean(0.6, 0.9);
    ensure!(
        left[0] > 200.0 && left[1] < 40.0,
        "the left half is red, not {left:?}"
    );
    ensure!(
        right.iter().all(|part| *part < 12.0),
        "the right half is black, not {right:?}"
    );
    server.stop()?;
    Ok(())
}

#[test]
fn films_for_the_web_that_are_transparent_lie_over_black_too() -> Result<()> {
    let _turn = stage::shared();
    let home = Home::new()?;
    let server = home.serve()?;
    // Red of which half is seen through. What moves makes both layers more than one keyframe.
    for (name, codec) in [("vp8", "libvpx"), ("vp9", "libvpx-vp9")] {
        let recipe = Recipe::new(
            &format!("transparent-{name}"),
            "webm",
            &format!(
                "-f lavfi -i color=red:s=320x240:r=25:d=4,format=yuva420p,\
                 geq=lum='p(X\\,Y)':cb='p(X\\,Y)':cr='p(X\\,Y)':a='if(lt(X\\,160)\\,128\\,mod(X+4*N\\,256))' \
                 -c:v {codec} -pix_fmt yuva420p -auto-alt-ref 0 -g 25 -b:v 1M -deadline realtime"
            ),
        );
        let name = home.drop_file(&recipe.make()?)?;
        let video = server.api.wait_until_ready(&name, PATIENCE)?;
        for second in [0.5, 3.5] {
            let left = picture_at(&server, &video, second)?.mean(0.1, 0.4);
            let near = left.iter().zip([128.0, 0.0, 0.0]);
            ensure!(
                near.clone().all(|(is, should)| (is - should).abs() < 8.0),
                "{codec} at {second} s: 128, 0, 0 became {left:?}"
            );
        }
    }
    server.stop()?;
    Ok(())
}

#[test]
fn bright_pictures_that_do_not_say_their_colours_are_shown_all_the_same() -> Result<()> {
    let _turn = stage::shared();
    let home = Home::new()?;
    let server = home.serve()?;
    let recipe = Recipe::new(
        "terse-hdr",
        "mp4",
        "-f lavfi -i testsrc2=s=320x240:r=25:d=2 -c:v libx264 -preset ultrafast \
         -pix_fmt yuv420p10le -color_trc smpte2084",
    );
    let name = home.drop_file(&recipe.make()?)?;
    let video = server.api.wait_until_ready(&name, PATIENCE)?;
    ensure!(facts(&server, &video)?.hdr, "it is taken for what it is");
    let shown = picture_at(&server, &video, 1.0)?.mean(0.0, 1.0);
    ensure!(
        shown.iter().any(|part| *part > 40.0),
        "it is all dark: {shown:?}"
    );
    server.stop()?;
    Ok(())
}

#[test]
fn red_green_and_blue_keep_their_colours() -> Result<()> {
    let _turn = stage::shared();
    let home = Home::new()?;
    let server = home.serve()?;
    let recipe = Recipe::new(
        "rgb",
        "mp4",
        "-f lavfi -i color=0x20C040:s=1280x720:r=25:d=2,format=gbrp \
         -c:v libx264rgb -preset ultrafast -qp 0",
    );
    let name = home.drop_file(&recipe.make()?)?;
    let video = server.api.wait_until_ready(&name, PATIENCE)?;
    let shown = picture_at(&server, &video, 1.0)?.mean(0.0, 1.0);
    let near = shown.iter().zip([32.0, 192.0, 64.0]);
    ensure!(
        near.clone().all(|(is, should)| (is - should).abs() < 6.0),
        "32, 192, 64 became {shown:?}"
    );
    server.stop()?;
    Ok(())
}

#[test]
fn a_recording_that_changes_its_shape_gets_black_edges_and_one_that_turns_interlaced_is_noticed()
-> Result<()> {
    let _turn = stage::shared();
    let home = Home::new()?;
    let server = home.serve()?;
    let wide = broadcast("wide", "color=white:s=640x360:r=25:d=6", "", 0);
    let narrow = broadcast("narrow", "color=white:s=480x360:r=25:d=6", "", 6);
    let name = drop_joined(&home, "changes-shape.ts", &[wide, narrow])?;
    let video = server.api.wait_until_ready(&name, PATIENCE)?;
    let before = picture_at(&server, &video, 3.0)?;
    ensure!(
        before.mean(0.0, 0.1)[0] > 200.0,
        "the wide part fills the picture"
    );
    let after = picture_at(&server, &video, 9.0)?;
    ensure!(
        after.mean(0.0, 0.1)[0] < 30.0,
        "the narrow part has black beside it"
    );
    ensure!(after.mean(0.2, 0.8)[0] > 200.0, "and is white itself");

    let still = broadcast("still", "testsrc2=s=720x576:r=25:d=20", "", 0);
    let fields = "-flags +ilme+ildct -vf interlace";
    let moving = broadcast("fields", "testsrc2=s=720x576:r=50:d=20", fields, 20);
    let name = drop_joined(&home, "turns-interlaced.ts", &[still, moving])?;
    let video = server
        .api
        .wait_for_video(&name, "planned", PATIENCE, Video::plays)?;
    ensure!(
        facts(&server, &video)?.interlaced,
        "the second half has fields"
    );
    server.stop()?;
    Ok(())
}

/// What is said of the file; lists leave it out.
fn facts(server: &Server, video: &Video) -> Result<SourceFacts> {
    let video = server.api.video(&video.id)?;
    video.source.context("nothing is said of the source")
}

/// A part of a broadcast that begins after so many seconds.
fn broadcast(name: &str, picture: &str, options: &str, offset_s: u32) -> Recipe {
    Recipe::new(
        &format!("broadcast-{name}"),
        "ts",
        &format!(
            "-f lavfi -i {picture} {options} -c:v mpeg2video -b:v 3M -output_ts_offset {offset_s}"
        ),
    )
}

/// Transport streams can be put one behind the other.
fn drop_joined(home: &Home, name: &str, parts: &[Recipe]) -> Result<String> {
    let mut bytes = Vec::new();
    for part in parts {
        bytes.extend(fs::read(part.make()?)?);
    }
    fs::write(home.drop_folder().join(name), bytes)?;
    Ok(name.to_owned())
}

/// The picture of the highest quality that is shown at that moment.
pub(crate) fn picture_at(server: &Server, video: &Video, second: f64) -> Result<Pixels> {
    let download = Download::of_title(&server.api, &video.id)?;
    let tallest = download
        .pictures()
        .max_by_key(|stream| stream.representation.height)
        .context("there is no picture")?;
    let file = download.joined(tallest, &tallest.segments)?;
    let rgb = raw_picture(&file, second)?;
    let width = tallest.representation.width.context("no width")?;
    Ok(Pixels {
        width: usize::try_from(width)?,
        rgb,
    })
}

fn raw_picture(file: &Path, second: f64) -> Result<Vec<u8>> {
    let decoded = run(command("ffmpeg")
        .args(["-nostdin", "-v", "error", "-i"])
        .arg(file)
        .args(["-ss", &second.to_string(), "-frames:v", "1"])
        .args(["-f", "rawvideo", "-pix_fmt", "rgb24", "-"]))?;
    Ok(decoded.stdout)
}

impl Pixels {
    /// Mean red, green and blue of the columns between two parts of the width.
    pub(crate) fn mean(&self, from: f64, to: f64) -> [f64; 3] {
        let columns = |part: f64| (part * self.width as f64) as usize;
        let (from, to) = (columns(from), columns(to));
        let mut sums = [0.0; 3];
        let mut count = 0.0;
        for row in self.rgb.chunks_exact(self.width * 3) {
            for pixel in row[from * 3..to * 3].chunks_exact(3) {
                for (sum, part) in sums.iter_mut().zip(pixel) {
                    *sum += f64::from(*part);
                }
                count += 1.0;
            }
        }
        sums.map(|sum| sum / f64::max(count, 1.0))
    }
}
