//! `GET /metrics`: gathers the numbers of this moment and writes them.

use axum::extract::State;
use axum::http::{HeaderValue, header};
use axum::response::{IntoResponse, Response};
use catalog::figures::Figures;

use super::text::{Kind, Text};
use crate::app::App;
use crate::problem::Problem;

/// What Prometheus asks for, with the version of the format.
const CONTENT_TYPE: &str = "text/plain; version=0.0.4; charset=utf-8";

/// `GET /metrics`
#[utoipa::path(
    get,
    path = "/metrics",
    tag = "server",
    operation_id = "metrics",
    summary = "Numbers for Prometheus",
    responses((
        status = 200,
        description = "Counts of titles, jobs, bytes and requests, and how the server is.",
        body = String,
        content_type = "text/plain"
    ))
)]
pub(crate) async fn show(State(app): State<App>) -> Result<Response, Problem> {
    let figures = app.site.catalog.figures().await?;
    let mut text = Text::default();
    write_library(&figures, &mut text);
    write_server(&app, &mut text);
    app.requests.write(&mut text);
    let headers = [
        (header::CONTENT_TYPE, HeaderValue::from_static(CONTENT_TYPE)),
        (header::CACHE_CONTROL, HeaderValue::from_static("no-store")),
    ];
    Ok((headers, text.finish()).into_response())
}

fn write_library(figures: &Figures, text: &mut Text) {
    text.family("homereel_titles", Kind::Gauge, "Titles by state.");
    for (state, count) in &figures.titles {
        text.sample("homereel_titles", &[("state", state.as_str())], count);
    }
    text.family("homereel_jobs", Kind::Gauge, "Jobs by state.");
    for (state, count) in &figures.jobs {
        text.sample("homereel_jobs", &[("state", state.as_str())], count);
    }
    text.family(
        "homereel_segment_bytes",
        Kind::Gauge,
        "Bytes of stored segments by place.",
    );
    for (place, bytes) in &figures.segment_bytes {
        text.sample(
            "homereel_segment_bytes",
            &[("place", place.as_str())],
            bytes,
        );
    }
}

fn write_server(app: &App, text: &mut Text) {
    text.gauge(
        "homereel_held_requests",
        "Requests that wait for a segment.",
        app.held.count(),
    );
    text.gauge(
        "homereel_listeners",
        "Open event streams.",
        app.listeners.count(),
    );
    text.gauge(
        "homereel_uptime_seconds",
        "Time since the start.",
        app.started.elapsed().as_secs_f64(),
    );
    if let Some(bytes) = resident_bytes() {
        text.gauge(
            "process_resident_memory_bytes",
            "Memory of the server's own process.",
            bytes,
        );
    }
    if let Some(bytes) = app.site.facts.free_bytes() {
        text.gauge(
            "homereel_free_bytes",
            "Free space where the data folder is.",
            bytes,
        );
    }
    text.gauge(
        "homereel_problems",
        "Parts that do not work at the moment.",
        app.site.facts.troubles().len(),
    );
}

/// From proc(5), whose `VmRSS` is in KiB; absent on systems that have no such file.
fn resident_bytes() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status
        .lines()
        .find_map(|line| line.strip_prefix("VmRSS:"))?;
    let kibibytes: u64 = line.trim().strip_suffix(" kB")?.parse().ok()?;
    Some(kibibytes * 1024)
}
