//! Waiting for a piece that does not exist yet. The wish is recorded before the wait begins;
//! whoever encodes sees it and moves the piece's chunk to the front.
//!
//! Invariant: a held request ends by the piece, by the title's fate, by the deadline, by the
//! client going away, or by the server stopping, whichever is first.

use catalog::wish::Wish;
use model::change::Change;
use model::job::JobState;
use model::segment::{Piece, StoredPiece};
use model::title::{Title, TitleState};
use tokio::sync::broadcast::Receiver;
use tokio::sync::broadcast::error::RecvError;
use tokio::time::Instant;

use crate::app::App;
use crate::problem::Problem;
use crate::room::{Client, Full};

/// Waits until `piece` of `title` is stored, on behalf of `client`.
///
/// # Errors
/// 503 with `Retry-After` where it may still come (deadline, too many waiting, paused, begun anew),
/// 404 with the reason where it never will.
pub(crate) async fn wait(
    app: &App,
    client: Client,
    title: &Title,
    piece: Piece,
) -> Result<StoredPiece, Problem> {
    let _place = app.held.admit(client).map_err(no_place)?;
    let deadline = Instant::now() + app.limits.hold_deadline;
    let catalog = &app.site.catalog;
    // Subscribed before the first look, so that what lands in between is not missed.
    let mut changes = catalog.subscribe();
    let _wish = match piece {
        Piece::Media { stream, number } => Some(catalog.wish(Wish {
            title: title.id,
            stream,
            number,
            viewer: client.viewer(),
        })?),
        Piece::Init { .. }
        | Piece::Poster
        | Piece::PosterChoice { .. }
        | Piece::Subtitle { .. }
        | Piece::Thumbs { .. } => None,
    };
    loop {
        if let Some(stored) = catalog.piece(title.id, piece).await? {
            return Ok(stored);
        }
        check_fate(app, title).await?;
        tokio::select! {
            () = next_of_interest(&mut changes, title, piece) => {}
            () = app.stopping.cancelled() => {
                return Err(Problem::not_yet("Homereel is being stopped."));
            }
            () = tokio::time::sleep_until(deadline) => {
                return Err(Problem::not_yet(format!(
                    "This part of “{}” takes longer than usual to prepare. Ask again.",
                    title.name
                )));
            }
        }
    }
}

fn no_place(full: Full) -> Problem {
    Problem::not_yet(match full {
        Full::OfThisClient => "This player waits for too many parts that are still being made.",
        Full::OfAll => "Too many players wait for parts that are still being made.",
    })
}

/// Returns once the piece may be there, or the title's fate may have changed.
async fn next_of_interest(changes: &mut Receiver<Change>, title: &Title, piece: Piece) {
    loop {
        let interesting = match changes.recv().await {
            Ok(change) => concerns(change, title, piece),
            // What was missed may have been ours.
            Err(RecvError::Lagged(_)) => true,
            // The catalog is closing; the stop or the deadline ends the wait.
            Err(RecvError::Closed) => std::future::pending().await,
        };
        if interesting {
            return;
        }
    }
}

fn concerns(change: Change, waited: &Title, piece: Piece) -> bool {
    match change {
        Change::Segment {
            title,
            stream,
            number,
        } => {
            let landed = match piece {
                Piece::Media {
                    stream: s,
                    number: n,
                } => stream == s && number == n,
                Piece::Init { stream: s } => stream == s && number == 0,
                Piece::Poster
                | Piece::PosterChoice { .. }
                | Piece::Subtitle { .. }
                | Piece::Thumbs { .. } => false,
            };
            title == waited.id && landed
        }
        Change::Title(title) | Change::Job(_, title) => title == waited.id,
        Change::Wish(_)
        | Change::Rights
        | Change::Inbox
        | Change::Settings
        | Change::Folders
        | Change::People => false,
    }
}

