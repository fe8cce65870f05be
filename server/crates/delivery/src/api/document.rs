//! `GET /openapi.json`: the document of the API. Handlers describe themselves; who may use a route
//! is taken from the table of routes, so the document cannot say anything else than the router does.

use std::sync::LazyLock;

use axum::http::{HeaderValue, Method, header};
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use utoipa::openapi::content::ContentBuilder;
use utoipa::openapi::extensions::Extensions;
use utoipa::openapi::path::{Operation, PathItem};
use utoipa::openapi::response::ResponseBuilder;
use utoipa::openapi::schema::Ref;
use utoipa::openapi::security::{
    ApiKey, ApiKeyValue, HttpAuthScheme, HttpBuilder, SecurityRequirement, SecurityScheme,
};
use utoipa::openapi::{Components, OpenApi};
use utoipa::{Modify, OpenApi as _};

use crate::api::uploads::{form, tus};
use crate::api::{
    account, address, editing, events, folders, host, inbox, invites, jobs, original, progress,
    session, settings, setup, storage, users, videos,
};
use crate::cutetube::{self, auth};
use crate::policy::Access;
use crate::problem::Details;
use crate::{health, metrics, router};

/// Where an operation says who may use it, for programs.
pub(crate) const ACCESS: &str = "x-access";
/// The same as a sentence.
pub(crate) const ACCESS_WORDS: &str = "x-access-words";
/// Names of the ways to say who one is.
const COOKIE: &str = "session";
const BEARER: &str = "token";
const BASIC: &str = "app_password";
const KEY: &str = "key";

#[derive(utoipa::OpenApi)]
#[openapi(
    info(
        title = "Homereel",
        description = "A media server for one box at home. Identifiers are 26 lower-case \
            letters and digits, times are RFC 3339, lengths are seconds, sizes are bytes. What is \
            refused is answered with problem details (RFC 9457): `detail` is a sentence for a \
            person. Requests that change something must come from Homereel's own pages, or carry \
            a token.",
        license(name = "GPL-3.0-or-later", identifier = "GPL-3.0-or-later")
    ),
    tags(
        (name = "videos", description = "Titles of the library."),
        (name = "jobs", description = "The work on titles."),
        (name = "uploads", description = "Films on their way in, by the tus protocol or as a form."),
        (name = "inbox", description = "Files that were seen at a door, and what became of them."),
        (name = "folders", description = "Folders that are watched."),
        (name = "settings", description = "What the owner decides, and where pieces lie."),
        (name = "events", description = "What to look at again, as it happens."),
        (name = "people", description = "Who lives here, and how one proves it."),
        (name = "host", description = "For programs of this machine that can read the data folder."),
        (name = "cutetube", description = "For clients of CuteTube, in its words."),
        (name = "server", description = "How the server is."),
    ),
    paths(
        auth::sign_up,
        auth::log_in,
        cutetube::videos::all,
        cutetube::videos::metadata,
        cutetube::upload::receive,
        account::show,
        account::change,
        account::sessions,
        account::end_session,
        account::tokens,
        account::make_token,
        account::end_token,
        host::ticket,
        host::users,
        host::add_user,
        host::password,
        invites::list,
        invites::invite,
        invites::remove,
        invites::join,
        invites::sign_up,
        session::show,
        session::sign_in,
        session::sign_out,
        session::enter,
        setup::show,
        setup::claim,
        users::list,
        users::add,
        users::change,
        users::remove,
        users::offer_reset,
        users::reset,
        videos::list,
        videos::show,
        editing::change,
        editing::delete,
        editing::restore,
        progress::note,
        progress::begun,
        original::show,
        address::show,
        address::picture,
        jobs::list,
        jobs::act,
        jobs::reorder,
        jobs::log,
        inbox::list,
        inbox::act,
        folders::list,
        folders::add,
        folders::remove,
        folders::look_around,
        settings::show,
        settings::change,
        storage::show,
        storage::test,
        tus::abilities,
        tus::list,
        tus::create,
        tus::show,
        tus::append,
        tus::overridden,
        tus::remove,
        form::receive,
        events::stream,
        health::show,
        metrics::page::show,
        show,
    ),
    components(schemas(Details)),
    modifiers(&Credentials)
)]
struct Described;

