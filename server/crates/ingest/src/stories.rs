//! Stories of files at the desk, told with a real folder, a real catalog and a clock that moves
//! only when told to.

mod house;

use model::arrival::{ArrivalState, Door};
use model::error::ErrorKind;
use model::title::TitleState;
use model::upload::Details;
use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::Path;
use tokio::sync::oneshot;

use crate::Report;
use crate::stories::house::{House, film, mp4};

const WAITING: &str = "Waiting until it stops changing.";

#[tokio::test]
async fn a_film_is_admitted_two_seconds_after_its_last_change() {
    let mut house = House::new().await;
    house.write("Big Buck Bunny.mkv", &film(1));
    house.seen("Big Buck Bunny.mkv").await;
    house
        .check_arrival("Big Buck Bunny.mkv", ArrivalState::Settling, Some(WAITING))
        .await;
    house.pass(1).await;
    assert!(house.titles().await.is_empty(), "it may still be growing");
    house.pass(1).await;
    house
        .check_arrival("Big Buck Bunny.mkv", ArrivalState::Admitted, None)
        .await;
    let title = house.title().await;
    assert_eq!(title.name, "Big Buck Bunny");
    assert_eq!(title.state, TitleState::Waiting, "its job is queued");
    assert!(title.job.is_some(), "title and job come in one transaction");
    assert_eq!(title.source.path, house.path("Big Buck Bunny.mkv"));
}

#[tokio::test]
async fn a_film_that_its_writer_has_closed_rests_sooner() {
    let mut house = House::new().await;
    for name in ["closed.mkv", "written again.mkv"] {
        house.write(name, &film(1));
        house.seen(name).await;
        house.tell(Report::Closed(vec![house.path(name)])).await;
        if name != "closed.mkv" {
            house.write(name, &[film(2), vec![7]].concat());
        }
        house.pass_ms(500).await;
        let state = house.arrival(name).await.unwrap().0;
        let expected = match name {
            "closed.mkv" => ArrivalState::Admitted,
            _ => ArrivalState::Settling,
        };
        assert_eq!(state, expected, "{name}, after half a second");
    }
    house.pass(2).await;
    house
        .check_arrival("written again.mkv", ArrivalState::Admitted, None)
        .await;
}

#[tokio::test]
async fn a_closed_file_of_which_half_is_missing_keeps_its_time() {
    let mut house = House::new().await;
    house.write("cut.mp4", &mp4(1)[..5_000]);
    for _ in 0..3 {
        house.seen("cut.mp4").await;
        house
            .tell(Report::Closed(vec![house.path("cut.mp4")]))
            .await;
        house.pass(10).await;
        let state = house.arrival("cut.mp4").await.unwrap().0;
        assert_eq!(state, ArrivalState::Settling);
    }
    house.pass(40).await;
    let state = house.arrival("cut.mp4").await.unwrap().0;
    assert_eq!(state, ArrivalState::Refused, "a minute after it came");
}

#[tokio::test]
async fn a_slow_copy_is_not_taken_before_it_ends() {
    let mut house = House::new().await;
    let whole = mp4(1);
    for percent in (10..100).step_by(10) {
        house.write("slow.mp4", &whole[..whole.len() * percent / 100]);
        house.seen("slow.mp4").await;
        house.pass(1).await;
        assert!(
            house.titles().await.is_empty(),
            "at {percent} % it is not complete"
        );
    }
    house
        .check_arrival(
            "slow.mp4",
            ArrivalState::Settling,
            Some("Still being copied, 90 %."),
        )
        .await;
    house.write("slow.mp4", &whole);
    house.pass(4).await;
    house
        .check_arrival("slow.mp4", ArrivalState::Admitted, None)
        .await;
}

#[tokio::test]
async fn a_truncated_film_is_refused_after_a_minute_and_revived_by_its_rest() {
    let mut house = House::new().await;
    let whole = mp4(1);
    house.drop_file("cut.mp4", &whole[..5_000]).await;
    let reason = "It ends in the middle: 5.0 kB of 10 kB are here. Copy it again?";
    house
        .check_arrival("cut.mp4", ArrivalState::Settling, Some(reason))
        .await;
    house.pass(57).await;
    assert!(
        house.titles().await.is_empty(),
        "a copy may pause for a while"
    );
    house.pass(3).await;
    house
        .check_arrival("cut.mp4", ArrivalState::Refused, Some(reason))
        .await;
    let refused = house.title().await;
    assert_eq!(
        refused.state,
        TitleState::Failed,
        "its owner sees it in the library"
    );
    assert_eq!(refused.reason.as_deref(), Some(reason));

    house.drop_file("cut.mp4", &whole).await;
    house
        .check_arrival("cut.mp4", ArrivalState::Admitted, None)
        .await;
    let revived = house.title().await;
    assert_eq!(revived.id, refused.id, "the same title begins anew");
    assert_eq!(revived.state, TitleState::Waiting);
}

