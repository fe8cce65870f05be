//! The routes of CuteTube's API.

use crate::cutetube::{auth, play, upload, videos};
use crate::policy::Access;
use crate::router::Routes;

/// Adds them.
pub(super) fn add(routes: Routes) -> Routes {
    use Access::{Open, Uploader, Watch};
    routes
        .post("/api/v3/auth/signup/", Open, auth::sign_up)
        .post("/api/v3/auth/login/", Open, auth::log_in)
        .get("/api/v3/vod/videos/all/", Watch, videos::all)
        .get("/api/v3/vod/metadata/stream/{id}/", Watch, videos::metadata)
        .post(
            "/api/v3/vod/initiate-task/upload/",
            Uploader,
            upload::receive,
        )
        .get("/app/stream/", Watch, play::stream)
        .get("/app/v2/dash/manifest.mpd", Watch, play::newest_manifest)
        .get("/app/v2/dash/{id}", Watch, play::newest_piece)
        .get("/app/v2/dash/{id}/", Watch, play::newest_piece)
        .get("/app/v2/dash/{id}/{name}", Watch, play::piece)
}
