//! Every route on one page, each with who may use it.
//!
//! Invariant: a route cannot be declared without an [`Access`]; [`Routes`] has no other way.

use axum::Router;
use axum::handler::Handler;
use axum::http::Method;
use axum::middleware::from_fn;
use axum::routing::{MethodFilter, on};

use crate::api::{events, inbox, jobs, videos};
use crate::app::App;
use crate::guard;
use crate::health;
use crate::media;
use crate::pages::{assets, library, watch};
use crate::policy::Access;
use crate::problem;

/// The routes of the server.
fn routes() -> Routes {
    use Access::{Anyone, OwnerMachine};
    Routes::default()
        .get("/", Anyone, library::show)
        .get("/watch/{id}", Anyone, watch::show)
        .get("/assets/{name}", Anyone, assets::show)
        .get("/media/{id}/{name}", Anyone, media::show)
        .get("/healthz", Anyone, health::show)
        .get("/api/v1/videos", Anyone, videos::list)
        .get("/api/v1/videos/{id}", Anyone, videos::show)
        .get("/api/v1/jobs", Anyone, jobs::list)
        .post("/api/v1/jobs/{id}/{action}", OwnerMachine, jobs::act)
        .get("/api/v1/inbox", Anyone, inbox::list)
        .get("/api/v1/events", Anyone, events::stream)
}

/// The whole service: routes, fallbacks and guards.
pub(crate) fn service(app: App) -> Router {
    let router = routes()
        .router
        .fallback(problem::no_such_page)
        .method_not_allowed_fallback(problem::no_such_method);
    guard::around(router, &app.site.host_names).with_state(app)
}

/// Routes together with who may use them.
#[derive(Debug, Default)]
struct Routes {
    router: Router<App>,
    table: Vec<(Method, &'static str, Access)>,
}

impl Routes {
    /// A route that only looks; `HEAD` comes with it.
    fn get<H, T>(self, path: &'static str, access: Access, handler: H) -> Self
    where
        H: Handler<T, App>,
        T: 'static,
    {
        self.add(Method::GET, MethodFilter::GET, path, access, handler)
    }

    /// A route that changes something.
    fn post<H, T>(self, path: &'static str, access: Access, handler: H) -> Self
    where
        H: Handler<T, App>,
        T: 'static,
    {
        self.add(Method::POST, MethodFilter::POST, path, access, handler)
    }

    fn add<H, T>(
        mut self,
        method: Method,
        filter: MethodFilter,
        path: &'static str,
        access: Access,
        handler: H,
    ) -> Self
    where
        H: Handler<T, App>,
        T: 'static,
    {
        let check = from_fn(move |request, next| access.check(request, next));
        self.table.push((method, path, access));
        self.router = self
            .router
            .route(path, on(filter, handler).route_layer(check));
        self
    }
}

#[cfg(test)]
mod tests {
    use super::routes;
    use crate::policy::Access::{Anyone, OwnerMachine};
    use axum::http::Method;

    /// Whoever adds a route says here, too, who may use it.
    #[test]
    fn every_route_has_the_policy_that_was_agreed() {
        let mut table = routes().table;
        table.sort_by_key(|(method, path, _)| (*path, method.to_string()));
        let expected = [
            (Method::GET, "/", Anyone),
            (Method::GET, "/api/v1/events", Anyone),
            (Method::GET, "/api/v1/inbox", Anyone),
            (Method::GET, "/api/v1/jobs", Anyone),
            (Method::POST, "/api/v1/jobs/{id}/{action}", OwnerMachine),
            (Method::GET, "/api/v1/videos", Anyone),
            (Method::GET, "/api/v1/videos/{id}", Anyone),
            (Method::GET, "/assets/{name}", Anyone),
            (Method::GET, "/healthz", Anyone),
            (Method::GET, "/media/{id}/{name}", Anyone),
            (Method::GET, "/watch/{id}", Anyone),
        ];
        assert_eq!(table, expected, "the table of routes changed");
    }

    #[test]
    fn whatever_changes_something_is_not_for_everyone() {
        for (method, path, access) in routes().table {
            let looks = method == Method::GET;
            assert!(
                looks || access != Anyone,
                "{method} {path} is open to everyone"
            );
        }
    }
}
