//! The access tokens of one connection, and requests that carry them.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use connector_schema::MAX_SECRET_BYTES;
use jiff::Timestamp;
use sha2::{Digest as _, Sha256};

use super::{
    ClientAuthentication, Fetched, Flights, Grant, JwtBearer, Key, MAX_SEARCH_TIME, TokenError, TokenRequest, ask,
};
use crate::redact::RuntimeSecret;
use crate::{Client, EgressError, Request, Response, Secret};

/// The longest that a service may take to answer with a token, whatever time the call has that waits for it.
const MAX_REQUEST_TIME: Duration = Duration::from_secs(30);
/// The status with which a service rejects a token.
const UNAUTHORIZED: u16 = 401;

/// Asks for a token with a client's credentials (RFC 6749, section 4.4).
#[derive(Clone)]
pub struct ClientCredentials {
    /// The URL where tokens are fetched.
    pub token_url: String,
    /// The client's id.
    pub client_id: String,
    /// The client's secret.
    pub client_secret: Secret,
    /// The requested scopes.
    pub scopes: Vec<String>,
    /// Its audience, as some services call it. Empty: none.
    pub audience: String,
    /// Its resource (RFC 8707). Empty: none.
    pub resource: String,
    /// How the credentials are sent; `None`: in the header first, then in the body.
    pub authentication: Option<ClientAuthentication>,
}

impl fmt::Debug for ClientCredentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ClientCredentials").field("token_url", &self.token_url).finish_non_exhaustive()
    }
}

/// How a token is got.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum TokenSource {
    /// With a client's credentials.
    ClientCredentials(ClientCredentials),
    /// With a signed assertion.
    JwtBearer(JwtBearer),
}

impl From<ClientCredentials> for TokenSource {
    fn from(credentials: ClientCredentials) -> Self {
        Self::ClientCredentials(credentials)
    }
}

impl From<JwtBearer> for TokenSource {
    fn from(assertion: JwtBearer) -> Self {
        Self::JwtBearer(assertion)
    }
}

/// An access token.
#[derive(Debug, Clone)]
pub struct AccessToken {
    secret: RuntimeSecret,
    authentication: Option<ClientAuthentication>,
}

impl AccessToken {
    /// Returns its text.
    pub fn secret(&self) -> &Secret {
        self.secret.secret()
    }

    /// Returns it as something that is masked.
    pub fn runtime_secret(&self) -> &RuntimeSecret {
        &self.secret
    }
}

/// The tokens of one connection; its clients share them.
pub(crate) type Tokens = Flights<AccessToken, TokenError>;

/// Names texts without containing them.
pub fn named<'t>(texts: impl IntoIterator<Item = &'t str>) -> Key {
    let mut hash = Sha256::new();
    for text in texts {
        hash.update((text.len() as u64).to_le_bytes());
        hash.update(text);
    }
    hash.finalize().into()
}

impl TokenSource {
    /// Names the token by a hash of all that it depends on.
    pub(super) fn key(&self) -> Key {
        match self {
            Self::ClientCredentials(ClientCredentials {
                token_url,
                client_id,
                client_secret,
                scopes,
                audience,
                resource,
                authentication,
            }) => {
                let authentication = format!("{authentication:?}");
                let parts =
                    ["client", token_url, client_id, client_secret.expose(), audience, resource, &authentication];
                named(parts.into_iter().chain(scopes.iter().map(String::as_str)))
            }
            Self::JwtBearer(JwtBearer { token_url, issuer, subject, scopes, audience, key_id, key }) => {
                let parts = ["assertion", token_url, issuer, subject, audience, key_id, key.expose()];
                named(parts.into_iter().chain(scopes.iter().map(String::as_str)))
            }
        }
    }

    fn token_url(&self) -> &str {
        match self {
            Self::ClientCredentials(credentials) => &credentials.token_url,
            Self::JwtBearer(bearer) => &bearer.token_url,
        }
    }