/// The ways to say who one is.
struct Credentials;

impl Modify for Credentials {
    fn modify(&self, document: &mut OpenApi) {
        let components = document.components.get_or_insert_with(Components::new);
        let cookie = ApiKeyValue::with_description(
            "homereel_session",
            "A browser that signed in with `POST /api/v1/session`.",
        );
        let bearer = HttpBuilder::new()
            .scheme(HttpAuthScheme::Bearer)
            .description(Some("A token from the page of one's account: `hr_…`."))
            .build();
        let basic = HttpBuilder::new()
            .scheme(HttpAuthScheme::Basic)
            .description(Some("For WebDAV: a name and an app password."))
            .build();
        let key = ApiKeyValue::with_description(
            "X-Homereel-Key",
            "The word `key` of the file endpoint.json in the data folder.",
        );
        components.add_security_scheme(KEY, SecurityScheme::ApiKey(ApiKey::Header(key)));
        components.add_security_scheme(COOKIE, SecurityScheme::ApiKey(ApiKey::Cookie(cookie)));
        components.add_security_scheme(BEARER, SecurityScheme::Http(bearer));
        components.add_security_scheme(BASIC, SecurityScheme::Http(basic));
    }
}

/// The document as it is sent; it never changes while the program runs.
static TEXT: LazyLock<Bytes> = LazyLock::new(|| {
    let json = serde_json::to_vec(&document());
    json.unwrap_or_default().into()
});

/// `GET /openapi.json`
#[utoipa::path(
    get,
    path = "/openapi.json",
    tag = "server",
    operation_id = "document",
    summary = "This document",
    responses((status = 200, description = "An OpenAPI 3.1 document.", body = Object))
)]
pub(crate) async fn show() -> Response {
    let headers = [(
        header::CONTENT_TYPE,
        HeaderValue::from_static("application/json"),
    )];
    (headers, TEXT.clone()).into_response()
}

/// The document: what handlers say, and for each route who may use it and how refusals look.
pub(crate) fn document() -> OpenApi {
    let mut document = Described::openapi();
    for (method, path, access) in router::table() {
        let item = document.paths.paths.get_mut(documented(path).as_str());
        if let Some(operation) = item.and_then(|item| operation(item, &method)) {
            state_access(operation, access);
            state_refusals(operation);
        }
    }
    document
}

/// The path as OpenAPI writes it: a rest of a path is a parameter like any other.
pub(crate) fn documented(path: &str) -> String {
    path.replace("{*", "{")
}

fn operation<'a>(item: &'a mut PathItem, method: &Method) -> Option<&'a mut Operation> {
    match *method {
        Method::GET => item.get.as_mut(),
        Method::PUT => item.put.as_mut(),
        Method::POST => item.post.as_mut(),
        Method::DELETE => item.delete.as_mut(),
        Method::OPTIONS => item.options.as_mut(),
        Method::HEAD => item.head.as_mut(),
        Method::PATCH => item.patch.as_mut(),
        _ => None,
    }
}

fn state_access(operation: &mut Operation, access: Access) {
    let (word, sentence) = words(access);
    let extensions = operation.extensions.get_or_insert_with(Extensions::default);
    extensions.insert(ACCESS.to_owned(), word.into());
    extensions.insert(ACCESS_WORDS.to_owned(), sentence.into());
    operation.security = Some(credentials(access));
}

/// Every operation can be refused, and every refusal looks the same.
fn state_refusals(operation: &mut Operation) {
    for (status, description) in [
        ("4XX", "The request was refused; `detail` says why."),
        (
            "5XX",
            "Something does not work at the moment; `detail` says what.",
        ),
    ] {
        let details = ContentBuilder::new().schema(Some(Ref::from_schema_name("Problem")));
        let refusal = ResponseBuilder::new()
            .description(description)
            .content("application/problem+json", details.build());
        let responses = &mut operation.responses.responses;
        responses.insert(status.to_owned(), refusal.build().into());
    }
}

