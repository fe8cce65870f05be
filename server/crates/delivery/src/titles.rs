//! Titles as far as the caller may see them. Every route that takes a title's id finds the title
//! here and nowhere else, so that what one may not see is not there for them.

use catalog::viewer::Viewer;
use model::error::Result;
use model::id::TitleId;
use model::people::{Principal, Role};
use model::rights::{Want, may};
use model::title::Title;

use crate::app::App;
use crate::caller::{Caller, Standing};
use crate::problem::Problem;

/// The title, if the caller may do with it what they want.
///
/// # Errors
/// 404 if there is none or they may not see it, which look the same; 401 or 403 if they may see
/// it but not do this.
pub(crate) async fn visible(
    app: &App,
    caller: &Caller,
    id: TitleId,
    want: Want,
) -> Result<Title, Problem> {
    let title = app.site.catalog.title(id).await?.ok_or_else(no_such)?;
    if !permitted(app, caller, &title, Want::Watch).await? {
        return Err(no_such());
    }
    if want != Want::Watch && !permitted(app, caller, &title, want).await? {
        return Err(refused(&caller.0));
    }
    Ok(title)
}

/// Whether the caller may see that the title exists, or, if it was removed, could before.
pub(crate) async fn was_visible(app: &App, caller: &Caller, id: TitleId) -> Result<bool> {
    if caller.0.is_at_least(Role::Admin) {
        return Ok(true);
    }
    match app.site.catalog.title_even_removed(id).await? {
        Some(title) => permitted(app, caller, &title, Want::Watch).await,
        None => Ok(false),
    }
}

/// Whether the caller may do this with a title that was read already.
pub(crate) async fn permitted(
    app: &App,
    caller: &Caller,
    title: &Title,
    want: Want,
) -> Result<bool> {
    let audience = app.site.catalog.settings().await?.audience;
    Ok(may(&caller.0, want, title.rights(), audience))
}

/// For whom a listing is made.
pub(crate) fn viewer(standing: &Standing) -> Viewer {
    Viewer::of(&standing.who, standing.audience)
}

/// What there is not, and what one may not see.
pub(crate) fn no_such() -> Problem {
    Problem::not_found("There is no such title.")
}

fn refused(caller: &Principal) -> Problem {
    match caller {
        Principal::Guest => Problem::unauthorized("Sign in to do this."),
        Principal::Person { .. } => {
            Problem::forbidden("Only whoever added this film, or an admin, can do this.")
        }
    }
}
