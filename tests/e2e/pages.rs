//! Every page on two screens and in two themes, in the states people meet it in. The browser's part
//! is `tests/browser/pages.mjs`; its pictures are kept in `target/e2e/pages`, to be looked at.

use anyhow::{Context, Result, ensure};
use serde::Deserialize;
use std::fs;
use std::path::PathBuf;

use tests::media_maker::{self, ten_minutes};
use tests::program::{report_folder, say_aloud};
use tests::server::Home;
use tests::{browser, stage};

/// Names as people give them, longer than a card for one of them.
const FILMS: [&str; 14] = [
    "A morning in Lisbon",
    "Two weeks in September",
    "The long one",
    "Grandfather’s workshop",
    "First steps",
    "Regatta",
    "The garden in March",
    "Night train to Vienna",
    "School play, second act, filmed from the last row of the balcony",
    "Bees",
    "Skiing 2019",
    "Wedding of Ada and Charles",
    "Low tide",
    "The old harbour",
];

#[derive(Debug, Deserialize)]
struct Seen {
    looked: usize,
    wrong: Vec<String>,
}

#[test]
fn every_page_is_sound_on_every_screen_and_in_both_themes() -> Result<()> {
    let _turn = stage::alone();
    let home = Home::new()?;
    let films = films(&home)?;
    let server = home.serve()?;
    let token = fs::read_to_string(home.data().join("setup-token"))
        .context("an unclaimed house has a token")?;
    let pictures = report_folder()?.join("pages");
    fs::create_dir_all(&pictures)?;
    let seen: Seen = browser::run_scenario(
        "pages.mjs",
        &serde_json::json!({
            "url": server.url,
            "token": token.trim(),
            "drop": home.drop_folder(),
            "films": films,
            "long": ten_minutes()?.make()?,
            "pictures": pictures,
        }),
    )?;
    say_aloud(&format!(
        "{} pictures of pages are in {}",
        seen.looked,
        pictures.display()
    ));
    ensure!(
        seen.wrong.is_empty(),
        "wrong on {} pages: {:#?}",
        seen.looked,
        seen.wrong
    );
    ensure!(seen.looked > 200, "only {} views were seen", seen.looked);
    server.stop()?;
    Ok(())
}

/// Short films beside the drop folder, under their names.
fn films(home: &Home) -> Result<Vec<PathBuf>> {
    let folder = home.folder().join("films");
    fs::create_dir(&folder)?;
    let name = |(number, name): (u32, &&str)| {
        let film = folder.join(format!("{name}.mp4"));
        fs::copy(media_maker::picture(number).make()?, &film)?;
        Ok(film)
    };
    (0..).zip(&FILMS).map(name).collect()
}