#[tokio::test]
async fn an_empty_file_may_be_a_placeholder_that_is_filled_later() {
    let mut house = House::new().await;
    house.drop_file("later.mkv", b"").await;
    house
        .check_arrival(
            "later.mkv",
            ArrivalState::Settling,
            Some("This file is empty."),
        )
        .await;
    house.pass(60).await;
    house
        .check_arrival(
            "later.mkv",
            ArrivalState::Refused,
            Some("This file is empty."),
        )
        .await;
    house.drop_file("later.mkv", &film(1)).await;
    house
        .check_arrival("later.mkv", ArrivalState::Admitted, None)
        .await;
}

#[tokio::test]
async fn reserved_space_is_waited_for_but_only_a_doubt() {
    let mut house = House::new().await;
    house.drop_file("reserved.mkv", &[0; 100_000]).await;
    let (state, _) = house.arrival("reserved.mkv").await.unwrap();
    assert_eq!(state, ArrivalState::Settling, "the end is blank");
    house.pass(60).await;
    house
        .check_arrival("reserved.mkv", ArrivalState::Admitted, None)
        .await;
}

#[tokio::test]
async fn what_is_no_film_is_refused_at_once_by_what_it_is() {
    let mut house = House::new().await;
    house.drop_file("notes.mp4", b"milk, bread, film\n").await;
    let reason = "notes.mp4 is a text file, not a video.";
    house
        .check_arrival("notes.mp4", ArrivalState::Refused, Some(reason))
        .await;
    assert_eq!(house.title().await.reason.as_deref(), Some(reason));
    house.seen("notes.mp4").await;
    house.pass(600).await;
    assert_eq!(
        house.titles().await.len(),
        1,
        "seen again, it is not refused again"
    );
}

#[tokio::test]
async fn a_renamed_film_is_not_encoded_twice() {
    let mut house = House::new().await;
    house.drop_file("a.mkv", &film(1)).await;
    let before = house.title().await;
    house.rename("a.mkv", "b.mkv");
    house.gone("a.mkv").await;
    house.seen("b.mkv").await;
    house.pass(2).await;
    let after = house.title().await;
    assert_eq!((after.id, after.generation), (before.id, before.generation));
    assert_eq!(
        after.source.path,
        house.path("b.mkv"),
        "work goes on from the new place"
    );
    house
        .check_arrival("b.mkv", ArrivalState::Admitted, None)
        .await;
    assert_eq!(
        house.arrival("a.mkv").await,
        None,
        "the old name is forgotten"
    );
}

#[tokio::test]
async fn a_copy_is_a_duplicate_until_the_first_file_goes() {
    let mut house = House::new().await;
    house.drop_file("a.mkv", &film(1)).await;
    house.drop_file("b.mkv", &film(1)).await;
    let reason = "The same film is already in the library as “a”.";
    house
        .check_arrival("b.mkv", ArrivalState::Duplicate, Some(reason))
        .await;
    assert_eq!(house.title().await.source.path, house.path("a.mkv"));

    fs::remove_file(house.path("a.mkv")).unwrap();
    house.gone("a.mkv").await;
    house.pass(4).await;
    house
        .check_arrival("b.mkv", ArrivalState::Admitted, None)
        .await;
    assert_eq!(
        house.title().await.source.path,
        house.path("b.mkv"),
        "the copy takes over"
    );
}

#[tokio::test]
async fn a_copy_that_goes_leaves_nothing_behind() {
    let mut house = House::new().await;
    house.drop_file("a.mkv", &film(1)).await;
    house.drop_file("b.mkv", &film(1)).await;
    fs::remove_file(house.path("b.mkv")).unwrap();
    house.gone("b.mkv").await;
    assert_eq!(house.arrival("b.mkv").await, None);
    house
        .check_arrival("a.mkv", ArrivalState::Admitted, None)
        .await;
}

