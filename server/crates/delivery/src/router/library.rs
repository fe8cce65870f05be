//! The routes by which people look after titles, jobs and files, and the server looks after itself.

use crate::api::{
    address, editing, folders, inbox, jobs, original, progress, settings, storage, videos,
};
use crate::policy::Access;
use crate::router::Routes;

/// Titles, jobs, files, and what the owner decides.
pub(super) fn add(routes: Routes) -> Routes {
    use Access::{Admin, Follow, Member, Steer, Uploader, Watch};
    routes
        .get("/api/v1/videos", Watch, videos::list)
        .get("/api/v1/videos/continue", Member, progress::begun)
        .get("/api/v1/videos/{id}", Watch, videos::show)
        .patch("/api/v1/videos/{id}", Uploader, editing::change)
        .delete("/api/v1/videos/{id}", Uploader, editing::delete)
        .post("/api/v1/videos/{id}/restore", Uploader, editing::restore)
        .get("/api/v1/videos/{id}/original", Watch, original::show)
        .put("/api/v1/videos/{id}/progress", Member, progress::note)
        .get("/api/v1/jobs", Follow, jobs::list)
        .get("/api/v1/jobs/{id}/log", Follow, jobs::log)
        .post("/api/v1/jobs/{id}/move", Steer, jobs::reorder)
        .post("/api/v1/jobs/{id}/{action}", Steer, jobs::act)
        .get("/api/v1/inbox", Follow, inbox::list)
        .post("/api/v1/inbox/{id}/{action}", Uploader, inbox::act)
        .get("/api/v1/address", Watch, address::show)
        .get("/api/v1/address/qr.svg", Watch, address::picture)
        .get("/api/v1/folders", Admin, folders::list)
        .post("/api/v1/folders", Admin, folders::add)
        .get("/api/v1/folders/browse", Admin, folders::look_around)
        .delete("/api/v1/folders/{id}", Admin, folders::remove)
        .get("/api/v1/settings", Admin, settings::show)
        .patch("/api/v1/settings", Admin, settings::change)
        .get("/api/v1/storage", Admin, storage::show)
        .post("/api/v1/storage/test", Admin, storage::test)
}
