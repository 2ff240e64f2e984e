//! Access tokens of the client credentials grant (RFC 6749, section 4.4), for `floh.auth.token`.
//!
//! A script's memory ends with its run, so a script alone would fetch a token for every call. Here the server
//! keeps them in memory until the connector's config changes: one request serves all calls
//! that want the token. It is renewed before it expires, and once more after a service has rejected it.

use std::fmt;
use std::time::Duration;

use connector_runtime::Secret;
use connector_runtime::egress::{Client, Response};
use connector_runtime::redact::{Redactor, RuntimeSecret};
use connector_runtime::schema::MAX_SECRET_BYTES;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use sha2::{Digest, Sha256};
use tokio::time::Instant;

use super::egress::fault;
use super::sandbox::HttpFault;
use super::single_flight::{Fetched, Flights, Key};

/// How long a discovery document is kept.
const DISCOVERY: Duration = Duration::from_secs(3600);
/// How long a token is kept if its service does not say how long it is valid.
const UNSAID: Duration = Duration::from_secs(300);
/// The longest time that a token is kept.
const MAX_LIFETIME: Duration = Duration::from_secs(24 * 3600);
/// How long building the search for a token may take; until it is built, everything is masked.
const MAX_SEARCH_TIME: Duration = Duration::from_secs(60);
/// Characters that are kept of a service's refusal.
const SAID: usize = 300;

/// Characters that are not encoded in the user name and password of client credentials.
const UNRESERVED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// A script's request for an access token. Nothing in it is checked.
#[derive(Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct TokenCall {
    /// The URL where tokens are fetched.
    pub token_url: String,
    /// The discovery document that names this URL if `token_url` is empty.
    pub open_id_connect_url: String,
    /// The client's id.
    pub client_id: String,
    /// The client's secret.
    pub client_secret: String,
    /// The requested scopes.
    pub scopes: Vec<String>,
    /// Its audience, as some services call it.
    pub audience: String,
    /// Its resource (RFC 8707).
    pub resource: String,
    /// `basic` or `body`: how the client's credentials are sent. Empty: `basic` first, then `body`.
    pub style: String,
    /// Whether the token of this run was rejected.
    pub renew: bool,
}

impl fmt::Debug for TokenCall {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TokenCall").field("renew", &self.renew).finish_non_exhaustive()
    }
}

impl TokenCall {
    /// Names the token by a hash of all that it depends on.
    pub(super) fn key(&self) -> Key {
        let Self {
            token_url, open_id_connect_url, client_id, client_secret, scopes, audience, resource, style, ..
        } = self;
        let parts = [token_url, open_id_connect_url, client_id, client_secret, audience, resource, style];
        let mut hash = Sha256::new();
        for part in parts.into_iter().chain(scopes) {
            hash.update((part.len() as u64).to_le_bytes());
            hash.update(part);
        }
        hash.finalize().into()
    }
}

/// An access token.
#[derive(Debug, Clone)]
pub(super) struct Token {
    pub(super) secret: RuntimeSecret,
    /// How the client's credentials were sent for it.
    style: Style,
}

/// How the client's credentials are sent (RFC 6749, section 2.3.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Style {
    Basic,
    Body,
}

/// The access tokens of one connector. They are dropped with it, and at any change of its config.
#[derive(Debug, Default)]
pub struct AccessTokens {
    tokens: Flights<Token>,
    /// The URLs where tokens are fetched, by discovery document.
    endpoints: Flights<String>,
}

impl AccessTokens {
    /// Returns a token that is not the `rejected` one. The client's credentials go where the client's scope allows, and
    /// to the `trusted` URLs, with nothing else that is secret.
    pub(super) async fn get(
        &self,
        client: &Client,
        trusted: &[String],
        asked: &TokenCall,
        rejected: Option<&Secret>,
    ) -> Result<Token, HttpFault> {
        if asked.client_id.is_empty() || asked.client_secret.is_empty() {
            return Err(misused("clientId and clientSecret are needed"));
        }
        if asked.client_secret.len() > MAX_SECRET_BYTES {
            return Err(misused(&format!("clientSecret has more than {MAX_SECRET_BYTES} bytes")));
        }
        let style = match asked.style.as_str() {
            "" => None,
            "basic" => Some(Style::Basic),
            "body" => Some(Style::Body),
            _ => return Err(misused("style is basic or body")),
        };
        let is_rejected = |token: &Token| rejected.is_some_and(|rejected| token.secret.secret() == rejected);
        let fetch = |before: Option<Token>| async move {
            // A secret that the schema does not mark as one must not be sent on either.
            let client = client.watching([Secret::from(asked.client_secret.as_str())]);
            let is_trusted = |url: &str| trusted.iter().any(|trusted| trusted == url);
            let (url, trusts) = match (asked.token_url.as_str(), asked.open_id_connect_url.as_str()) {
                ("", "") => return Err(misused("tokenUrl or openIdConnectUrl is needed")),
                ("", document) => (self.endpoint(&client, document).await?, is_trusted(document)),
                (url, _) => (url.to_owned(), is_trusted(url)),
            };
            let client = if trusts { for_credentials(&client, &url, asked)? } else { client };
            let known = style.or(before.map(|token| token.style));
            let fetched = fetch(&client, &url, asked, known.unwrap_or(Style::Basic)).await?;
            let fetched = match fetched {
                // Some services accept the client's credentials in one place only.
                Err((400 | 401, _)) if known.is_none() => self::fetch(&client, &url, asked, Style::Body).await?,
                fetched => fetched,
            };
            fetched.map_err(|(_, fault)| fault)
        };
        self.tokens.get(asked.key(), is_rejected, fetch).await
    }

