//! What the tests share: a service that gives tokens and answers as the Directory API does.

use connector_runtime::prelude::*;
use connector_runtime::testing::{self, Answer, Seen, TestCall, Upstream};

use crate::google_workspace::GoogleWorkspace;

/// A key that was made for these tests and opens nothing.
pub(super) const KEY: &str = include_str!("../../../tests/google_workspace/key.json");
/// The token that the service gives.
pub(super) const TOKEN: &str = "ya29.a0AfH6SMC-token-of-the-tests";

/// Starts a service that gives tokens.
pub(super) async fn google() -> Upstream {
    let upstream = Upstream::start().await;
    upstream.on("POST /token", token(TOKEN));
    upstream
}

pub(super) fn token(text: &str) -> Answer {
    Answer::json(json!({ "access_token": text, "expires_in": 3599, "token_type": "Bearer" }))
}

/// Begins a call of a command.
pub(super) fn call(command: &str, upstream: &Upstream) -> TestCall {
    testing::call::<GoogleWorkspace>(command)
        .upstream("baseUrl", upstream)
        .config("tokenUrl", format!("{}/token", upstream.url()))
        .config("credentials", KEY)
        .config("subject", "admin@example.com")
}

/// An error as Google answers it.
pub(super) fn error(status: u16, reason: &str, message: &str) -> Answer {
    let errors = json!([{ "message": message, "domain": "global", "reason": reason }]);
    Answer::json(json!({ "error": { "code": status, "message": message, "errors": errors } })).status(status)
}

/// What came to the API, without the requests for tokens.
pub(super) fn api_requests(upstream: &Upstream) -> Vec<Seen> {
    upstream.seen().into_iter().filter(|seen| seen.path() != "/token").collect()
}

/// The methods and paths that came to the API.
pub(super) fn lines(upstream: &Upstream) -> Vec<String> {
    let short = |seen: Seen| seen.line().replace("/admin/directory/v1/", "");
    api_requests(upstream).into_iter().map(short).collect()
}

/// The requests for tokens.
pub(super) fn token_requests(upstream: &Upstream) -> usize {
    upstream.seen().iter().filter(|seen| seen.path() == "/token").count()
}

/// A route of the API.
pub(super) fn route(method: &str, path: &str) -> String {
    format!("{method} /admin/directory/v1/{path}")
}
