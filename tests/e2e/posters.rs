//! Posters: five pictures of a film to choose from, the cover of a song, and bars of light for sound
//! that has none. What does not belong here: the pages (`pages`).

use anyhow::{Context, Result, ensure};
use serde_json::{Value, json};
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use tests::api::Video;
use tests::media_maker::Recipe;
use tests::owner::Owner;
use tests::program::{command, run};
use tests::server::{Home, Server};
use tests::stage;

const PATIENCE: Duration = Duration::from_secs(150);

#[test]
fn a_film_offers_five_pictures_and_shows_the_one_that_is_chosen() -> Result<()> {
    let _turn = stage::shared();
    let home = Home::new()?;
    let server = home.serve()?;
    let owner = Owner::claim(&home, &server)?;
    // The first tenth is black, as films begin; the rest turns around.
    let recipe = Recipe::new(
        "fades-in",
        "mp4",
        "-f lavfi -i testsrc2=s=320x240:r=10:d=40,rotate=t/5,drawbox=w=iw:h=ih:color=black:t=fill:enable='lt(t\\,4)' \
         -c:v libx264 -preset ultrafast -g 10 -pix_fmt yuv420p",
    );
    let name = home.drop_file(&recipe.make()?)?;
    let video = server.api.wait_until_ready(&name, PATIENCE)?;
    let path = format!("/api/v1/videos/{}", video.id);
    let told = owner.get(&path)?;
    let posters = told["posters"]
        .as_array()
        .context("no posters are told of")?;
    ensure!(posters.len() == 5, "{posters:?}");
    ensure!(
        posters[0]["chosen"] == true,
        "the best stands for it: {posters:?}"
    );
    for poster in posters {
        let url = poster["url"].as_str().context("no address")?;
        let shown = pixels(&server.api.bytes(url)?, home.folder())?;
        let mean = shown.iter().map(|part| u64::from(*part)).sum::<u64>() / shown.len() as u64;
        ensure!(mean > 40, "{url} is as good as black: {mean}");
    }
    let third = server
        .api
        .bytes(posters[2]["url"].as_str().unwrap_or_default())?;
    let before = the_poster(&server, &video)?;
    ensure!(before != third, "the pictures differ");
    let changed = owner.patch(&path, &json!({ "poster": 3 }))?;
    ensure!(
        changed["posters"][2]["chosen"] == true,
        "{}",
        changed["posters"]
    );
    ensure!(
        changed["poster"] != told["poster"],
        "another picture has another address: {}",
        changed["poster"]
    );
    let video = server.api.video(&video.id)?;
    ensure!(the_poster(&server, &video)? == third, "the third is shown");
    let refused = owner.patch(&path, &json!({ "poster": 9 }));
    ensure!(refused.is_err(), "there is no ninth");
    server.stop()?;
    home.check()?;
    Ok(())
}

#[test]
fn songs_have_their_cover_or_a_picture_of_their_sound() -> Result<()> {
    let _turn = stage::shared();
    let home = Home::new()?;
    let server = home.serve()?;
    let cover = home.folder().join("cover.png");
    run(command("ffmpeg")
        .args("-nostdin -v error -y -f lavfi -i color=0x2040C0:s=600x600 -frames:v 1".split(' '))
        .arg(&cover))?;
    for (name, codec) in [
        ("song.mp3", "-c:a libmp3lame -c:v copy -id3v2_version 3"),
        ("song.m4a", "-c:a aac -c:v copy"),
        ("song.flac", "-c:a flac -c:v copy"),
    ] {
        let song = song_with(&cover, name, codec, home.folder())?;
        let video = server
            .api
            .wait_until_ready(&home.drop_file(&song)?, PATIENCE)?;
        let shown = pixels(&the_poster(&server, &video)?, home.folder())?;
        let near = |is: u8, should: u8| is.abs_diff(should) < 12;
        ensure!(
            near(shown[0], 0x20) && near(shown[1], 0x40) && near(shown[2], 0xC0),
            "{name} shows {:?}",
            &shown[..3]
        );
    }
    // Loud, silent, loud: the light is at both ends.
    let recipe = Recipe::new(
        "loud-and-silent",
        "flac",
        "-f lavfi -i aevalsrc='if(between(t\\,10\\,20)\\,0\\,0.5*sin(2000*t))':s=44100:d=30 -c:a flac",
    );
    let video = server
        .api
        .wait_until_ready(&home.drop_file(&recipe.make()?)?, PATIENCE)?;
    let shown = pixels(&the_poster(&server, &video)?, home.folder())?;
    // A row a quarter from above, left, middle and right.
    let lit = |from: usize, to: usize| (from..to).any(|x| shown[(160 * 960 + x) * 3] > 150);
    ensure!(
        (lit(0, 320), lit(400, 560), lit(640, 960)) == (true, false, true),
        "bars where there is sound"
    );
    let told: Value =
        serde_json::from_slice(&server.api.bytes(&format!("/api/v1/videos/{}", video.id))?)?;
    ensure!(told["posters"] == json!([]), "{}", told["posters"]);
    server.stop()?;
    home.check()?;
    Ok(())
}

fn song_with(cover: &Path, name: &str, codec: &str, folder: &Path) -> Result<PathBuf> {
    let song = folder.join(name);
    run(command("ffmpeg")
        .args("-nostdin -v error -y -f lavfi -i sine=f=440:r=44100:d=12 -i".split(' '))
        .arg(cover)
        .args("-map 0:a -map 1:v -disposition:v attached_pic".split(' '))
        .args(codec.split(' '))
        .arg(&song))?;
    Ok(song)
}

fn the_poster(server: &Server, video: &Video) -> Result<Vec<u8>> {
    let poster = video.poster.as_ref().context("there is no poster")?;
    server.api.bytes(poster)
}

/// Red, green and blue of a JPEG, row by row.
fn pixels(jpeg: &[u8], folder: &Path) -> Result<Vec<u8>> {
    let file = folder.join("seen.jpg");
    fs::write(&file, jpeg)?;
    let decoded = run(command("ffmpeg")
        .args(["-nostdin", "-v", "error", "-i"])
        .arg(&file)
        .args(["-f", "rawvideo", "-pix_fmt", "rgb24", "-"]))?;
    Ok(decoded.stdout)
}
