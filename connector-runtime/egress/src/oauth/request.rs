//! One request to a token endpoint (RFC 6749), and how its answer is read.

use std::time::Duration;

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::Value;
use tokio::time::Instant;

use super::TokenError;
use crate::redact::{Redactor, RuntimeSecret};
use crate::{Client, Request, Response, Secret};

/// How long a token is kept if its service does not say how long it is valid.
const UNSAID: Duration = Duration::from_secs(300);
/// The longest time that a token is kept.
const MAX_LIFETIME: Duration = Duration::from_secs(24 * 3600);
/// How long building the search for a token may take; until it is built, everything is masked.
pub const MAX_SEARCH_TIME: Duration = Duration::from_secs(60);
/// The grant type of an assertion (RFC 7523, section 2.1).
const ASSERTION: &str = "urn:ietf:params:oauth:grant-type:jwt-bearer";
/// Characters that are kept of a service's refusal.
const SAID: usize = 300;

/// Characters that are not encoded in the user name and password of client credentials.
const UNRESERVED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// How the client's credentials are sent (RFC 6749, section 2.3.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ClientAuthentication {
    /// In the header of basic authentication.
    Basic,
    /// In the body, as `client_id` and `client_secret`.
    Body,
}

/// Who asks for a token, and for what. What is empty is not sent.
#[derive(Clone, Copy)]
pub struct TokenRequest<'r> {
    /// The client's id.
    pub client_id: &'r str,
    /// The client's secret; empty for a client that has none.
    pub client_secret: &'r str,
    /// The requested scopes.
    pub scopes: &'r [String],
    /// Its audience, as some services call it.
    pub audience: &'r str,
    /// Its resource (RFC 8707).
    pub resource: &'r str,
    /// What the token is asked for with.
    pub grant: Grant<'r>,
}

impl std::fmt::Debug for TokenRequest<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("TokenRequest").field("scopes", &self.scopes).finish_non_exhaustive()
    }
}

