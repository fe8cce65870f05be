//! Whole jobs from the queue to the store, with a real catalog, stores on disk and in memory, and
//! scripted workers. Nothing sleeps: every step is awaited through the catalog's own changes.

mod bucket;
mod copied;
mod house;
mod taken_back;

use catalog::admission::{Admission, Candidate};
use catalog::garbage::GarbageAfter;
use catalog::wish::{Viewer, Wish};
use catalog::work::Unit;
use media::scripted::{Mishap, Scene, ScriptedLauncher};
use model::id::TitleId;
use model::job::{Intent, JobState};
use model::segment::{ObjectKey, Piece};
use model::settings::Place;
use model::title::TitleState;
use model::upload::Details;
use storage::Storage;

use crate::stories::house::{DEADLINE, House, source};

fn wish(title: TitleId, stream: u32, number: u32) -> Wish {
    Wish {
        title,
        stream,
        number,
        viewer: Viewer(1),
    }
}

#[tokio::test]
async fn a_film_becomes_ready_with_every_piece_stored_once() {
    let house = House::with(ScriptedLauncher::with_film(7, 2));
    let jobs = house.start().await;
    let film = house.admit("film.mp4").await;
    let ready = house.until_state(film, TitleState::Ready).await;
    // Two rungs and two audio tracks: four init segments and seven segments each, a poster, five
    // pictures to choose it from, and a sheet of thumbnails.
    assert_eq!(house.catalog.pieces(film).await.unwrap().len(), 4 + 28 + 7);
    assert!(ready.has_poster, "a film has a poster");
    assert_eq!(ready.thumb_sheets, [1]);
    let job = house
        .catalog
        .job(ready.job.unwrap())
        .await
        .unwrap()
        .unwrap();
    assert_eq!(job.state, JobState::Done);
    let log = house.catalog.job_log(job.id).await.unwrap();
    let log: Vec<&str> = log.iter().map(|line| line.text.as_str()).collect();
    for (line, words) in ["turn has come", "looked at", "Everything"]
        .iter()
        .enumerate()
    {
        assert!(log[line].contains(words), "{words:?} in {log:?}");
    }
    for chunk in [1, 3, 5, 7] {
        let times = house.launcher.count(Scene::Chunk(chunk));
        assert_eq!(times, 1, "the chunk of segment {chunk} is encoded once");
    }
    jobs.shutdown().await;
    house.assert_whole().await;
    assert!(house.scratch_is_empty(), "workers' folders are removed");
}

#[tokio::test]
async fn sound_alone_becomes_ready_without_chunks() {
    let house = House::with(ScriptedLauncher::with_sound(5, 1));
    let jobs = house.start().await;
    let song = house.admit("song.flac").await;
    let ready = house.until_state(song, TitleState::Ready).await;
    assert!(ready.has_poster, "its loudness or its cover");
    assert!(
        ready.poster_choices.is_empty(),
        "there is nothing to choose"
    );
    jobs.shutdown().await;
    house.assert_whole().await;
}

#[tokio::test]
async fn a_restart_encodes_nothing_again_that_was_done() {
    let house = House::with(ScriptedLauncher::with_film(8, 1));
    // The first server gets stuck in the third chunk and is broken off there.
    house.launcher.plan_mishap(Scene::Chunk(5), Mishap::Hang);
    let first = house.start().await;
    let film = house.admit("film.mp4").await;
    assert!(house.launcher.reaches(Scene::Chunk(5), 1).await);
    let done = [
        Unit::Chunk(0),
        Unit::Chunk(1),
        Unit::Audio(0),
        Unit::Audio(1),
        Unit::Poster,
    ];
    house.until_done(film, &done).await;
    drop(first);
    let second = house.start().await;
    house.until_state(film, TitleState::Ready).await;
    second.shutdown().await;
    for (scene, times) in [
        (Scene::Inspect, 1),
        (Scene::Chunk(1), 1),
        (Scene::Chunk(3), 1),
        (Scene::Chunk(5), 2),
        (Scene::Audio(2, 1), 1),
        (Scene::Audio(2, 5), 1),
        (Scene::Poster, 1),
    ] {
        assert_eq!(house.launcher.count(scene), times, "{scene:?}");
    }
    house.assert_whole().await;
}