/// Who may use a route: a word and a sentence.
fn words(access: Access) -> (&'static str, &'static str) {
    match access {
        Access::Open => ("open", "Anyone who can reach the server."),
        Access::Watch => (
            "watch",
            "Whoever may watch in this house: people with an account, and guests where the owner \
             lets them. Titles that one may not see are not there.",
        ),
        Access::Member => ("member", "People with an account."),
        Access::Uploader => ("uploader", "People who may add films."),
        Access::Admin => ("admin", "People who look after the house."),
        Access::Follow => (
            "follow",
            "People who may add films; everyone until the house is set up.",
        ),
        Access::Steer => (
            "steer",
            "People who may add films, for their own; until the house is set up, whoever sits at \
             the machine itself.",
        ),
        Access::Dav => ("dav", "People who may add films, by an app password."),
        Access::Key => (
            "key",
            "Programs of this machine that can read the data folder.",
        ),
    }
}

/// What has to be shown for it; several entries are alternatives, and an empty one means nothing.
fn credentials(access: Access) -> Vec<SecurityRequirement> {
    let shown = |name: &str| SecurityRequirement::new(name, [""; 0]);
    let nothing = SecurityRequirement::default();
    match access {
        Access::Open => vec![nothing],
        Access::Watch | Access::Follow | Access::Steer => {
            vec![shown(COOKIE), shown(BEARER), nothing]
        }
        Access::Member | Access::Uploader | Access::Admin => vec![shown(COOKIE), shown(BEARER)],
        Access::Dav => vec![shown(BASIC)],
        Access::Key => vec![shown(KEY)],
    }
}

#[cfg(test)]
mod tests {
    use super::{ACCESS, document, documented};
    use crate::router;
    use serde_json::Value;
    use std::collections::BTreeSet;

    /// Method and path of every operation, with its access.
    fn operations(document: &Value) -> Vec<(String, String, Value)> {
        let paths = document["paths"].as_object().unwrap();
        let items = paths.iter().flat_map(|(path, item)| {
            let operations = item.as_object().unwrap().iter();
            operations.map(|(method, operation)| {
                let access = operation[ACCESS].clone();
                (method.to_uppercase(), path.clone(), access)
            })
        });
        items.collect()
    }

    fn is_for_programs(path: &str) -> bool {
        path.starts_with("/api/") || ["/healthz", "/metrics", "/openapi.json"].contains(&path)
    }

    #[test]
    fn the_document_has_the_routes_of_the_router_and_no_others() {
        let document = serde_json::to_value(document()).unwrap();
        assert_eq!(document["openapi"], "3.1.0");
        let described: BTreeSet<(String, String)> = operations(&document)
            .into_iter()
            .map(|(method, path, _)| (method, path))
            .collect();
        let routed: BTreeSet<(String, String)> = router::table()
            .into_iter()
            .filter(|(_, path, _)| is_for_programs(path))
            .map(|(method, path, _)| (method.to_string(), documented(path)))
            .collect();
        let missing: Vec<_> = routed.difference(&described).collect();
        assert!(
            missing.is_empty(),
            "routes that are not described: {missing:?}"
        );
        let invented: Vec<_> = described.difference(&routed).collect();
        assert!(invented.is_empty(), "described, but no route: {invented:?}");
    }

    #[test]
    fn every_operation_says_who_may_use_it_and_how_it_refuses() {
        let document = serde_json::to_value(document()).unwrap();
        let mut names = BTreeSet::new();
        for (method, path, access) in operations(&document) {
            assert!(access.is_string(), "{method} {path} does not say for whom");
            let operation = &document["paths"][&path][method.to_lowercase()];
            assert!(operation["summary"].is_string(), "{method} {path}");
            assert!(operation["security"].is_array(), "{method} {path}");
            assert!(operation["responses"]["4XX"].is_object(), "{method} {path}");
            let name = operation["operationId"].as_str().unwrap().to_owned();
            assert!(names.insert(name.clone()), "{name} names two operations");
        }
    }

    #[test]
    fn every_shape_that_is_named_is_there() {
        let document = serde_json::to_value(document()).unwrap();
        let text = document.to_string();
        for named in text.split("\"#/components/schemas/").skip(1) {
            let name = named.split('"').next().unwrap();
            let shape = &document["components"]["schemas"][name];
            assert!(shape.is_object(), "{name} is not described");
        }
    }
}
