//! The credentials of a request: which of its alternatives are used, and what they add.

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use connector_runtime::Secret;
use connector_runtime::schema::FieldValues;
use connector_runtime::schema::destination::TOKEN_FIELDS;
use serde_json::Value;

use super::spelling::{encoded, text};
use super::table::OperationTable;
use crate::openapi::{Entry, Need, Scheme};
use crate::script::{EgressCalls, HostCalls, HttpFault, TokenCall};

/// What credentials add to a request.
#[derive(Debug, Default)]
pub(super) struct Login {
    pub(super) headers: Vec<(String, Secret)>,
    pub(super) query: Vec<String>,
    pub(super) cookies: Vec<String>,
}

/// The credentials of a connection.
#[derive(Debug, Clone, Copy)]
pub(super) struct Credentials<'c> {
    pub(super) table: &'c OperationTable,
    pub(super) config: FieldValues<'c>,
}

impl<'c> Credentials<'c> {
    fn get(&self, field: &str) -> Option<&'c Value> {
        self.config.get(field).filter(|value| !matches!(value, Value::String(text) if text.is_empty()))
    }

    fn text(&self, field: &str) -> String {
        self.config.get(field).map(|value| text(value).into_owned()).unwrap_or_default()
    }

    /// Selects the alternative that the connection chooses, else the first one whose credentials are filled in.
    ///
    /// # Errors
    /// If the operation needs credentials and none are filled in.
    pub(super) fn needs<'e>(&self, entry: &'e Entry) -> Result<&'e [Need], String> {
        let name = |needs: &[Need]| needs.iter().map(|need| need.scheme.as_str()).collect::<Vec<_>>().join("+");
        let all = || entry.auth.iter().map(Vec::as_slice);
        let chosen = self.get("authMethod").and_then(Value::as_str);
        let found = all()
            .find(|needs| chosen.is_some_and(|chosen| name(needs) == chosen))
            .or_else(|| all().find(|needs| !needs.is_empty() && needs.iter().all(|need| self.is_set(need))))
            .or_else(|| all().find(|needs| needs.is_empty()));
        match found {
            Some(needs) => Ok(needs),
            None if entry.auth.is_empty() => Ok(&[]),
            None => {
                let known: Vec<String> = all().map(name).collect();
                Err(format!("no credentials are filled in for {}", known.join(" or ")))
            }
        }
    }

    fn is_set(&self, need: &Need) -> bool {
        let is = |field: &str| self.get(field).is_some();
        match self.table.scheme(&need.scheme) {
            Some(Scheme::ApiKey { field, .. }) => is(field),
            Some(Scheme::Bearer) => is("bearerToken"),
            Some(Scheme::Basic) => is("username"),
            Some(Scheme::Oauth2 | Scheme::OpenIdConnect) => is("clientId") && is("clientSecret"),
            None => false,
        }
    }

    /// Returns whether one of the credentials is an access token, which may be withdrawn before its time.
    pub(super) fn is_renewable(&self, needs: &[Need]) -> bool {
        needs.iter().any(|need| matches!(self.table.scheme(&need.scheme), Some(Scheme::Oauth2 | Scheme::OpenIdConnect)))
    }

    /// Returns what credentials add to a request. `renew` says that the access token of the request before was rejected.
    ///
    /// # Errors
    /// If there is no access token.
    pub(super) async fn login(&self, host: &EgressCalls, needs: &[Need], renew: bool) -> Result<Login, HttpFault> {
        let mut login = Login::default();
        let authorization = |login: &mut Login, value: String| {
            login.headers.push(("authorization".to_owned(), Secret::new(value)));
        };
        for need in needs {
            match self.table.scheme(&need.scheme) {
                Some(Scheme::Bearer) => authorization(&mut login, format!("Bearer {}", self.text("bearerToken"))),
                Some(Scheme::Basic) => {
                    let pair = Secret::new(format!("{}:{}", self.text("username"), self.text("password")));
                    authorization(&mut login, format!("Basic {}", BASE64_STANDARD.encode(pair.expose())));
                }
                Some(scheme @ (Scheme::Oauth2 | Scheme::OpenIdConnect)) => {
                    let token = host.token(self.token_call(scheme, need, renew)?).await?;
                    authorization(&mut login, format!("Bearer {}", token.expose()));
                }
                Some(Scheme::ApiKey { location, name, field }) => {
                    let value = self.text(field);
                    match location.as_str() {
                        "header" => login.headers.push((name.clone(), Secret::new(value))),
                        "query" => login.query.push(format!("{}={}", encoded(name), encoded(&value))),
                        _ => login.cookies.push(format!("{name}={}", encoded(&value))),
                    }
                }
                None => {
                    let message =
                        format!("the table of operations has no scheme {}; import the document again", need.scheme);
                    return Err(HttpFault::new("request", message));
                }
            }
        }
        Ok(login)
    }

    fn token_call(&self, scheme: &Scheme, need: &Need, renew: bool) -> Result<TokenCall, HttpFault> {
        let [token_field, discovery_field] = TOKEN_FIELDS;
        let place = if *scheme == Scheme::OpenIdConnect { discovery_field } else { token_field };
        let url = self.text(place);
        if url.is_empty() {
            let message = format!("{place} is not set; it says where access tokens are fetched");
            return Err(HttpFault::new("request", message));
        }
        let call = TokenCall {
            client_id: self.text("clientId"),
            client_secret: self.text("clientSecret"),
            scopes: need.scopes.clone(),
            renew,
            ..TokenCall::default()
        };
        Ok(match scheme {
            Scheme::OpenIdConnect => TokenCall { open_id_connect_url: url, ..call },
            _ => TokenCall { token_url: url, ..call },
        })
    }
}