    async fn fetch(&self, client: &Client, before: Option<AccessToken>) -> Result<Fetched<AccessToken>, TokenError> {
        let client = client.for_tokens(self.token_url()).map_err(TokenError::Egress)?;
        // Whoever waits for it may leave earlier.
        let client = client.with_timeout(MAX_REQUEST_TIME);
        let asked = match self {
            Self::ClientCredentials(credentials) => {
                if credentials.client_id.is_empty() || credentials.client_secret.is_empty() {
                    return Err(TokenError::Request("the client's id and secret are needed".to_owned()));
                }
                if credentials.client_secret.expose().len() > MAX_SECRET_BYTES {
                    let why = format!("the client's secret has more than {MAX_SECRET_BYTES} bytes");
                    return Err(TokenError::Request(why));
                }
                let client = client.watching([credentials.client_secret.clone()]);
                let known = credentials.authentication.or(before.and_then(|token| token.authentication));
                let asked = TokenRequest {
                    client_id: &credentials.client_id,
                    client_secret: credentials.client_secret.expose(),
                    scopes: &credentials.scopes,
                    audience: &credentials.audience,
                    resource: &credentials.resource,
                    grant: Grant::Client,
                };
                ask(&client, &credentials.token_url, &asked, known).await?
            }
            Self::JwtBearer(bearer) => {
                let assertion = bearer.sign(Timestamp::now())?;
                let client = client.watching([assertion.clone()]);
                let asked = TokenRequest {
                    client_id: "",
                    client_secret: "",
                    // They are claims of the assertion.
                    scopes: &[],
                    audience: "",
                    resource: "",
                    grant: Grant::Assertion(&assertion),
                };
                ask(&client, &bearer.token_url, &asked, Some(ClientAuthentication::Body)).await?
            }
        };
        let (answered, authentication) = asked.map_err(TokenError::refused)?;
        let until = answered.began + answered.kept_for;
        let refused = |why| TokenError::Refused { why, status: 200, code: None };
        let secret = answered.access.map_err(refused)?;
        secret.build(answered.began + MAX_SEARCH_TIME).await;
        Ok(Fetched { value: AccessToken { secret, authentication: Some(authentication) }, until })
    }
}

impl Client {
    /// Returns an access token that is not the rejected one. It is fetched once for all clones of this client, and kept
    /// until shortly before it expires. Credentials and assertion are sent only where a field of the
    /// connection says that tokens are fetched, and where the client's scope allows.
    ///
    /// # Errors
    /// If the service gives none, or cannot be asked.
    pub async fn access_token(
        &self,
        source: &TokenSource,
        rejected: Option<&AccessToken>,
    ) -> Result<AccessToken, TokenError> {
        let is_rejected = |token: &AccessToken| rejected.is_some_and(|rejected| rejected.secret() == token.secret());
        self.tokens.get(source.key(), is_rejected, |before| source.fetch(self, before)).await
    }

    /// Returns a client whose requests carry access tokens of a source. `learn` is told of each token that is used, so that
    /// it is masked.
    pub fn authorized(
        &self,
        source: impl Into<TokenSource>,
        learn: impl Fn(RuntimeSecret) + Send + Sync + 'static,
    ) -> Authorized {
        Authorized { client: self.clone(), source: Arc::new(source.into()), learn: Arc::new(learn) }
    }
}

/// Sends requests that carry an access token.
#[derive(Clone)]
pub struct Authorized {
    client: Client,
    source: Arc<TokenSource>,
    learn: Arc<dyn Fn(RuntimeSecret) + Send + Sync>,
}

impl fmt::Debug for Authorized {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Authorized").field("source", &self.source).finish_non_exhaustive()
    }
}

/// Why a request with an access token brought no answer.
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum AuthorizedError {
    /// There is no token; the request did not leave.
    #[error(transparent)]
    Token(#[from] TokenError),
    /// The request brought no answer.
    #[error(transparent)]
    Egress(#[from] EgressError),
}

impl Authorized {
    /// Returns the client without the token, to build requests with.
    pub fn client(&self) -> &Client {
        &self.client
    }

    /// Returns the current token.
    ///
    /// # Errors
    /// If the service gives none.
    pub async fn token(&self) -> Result<AccessToken, TokenError> {
        self.fresh(None).await
    }

    /// Sends a request with the current token. If the service rejects it (401), the request is sent once more with a new
    /// one: what was rejected had no effect.
    ///
    /// # Errors
    /// If there is no token, or no answer.
    pub async fn send(&self, request: Request) -> Result<Response, AuthorizedError> {
        let token = self.fresh(None).await?;
        let response = request.clone().bearer(token.secret()).send().await?;
        if response.status() != UNAUTHORIZED {
            return Ok(response);
        }
        let token = self.fresh(Some(&token)).await?;
        Ok(request.bearer(token.secret()).send().await?)
    }

    async fn fresh(&self, rejected: Option<&AccessToken>) -> Result<AccessToken, TokenError> {
        let token = self.client.access_token(&self.source, rejected).await?;
        (self.learn)(token.runtime_secret().clone());
        Ok(token)
    }
}
