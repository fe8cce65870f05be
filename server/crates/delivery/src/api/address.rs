//! `/api/v1/address`: where other screens of the house find this server, to read and to scan.

use axum::Json;
use axum::extract::State;
use axum::http::{HeaderValue, header};
use axum::response::{IntoResponse, Response};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde::Serialize;
use utoipa::ToSchema;

use crate::api::videos::fresh;
use crate::app::App;
use crate::problem::Problem;

/// Where the picture is.
const QR: &str = "/api/v1/address/qr.svg";

/// Where other screens find this server.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Address {
    /// The best first; none if only this machine reaches it.
    urls: Vec<String>,
    /// The first of them as a picture for telephones; absent if there is none.
    qr_svg_url: Option<&'static str>,
}

/// `GET /api/v1/address`
#[utoipa::path(
    get,
    path = "/api/v1/address",
    tag = "server",
    operation_id = "address",
    summary = "Where other screens of the house find this server",
    responses((status = 200, description = "The addresses.", body = Address))
)]
pub(crate) async fn show(State(app): State<App>) -> Response {
    let urls = app.site.facts.urls();
    let qr_svg_url = (!urls.is_empty()).then_some(QR);
    fresh(Json(Address { urls, qr_svg_url }))
}

/// `GET /api/v1/address/qr.svg`
#[utoipa::path(
    get,
    path = "/api/v1/address/qr.svg",
    tag = "server",
    operation_id = "addressAsPicture",
    summary = "The best address as a picture that telephones read",
    responses((status = 200, description = "A QR code.", content_type = "image/svg+xml"))
)]
pub(crate) async fn picture(State(app): State<App>) -> Result<Response, Problem> {
    let urls = app.site.facts.urls();
    let picture = urls.first().and_then(|url| web::qr::svg(url));
    let picture = picture.ok_or_else(|| {
        Problem::not_found("Only this machine reaches this server, so there is nothing to scan.")
    })?;
    let svg = HeaderValue::from_static("image/svg+xml");
    Ok(fresh(
        ([(header::CONTENT_TYPE, svg)], picture).into_response(),
    ))
}

/// `link`, a path of ours, at the best address as a picture that telephones read, to be shown by
/// whoever asked for the link: a secret in the address of a picture would end up in logs.
pub(crate) fn picture_of(app: &App, link: &str) -> Option<String> {
    let urls = app.site.facts.urls();
    let url = urls.first()?.trim_end_matches('/');
    let picture = web::qr::svg(&format!("{url}{link}"))?;
    Some(format!(
        "data:image/svg+xml;base64,{}",
        STANDARD.encode(picture)
    ))
}