#[tokio::test]
async fn a_film_replaced_before_it_is_ready_starts_again() {
    let mut house = House::new().await;
    house.drop_file("a.mkv", &film(1)).await;
    let before = house.title().await;
    house.drop_file("a.mkv", &film(2)[..9_999]).await;
    let after = house.title().await;
    assert_eq!(after.id, before.id);
    assert!(
        after.generation > before.generation,
        "what was made of the old file is dropped"
    );
}

#[tokio::test]
async fn other_content_of_the_same_length_and_time_is_noticed() {
    let mut house = House::new().await;
    house.drop_file("a.mkv", &film(1)).await;
    let before = house.title().await;
    let file = fs::File::options()
        .write(true)
        .open(house.path("a.mkv"))
        .unwrap();
    let modified = file.metadata().unwrap().modified().unwrap();
    let stamp = before.source.stamp;
    while house.title().await.generation == before.generation {
        // Kernels before 6.13 stamp changes with the time of the last timer tick.
        house.write("a.mkv", &film(2));
        file.set_modified(modified).unwrap();
        house.seen("a.mkv").await;
        house.pass(2).await;
    }
    assert_eq!(
        house.title().await.source.stamp,
        stamp,
        "only the content differs"
    );
}

#[tokio::test]
async fn other_permissions_are_no_news() {
    let mut house = House::new().await;
    house.drop_file("a.mkv", &film(1)).await;
    let mut changes = house.catalog.subscribe();
    let readable = fs::Permissions::from_mode(0o444);
    fs::set_permissions(house.path("a.mkv"), readable).unwrap();
    house.seen("a.mkv").await;
    house.pass(2).await;
    house
        .check_arrival("a.mkv", ArrivalState::Admitted, None)
        .await;
    assert!(changes.try_recv().is_err(), "nothing was written");
}

#[tokio::test]
async fn a_film_that_vanishes_is_missing_and_its_title_stays() {
    let mut house = House::new().await;
    house.drop_file("a.mkv", &film(1)).await;
    house.rename("a.mkv", "../elsewhere.mkv");
    house.gone("a.mkv").await;
    let reason = "The file is gone. What it became stays in the library.";
    house
        .check_arrival("a.mkv", ArrivalState::Missing, Some(reason))
        .await;
    let title = house.title().await;

    house.rename("../elsewhere.mkv", "a.mkv");
    house.seen("a.mkv").await;
    house.pass(2).await;
    house
        .check_arrival("a.mkv", ArrivalState::Admitted, None)
        .await;
    assert_eq!(
        house.title().await.id,
        title.id,
        "it came back as the same title"
    );
}

#[tokio::test]
async fn a_download_that_ends_under_its_final_name_leaves_no_trace_of_the_first() {
    let mut house = House::new().await;
    house.write("a.download", &film(1));
    house.seen("a.download").await;
    house.rename("a.download", "a.mkv");
    house.seen("a.mkv").await;
    house.pass(2).await;
    assert_eq!(house.arrival("a.download").await, None);
    house
        .check_arrival("a.mkv", ArrivalState::Admitted, None)
        .await;
}

#[tokio::test]
async fn a_scan_finds_what_came_and_what_went_while_the_server_was_down() {
    let mut house = House::new().await;
    house.drop_file("old.mkv", &film(1)).await;
    house.drop_file("stays.mkv", &film(2)).await;
    fs::remove_file(house.path("old.mkv")).unwrap();
    house.write("new.mkv", &film(3));
    house.restart().await;
    house.scan().await;
    assert_eq!(
        house.arrival("old.mkv").await.unwrap().0,
        ArrivalState::Missing
    );
    house
        .check_arrival("stays.mkv", ArrivalState::Admitted, None)
        .await;
    house
        .check_arrival("new.mkv", ArrivalState::Settling, Some(WAITING))
        .await;
    house.pass(2).await;
    assert_eq!(
        house.titles().await.len(),
        3,
        "the missing film's title stays"
    );
}