#[tokio::test]
async fn a_worker_that_dies_costs_one_attempt_and_one_chunk() {
    let house = House::with(ScriptedLauncher::with_film(6, 1));
    house.launcher.plan_mishap(Scene::Chunk(3), Mishap::Die);
    let jobs = house.start().await;
    let film = house.admit("film.mp4").await;
    house.until_state(film, TitleState::Ready).await;
    assert_eq!(
        house.launcher.count(Scene::Chunk(1)),
        1,
        "it was done before"
    );
    assert_eq!(
        house.launcher.count(Scene::Chunk(3)),
        2,
        "it was interrupted"
    );
    jobs.shutdown().await;
    house.assert_whole().await;
}

#[tokio::test]
async fn a_worker_that_forgets_a_segment_is_not_believed() {
    let house = House::with(ScriptedLauncher::with_film(2, 0));
    house.launcher.plan_mishap(Scene::Chunk(1), Mishap::Forget);
    let jobs = house.start().await;
    let film = house.admit("film.mp4").await;
    house.until_state(film, TitleState::Ready).await;
    house.assert_logged(film, "without").await;
    jobs.shutdown().await;
    house.assert_whole().await;
}

#[tokio::test]
async fn a_file_that_is_no_film_fails_at_once_with_the_workers_words() {
    let house = House::with(ScriptedLauncher::with_film(2, 0));
    let words = "notes.txt is a text file, not a video.";
    house
        .launcher
        .plan_mishap(Scene::Inspect, Mishap::Refuse(words.into()));
    let jobs = house.start().await;
    let title = house.admit("notes.txt").await;
    let failed = house.until_state(title, TitleState::Failed).await;
    assert_eq!(failed.reason.as_deref(), Some(words));
    assert_eq!(
        house.launcher.count(Scene::Inspect),
        1,
        "it is not tried again"
    );
    // Its owner may still insist.
    house.request(title, Intent::Retry).await;
    house.until_state(title, TitleState::Ready).await;
    jobs.shutdown().await;
    house.assert_whole().await;
}

#[tokio::test]
async fn a_full_disk_makes_the_job_wait_without_counting() {
    let house = House::with(ScriptedLauncher::with_film(2, 0));
    for _ in 0..8 {
        house
            .launcher
            .plan_mishap(Scene::Chunk(1), Mishap::OutOfSpace);
    }
    let jobs = house.start().await;
    let film = house.admit("film.mp4").await;
    house.until_state(film, TitleState::Ready).await;
    house.assert_logged(film, "disk is full").await;
    assert_eq!(
        house.launcher.count(Scene::Chunk(1)),
        9,
        "more often than a poison file"
    );
    jobs.shutdown().await;
}

#[tokio::test]
async fn without_space_nothing_begins_and_the_reason_is_shown() {
    let mut house = House::with(ScriptedLauncher::with_film(2, 0));
    house.policy.reserve_bytes = u64::MAX;
    let jobs = house.start().await;
    let film = house.admit("film.mp4").await;
    house.until_reason(film, "disk is full").await;
    jobs.shutdown().await;
    assert_eq!(house.launcher.record(), [], "no worker is started");
}

#[tokio::test]
async fn a_missing_worker_is_waited_for() {
    let house = House::with(ScriptedLauncher::with_film(2, 0));
    for _ in 0..8 {
        house
            .launcher
            .plan_mishap(Scene::Start, Mishap::NotInstalled);
    }
    let jobs = house.start().await;
    let film = house.admit("film.mp4").await;
    house.until_state(film, TitleState::Ready).await;
    house.assert_logged(film, "not installed").await;
    jobs.shutdown().await;
}

#[tokio::test]
async fn a_file_that_vanishes_is_waited_for_and_told() {
    let house = House::with(ScriptedLauncher::with_film(4, 0));
    let film = house.admit("film.mp4").await;
    let (place, elsewhere) = (house.path("film.mp4"), house.path("elsewhere.mp4"));
    std::fs::rename(&place, &elsewhere).unwrap();
    let jobs = house.start().await;
    let waiting = house.until_reason(film, "not where it was").await;
    assert_ne!(waiting.state, TitleState::Failed, "missing is not deleted");
    std::fs::rename(&elsewhere, &place).unwrap();
    house.until_state(film, TitleState::Ready).await;
    jobs.shutdown().await;
}

