//! Upstreams with fixed answers, and calls that may reach only them.

use connector_runtime::egress::{Client, Policy};
use connector_runtime::prelude::json;
use connector_runtime::testing::{self, TestCall};
use test_support::{Reply, Upstream};

use crate::http::Http;

/// Starts a server that always gives the same answer.
pub(super) async fn fixed(status: &'static str, headers: &'static str, body: &'static str) -> Upstream {
    Upstream::start(move |_| answer(status, headers, body)).await
}

/// Starts a server that answers `{}`.
pub(super) async fn empty_object() -> Upstream {
    Upstream::fixed(json!({})).await
}

/// Builds a call that may reach only this server.
pub(super) fn call(server: &Upstream) -> TestCall {
    call_to(&[server])
}

/// Builds a call that may reach only these servers.
pub(super) fn call_to(servers: &[&Upstream]) -> TestCall {
    let allowed: Vec<String> = servers.iter().map(|server| server.address().to_string()).collect();
    testing::call::<Http>("request").http(Client::new(Policy::parse(&allowed, &[]).unwrap()))
}

/// Writes an answer with a content length.
pub(super) fn answer(status: &str, headers: &str, body: &str) -> Reply {
    Reply::raw(format!("HTTP/1.1 {status}\r\n{headers}content-length: {}\r\n\r\n{body}", body.len()))
}