/// Whether the piece can still come: refuses as soon as the title or its job says otherwise.
async fn check_fate(app: &App, waited: &Title) -> Result<(), Problem> {
    let title = app.site.catalog.title(waited.id).await?;
    let title = title.ok_or_else(|| Problem::not_found("The title is gone."))?;
    if title.state == TitleState::Failed {
        return Err(failed(&title));
    }
    if title.generation != waited.generation || title.plan.is_none() {
        return Err(Problem::not_yet(format!(
            "The file of “{}” was replaced, and it is being prepared anew. Load it again.",
            title.name
        )));
    }
    if title.state == TitleState::Ready {
        // Everything is made, so this piece was, and its row is gone.
        tracing::error!(title = %title.id, "a finished title lacks a piece; run `homereel check`");
        return Err(Problem::not_found(format!(
            "A part of “{}” is lost.",
            title.name
        )));
    }
    check_job(app, &title).await
}

async fn check_job(app: &App, title: &Title) -> Result<(), Problem> {
    let catalog = &app.site.catalog;
    let Some(id) = title.job else {
        return Ok(());
    };
    match catalog.job(id).await?.map(|job| job.state) {
        Some(JobState::Failed | JobState::Cancelled) => {
            // It failed after the title was read; the reason stands in its row now.
            let now = catalog.title(title.id).await?;
            Err(failed(now.as_ref().unwrap_or(title)))
        }
        Some(JobState::Paused) => Err(Problem::not_yet(format!(
            "This part of “{}” is not made yet, and the work on it is paused.",
            title.name
        ))),
        _ => Ok(()),
    }
}

/// The title will not become more than it is.
pub(crate) fn failed(title: &Title) -> Problem {
    let reason = title
        .reason
        .as_deref()
        .unwrap_or("it could not be prepared");
    Problem::not_found(format!("“{}” can't be played: {reason}", title.name))
}

#[cfg(test)]
mod tests {
    use super::concerns;
    use model::change::Change;
    use model::clock::WallTime;
    use model::id::{JobId, TitleId};
    use model::rights::Visibility;
    use model::segment::Piece;
    use model::settings::Place;
    use model::title::{FileStamp, Identity, Source, Title, TitleState};

    fn title(id: TitleId) -> Title {
        Title {
            id,
            name: "Sunday".into(),
            description: None,
            visibility: Visibility::Everyone,
            owner: None,
            added_at: WallTime(0),
            deleted_at: None,
            source: Source {
                path: "/films/sunday.mp4".into(),
                identity: Identity {
                    size_bytes: 1,
                    sample_hash: "0".repeat(64),
                },
                stamp: FileStamp {
                    device: 1,
                    inode: 1,
                    size_bytes: 1,
                    modified_ns: 0,
                },
            },
            state: TitleState::Playable,
            reason: None,
            generation: 1,
            place: Place::Local,
            plan: None,
            summary: None,
            has_poster: false,
            poster_choices: Vec::new(),
            poster_choice: None,
            copy_refused: false,
            thumb_sheets: Vec::new(),
            job: None,
        }
    }

    #[test]
    fn only_what_matters_wakes_a_waiting_request() {
        let (ours, other) = (TitleId::generate(), TitleId::generate());
        let piece = Piece::Media {
            stream: 1,
            number: 7,
        };
        let landed = |title, stream, number| Change::Segment {
            title,
            stream,
            number,
        };
        for (change, expected) in [
            (landed(ours, 1, 7), true),
            (landed(ours, 1, 8), false),
            (landed(ours, 0, 7), false),
            (landed(other, 1, 7), false),
            (Change::Title(ours), true),
            (Change::Title(other), false),
            (Change::Job(JobId::generate(), ours), true),
            (Change::Wish(ours), false),
            (Change::Inbox, false),
        ] {
            assert_eq!(
                concerns(change, &title(ours), piece),
                expected,
                "{change:?}"
            );
        }
    }
}
