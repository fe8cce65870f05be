//! Counts requests by route, method and kind of answer, and how long they took. The labels are the
//! routes' patterns and a few words, never what a client sent, so their number is bounded.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use axum::http::{Method, StatusCode};

use super::text::{Kind, Text};

/// Upper bounds of the buckets, in seconds. A held segment may take twenty.
const BOUNDS_S: [f64; 13] = [
    0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0, 30.0,
];
/// Kinds of answer, by the first digit of the status.
const CLASSES: [&str; 5] = ["1xx", "2xx", "3xx", "4xx", "5xx"];
/// Requests that no route has.
const NO_ROUTE: &str = "none";

/// A handle; clones share the numbers.
#[derive(Clone, Debug, Default)]
pub(crate) struct Requests(Arc<Mutex<BTreeMap<Key, Series>>>);

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Key {
    route: Arc<str>,
    method: &'static str,
}

#[derive(Clone, Copy, Debug, Default)]
struct Series {
    classes: [u64; CLASSES.len()],
    buckets: [u64; BOUNDS_S.len()],
    count: u64,
    sum_s: f64,
}

impl Requests {
    /// A request was answered.
    pub(crate) fn count(
        &self,
        route: Option<Arc<str>>,
        method: &Method,
        status: StatusCode,
        took: Duration,
    ) {
        let key = Key {
            route: route.unwrap_or_else(|| NO_ROUTE.into()),
            method: word(method),
        };
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        all.entry(key).or_default().add(status, took);
    }

    /// Writes two families: how many, and how long.
    pub(crate) fn write(&self, text: &mut Text) {
        let all = self
            .0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone();
        text.family(
            "homereel_http_requests_total",
            Kind::Counter,
            "Requests answered, by route, method and kind of answer.",
        );
        for (key, series) in &all {
            series.write_classes(key, text);
        }
        text.family(
            "homereel_http_request_seconds",
            Kind::Histogram,
            "Time until an answer began, by route and method.",
        );
        for (key, series) in &all {
            series.write_times(key, text);
        }
    }
}

impl Series {
    fn add(&mut self, status: StatusCode, took: Duration) {
        let class = usize::from(status.as_u16() / 100).clamp(1, CLASSES.len()) - 1;
        self.classes[class] += 1;
        let seconds = took.as_secs_f64();
        if let Some(bucket) = BOUNDS_S.iter().position(|bound| seconds <= *bound) {
            self.buckets[bucket] += 1;
        }
        self.count += 1;
        self.sum_s += seconds;
    }

    fn write_classes(&self, key: &Key, text: &mut Text) {
        for (class, count) in CLASSES.iter().zip(self.classes) {
            if count > 0 {
                text.sample(
                    "homereel_http_requests_total",
                    &[
                        ("route", &key.route),
                        ("method", key.method),
                        ("status", class),
                    ],
                    count,
                );
            }
        }
    }

    fn write_times(&self, key: &Key, text: &mut Text) {
        let labels = [("route", &*key.route), ("method", key.method)];
        let mut below = 0;
        for (bound, count) in BOUNDS_S.iter().zip(self.buckets) {
            below += count;
            let bound = bound.to_string();
            let labels = [labels[0], labels[1], ("le", bound.as_str())];
            text.sample("homereel_http_request_seconds_bucket", &labels, below);
        }
        let all = [labels[0], labels[1], ("le", "+Inf")];
        text.sample("homereel_http_request_seconds_bucket", &all, self.count);
        text.sample("homereel_http_request_seconds_sum", &labels, self.sum_s);
        text.sample("homereel_http_request_seconds_count", &labels, self.count);
    }
}

/// Clients may invent methods; ours are few.
fn word(method: &Method) -> &'static str {
    match *method {
        Method::GET => "GET",
        Method::HEAD => "HEAD",
        Method::POST => "POST",
        Method::PUT => "PUT",
        Method::PATCH => "PATCH",
        Method::DELETE => "DELETE",
        Method::OPTIONS => "OPTIONS",
        _ => "other",
    }
}

#[cfg(test)]
mod tests {
    use super::Requests;
    use crate::metrics::text::Text;
    use axum::http::{Method, StatusCode};
    use std::time::Duration;

    #[test]
    fn requests_are_counted_by_route_and_never_by_what_was_sent() {
        let requests = Requests::default();
        let quick = Duration::from_millis(2);
        let route = Some("/watch/{id}".into());
        requests.count(route.clone(), &Method::GET, StatusCode::OK, quick);
        requests.count(route, &Method::GET, StatusCode::NOT_FOUND, Duration::MAX);
        let odd = Method::from_bytes(b"EXPLODE").unwrap();
        requests.count(None, &odd, StatusCode::NOT_FOUND, quick);
        let mut text = Text::default();
        requests.write(&mut text);
        let text = text.finish();
        for line in [
            r#"homereel_http_requests_total{route="/watch/{id}",method="GET",status="2xx"} 1"#,
            r#"homereel_http_requests_total{route="/watch/{id}",method="GET",status="4xx"} 1"#,
            r#"homereel_http_requests_total{route="none",method="other",status="4xx"} 1"#,
            r#"homereel_http_request_seconds_bucket{route="/watch/{id}",method="GET",le="0.001"} 0"#,
            r#"homereel_http_request_seconds_bucket{route="/watch/{id}",method="GET",le="30"} 1"#,
            r#"homereel_http_request_seconds_bucket{route="/watch/{id}",method="GET",le="+Inf"} 2"#,
        ] {
            assert!(text.contains(line), "{line} is missing from {text}");
        }
        assert!(!text.contains("EXPLODE"), "{text}");
    }
}