#[tokio::test]
async fn a_disk_that_is_not_mounted_at_the_start_makes_nothing_missing() {
    let mut house = House::new().await;
    house.drop_file("a.mkv", &film(1)).await;
    house.restart().await;
    house.rename("a.mkv", "../unmounted.mkv");
    house.scan().await;
    house
        .check_arrival("a.mkv", ArrivalState::Admitted, None)
        .await;

    house.rename("../unmounted.mkv", "a.mkv");
    house.scan().await;
    fs::remove_file(house.path("a.mkv")).unwrap();
    house.scan().await;
    assert_eq!(
        house.arrival("a.mkv").await.unwrap().0,
        ArrivalState::Missing,
        "once files were seen there, an empty folder means what it says"
    );
}

#[tokio::test]
async fn a_rescan_of_known_files_changes_nothing() {
    let mut house = House::new().await;
    for which in 0..50 {
        house.write(&format!("{which}.mkv"), &film(which));
    }
    house.scan().await;
    house.pass(60).await;
    assert_eq!(house.titles().await.len(), 50);
    let mut changes = house.catalog.subscribe();
    house.scan().await;
    assert_eq!(house.desk.next_due(), None, "no file is examined again");
    house.restart().await;
    house.scan().await;
    assert_eq!(house.desk.next_due(), None, "not even after a restart");
    assert!(changes.try_recv().is_err(), "nothing was written");
}

#[tokio::test]
async fn links_are_passed_over_and_say_why() {
    let mut house = House::new().await;
    symlink("/etc/passwd", house.path("film.mp4")).unwrap();
    house.seen("film.mp4").await;
    house
        .check_arrival(
            "film.mp4",
            ArrivalState::Ignored,
            Some("This is a link. Homereel takes files, not links to them."),
        )
        .await;
    assert_eq!(house.desk.next_due(), None);
    fs::remove_file(house.path("film.mp4")).unwrap();
    house.gone("film.mp4").await;
    assert_eq!(house.arrival("film.mp4").await, None);
}

#[tokio::test]
async fn a_moved_folder_takes_its_films_along() {
    let mut house = House::new().await;
    fs::create_dir(house.path("old")).unwrap();
    house.drop_file("old/a.mkv", &film(1)).await;
    house.drop_file("old/b.mkv", &film(2)).await;
    house.rename("old", "new");
    house.gone("old").await;
    house.seen("new/a.mkv").await;
    house.seen("new/b.mkv").await;
    house.pass(2).await;
    let titles = house.titles().await;
    assert_eq!(titles.len(), 2, "no film became another title");
    let new = house.path("new");
    assert!(
        titles
            .iter()
            .all(|title| title.source.path.starts_with(&new))
    );
}

#[tokio::test]
async fn whoever_asks_for_a_file_hears_what_became_of_it() {
    let mut house = House::new().await;
    house.write("a.mkv", &film(1));
    house.write("notes.txt", b"not a film");
    let ask = async |house: &mut House, path: &Path| {
        let (reply, mut answer) = oneshot::channel();
        let (path, door) = (path.to_owned(), Door::Command);
        let details = Box::default();
        let asked = Report::Asked {
            path,
            door,
            details,
            reply,
        };
        house.tell(asked).await;
        house.pass(2).await;
        answer.try_recv().unwrap()
    };
    let film = house.path("a.mkv");
    let first = ask(&mut house, &film).await.unwrap();
    assert_eq!(house.title().await.id, first);
    assert_eq!(
        ask(&mut house, &film).await.unwrap(),
        first,
        "asked again, the same title"
    );

    let notes = house.path("notes.txt");
    let error = ask(&mut house, &notes).await.unwrap_err();
    assert_eq!(error.message(), "notes.txt is a text file, not a video.");
    let folder = house.folder.clone();
    let error = ask(&mut house, &folder).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidInput, "{error}");
    let error = ask(&mut house, Path::new("/no/such/file.mp4"))
        .await
        .unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NotFound, "{error}");
}

#[tokio::test]
async fn an_upload_is_taken_at_once_with_what_was_said_of_it() {
    let mut house = House::new().await;
    house.write("a.mkv", &film(1));
    let (reply, mut answer) = oneshot::channel();
    let details = Details {
        name: Some("A day at the sea".into()),
        ..Details::default()
    };
    let asked = Report::Asked {
        path: house.path("a.mkv"),
        door: Door::Upload,
        details: Box::new(details),
        reply,
    };
    house.tell(asked).await;
    house.pass(0).await;
    let title = answer.try_recv().unwrap().unwrap();
    assert_eq!(
        house.title().await.id,
        title,
        "nobody writes to it any more"
    );
    assert_eq!(house.title().await.name, "A day at the sea");
}
