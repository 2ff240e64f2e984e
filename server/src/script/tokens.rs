//! Access tokens of the client credentials grant (RFC 6749, section 4.4), for `floh.auth.token`.
//!
//! A script's memory ends with its run, so a script alone would fetch a token for every call. Here the server
//! keeps them in memory until the connector's config changes: one request serves all calls
//! that want the token. It is renewed before it expires, and once more after a service has rejected it.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use connector_runtime::Secret;
use connector_runtime::egress::Client;
use connector_runtime::egress::oauth::{
    ClientAuthentication, Fetched, Flights, Grant, Key, MAX_SEARCH_TIME, TokenError, TokenRequest, ask, body, named,
    shown,
};
use connector_runtime::redact::RuntimeSecret;
use connector_runtime::schema::MAX_SECRET_BYTES;
use parking_lot::Mutex;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use sha2::{Digest, Sha256};
use tokio::time::Instant;

use super::egress::fault;
use super::refresh::{Refresher, Renewal};
use super::sandbox::HttpFault;

/// How long a discovery document is kept.
const DISCOVERY: Duration = Duration::from_secs(3600);

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
        named(parts.into_iter().chain(scopes).map(String::as_str))
    }

    /// Returns the request for the token with a grant.
    pub(super) fn with<'r>(&'r self, grant: Grant<'r>) -> TokenRequest<'r> {
        TokenRequest {
            client_id: &self.client_id,
            client_secret: &self.client_secret,
            scopes: &self.scopes,
            audience: &self.audience,
            resource: &self.resource,
            grant,
        }
    }

    /// Returns how the client's credentials are sent, if that is said.
    pub(super) fn style(&self) -> Result<Option<ClientAuthentication>, HttpFault> {
        match self.style.as_str() {
            "" => Ok(None),
            "basic" => Ok(Some(ClientAuthentication::Basic)),
            "body" | "post" => Ok(Some(ClientAuthentication::Body)),
            _ => Err(misused("style is basic or body")),
        }
    }
}

/// An access token.
#[derive(Debug, Clone)]
pub(super) struct Token {
    pub(super) secret: RuntimeSecret,
    /// How the client's credentials were sent for it, if that is known.
    pub(super) style: Option<ClientAuthentication>,
}

/// The access tokens of one connector. They are dropped with it, and at any change of its config.
#[derive(Debug, Default)]
pub struct AccessTokens {
    tokens: Flights<Token, HttpFault>,
    /// The URLs where tokens are fetched, by discovery document.
    endpoints: Flights<String, HttpFault>,
    refresher: Arc<Refresher>,
    /// The access token of the config that was rejected, by its hash.
    rejected: Mutex<Option<Key>>,
}

impl AccessTokens {
    /// Creates the tokens of a connector that has a refresh token. `rejected` names the access token of its config that
    /// was rejected before.
    pub fn with_refresher(refresher: Arc<Refresher>, rejected: Option<Key>) -> Self {
        Self { refresher, rejected: Mutex::new(rejected), ..Self::default() }
    }

    /// Returns what renews them.
    #[cfg(test)]
    pub(super) const fn refresher(&self) -> &Arc<Refresher> {
        &self.refresher
    }

    /// Returns which access token of the config was rejected.
    pub(super) fn rejected(&self) -> Option<Key> {
        *self.rejected.lock()
    }

    /// Returns whether an access token of the config was rejected.
    pub(super) fn is_rejected(&self, token: &Secret) -> bool {
        self.rejected() == Some(named([token.expose()]))
    }

    /// Remembers that an access token of the config was rejected.
    pub(super) fn reject(&self, token: &Secret) {
        *self.rejected.lock() = Some(named([token.expose()]));
    }

    /// Returns an access token by a refresh token.
    pub(super) async fn renewed(self: &Arc<Self>, renewal: Renewal) -> Result<Token, HttpFault> {
        let secrets = [renewal.asked.client_secret.as_str(), renewal.refresh_token.expose()];
        if secrets.iter().any(|secret| secret.len() > MAX_SECRET_BYTES) {
            return Err(misused(&format!("a secret has more than {MAX_SECRET_BYTES} bytes")));
        }
        self.refresher.get(self, renewal).await
    }

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
        let style = asked.style()?;
        let is_rejected = |token: &Token| rejected.is_some_and(|rejected| token.secret.secret() == rejected);
        let fetch = |before: Option<Token>| async move {
            // A secret that the schema does not mark as one must not be sent on either.
            let client = client.watching([Secret::from(asked.client_secret.as_str())]);
            let (client, url) = self.place(client, trusted, asked).await?;
            let known = style.or(before.and_then(|token| token.style));
            let answered = ask(&client, &url, &asked.with(Grant::Client), known).await?;
            let (answered, style) = answered.map_err(|refusal| refused(&refusal.why))?;
            let until = answered.began + answered.kept_for;
            let access = answered.access.map_err(|why| refused(&why))?;
            access.build(answered.began + MAX_SEARCH_TIME).await;
            Ok(Fetched { value: Token { secret: access, style: Some(style) }, until })
        };
        self.tokens.get(asked.key(), is_rejected, fetch).await
    }

    /// Returns where a token is fetched, and the client that may send the credentials there.
    pub(super) async fn place(
        &self,
        client: Client,
        trusted: &[String],
        asked: &TokenCall,
    ) -> Result<(Client, String), HttpFault> {
        let is_trusted = |url: &str| trusted.iter().any(|trusted| trusted == url);
        let (url, trusts) = match (asked.token_url.as_str(), asked.open_id_connect_url.as_str()) {
            ("", "") => return Err(misused("tokenUrl or openIdConnectUrl is needed")),
            ("", document) => (self.endpoint(&client, document).await?, is_trusted(document)),
            (url, _) => (url.to_owned(), is_trusted(url)),
        };
        let client = if trusts { for_credentials(&client, &url, asked)? } else { client };
        Ok((client, url))
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

fn is_https(url: &str) -> bool {
    url::Url::parse(url).is_ok_and(|url| url.scheme() == "https")
}

impl From<TokenError> for HttpFault {
    fn from(error: TokenError) -> Self {
        match error {
            TokenError::Egress(error) => fault(&error),
            TokenError::Request(why) => misused(&why),
            error => Self::new("token", error.to_string()),
        }
    }
}

pub(super) fn refused(why: &str) -> HttpFault {
    HttpFault::new("token", format!("no access token: {why}"))
}

pub(super) fn misused(why: &str) -> HttpFault {
    HttpFault::new("request", format!("floh.auth.token cannot ask for a token: {why}"))
}
