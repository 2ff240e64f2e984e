//! Credentials of a call and of the connection, in one form.

use connector_runtime::egress::Request;
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
            Some(kind) => kind,
            None => given.kind()?,
        };
        given.credentials(kind).map_err(|lacks| {
            let field = match lacks {
                Lack::Token => "token",
                Lack::Username => "username",
                Lack::Key => "apiKey",
                Lack::KeyName => "apiKeyName",
            };
            Fail::new(format!("Missing required field(s): {field} (the connection authenticates by {})", kind.as_str()))
                .into()
        })
    }
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
    /// Returns the only kind for which something was given.
    fn kind(&self) -> Result<AuthKind, Failure> {
        let kinds = [
            (AuthKind::Bearer, self.token.is_some()),
            (AuthKind::Basic, self.username.is_some() || self.password.is_some()),
            (AuthKind::ApiKey, self.key.is_some()),
        ];
        let mut set = kinds.into_iter().filter(|(_, set)| *set).map(|(kind, _)| kind);
        match (set.next(), set.next()) {
            (Some(kind), None) => Ok(kind),
            (None, _) => Ok(AuthKind::None),
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