#[tokio::test]
async fn a_file_that_is_replaced_begins_anew_and_leaves_no_old_pieces() {
    let house = House::with(ScriptedLauncher::with_film(6, 0));
    house.launcher.plan_mishap(Scene::Chunk(3), Mishap::Hang);
    let jobs = house.start().await;
    let film = house.admit("film.mp4").await;
    assert!(house.launcher.reaches(Scene::Chunk(3), 1).await);
    std::fs::write(house.path("film.mp4"), "the directors cut").unwrap();
    let candidate = Candidate {
        name: "film".into(),
        details: Details::default(),
        source: source(&house.path("film.mp4")),
    };
    let admission = house.catalog.admit(candidate).await.unwrap();
    assert_eq!(admission, Admission::Restarted(film));
    let ready = house.until_state(film, TitleState::Ready).await;
    assert!(ready.generation > 1, "another film is another generation");
    let mut changes = house.catalog.subscribe();
    let first = GarbageAfter::default();
    let garbage = || house.catalog.garbage(Place::Local, first, 1);
    while !garbage().await.unwrap().0.is_empty() {
        let _ = tokio::time::timeout(house.policy.garbage_every, changes.recv()).await;
    }
    jobs.shutdown().await;
    house.assert_whole().await;
}

#[tokio::test]
async fn cancel_and_pause_stop_the_worker_and_retry_goes_on() {
    let house = House::with(ScriptedLauncher::with_film(6, 0));
    house.launcher.plan_mishap(Scene::Chunk(3), Mishap::Hang);
    house.launcher.plan_mishap(Scene::Chunk(3), Mishap::Hang);
    let jobs = house.start().await;
    let film = house.admit("film.mp4").await;
    assert!(house.launcher.reaches(Scene::Chunk(3), 1).await);
    house.until_done(film, &[Unit::Chunk(0)]).await;
    house.request(film, Intent::Pause).await;
    house.request(film, Intent::Resume).await;
    assert!(
        house.launcher.reaches(Scene::Chunk(3), 2).await,
        "a resumed job begins its interrupted chunk again"
    );
    house.request(film, Intent::Cancel).await;
    let cancelled = house.until_state(film, TitleState::Failed).await;
    assert_eq!(cancelled.reason.as_deref(), Some("Cancelled"));
    house.request(film, Intent::Retry).await;
    house.until_state(film, TitleState::Ready).await;
    assert_eq!(
        house.launcher.count(Scene::Chunk(1)),
        1,
        "what was done stays done"
    );
    jobs.shutdown().await;
    house.assert_whole().await;
}

#[tokio::test]
async fn a_viewer_who_seeks_is_served_before_the_rest() {
    let house = House::with(ScriptedLauncher::with_film(40, 0));
    // Nobody waits for the second chunk, so it is given up for who does.
    house.launcher.plan_mishap(Scene::Chunk(3), Mishap::Hang);
    let jobs = house.start().await;
    let film = house.admit("film.mp4").await;
    assert!(house.launcher.reaches(Scene::Chunk(3), 1).await);
    let mut changes = house.catalog.subscribe();
    let wanted = Piece::Media {
        stream: 1,
        number: 33,
    };
    let wish = house.catalog.wish(wish(film, 1, 33)).unwrap();
    while house.catalog.piece(film, wanted).await.unwrap().is_none() {
        let _ = changes.recv().await;
    }
    drop(wish);
    house.until_state(film, TitleState::Ready).await;
    let record = house.launcher.record();
    let place = |scene| record.iter().position(|past| *past == scene).unwrap();
    for chunk in [35, 37, 39, 5] {
        assert!(
            place(Scene::Chunk(33)) < place(Scene::Chunk(chunk)),
            "the wished chunk comes first in {record:?}"
        );
    }
    assert!(
        place(Scene::Chunk(35)) < place(Scene::Chunk(5)),
        "then what the viewer will want next: {record:?}"
    );
    let job = house.catalog.job(house.title(film).await.job.unwrap());
    assert_eq!(
        job.await.unwrap().unwrap().attempts,
        0,
        "giving up is no failure"
    );
    jobs.shutdown().await;
    house.assert_whole().await;
}

#[tokio::test]
async fn a_viewer_who_jumps_leaves_what_was_begun_for_them() {
    let house = House::with(ScriptedLauncher::with_film(40, 0));
    house.launcher.plan_mishap(Scene::Chunk(21), Mishap::Hang);
    let jobs = house.start().await;
    let film = house.admit("film.mp4").await;
    house.until(film, |title| title.plan.is_some()).await;
    let first = house.catalog.wish(wish(film, 1, 21)).unwrap();
    assert!(house.launcher.reaches(Scene::Chunk(21), 1).await);
    drop(first);
    let mut changes = house.catalog.subscribe();
    let second = house.catalog.wish(wish(film, 1, 33)).unwrap();
    let wanted = Piece::Media {
        stream: 1,
        number: 33,
    };
    while house.catalog.piece(film, wanted).await.unwrap().is_none() {
        let _ = changes.recv().await;
    }
    drop(second);
    house.until_state(film, TitleState::Ready).await;
    assert_eq!(house.launcher.count(Scene::Chunk(21)), 2, "given up once");
    jobs.shutdown().await;
    house.assert_whole().await;
}

