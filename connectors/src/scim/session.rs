//! Sends the requests of one call: credentials, media types, time, and what is sent again.

use connector_runtime::egress::oauth::ClientCredentials;
use connector_runtime::prelude::*;

use super::failure::{Problem, Result, refused};
use super::profile::Profile;
use super::{AuthKind, Scim};
use crate::shared::time_to_work;

/// The media type of SCIM (RFC 7644, section 8.1).
const MEDIA_TYPE: &str = "application/scim+json";
/// How often a request is sent again.
const MAX_REPEATS: u32 = 4;
/// The most bytes of an answer: a group of 100,000 members has about 10 MiB.
pub(super) const MAX_ANSWER: usize = 32 * 1024 * 1024;

/// The requests of one call.
#[derive(Debug, Clone, Copy)]
pub(super) struct Session<'a> {
    pub(super) connector: &'a Scim,
    pub(super) cx: &'a Context,
    pub(super) profile: Profile,
}

/// Returns whether an answer says that the caller is too fast: nothing was done then.
fn is_limited(response: &Response) -> bool {
    response.status() == 429
}

/// The same of a service that also says it by a 403 that names when to come back.
fn is_limited_by_403(response: &Response) -> bool {
    let header = |name: &str| response.header(name).map(str::trim);
    response.status() == 429
        || response.status() == 403
            && (response.retry_after().is_some() || header("x-ratelimit-remaining") == Some("0"))
}

impl<'a> Session<'a> {
    pub(super) fn new(connector: &'a Scim, cx: &'a Context) -> Self {
        Self { connector, cx, profile: connector.profile.profile() }
    }

    /// Reads what is at a path below the base URL.
    pub(super) async fn get<S: AsRef<str>>(&self, path: &[S], query: &[(&str, String)]) -> Result<Response> {
        let request = self.request("GET", path)?.query(query).without_effect();
        self.send(request, true).await
    }

    /// Sends a body that changes something.
    pub(super) async fn send_body<S: AsRef<str>>(
        &self,
        method: &str,
        path: &[S],
        body: &Value,
        if_match: Option<&str>,
    ) -> Result<Response> {
        let request = self.request(method, path)?.body(body.to_string()).header("content-type", MEDIA_TYPE);
        let request = if_match.into_iter().fold(request, |request, tag| request.header("if-match", tag));
        self.send(request, false).await
    }

    pub(super) async fn delete<S: AsRef<str>>(&self, path: &[S]) -> Result<Response> {
        self.send(self.request("DELETE", path)?, false).await
    }

    fn request<S: AsRef<str>>(&self, method: &str, path: &[S]) -> Result<Request> {
        let url = self.connector.base_url.at(path);
        let url = url.map_err(|error| Problem::new(Code::Invalid, format!("The request has no address: {error}")))?;
        let request = self.cx.http().request(method, url).most_bytes(MAX_ANSWER);
        Ok(request.header("accept", format!("{MEDIA_TYPE}, application/json;q=0.9")))
    }

    /// Sends a request with the connection's credentials. What only reads is sent again after any temporary failure, what
    /// changes something only after an answer that says that nothing was done.
    async fn send(&self, request: Request, only_reads: bool) -> Result<Response> {
        let limited = if self.profile.busy_by_403 { is_limited_by_403 } else { is_limited };
        let retry = match only_reads {
            true => Retry::times(MAX_REPEATS).also_if(limited),
            false => Retry::times(MAX_REPEATS).even_if_not_idempotent().only_if(limited),
        };
        let left = time_to_work(self.cx);
        let request = request.retry(retry).timeout(left);
        let connector = self.connector;
        let missing = |field: &str| {
            let kind = connector.auth.as_str();
            Problem::new(Code::Invalid, format!("The connection's auth is {kind}, and its {field} is not set"))
        };
        let unanswered = |error: EgressError| Problem::from(Fail::unanswered(&error, only_reads));
        match connector.auth {
            AuthKind::Bearer => {
                let token = connector.token.as_ref().ok_or_else(|| missing("token"))?;
                request.bearer(token).send().await.map_err(unanswered)
            }
            AuthKind::Basic => {
                let username = connector.username.as_deref().ok_or_else(|| missing("username"))?;
                let password = connector.password.as_ref().ok_or_else(|| missing("password"))?;
                request.basic(username, password).send().await.map_err(unanswered)
            }
            AuthKind::ClientCredentials => {
                let source = ClientCredentials {
                    token_url: connector.token_url.as_ref().ok_or_else(|| missing("tokenUrl"))?.as_str().to_owned(),
                    client_id: connector.client_id.clone().ok_or_else(|| missing("clientId"))?,
                    client_secret: connector.client_secret.clone().ok_or_else(|| missing("clientSecret"))?,
                    scopes: connector.scopes.clone(),
                    audience: connector.audience.clone().unwrap_or_default(),
                    resource: connector.resource.clone().unwrap_or_default(),
                    authentication: None,
                };
                let sent = self.cx.oauth(source).send(request).await;
                sent.map_err(|error| Fail::unauthorized(&error, only_reads).into())
            }
        }
    }

    /// Returns an answer with a status of success. `what` says what was tried.
    pub(super) fn accepted(&self, response: Response, what: &str) -> Result<Response> {
        if response.is_success() {
            return Ok(response);
        }
        let is_busy = self.profile.busy_by_403 && is_limited_by_403(&response);
        Err(refused(&response, what, is_busy))
    }
}
