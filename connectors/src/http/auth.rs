//! Credentials of a call and of the connection, in one form.

use connector_runtime::egress::Request;
use connector_runtime::egress::oauth::ClientCredentials;
use connector_runtime::prelude::*;

use super::Http;

/// How a request authenticates.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Select)]
pub enum AuthKind {
    /// Not at all.
    None,
    /// With a token in the Authorization header (RFC 6750).
    Bearer,
    /// With a user name and a password (RFC 7617).
    Basic,
    /// With a key in a header or a query parameter.
    #[select(label = "API key")]
    ApiKey,
}

/// How the requests of a connection authenticate.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Select)]
pub enum ConnectionAuth {
    /// Not at all.
    None,
    /// With a token in the Authorization header (RFC 6750).
    Bearer,
    /// With a user name and a password (RFC 7617).
    Basic,
    /// With a key in a header or a query parameter.
    #[select(label = "API key")]
    ApiKey,
    /// With access tokens that are fetched by a client's credentials (RFC 6749, section 4.4).
    #[select(name = "oauth2", label = "OAuth 2 client credentials")]
    OAuth2,
}

/// Where an API key is carried.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Select)]
pub enum ApiKeyPlace {
    /// In a header.
    Header,
    /// In the query.
    Query,
}

/// Credentials of one request.
#[object]
#[derive(Debug)]
pub struct Auth {
    /// How to authenticate.
    #[param(name = "type")]
    pub kind: AuthKind,
    /// Token; needed for bearer.
    pub token: Option<Secret>,
    /// User name; needed for basic.
    pub username: Option<String>,
    /// Password of basic; empty when left out.
    pub password: Option<Secret>,
    /// Where the key of api_key is carried.
    #[param(name = "in", default = "header")]
    pub place: ApiKeyPlace,
    /// Header or query parameter that carries the key of api_key.
    #[param(default = "X-Api-Key")]
    pub name: String,
    /// The key; needed for api_key.
    pub value: Option<Secret>,
}

/// Credentials that are complete.
#[derive(Debug)]
pub(super) enum Credentials<'a> {
    /// Access tokens are added when a request is sent.
    OAuth2(Box<ClientCredentials>),
    Bearer(&'a Secret),
    Basic(&'a str, Secret),
    ApiKey(ApiKeyPlace, &'a str, &'a Secret),
}

impl Auth {
    /// Returns the credentials, if there are any.
    pub(super) fn credentials(&self) -> Result<Option<Credentials<'_>>, Failure> {
        let given = Given {
            token: filled(self.token.as_ref()),
            username: self.username.as_deref(),
            password: self.password.as_ref(),
            key: filled(self.value.as_ref()),
            place: self.place,
            name: &self.name,
        };
        given.credentials(self.kind).map_err(|lacks| {
            let names = match lacks {
                Lack::Token => "token",
                Lack::Username => "username",
                Lack::Key => "value",
                Lack::KeyName => "name",
            };
            Fail::new(format!("Missing required field(s): auth.{names} (auth.type is {})", self.kind.as_str())).into()
        })
    }
}

