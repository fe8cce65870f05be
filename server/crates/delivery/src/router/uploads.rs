//! The routes of the tus protocol, which all say that they speak it, whatever they answer; and the
//! form beside them.

use axum::middleware::map_response;

use crate::api::uploads::{form, protocol, tus};
use crate::policy::Access;
use crate::router::Routes;

/// Adds them.
pub(super) fn add(routes: Routes) -> Routes {
    routes
        .and(spoken())
        .post("/api/v1/uploads/form", Access::Uploader, form::receive)
}

fn spoken() -> Routes {
    use Access::{Open, Uploader};
    let routes = Routes::default()
        .options("/api/v1/uploads", Open, tus::abilities)
        .get("/api/v1/uploads", Uploader, tus::list)
        .post("/api/v1/uploads", Uploader, tus::create)
        .get("/api/v1/uploads/{id}", Uploader, tus::show)
        .patch("/api/v1/uploads/{id}", Uploader, tus::append)
        .delete("/api/v1/uploads/{id}", Uploader, tus::remove)
        .post("/api/v1/uploads/{id}", Uploader, tus::overridden);
    Routes {
        router: routes.router.layer(map_response(protocol::speak)),
        ..routes
    }
}