#[tokio::test]
async fn a_viewer_who_seeks_has_the_sound_of_that_place_first() {
    let house = House::with(ScriptedLauncher::with_film(40, 2));
    // Nobody waits for the second span, so it is given up for who does.
    house.launcher.plan_mishap(Scene::Audio(2, 5), Mishap::Hang);
    let jobs = house.start().await;
    let film = house.admit("film.mp4").await;
    assert!(house.launcher.reaches(Scene::Audio(2, 5), 1).await);
    house
        .until_done(film, &[Unit::Audio(0), Unit::Audio(10)])
        .await;
    let mut changes = house.catalog.subscribe();
    let wanted = Piece::Media {
        stream: 3,
        number: 31,
    };
    let wish = house.catalog.wish(wish(film, 3, 31)).unwrap();
    while house.catalog.piece(film, wanted).await.unwrap().is_none() {
        let _ = changes.recv().await;
    }
    drop(wish);
    house.until_state(film, TitleState::Ready).await;
    let record = house.launcher.record();
    let last = |scene| record.iter().rposition(|past| *past == scene).unwrap();
    assert!(
        last(Scene::Audio(3, 29)) < last(Scene::Audio(3, 33)),
        "the wished span comes first: {record:?}"
    );
    assert!(
        last(Scene::Audio(3, 33)) < last(Scene::Audio(2, 5)),
        "then the minute after it: {record:?}"
    );
    assert_eq!(
        house.launcher.count(Scene::Audio(2, 1)),
        1,
        "only the span that was given up is made again"
    );
    jobs.shutdown().await;
    house.assert_whole().await;
}

#[tokio::test]
async fn a_kill_repeats_one_span_of_sound() {
    let house = House::with(ScriptedLauncher::with_sound(16, 1));
    house.launcher.plan_mishap(Scene::Audio(0, 9), Mishap::Die);
    let jobs = house.start().await;
    let song = house.admit("song.flac").await;
    house.until_state(song, TitleState::Ready).await;
    for (scene, times) in [
        (Scene::Audio(0, 5), 1),
        (Scene::Audio(0, 9), 2),
        (Scene::Audio(0, 13), 1),
    ] {
        assert_eq!(house.launcher.count(scene), times, "{scene:?}");
    }
    jobs.shutdown().await;
    house.assert_whole().await;
}

#[tokio::test]
async fn every_title_begins_before_the_first_is_finished() {
    let house = House::with(ScriptedLauncher::with_film(12, 0));
    // Holds the first film up until the second one is known.
    let first = house.admit("first.mp4").await;
    let second = house.admit("second.mp4").await;
    let jobs = house.start().await;
    for film in [first, second] {
        house.until_state(film, TitleState::Ready).await;
    }
    let record = house.launcher.record();
    let inspections = record
        .iter()
        .position(|scene| *scene == Scene::Chunk(11))
        .map(|end| {
            record[..end]
                .iter()
                .filter(|scene| **scene == Scene::Inspect)
                .count()
        });
    assert_eq!(
        inspections,
        Some(2),
        "both were looked at early: {record:?}"
    );
    jobs.shutdown().await;
    house.assert_whole().await;
}

#[tokio::test]
async fn pictures_are_tried_twice_and_do_without_after_that() {
    let house = House::with(ScriptedLauncher::with_film(3, 0));
    house.launcher.plan_mishap(Scene::Poster, Mishap::Die);
    for _ in 0..2 {
        house.launcher.plan_mishap(Scene::Thumbs(1), Mishap::Die);
    }
    let jobs = house.start().await;
    let film = house.admit("film.mp4").await;
    let ready = house.until_state(film, TitleState::Ready).await;
    assert!(ready.has_poster, "the second worker made it");
    assert!(ready.thumb_sheets.is_empty(), "no worker could");
    jobs.shutdown().await;
    house.assert_whole().await;
}

#[tokio::test]
async fn a_title_without_a_poster_is_ready_all_the_same() {
    let house = House::with(ScriptedLauncher::with_film(2, 0));
    house
        .launcher
        .plan_mishap(Scene::Poster, Mishap::Refuse("no picture".into()));
    let jobs = house.start().await;
    let film = house.admit("film.mp4").await;
    let ready = house.until_state(film, TitleState::Ready).await;
    assert!(!ready.has_poster, "there is none");
    jobs.shutdown().await;
}

