//! The credentials of a request: which of its alternatives are used, and what they add.

use std::sync::Arc;

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use connector_runtime::Secret;
use connector_runtime::egress::Response;
use connector_runtime::schema::destination::TOKEN_FIELDS;
use connector_runtime::schema::{CLIENT_CERTIFICATE, CLIENT_KEY, FieldValues};
use jiff::Timestamp;
use serde_json::Value;
use url::Url;

use super::address::Base;
use super::aws::{self, Signer};
use super::spelling::{encoded, text};
use super::table::OperationTable;
use crate::openapi::{Entry, Need, Scheme};
use crate::script::{EgressCalls, HostCalls, HttpFault, TokenCall};

/// The field of an access token that a person got elsewhere.
const ACCESS_TOKEN: &str = "accessToken";
/// The field of a refresh token.
const REFRESH_TOKEN: &str = "refreshToken";
/// What is filled in for OAuth.
const OAUTH_FIELDS: &str =
    "; an access token is `accessToken`, or is fetched with `refreshToken`, or with `clientId` and `clientSecret`";

/// What credentials add to a request.
#[derive(Debug, Default)]
pub(super) struct Login {
    pub(super) headers: Vec<(String, Secret)>,
    pub(super) query: Vec<String>,
    pub(super) cookies: Vec<String>,
    /// What signs the request.
    pub(super) signer: Option<Arc<Signer>>,
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
                let lacks_oauth = all().any(|needs| self.has_oauth(needs));
                let fields = if lacks_oauth { OAUTH_FIELDS } else { "" };
                Err(format!("no credentials are filled in for {}{fields}", known.join(" or ")))
            }
        }
    }

    fn is_set(&self, need: &Need) -> bool {
        let is = |field: &str| self.get(field).is_some();
        match self.table.scheme(&need.scheme) {
            Some(Scheme::ApiKey { field, .. }) => is(field),
            Some(Scheme::Bearer) => is("bearerToken"),
            Some(Scheme::Basic) => is("username"),
            Some(Scheme::Oauth2 | Scheme::OpenIdConnect) => is(ACCESS_TOKEN) || self.renews(),
            Some(Scheme::AwsSigV4) => is("accessKeyId") && is("secretAccessKey"),
            Some(Scheme::MutualTls) => is(CLIENT_CERTIFICATE) && is(CLIENT_KEY),
            None => false,
        }
    }

    fn has_oauth(&self, needs: &[Need]) -> bool {
        needs.iter().any(|need| matches!(self.table.scheme(&need.scheme), Some(Scheme::Oauth2 | Scheme::OpenIdConnect)))
    }

    /// Returns whether access tokens can be fetched.
    fn renews(&self) -> bool {
        let is = |field: &str| self.get(field).is_some();
        is(REFRESH_TOKEN) || is("clientId") && is("clientSecret")
    }

    /// Returns whether one of the credentials is an access token, which may be withdrawn before its time, and another one
    /// can be fetched.
    pub(super) fn is_renewable(&self, needs: &[Need]) -> bool {
        self.has_oauth(needs) && self.renews()
    }

    /// Says what to do about credentials that a service does not accept, if their kind lets us know.
    pub(super) fn advice(&self, needs: &[Need], response: &Response) -> Option<String> {
        let is_signed = needs.iter().any(|need| self.table.scheme(&need.scheme) == Some(&Scheme::AwsSigV4));
        match response.status() {
            401 if self.has_oauth(needs) && self.renews() => Some(
                "a renewed access token was not accepted either: check `scope`, `audience` and `resource`".to_owned(),
            ),
            401 if self.has_oauth(needs) => {
                let advice = "the connection's `accessToken` was not accepted and cannot be renewed: fill in a new one, or \
                     `refreshToken`, or `clientId` and `clientSecret`";
                Some(advice.to_owned())
            }
            400..=403 if is_signed => aws::clock_advice(response.header("date")?, Timestamp::now()),
            300..=399 if is_signed => {
                let advice =
                    "a signed request follows no redirect: fill in where it leads as `baseUrl`, and its `region`";
                Some(advice.to_owned())
            }
            _ => None,
        }
    }

    /// Returns what credentials add to a request. `renew` says that the access token of the request before was rejected.
    ///
    /// # Errors
    /// If there is no access token.
    pub(super) async fn login(
        &self,
        host: &EgressCalls,
        needs: &[Need],
        base: &Base,
        renew: bool,
    ) -> Result<Login, HttpFault> {
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
                    let token = self.access_token(host, scheme, need, renew).await?;
                    authorization(&mut login, format!("Bearer {}", token.expose()));
                }
                Some(Scheme::AwsSigV4) => login.signer = Some(Arc::new(self.signer(base)?)),
                // The client of the connection shows it.
                Some(Scheme::MutualTls) => {}
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

    /// Returns what signs requests. Region and service are those of the host, unless they are filled in.
    fn signer(&self, base: &Base) -> Result<Signer, HttpFault> {
        let url = Url::parse(&base.prefix).ok();
        let host = url.as_ref().and_then(Url::host_str).unwrap_or_default();
        let (service, region) = aws::of_host(host).unwrap_or_default();
        let place = |field: &str, told: &str| {
            let own = self.text(field);
            let found = if own.is_empty() { told.to_owned() } else { own };
            if found.is_empty() || found.contains(['/', '\n']) {
                let message =
                    format!("requests are signed for a region and a service: fill in `{field}` of the connection");
                return Err(HttpFault::new("request", message));
            }
            Ok(found)
        };
        Ok(Signer {
            access_key_id: self.text("accessKeyId"),
            secret_access_key: Secret::new(self.text("secretAccessKey")),
            session_token: Secret::new(self.text("sessionToken")),
            region: place("region", region)?,
            service: place("service", service)?,
        })
    }

    /// Returns an access token: the one that was filled in until it is rejected, then one by the refresh token, else one by
    /// the client's credentials.
    async fn access_token(
        &self,
        host: &EgressCalls,
        scheme: &Scheme,
        need: &Need,
        renew: bool,
    ) -> Result<Secret, HttpFault> {
        let own = Secret::new(self.text(ACCESS_TOKEN));
        if !own.is_empty() {
            if renew {
                host.reject(&own);
            } else if !self.renews() || !host.is_rejected(&own) {
                return Ok(own);
            }
        }
        let call = self.token_call(scheme, need, renew)?;
        let refresh_token = Secret::new(self.text(REFRESH_TOKEN));
        if refresh_token.is_empty() {
            return host.token(call).await;
        }
        // What was granted once is granted again: only a person asks for less (RFC 6749, section 6).
        let scopes = Some(self.text("scope")).filter(|own| !own.is_empty()).into_iter().collect();
        host.renewed(TokenCall { scopes, ..call }, refresh_token).await
    }

    fn token_call(&self, scheme: &Scheme, need: &Need, renew: bool) -> Result<TokenCall, HttpFault> {
        let [token_field, discovery_field] = TOKEN_FIELDS;
        let place = if *scheme == Scheme::OpenIdConnect { discovery_field } else { token_field };
        let url = self.text(place);
        if url.is_empty() {
            let message = format!("{place} is not set; it says where access tokens are fetched");
            return Err(HttpFault::new("request", message));
        }
        let own = self.text("scope");
        let call = TokenCall {
            client_id: self.text("clientId"),
            client_secret: self.text("clientSecret"),
            scopes: if own.is_empty() { need.scopes.clone() } else { vec![own] },
            audience: self.text("audience"),
            resource: self.text("resource"),
            style: self.text("clientAuthentication"),
            renew,
            ..TokenCall::default()
        };
        Ok(match scheme {
            Scheme::OpenIdConnect => TokenCall { open_id_connect_url: url, ..call },
            _ => TokenCall { token_url: url, ..call },
        })
    }
}
