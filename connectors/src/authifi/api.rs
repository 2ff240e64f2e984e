//! Requests to the administration of a tenant, and what its answers mean.

use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use connector_runtime::context::Context;
use connector_runtime::egress::oauth::{AccessToken, Authorized, ClientCredentials};
use connector_runtime::prelude::*;

use super::Authifi;
use crate::shared::invalid;

/// How often a request that only reads is sent again while the service is busy or cannot be reached.
const REPEATS: u32 = 3;
/// The most bytes of a service's words that are told.
const MAX_SAID: usize = 500;

/// What is called, and how its answer is read.
pub(super) struct Api<'c> {
    connection: &'c Authifi,
    authorized: Authorized,
}

/// Whether a request may change something.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Does {
    Read,
    Change,
}

impl Authifi {
    /// Begins to talk to the administration of the tenant.
    pub(super) fn api<'c>(&'c self, cx: &'c Context) -> Result<Api<'c>, Failure> {
        let token_url = self.base_url.at(["auth", &self.tenant, "oidc", "token"])?;
        let authorized = cx.oauth(ClientCredentials {
            token_url: token_url.into(),
            client_id: self.client_id.clone(),
            client_secret: self.client_secret.clone(),
            scopes: self.scopes.clone(),
            audience: String::new(),
            resource: self.resource.clone().unwrap_or_default(),
            authentication: None,
        });
        Ok(Api { connection: self, authorized })
    }
}

impl Api<'_> {
    /// Builds a request below the tenant.
    pub(super) fn request(&self, method: &str, path: &[&str]) -> Result<Request, Failure> {
        let below = ["auth", "admin", "tenants", self.connection.tenant_id.as_str()];
        let url = self.connection.base_url.at(below.into_iter().chain(path.iter().copied()))?;
        Ok(self.authorized.client().request(method, url))
    }

    /// Returns the current token.
    pub(super) async fn token(&self) -> Result<AccessToken, Fail> {
        self.authorized.token().await.map_err(|error| Fail::unauthorized(&error.into(), true))
    }

    /// Sends a request and returns its answer, whatever its status.
    pub(super) async fn send(&self, request: Request, does: Does) -> Result<Response, Fail> {
        let reads = does == Does::Read;
        let retry = Retry::times(REPEATS);
        let request = match does {
            Does::Read => request.retry(retry).without_effect(),
            // A 429 says that nothing was done.
            Does::Change => request.retry(retry.even_if_not_idempotent().only_if(|response| response.status() == 429)),
        };
        self.authorized.send(request).await.map_err(|error| Fail::unauthorized(&error, reads))
    }

    /// Sends a request that has to succeed. `what` is what was to be done: "list the users".
    pub(super) async fn done(&self, what: &str, request: Request, does: Does) -> Result<Response, Fail> {
        let response = self.send(request, does).await?;
        if response.is_success() { Ok(response) } else { Err(self.refused(what, &response).await) }
    }

    /// Makes the failure of an answer.
    pub(super) async fn refused(&self, what: &str, response: &Response) -> Fail {
        let status = response.status();
        let said = Said::of(response);
        let code = if said.is_about_a_duplicate(status) { Code::Exists } else { Code::of_status(status) };
        let words = if said.message.is_empty() { String::new() } else { format!(": {}", said.message) };
        let fail = Fail::coded(code, format!("Authifi refused to {what} ({status}){words}"))
            .diagnostic("statusCode", status)
            .diagnostic("systemCode", &said.code)
            .diagnostic("systemMessage", &said.message);
        let fail = match response.retry_after() {
            Some(after) => fail.diagnostic("retryAfterSeconds", after.as_secs()),
            None => fail,
        };
        if status != 403 {
            return fail;
        }
        // The rights of an administrator do not make up for a scope that a client's token lacks.
        let scopes = match self.token().await {
            Ok(token) => scopes_of(token.secret()),
            Err(_) => None,
        };
        let (scopes, told) = match scopes {
            Some(scopes) => (scopes, "the token had these scopes"),
            None => (self.connection.scopes.clone(), "these scopes were asked for"),
        };
        let error =
            format!("{}; {told}: {}", fail.error, if scopes.is_empty() { "none".to_owned() } else { scopes.join(" ") });
        Fail { error, ..fail }.diagnostic("tokenScopes", scopes)
    }
}

/// What a service says of a failure.
struct Said {
    code: String,
    message: String,
}

impl Said {
    /// Reads `{ "error": { "statusCode", "name", "message", "code" } }`, which LoopBack answers.
    fn of(response: &Response) -> Self {
        let body: Value = response.json().unwrap_or_default();
        let error = &body["error"];
        let text = |name: &str| error[name].as_str().map(|text| text.chars().take(MAX_SAID).collect::<String>());
        let code = text("code").or_else(|| text("name")).unwrap_or_default();
        Self { code, message: text("message").unwrap_or_default() }
    }

    fn is_about_a_duplicate(&self, status: u16) -> bool {
        let words = format!("{} {}", self.code, self.message).to_ascii_lowercase();
        status == 409
            || status == 422 && ["duplicate", "already exists", "unique"].iter().any(|word| words.contains(word))
    }
}

/// Reads the scopes of a token that tells them: a JWT with the claim `scope` or `scp`.
pub(super) fn scopes_of(token: &Secret) -> Option<Vec<String>> {
    let claims = token.expose().split('.').nth(1)?;
    let claims: Value = serde_json::from_slice(&BASE64_URL_SAFE_NO_PAD.decode(claims).ok()?).ok()?;
    let of = |value: &Value| match value {
        Value::String(text) => Some(text.split_whitespace().map(str::to_owned).collect()),
        Value::Array(texts) => Some(texts.iter().filter_map(Value::as_str).map(str::to_owned).collect()),
        _ => None,
    };
    of(&claims["scope"]).or_else(|| of(&claims["scp"]))
}

/// Returns the text of an id, which is a number or a text.
pub(super) fn id_text(name: &str, id: &Value) -> Result<String, Fail> {
    match id {
        Value::Number(number) => Ok(number.to_string()),
        // Dots would lead to another resource.
        Value::String(text) if !matches!(text.trim(), "" | "." | "..") => Ok(text.trim().to_owned()),
        _ => Err(invalid(format!("{name} has to be an id: a number, or a text"))),
    }
}

/// Returns an id as a filter has it: a text of digits is a number.
pub(super) fn id_value(id: &str) -> Value {
    let is_number = !id.is_empty() && id.len() <= 19 && id.bytes().all(|byte| byte.is_ascii_digit());
    id.parse::<u64>()
        .ok()
        .filter(|_| is_number && (id == "0" || !id.starts_with('0')))
        .map_or_else(|| json!(id), Value::from)
}

/// Makes the failure of an answer that is not what the API answers.
pub(super) fn unreadable(what: &str) -> Fail {
    Fail::coded(Code::Unavailable, format!("Authifi's answer cannot be used to {what}: it is no such JSON"))
}