#[tokio::test]
async fn orphans_of_a_crash_are_swept_at_start() {
    let house = House::with(ScriptedLauncher::with_film(2, 0));
    let orphan = model::segment::ObjectKey::of_piece(TitleId::generate(), 1, Piece::Poster);
    let file = house.path("orphan");
    std::fs::write(&file, "x").unwrap();
    house.storage.put_file(&orphan, &file).await.unwrap();
    let jobs = house.start().await;
    let film = house.admit("film.mp4").await;
    house.until_state(film, TitleState::Ready).await;
    jobs.shutdown().await;
    house.assert_whole().await;
}

#[tokio::test]
async fn a_shutdown_in_the_middle_keeps_what_was_delivered() {
    let house = House::with(ScriptedLauncher::with_film(40, 1));
    house.launcher.plan_mishap(Scene::Chunk(9), Mishap::Hang);
    let jobs = house.start().await;
    let film = house.admit("film.mp4").await;
    assert!(house.launcher.reaches(Scene::Chunk(9), 1).await);
    jobs.shutdown().await;
    house.assert_whole().await;
    assert!(house.scratch_is_empty(), "no worker's folder stays");
    assert!(
        !house.catalog.units_done(film).await.unwrap().is_empty(),
        "finished chunks are recorded"
    );
}

#[tokio::test]
async fn a_plan_that_no_longer_fits_the_encoder_is_drawn_anew() {
    let house = House::with(ScriptedLauncher::with_film(2, 0));
    for _ in 0..2 {
        house
            .launcher
            .plan_mishap(Scene::Chunk(1), Mishap::Disagree);
    }
    let jobs = house.start().await;
    let film = house.admit("film.mp4").await;
    let ready = house.until_state(film, TitleState::Ready).await;
    assert_eq!(
        house.launcher.count(Scene::Inspect),
        2,
        "the plan was drawn twice"
    );
    assert_eq!(ready.generation, 2, "nothing of the first plan is mixed in");
    jobs.shutdown().await;
    house.assert_whole().await;
}

#[tokio::test]
async fn a_viewer_of_a_title_far_back_in_the_queue_is_found() {
    let mut house = House::with(ScriptedLauncher::with_film(4, 0));
    // The first life inspects everything and gets stuck in the first chunk of the first title.
    house.policy.jobs_in_hand = 64;
    for _ in 0..2 {
        house.launcher.plan_mishap(Scene::Chunk(1), Mishap::Hang);
    }
    let mut titles = Vec::new();
    for number in 0..24 {
        titles.push(house.admit(&format!("film{number}.mp4")).await);
    }
    let first = house.start().await;
    for title in &titles {
        house.until(*title, |title| title.plan.is_some()).await;
    }
    drop(first);
    // The second one holds only a few jobs, none of them the last title's.
    house.policy.jobs_in_hand = 1;
    let second = house.start().await;
    assert!(house.launcher.reaches(Scene::Chunk(1), 2).await);
    let last = titles[titles.len() - 1];
    let wanted = Piece::Media {
        stream: 0,
        number: 3,
    };
    let mut changes = house.catalog.subscribe();
    let wish = house.catalog.wish(wish(last, 0, 3)).unwrap();
    while house.catalog.piece(last, wanted).await.unwrap().is_none() {
        let change = tokio::time::timeout(DEADLINE, changes.recv()).await;
        assert!(
            change.is_ok(),
            "nobody fulfils the wish: {:?}",
            house.launcher.record()
        );
    }
    drop(wish);
    second.shutdown().await;
    house.assert_whole().await;
}

/// A catalog that was made a moment ago knows nothing of what a lost one had stored.
#[tokio::test]
async fn objects_without_a_row_go_unless_they_may_be_those_of_a_lost_library() {
    for spare_orphans in [false, true] {
        let house = House {
            spare_orphans,
            ..House::with(ScriptedLauncher::with_film(4, 0))
        };
        let orphan = ObjectKey::of_piece(TitleId::generate(), 1, Piece::Poster);
        let file = house.path("orphan");
        std::fs::write(&file, "bytes").unwrap();
        house.storage.put_file(&orphan, &file).await.unwrap();
        let jobs = house.start().await;
        let film = house.admit("film.mp4").await;
        // Work begins after the sweep.
        house.until_state(film, TitleState::Ready).await;
        jobs.shutdown().await;
        let listed = house.storage.list().await.unwrap();
        let is_there = listed.iter().any(|(key, _)| *key == orphan);
        assert_eq!(is_there, spare_orphans);
    }
}
