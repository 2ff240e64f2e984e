//! The metrics of answers. Their handles are kept, because a lookup by labels costs more than everything else that is
//! done for an answer here.

use std::collections::HashMap;

use axum::http::{Method, StatusCode};
use metrics::{Counter, Histogram};
use parking_lot::RwLock;

/// Counts answers by route, method and status.
#[derive(Debug, Default)]
pub(super) struct HttpMetrics(RwLock<HashMap<String, Route>>);

#[derive(Debug)]
struct Route {
    seconds: Histogram,
    answers: Vec<(&'static str, StatusCode, Counter)>,
}

impl HttpMetrics {
    /// Counts one answer of a route.
    pub(super) fn count(&self, route: &str, method: &'static str, status: StatusCode, seconds: f64) {
        let routes = self.0.read();
        if routes.get(route).is_some_and(|known| known.count(method, status, seconds)) {
            return;
        }
        drop(routes);
        let mut routes = self.0.write();
        let known = routes.entry(route.to_owned()).or_insert_with(|| Route {
            seconds: metrics::histogram!("floh_http_request_seconds", "route" => route.to_owned()),
            answers: Vec::new(),
        });
        if !known.count(method, status, seconds) {
            let labels =
                [("route", route.to_owned()), ("method", method.to_owned()), ("status", status.as_str().to_owned())];
            known.answers.push((method, status, metrics::counter!("floh_http_requests_total", &labels)));
            known.count(method, status, seconds);
        }
    }
}

impl Route {
    fn count(&self, method: &str, status: StatusCode, seconds: f64) -> bool {
        let found = self.answers.iter().find(|(known, answer, _)| *known == method && *answer == status);
        if let Some((_, _, counter)) = found {
            counter.increment(1);
            self.seconds.record(seconds);
        }
        found.is_some()
    }
}

/// Returns the label of a method; all unknown methods share one label.
pub(super) fn label(method: &Method) -> &'static str {
    const NAMED: [&str; 7] = ["GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS"];
    NAMED.into_iter().find(|name| *name == method.as_str()).unwrap_or("other")
}
