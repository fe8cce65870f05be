//! Titles whose picture is copied: before anything is encoded, run by run, and not at all where it
//! turns out that it cannot be.

use catalog::work::Unit;
use media::scripted::{Mishap, Scene, ScriptedLauncher};
use model::segment::Piece;
use model::title::TitleState;

use crate::stories::house::House;
use crate::stories::wish;

#[tokio::test]
async fn a_copied_picture_plays_while_nothing_is_encoded_yet() {
    // Nineteen segments, eight at once: three runs. The first chunk takes for ever.
    let house = House::with(ScriptedLauncher::with_copied_film(19, 1));
    house.launcher.plan_mishap(Scene::Chunk(1), Mishap::Hang);
    let first = house.start().await;
    let film = house.admit("film.mp4").await;
    house.until_state(film, TitleState::Playable).await;
    let copies = [Unit::Copy(0), Unit::Copy(1), Unit::Copy(2)];
    house.until_done(film, &copies).await;
    assert!(house.launcher.reaches(Scene::Chunk(1), 1).await);
    drop(first);
    let second = house.start().await;
    house.until_state(film, TitleState::Ready).await;
    for run in [1, 9, 17] {
        let times = house.launcher.count(Scene::Copy(run));
        assert_eq!(times, 1, "the run of segment {run} is copied once");
    }
    // One rung, the copy and the sound, each with its init segment.
    let pieces = house.catalog.pieces(film).await.unwrap();
    let of_streams = pieces.iter().filter(|stored| {
        let piece = stored.piece;
        matches!(piece, Piece::Init { .. } | Piece::Media { .. })
    });
    assert_eq!(of_streams.count(), 3 * 20);
    second.shutdown().await;
    house.assert_whole().await;
}

#[tokio::test]
async fn a_copy_that_stands_apart_plays_while_nothing_is_encoded_yet() {
    // Eighteen segments in each of two rungs, and five of the copy. The first chunk takes for ever.
    let house = House::with(ScriptedLauncher::with_film_apart(18, 1));
    house.launcher.plan_mishap(Scene::Chunk(1), Mishap::Hang);
    let first = house.start().await;
    let film = house.admit("film.mp4").await;
    house.until_state(film, TitleState::Playable).await;
    let copies = [0, 1, 2, 3, 4].map(Unit::Copy);
    house.until_done(film, &copies).await;
    drop(first);
    let second = house.start().await;
    house.until_state(film, TitleState::Ready).await;
    let pieces = house.catalog.pieces(film).await.unwrap();
    let of_stream = |wanted: u32| {
        let pieces = pieces.iter();
        let media = pieces.filter(|stored| match stored.piece {
            Piece::Media { stream, .. } => stream == wanted,
            _ => false,
        });
        media.count()
    };
    assert_eq!([0, 1, 2, 3].map(of_stream), [18, 18, 5, 18]);
    second.shutdown().await;
    house.assert_whole().await;
}

#[tokio::test]
async fn a_viewer_who_seeks_in_a_copy_that_stands_apart_is_served_first() {
    let house = House::with(ScriptedLauncher::with_film_apart(40, 1));
    house.launcher.plan_mishap(Scene::Copy(2), Mishap::Hang);
    let jobs = house.start().await;
    let film = house.admit("film.mp4").await;
    assert!(house.launcher.reaches(Scene::Copy(2), 1).await);
    // Stream 2 is the copy; its eighth segment is the rungs' 29th and three more.
    let wish = house.catalog.wish(wish(film, 2, 8)).unwrap();
    house.until_done(film, &[Unit::Copy(7)]).await;
    drop(wish);
    let record = house.launcher.record();
    let copies = record
        .iter()
        .filter(|scene| matches!(scene, Scene::Copy(_)));
    let copies: Vec<&Scene> = copies.take(3).collect();
    assert_eq!(
        copies,
        [&Scene::Copy(1), &Scene::Copy(2), &Scene::Copy(8)],
        "what was begun for nobody is given up"
    );
    house.until_state(film, TitleState::Ready).await;
    jobs.shutdown().await;
    house.assert_whole().await;
}

#[tokio::test]
async fn a_kill_repeats_one_copied_run() {
    let house = House::with(ScriptedLauncher::with_copied_film(24, 0));
    house.launcher.plan_mishap(Scene::Copy(9), Mishap::Die);
    let jobs = house.start().await;
    let film = house.admit("film.mp4").await;
    house.until_state(film, TitleState::Ready).await;
    for (run, times) in [(1, 1), (9, 2), (17, 1)] {
        let found = house.launcher.count(Scene::Copy(run));
        assert!(
            found == times || (run == 17 && found == 2),
            "the run of segment {run} is copied {found} times"
        );
    }
    jobs.shutdown().await;
    house.assert_whole().await;
}

#[tokio::test]
async fn a_picture_that_cannot_be_copied_after_all_is_encoded() {
    encoded_after_all(ScriptedLauncher::with_copied_film(24, 0), 9).await;
    encoded_after_all(ScriptedLauncher::with_film_apart(24, 0), 3).await;
}

/// The run of segment `damaged` cannot be copied.
async fn encoded_after_all(launcher: ScriptedLauncher, damaged: u32) {
    let scene = Scene::Copy(damaged);
    let house = House::with(launcher);
    house.launcher.plan_mishap(scene, Mishap::Disagree);
    let jobs = house.start().await;
    let film = house.admit("film.mp4").await;
    let ready = house.until_state(film, TitleState::Ready).await;
    let tries = [Scene::Inspect, scene].map(|scene| house.launcher.count(scene));
    assert_eq!(tries, [2, 1], "it is not tried again");
    assert_eq!(ready.generation, 2, "nothing of the first plan is mixed in");
    assert!(ready.copy_refused, "a later plan will not try it either");
    let plan = house.catalog.title(film).await.unwrap().unwrap().plan;
    assert_eq!(plan.unwrap().copied_stream(), None);
    jobs.shutdown().await;
    house.assert_whole().await;
}
