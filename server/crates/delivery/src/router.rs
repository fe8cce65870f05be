//! Every route on one page, each with who may use it.
//!
//! Invariant: a route cannot be declared without an [`Access`]; [`Routes`] has no other way.

mod cutetube;
mod library;
mod people;
mod uploads;

use axum::Router;
use axum::handler::Handler;
use axum::http::Method;
use axum::middleware::from_fn;
use axum::routing::{MethodFilter, any, on};

use crate::api::{document, events};
use crate::app::App;
use crate::dav;
use crate::guard;
use crate::health;
use crate::media;
use crate::metrics;
use crate::pages::{self, assets, doc, entry, house, watch, work};
use crate::policy::Access;
use crate::problem;

/// The routes of the server.
fn routes() -> Routes {
    use Access::{Admin, Dav, Follow, Member, Open, Uploader, Watch};
    let routes = people::add(Routes::default());
    uploads::add(cutetube::add(library::add(routes)))
        .get("/", Watch, pages::library::show)
        .get("/watch/{id}", Watch, watch::show)
        .get("/upload", Uploader, work::upload)
        .get("/inbox", Follow, work::inbox)
        .get("/jobs", Follow, work::jobs)
        .get("/settings", Admin, house::show)
        .get("/title/{id}", Watch, pages::title::show)
        .get("/account", Member, pages::account::show)
        .get("/users", Admin, pages::people::show)
        .get("/setup", Open, entry::setup)
        .get("/sign-in", Open, entry::sign_in)
        .get("/join", Open, entry::join)
        .get("/reset", Open, entry::reset)
        .get("/enter", Open, entry::enter)
        .get("/assets/{name}", Open, assets::show)
        .get("/media/{id}/{name}", Watch, media::show)
        .get("/healthz", Open, health::show)
        .every("/dav", Dav, dav::answer)
        .every("/dav/", Dav, dav::answer)
        .every("/dav/{*path}", Dav, dav::answer)
        .get("/api/v1/events", Watch, events::stream)
        .get("/metrics", Admin, metrics::page::show)
        .get("/openapi.json", Open, document::show)
        .get("/doc/", Open, doc::show)
}

/// The whole service: routes, fallbacks and guards.
pub(crate) fn service(app: App) -> Router {
    let router = routes()
        .router
        .fallback(problem::no_such_page)
        .method_not_allowed_fallback(problem::no_such_method);
    guard::around(router, &app).with_state(app)
}

/// Every route with who may use it.
pub(crate) fn table() -> Vec<(Method, &'static str, Access)> {
    routes().table
}

/// Routes together with who may use them.
#[derive(Debug, Default)]
struct Routes {
    router: Router<App>,
    table: Vec<(Method, &'static str, Access)>,
}

impl Routes {
    /// These routes and `others`.
    fn and(mut self, others: Self) -> Self {
        self.router = self.router.merge(others.router);
        self.table.extend(others.table);
        self
    }

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

    /// A route that puts something in its place.
    fn put<H, T>(self, path: &'static str, access: Access, handler: H) -> Self
    where
        H: Handler<T, App>,
        T: 'static,
    {
        self.add(Method::PUT, MethodFilter::PUT, path, access, handler)
    }

    /// A route that changes part of something.
    fn patch<H, T>(self, path: &'static str, access: Access, handler: H) -> Self
    where
        H: Handler<T, App>,
        T: 'static,
    {
        self.add(Method::PATCH, MethodFilter::PATCH, path, access, handler)
    }

    /// A route that says what can be done.
    fn options<H, T>(self, path: &'static str, access: Access, handler: H) -> Self
    where
        H: Handler<T, App>,
        T: 'static,
    {
        self.add(
            Method::OPTIONS,
            MethodFilter::OPTIONS,
            path,
            access,
            handler,
        )
    }

    /// A route that takes every method, also those that only WebDAV has. In the table it stands
    /// under its most dangerous one.
    fn every<H, T>(mut self, path: &'static str, access: Access, handler: H) -> Self
    where
        H: Handler<T, App>,
        T: 'static,
    {
        let check = from_fn(move |request, next| access.check(request, next));
        self.table.push((Method::DELETE, path, access));
        self.router = self.router.route(path, any(handler).layer(check));
        self
    }

    /// A route that removes something.
    fn delete<H, T>(self, path: &'static str, access: Access, handler: H) -> Self
    where
        H: Handler<T, App>,
        T: 'static,
    {
        self.add(Method::DELETE, MethodFilter::DELETE, path, access, handler)
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
pub(crate) mod tests {
    use super::table;
    use crate::policy::Access;
    use axum::http::Method;

    /// Every route with who may use it. Whoever adds a route says it there, too.
    const AGREED: &str = include_str!("stories/routes.txt");

    #[test]
    fn every_route_has_the_policy_that_was_agreed() {
        let mut found: Vec<String> = table()
            .into_iter()
            .map(|(method, path, access)| format!("{method} {path} {access:?}"))
            .collect();
        let mut agreed: Vec<String> = AGREED
            .lines()
            .map(|line| line.split_whitespace().collect::<Vec<_>>().join(" "))
            .collect();
        found.sort();
        agreed.sort();
        assert_eq!(found, agreed, "the routes and stories/routes.txt differ");
    }

    #[test]
    fn whatever_changes_something_is_not_for_guests() {
        // These take a secret instead: a password, a token, a link.
        let with_secrets = ["setup", "session", "join", "signup", "reset", "auth"];
        for (method, path, access) in table() {
            let looks = method == Method::GET || method == Method::OPTIONS;
            let secret = path.split('/').any(|part| with_secrets.contains(&part));
            let guests = matches!(access, Access::Open | Access::Watch | Access::Follow);
            assert!(
                looks || secret || !guests,
                "{method} {path} is open to guests"
            );
        }
    }
}