/// What a token is asked for with.
#[derive(Debug, Clone, Copy)]
pub enum Grant<'g> {
    /// The client's credentials (RFC 6749, section 4.4).
    Client,
    /// A refresh token (RFC 6749, section 6).
    Refresh(&'g Secret),
    /// A signed assertion (RFC 7523).
    Assertion(&'g Secret),
}

/// What a token endpoint answered.
#[derive(Debug)]
pub struct Answered {
    /// The access token, or why there is none: a refresh token that came with it counts all the same. The search for it
    /// is not built yet.
    pub access: Result<RuntimeSecret, String>,
    /// The refresh token that replaces the one that was sent, if there is one.
    pub refresh: Option<Secret>,
    /// How long the access token is used.
    pub kept_for: Duration,
    /// When the request began: its time counts as part of the token's lifetime.
    pub began: Instant,
}

/// A refusal of a token endpoint.
#[derive(Debug)]
pub struct Refusal {
    /// The status of its answer.
    pub status: u16,
    /// The code of RFC 6749, section 5.2.
    pub code: Option<String>,
    /// What it said, without secrets.
    pub why: String,
}

/// Asks for a token. If nobody says how the client's credentials are sent, and the endpoint does not accept them in the
/// header, they are sent in the body: some services accept them in one place only.
///
/// # Errors
/// If there is no answer.
pub async fn ask(
    client: &Client,
    url: &str,
    asked: &TokenRequest<'_>,
    known: Option<ClientAuthentication>,
) -> Result<Result<(Answered, ClientAuthentication), Refusal>, TokenError> {
    let style = known.unwrap_or(ClientAuthentication::Basic);
    let answered = fetch(client, url, asked, style).await?;
    let is_about_the_client = |refusal: &Refusal| {
        // A refresh token that was refused must not be sent again: some services take that for theft.
        matches!(refusal.status, 400 | 401) && refusal.code.as_deref() != Some("invalid_grant")
    };
    match answered {
        Err(refusal) if known.is_none() && !asked.client_secret.is_empty() && is_about_the_client(&refusal) => {
            let answered = fetch(client, url, asked, ClientAuthentication::Body).await?;
            Ok(answered.map(|answered| (answered, ClientAuthentication::Body)))
        }
        answered => Ok(answered.map(|answered| (answered, style))),
    }
}

async fn fetch(
    client: &Client,
    url: &str,
    asked: &TokenRequest<'_>,
    style: ClientAuthentication,
) -> Result<Result<Answered, Refusal>, TokenError> {
    let began = Instant::now();
    let response = request(client, url, asked, style).send().await.map_err(TokenError::Egress)?;
    let told = body(&response);
    let refused_by = || refusal(url, &response, &told, asked);
    if !response.is_success() {
        return Ok(Err(refused_by()));
    }
    let text = |name: &str| told.get(name).and_then(Value::as_str).filter(|token| !token.is_empty());
    let status = response.status();
    let too_long = |what: &str, error: &dyn std::fmt::Display| {
        let why = format!("{} answered {what} that is too long: {error}", shown(url));
        Refusal { status, code: None, why }
    };
    // Whoever issues tokens chooses their length.
    let refresh = match text("refresh_token").map(|token| RuntimeSecret::new(Secret::from(token))).transpose() {
        Ok(refresh) => refresh.map(|refresh| refresh.secret().clone()),
        Err(error) => return Ok(Err(too_long("a refresh_token", &error))),
    };
    let access = match text("access_token").map(|token| RuntimeSecret::new(Secret::from(token))) {
        Some(access) => access.map_err(|error| too_long("an access_token", &error)),
        None => Err(refused_by()),
    };
    let access = match access {
        // The service has forgotten the refresh token that was sent.
        Err(refusal) if refresh.is_some() => Err(refusal.why),
        Err(refusal) => return Ok(Err(refusal)),
        Ok(access) => Ok(access),
    };
    Ok(Ok(Answered { access, refresh, kept_for: kept_for(told.get("expires_in")), began }))
}

fn request(client: &Client, url: &str, asked: &TokenRequest<'_>, style: ClientAuthentication) -> Request {
    let scope = asked.scopes.join(" ");
    let mut form = match asked.grant {
        Grant::Client => vec![("grant_type", "client_credentials")],
        Grant::Refresh(token) => vec![("grant_type", "refresh_token"), ("refresh_token", token.expose())],
        Grant::Assertion(token) => vec![("grant_type", ASSERTION), ("assertion", token.expose())],
    };
    let more = [("scope", scope.as_str()), ("audience", asked.audience), ("resource", asked.resource)];
    form.extend(more.iter().filter(|(_, value)| !value.is_empty()).copied());
    let request = client.post(url).header("accept", "application/json").sensitive_body();
    if asked.client_secret.is_empty() {
        // A public client: it is named and has nothing to prove.
        form.extend(Some(("client_id", asked.client_id)).filter(|(_, id)| !id.is_empty()));
        return request.form(&form);
    }
    match style {
        ClientAuthentication::Basic => {
            let encoded = |text: &str| utf8_percent_encode(text, UNRESERVED).to_string();
            let secret = Secret::new(encoded(asked.client_secret));
            request.basic(&encoded(asked.client_id), &secret).form(&form)
        }
        ClientAuthentication::Body => {
            form.extend([("client_id", asked.client_id), ("client_secret", asked.client_secret)]);
            request.form(&form)
        }
    }
}

fn refusal(url: &str, response: &Response, told: &Value, asked: &TokenRequest<'_>) -> Refusal {
    let said = ["error", "error_description"].map(|name| told.get(name).and_then(Value::as_str));
    let code = said[0].map(str::to_owned);
    let said: Vec<&str> = said.into_iter().flatten().collect();
    // A service may repeat what it was sent. Masked before the text is cut, because the cut could leave half of it.
    let mut secrets = vec![asked.client_secret.to_owned()];
    if let Grant::Refresh(token) | Grant::Assertion(token) = asked.grant {
        secrets.push(token.expose().to_owned());
    }
    let redactor = Redactor::new(secrets);
    let said = said.join(": ").replace(char::is_control, "");
    let said: String = redactor.text(&said).chars().take(SAID).collect();
    let lacks = if response.is_success() { " without an access_token" } else { "" };
    let said = if said.is_empty() { String::new() } else { format!(": {said}") };
    let why = format!("{} answered {}{lacks}{said}", shown(url), response.status());
    let why = redactor.text(&why).into_owned();
    Refusal { status: response.status(), code, why }
}

/// Returns how long a token is used: a tenth of its lifetime, but 5 to 30 seconds of it, is left for the calls
/// that carry it. One that is valid for 5 seconds or less goes to the waiting callers, and is not kept.
pub fn kept_for(expires_in: Option<&Value>) -> Duration {
    let seconds = match expires_in {
        Some(Value::Number(number)) => number.as_f64(),
        // Not in the standard, but common.
        Some(Value::String(text)) => text.trim().parse().ok(),
        _ => None,
    };
    let whole = seconds.map_or(UNSAID, |seconds| {
        Duration::try_from_secs_f64(seconds.max(0.0)).unwrap_or(MAX_LIFETIME).min(MAX_LIFETIME)
    });
    whole.saturating_sub((whole / 10).clamp(Duration::from_secs(5), Duration::from_secs(30)))
}

/// Returns the JSON of an answer; null if it is none.
pub fn body(response: &Response) -> Value {
    response.json().unwrap_or_default()
}

/// Prints a URL for people: without its query.
pub fn shown(url: &str) -> String {
    url.split(['?', '#']).next().unwrap_or_default().to_owned()
}
