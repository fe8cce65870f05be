//! What people do to titles: change their words and rights, delete them and bring them back. A
//! deleted title can be brought back for ten minutes; who purges it then is not our business here.

use axum::Json;
use axum::extract::State;
use axum::response::Response;
use catalog::editing::TitleChange;
use model::rights::{Visibility, Want, may};
use model::title::{NAME_CHARS, UNDO};
use model::upload::DESCRIPTION_CHARS;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::api::dto::Video;
use crate::api::videos::{self, fresh};
use crate::api::words;
use crate::app::App;
use crate::caller::{Caller, Standing};
use crate::extract::{FromJson, FromPath, title_id};
use crate::problem::Problem;
use crate::{rfc3339, titles};

/// What is to be different about a title; what is left out stays as it is.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct VideoChange {
    #[schema(min_length = 1, max_length = 300)]
    name: Option<String>,
    /// An empty text takes it away.
    #[schema(max_length = 5000)]
    description: Option<String>,
    #[schema(schema_with = words::visibility_or_null)]
    visibility: Option<Visibility>,
    /// Number of the picture that is to stand for it, one of its `posters`.
    poster: Option<u32>,
}

/// A title is deleted.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Deleted {
    /// Until then it can be brought back.
    #[schema(schema_with = words::instant)]
    undo_until: String,
    /// Its file was uploaded and goes with it then; any other file stays where it is.
    file_goes: bool,
}

/// `PATCH /api/v1/videos/{id}`
#[utoipa::path(
    patch,
    path = "/api/v1/videos/{id}",
    tag = "videos",
    operation_id = "changeVideo",
    summary = "Change a title's name, text, rights or poster",
    params(words::IdInPath),
    request_body = VideoChange,
    responses((status = 200, description = "The title as it is now.", body = Video))
)]
pub(crate) async fn change(
    State(app): State<App>,
    standing: Standing,
    FromPath(id): FromPath<String>,
    FromJson(change): FromJson<VideoChange>,
) -> Result<Response, Problem> {
    let (id, caller) = (title_id(&id)?, Caller(standing.who.clone()));
    titles::visible(&app, &caller, id, Want::Change).await?;
    app.site.catalog.change_title(id, change.checked()?).await?;
    let title = titles::visible(&app, &caller, id, Want::Watch).await?;
    Ok(fresh(Json(videos::one(&app, &standing, title).await?)))
}

/// `DELETE /api/v1/videos/{id}`
#[utoipa::path(
    delete,
    path = "/api/v1/videos/{id}",
    tag = "videos",
    operation_id = "deleteVideo",
    summary = "Delete a title; its file goes with it if it was uploaded, and stays otherwise",
    params(words::IdInPath),
    responses((status = 200, description = "It is out of sight.", body = Deleted))
)]
pub(crate) async fn delete(
    State(app): State<App>,
    caller: Caller,
    FromPath(id): FromPath<String>,
) -> Result<Response, Problem> {
    let id = title_id(&id)?;
    let title = titles::visible(&app, &caller, id, Want::Change).await?;
    app.site.catalog.delete_title(id, caller.0.user()).await?;
    tracing::info!(title = %title.id, "A title was deleted.");
    let undo_until = app.site.clock.now().plus(UNDO);
    Ok(fresh(Json(Deleted {
        undo_until: rfc3339::format(undo_until),
        file_goes: title.source.path.starts_with(&app.site.originals),
    })))
}

/// `POST /api/v1/videos/{id}/restore`
#[utoipa::path(
    post,
    path = "/api/v1/videos/{id}/restore",
    tag = "videos",
    operation_id = "restoreVideo",
    summary = "Bring a deleted title back",
    params(words::IdInPath),
    responses((status = 200, description = "The title, as it was.", body = Video))
)]
pub(crate) async fn restore(
    State(app): State<App>,
    standing: Standing,
    FromPath(id): FromPath<String>,
) -> Result<Response, Problem> {
    let id = title_id(&id)?;
    let removed = app.site.catalog.title_even_removed(id).await?;
    let permitted = removed.is_some_and(|title| {
        may(
            &standing.who,
            Want::Change,
            title.rights(),
            standing.audience,
        )
    });
    if !permitted {
        return Err(titles::no_such());
    }
    app.site.catalog.restore_title(id).await?;
    let caller = Caller(standing.who.clone());
    let title = titles::visible(&app, &caller, id, Want::Watch).await?;
    Ok(fresh(Json(videos::one(&app, &standing, title).await?)))
}

impl VideoChange {
    /// Texts that are too long are refused rather than cut: whoever typed them should know.
    fn checked(self) -> Result<TitleChange, Problem> {
        let letters =
            |text: &Option<String>| text.as_deref().map_or(0, |text| text.chars().count());
        if letters(&self.name) > NAME_CHARS {
            return Err(Problem::bad_request(format!(
                "A name has at most {NAME_CHARS} letters."
            )));
        }
        if letters(&self.description) > DESCRIPTION_CHARS {
            return Err(Problem::bad_request(format!(
                "A description has at most {DESCRIPTION_CHARS} letters."
            )));
        }
        Ok(TitleChange {
            name: self.name,
            description: self.description,
            visibility: self.visibility,
            poster: self.poster,
        })
    }
}