impl Http {
    /// Returns the connection's credentials, if it has any.
    pub(super) fn credentials(&self) -> Result<Option<Credentials<'_>>, Failure> {
        let given = Given {
            token: filled(self.token.as_ref()),
            username: self.username.as_deref().filter(|name| !name.is_empty()),
            password: filled(self.password.as_ref()),
            key: filled(self.api_key.as_ref()),
            place: self.api_key_in,
            name: &self.api_key_name,
        };
        let kind = match self.auth_type {
            Some(ConnectionAuth::OAuth2) => return self.client_credentials().map(Some),
            Some(ConnectionAuth::None) => AuthKind::None,
            Some(ConnectionAuth::Bearer) => AuthKind::Bearer,
            Some(ConnectionAuth::Basic) => AuthKind::Basic,
            Some(ConnectionAuth::ApiKey) => AuthKind::ApiKey,
            None => match given.kind(filled(self.client_secret.as_ref()).is_some())? {
                Some(kind) => kind,
                None => return self.client_credentials().map(Some),
            },
        };
        given.credentials(kind).map_err(|lacks| {
            let field = match lacks {
                Lack::Token => "token",
                Lack::Username => "username",
                Lack::Key => "apiKey",
                Lack::KeyName => "apiKeyName",
            };
            lacking(field, kind.as_str())
        })
    }

    /// Returns what access tokens are fetched with.
    fn client_credentials(&self) -> Result<Credentials<'_>, Failure> {
        let lacks = |field| lacking(field, ConnectionAuth::OAuth2.as_str());
        let token_url = self.token_url.as_ref().ok_or_else(|| lacks("tokenUrl"))?;
        let client_id = self.client_id.clone().filter(|id| !id.is_empty()).ok_or_else(|| lacks("clientId"))?;
        let client_secret = filled(self.client_secret.as_ref()).ok_or_else(|| lacks("clientSecret"))?.clone();
        Ok(Credentials::OAuth2(Box::new(ClientCredentials {
            token_url: token_url.as_str().to_owned(),
            client_id,
            client_secret,
            scopes: self.scopes.clone(),
            audience: self.audience.clone().unwrap_or_default(),
            resource: String::new(),
            authentication: None,
        })))
    }
}

fn lacking(field: &str, kind: &str) -> Failure {
    Fail::new(format!("Missing required field(s): {field} (the connection authenticates by {kind})")).into()
}

/// The given values, from the call or from the connection.
struct Given<'a> {
    token: Option<&'a Secret>,
    username: Option<&'a str>,
    password: Option<&'a Secret>,
    key: Option<&'a Secret>,
    place: ApiKeyPlace,
    name: &'a str,
}

/// A missing part of credentials.
enum Lack {
    Token,
    Username,
    Key,
    KeyName,
}

impl<'a> Given<'a> {
    /// Returns the only kind for which something was given; `None` for a client's credentials.
    fn kind(&self, has_client: bool) -> Result<Option<AuthKind>, Failure> {
        let kinds = [
            (Some(AuthKind::Bearer), self.token.is_some()),
            (Some(AuthKind::Basic), self.username.is_some() || self.password.is_some()),
            (Some(AuthKind::ApiKey), self.key.is_some()),
            (None, has_client),
        ];
        let mut set = kinds.into_iter().filter(|(_, set)| *set).map(|(kind, _)| kind);
        match (set.next(), set.next()) {
            (Some(kind), None) => Ok(kind),
            (None, _) => Ok(Some(AuthKind::None)),
            (Some(_), Some(_)) => {
                Err(Fail::new("The connection holds credentials of more than one kind; say which to use with authType")
                    .into())
            }
        }
    }

    fn credentials(self, kind: AuthKind) -> Result<Option<Credentials<'a>>, Lack> {
        Ok(Some(match kind {
            AuthKind::None => return Ok(None),
            AuthKind::Bearer => Credentials::Bearer(self.token.ok_or(Lack::Token)?),
            AuthKind::Basic => {
                let password = self.password.cloned().unwrap_or_else(|| Secret::new(""));
                Credentials::Basic(self.username.ok_or(Lack::Username)?, password)
            }
            AuthKind::ApiKey if self.name.is_empty() => return Err(Lack::KeyName),
            AuthKind::ApiKey => Credentials::ApiKey(self.place, self.name, self.key.ok_or(Lack::Key)?),
        }))
    }
}

impl Credentials<'_> {
    /// Adds the credentials to a request.
    pub(super) fn lay(self, request: Request) -> Request {
        match self {
            Self::OAuth2(_) => request,
            Self::Bearer(token) => request.bearer(token),
            Self::Basic(username, password) => request.basic(username, &password),
            Self::ApiKey(ApiKeyPlace::Header, name, key) => request.secret_header(name, key),
            Self::ApiKey(ApiKeyPlace::Query, name, key) => request.secret_query(name, key),
        }
    }
}

/// Returns a secret; an empty one comes from an empty input of a form and counts as absent.
fn filled(secret: Option<&Secret>) -> Option<&Secret> {
    secret.filter(|secret| !secret.is_empty())
}