    /// Reads from a discovery document where tokens are fetched (OpenID Connect Discovery 1.0, section 4).
    async fn endpoint(&self, client: &Client, document: &str) -> Result<String, HttpFault> {
        let fetch = |_| async move {
            let response = client.get(document).header("accept", "application/json").send().await;
            let response = response.map_err(|error| fault(&error))?;
            let told = body(&response);
            let endpoint = told.get("token_endpoint").and_then(Value::as_str).filter(|_| response.is_success());
            let Some(endpoint) = endpoint else {
                let lacks = if response.is_success() { " without a token_endpoint" } else { "" };
                return Err(refused(&format!("{} answered {}{lacks}", shown(document), response.status())));
            };
            if is_https(document) && !is_https(endpoint) {
                let why = format!("{} names a token_endpoint without https", shown(document));
                return Err(refused(&why));
            }
            Ok(Fetched { value: endpoint.to_owned(), until: Instant::now() + DISCOVERY })
        };
        self.endpoints.get(Sha256::digest(document).into(), |_| false, fetch).await
    }
}

/// Returns a client that sends a client's credentials to a URL, after a look that no other secret goes with them.
fn for_credentials(client: &Client, url: &str, asked: &TokenCall) -> Result<Client, HttpFault> {
    let others = [&asked.audience, &asked.resource].into_iter().chain(&asked.scopes);
    if others.into_iter().any(|text| client.recognises(text)) {
        return Err(misused("scopes, audience and resource may hold no secret of the connection"));
    }
    client.scoped([url]).map_err(|error| fault(&error))
}

/// Fetches a token; a refusal comes with its status.
async fn fetch(
    client: &Client,
    url: &str,
    asked: &TokenCall,
    style: Style,
) -> Result<Result<Fetched<Token>, (u16, HttpFault)>, HttpFault> {
    let scope = asked.scopes.join(" ");
    let mut form = vec![("grant_type", "client_credentials")];
    let more = [("scope", &scope), ("audience", &asked.audience), ("resource", &asked.resource)];
    form.extend(more.iter().filter(|(_, value)| !value.is_empty()).map(|(name, value)| (*name, value.as_str())));
    let mut request = client.post(url).header("accept", "application/json");
    request = match style {
        Style::Basic => {
            let encoded = |text: &str| utf8_percent_encode(text, UNRESERVED).to_string();
            request.basic(&encoded(&asked.client_id), &Secret::new(encoded(&asked.client_secret)))
        }
        Style::Body => {
            form.extend([("client_id", asked.client_id.as_str()), ("client_secret", asked.client_secret.as_str())]);
            request.sensitive_body()
        }
    };
    // The time of the request counts as part of the token's lifetime.
    let began = Instant::now();
    let response = request.form(&form).send().await.map_err(|error| fault(&error))?;
    let told = body(&response);
    let token = told.get("access_token").and_then(Value::as_str).filter(|token| !token.is_empty());
    let Some(token) = token.filter(|_| response.is_success()) else {
        let said = ["error", "error_description"].map(|name| told.get(name).and_then(Value::as_str));
        let said: Vec<&str> = said.into_iter().flatten().collect();
        // A service may repeat what it was sent. Masked before the text is cut, because the cut could leave half of it.
        let redactor = Redactor::new([asked.client_secret.clone()]);
        let said = said.join(": ").replace(char::is_control, "");
        let said: String = redactor.text(&said).chars().take(SAID).collect();
        let lacks = if response.is_success() { " without an access_token" } else { "" };
        let said = if said.is_empty() { String::new() } else { format!(": {said}") };
        let why = format!("{} answered {}{lacks}{said}", shown(url), response.status());
        let why = redactor.text(&why).into_owned();
        return Ok(Err((response.status(), refused(&why))));
    };
    let until = began + kept_for(told.get("expires_in"));
    let secret = match RuntimeSecret::new(Secret::from(token)) {
        Ok(secret) => secret,
        // Whoever issues tokens chooses their length.
        Err(error) => {
            let why = format!("{} answered an access_token that is too long: {error}", shown(url));
            return Ok(Err((response.status(), refused(&why))));
        }
    };
    secret.build(began + MAX_SEARCH_TIME).await;
    Ok(Ok(Fetched { value: Token { secret, style }, until }))
}

/// Returns how long a token is used: a tenth of its lifetime, but 5 to 30 seconds of it, is left for the calls
/// that carry it. One that is valid for 5 seconds or less goes to the waiting callers, and is not kept.
pub(super) fn kept_for(expires_in: Option<&Value>) -> Duration {
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

fn body(response: &Response) -> Value {
    response.json().unwrap_or_default()
}

fn is_https(url: &str) -> bool {
    url::Url::parse(url).is_ok_and(|url| url.scheme() == "https")
}

/// Prints a URL for people: without its query.
fn shown(url: &str) -> String {
    url.split(['?', '#']).next().unwrap_or_default().to_owned()
}

fn refused(why: &str) -> HttpFault {
    HttpFault::new("token", format!("no access token: {why}"))
}

fn misused(why: &str) -> HttpFault {
    HttpFault::new("request", format!("floh.auth.token cannot ask for a token: {why}"))
}
