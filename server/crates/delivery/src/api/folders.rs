//! `/api/v1/folders`: which folders are watched, and those that could be.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use catalog::folders::Folder;
use model::id::FolderId;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use crate::api::videos::fresh;
use crate::api::words;
use crate::app::App;
use crate::browse;
use crate::extract::{FromJson, FromPath, FromQuery};
use crate::health::WatchedFolder;
use crate::problem::Problem;
use crate::rfc3339;

/// A folder that is watched.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct FolderView {
    #[schema(schema_with = words::identifier)]
    id: FolderId,
    path: String,
    #[schema(schema_with = words::instant)]
    added_at: String,
    /// It is there and readable; absent until it was looked at.
    online: Option<bool>,
    /// If not, why, in a sentence.
    reason: Option<String>,
}

/// The folders that are watched.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct FolderList {
    folders: Vec<FolderView>,
}

/// A folder to watch.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct NewFolder {
    /// Its whole path on the computer Homereel runs on.
    #[schema(max_length = 4096, pattern = "^/", example = "/srv/films")]
    path: String,
}

/// The query string of a look around.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct Place {
    /// The folder to look into; if not given, where films are most likely.
    #[param(max_length = 4096)]
    path: Option<String>,
}

/// What a folder of this computer holds.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Around {
    /// The folder, without links.
    path: String,
    /// The folder it lies in; absent for the root.
    parent: Option<String>,
    folders: Vec<Nested>,
    /// There are more than are listed.
    more: bool,
    /// Where people keep films: a home, disks, `/srv`.
    places: Vec<Nested>,
}

/// A folder in another.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Nested {
    name: String,
    path: String,
}

/// `GET /api/v1/folders`
#[utoipa::path(
    get,
    path = "/api/v1/folders",
    tag = "folders",
    operation_id = "listFolders",
    summary = "Folders that are watched",
    responses((status = 200, description = "The folders.", body = FolderList))
)]
pub(crate) async fn list(State(app): State<App>) -> Result<Response, Problem> {
    let folders = app.site.catalog.folders().await?;
    let seen = seen(&app);
    let folders = folders.iter().map(|folder| view(folder, &seen)).collect();
    Ok(fresh(Json(FolderList { folders })))
}

/// `POST /api/v1/folders`
#[utoipa::path(
    post,
    path = "/api/v1/folders",
    tag = "folders",
    operation_id = "addFolder",
    summary = "Watch a folder",
    request_body = NewFolder,
    responses((status = 201, description = "It is watched from now on.", body = FolderView))
)]
pub(crate) async fn add(
    State(app): State<App>,
    FromJson(wanted): FromJson<NewFolder>,
) -> Result<Response, Problem> {
    let folder = app.site.folders.add(&wanted.path).await?;
    let view = view(&folder, &seen(&app));
    Ok((StatusCode::CREATED, fresh(Json(view))).into_response())
}

/// `DELETE /api/v1/folders/{id}`
#[utoipa::path(
    delete,
    path = "/api/v1/folders/{id}",
    tag = "folders",
    operation_id = "removeFolder",
    summary = "Watch a folder no longer; its titles stay",
    params(words::IdInPath),
    responses((status = 204, description = "It is not watched any more."))
)]
pub(crate) async fn remove(
    State(app): State<App>,
    FromPath(id): FromPath<String>,
) -> Result<StatusCode, Problem> {
    let no_such = || Problem::not_found("There is no such folder.");
    let id: FolderId = id.parse().map_err(|_| no_such())?;
    app.site.catalog.remove_folder(id).await?;
    tracing::info!(folder = %id, "A folder is not watched any more.");
    Ok(StatusCode::NO_CONTENT)
}

/// `GET /api/v1/folders/browse?path=`
#[utoipa::path(
    get,
    path = "/api/v1/folders/browse",
    tag = "folders",
    operation_id = "browseFolders",
    summary = "Folders of this computer, to choose one from",
    params(Place),
    responses((status = 200, description = "The folder and those in it.", body = Around))
)]
pub(crate) async fn look_around(
    State(app): State<App>,
    FromQuery(place): FromQuery<Place>,
) -> Result<Response, Problem> {
    let places = browse::places(&app.site.folders.data_dir).await?;
    let first = places
        .first()
        .map_or_else(|| "/".to_owned(), |path| shown(path));
    let listing = browse::list(place.path.as_deref().unwrap_or(&first)).await?;
    let nested = |name: String| Nested {
        path: shown(&listing.path.join(&name)),
        name,
    };
    Ok(fresh(Json(Around {
        path: shown(&listing.path),
        parent: listing.path.parent().map(shown),
        folders: listing.folders.iter().cloned().map(nested).collect(),
        more: listing.more,
        places: places.iter().map(|path| place_at(path)).collect(),
    })))
}

/// A place to begin at, by the last part of its path.
fn place_at(path: &Path) -> Nested {
    let name = path.file_name().unwrap_or(path.as_os_str());
    Nested {
        name: name.to_string_lossy().into_owned(),
        path: shown(path),
    }
}

/// What the watch says of each folder.
fn seen(app: &App) -> HashMap<PathBuf, WatchedFolder> {
    let folders = app.site.facts.folders().into_iter();
    folders
        .map(|folder| (folder.path.clone(), folder))
        .collect()
}

fn view(folder: &Folder, seen: &HashMap<PathBuf, WatchedFolder>) -> FolderView {
    let seen = seen.get(&folder.path);
    FolderView {
        id: folder.id,
        path: shown(&folder.path),
        added_at: rfc3339::format(folder.added_at),
        online: seen.map(|seen| seen.online),
        reason: seen.and_then(|seen| seen.reason.clone()),
    }
}

fn shown(path: &Path) -> String {
    path.display().to_string()
}
