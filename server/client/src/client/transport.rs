//! Requests and answers: the one place where `reqwest` is used.
#![expect(
    clippy::disallowed_types,
    clippy::disallowed_methods,
    reason = "the client of the operator's own server; it is on the path of no call"
)]

use std::error::Error as _;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use connector_schema::Secret;
use reqwest::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue};
use reqwest::{Method, Response};
use rustls::ClientConfig;
use rustls_platform_verifier::Verifier;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;
use url::Url;

use super::error::{ClientError, Refusal};
use crate::answers::Problem;
use crate::revision::Revision;
use crate::routes::Route;

/// How long it may take to connect.
pub const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
/// The maximum time for a whole answer: saving a large script includes its check, and a call has 300 seconds.
pub const TIMEOUT: Duration = Duration::from_secs(310);
/// The largest answer that is read, in bytes: a type contains its script and schema.
pub const MAX_ANSWER: usize = 256 << 20;
/// The maximum number of idle connections kept for later requests.
const MAX_IDLE: usize = 8;
/// The maximum number of characters that an error quotes of an answer from another server.
const MAX_TOLD: usize = 200;

/// A client of one server, with one token or none. Clones share their connections.
#[derive(Clone)]
pub struct Client {
    http: reqwest::Client,
    base: String,
    authorization: Option<HeaderValue>,
    timeout: Duration,
    max_answer: usize,
}

/// Shows the server and whether there is a token, but never the token.
impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Client")
            .field("server", &self.base)
            .field("token", &self.authorization.as_ref().map(|_| "[redacted]"))
            .finish_non_exhaustive()
    }
}

/// The contents of a request.
#[derive(Default)]
pub(super) struct Outgoing {
    pub(super) query: Vec<(&'static str, String)>,
    pub(super) body: Option<Vec<u8>>,
    pub(super) headers: HeaderMap,
}

/// A successful answer.
pub(super) struct Incoming {
    server: String,
    status: u16,
    headers: HeaderMap,
    body: Vec<u8>,
}

/// An answer that is read piece by piece.
pub(super) struct Streaming {
    client: Client,
    pub(super) status: u16,
    pub(super) headers: HeaderMap,
    response: Response,
}

impl Client {
    /// Creates a client for a server's URL, `http://HOST:PORT` or `https://HOST`, with a token. A path in the URL is
    /// put before that of each route, as behind a reverse proxy.
    ///
    /// # Errors
    /// [`ClientError::Setup`] if the URL or the token is invalid, or TLS is not available.
    pub fn new(server: &str, token: &Secret) -> Result<Self, ClientError> {
        let mut authorization = HeaderValue::try_from(format!("Bearer {}", token.expose()))
            .map_err(|_| ClientError::Setup("the token holds characters that no header can hold".to_owned()))?;
        authorization.set_sensitive(true);
        Ok(Self { authorization: Some(authorization), ..Self::without_token(server)? })
    }

    /// Creates a client that sends no token, for liveness and readiness.
    ///
    /// # Errors
    /// As [`Client::new`].
    pub fn without_token(server: &str) -> Result<Self, ClientError> {
        let base = base(server)?;
        let tls = tls().map_err(|error| {
            ClientError::Setup(format!("TLS cannot be set up: {error}; install the system's CA certificates"))
        })?;
        let http = reqwest::Client::builder()
            .tls_backend_preconfigured(tls)
            .no_proxy()
            .redirect(reqwest::redirect::Policy::none())
            .connect_timeout(CONNECT_TIMEOUT)
            .pool_max_idle_per_host(MAX_IDLE)
            .user_agent(concat!("floh-client/", env!("CARGO_PKG_VERSION")))
            .build()
            .map_err(|error| ClientError::Setup(reason(&error)))?;
        Ok(Self { http, base, authorization: None, timeout: TIMEOUT, max_answer: MAX_ANSWER })
    }

    /// Sets the maximum time for an answer, from connecting to its last byte.
    #[must_use]
    pub fn with_timeout(mut self, timeout: Duration) -> Self {
        self.timeout = timeout;
        self
    }

    /// Sets the maximum number of bytes of an answer.
    #[must_use]
    pub fn with_max_answer(mut self, bytes: usize) -> Self {
        self.max_answer = bytes;
        self
    }

    /// Returns the server's URL, without a slash at its end.
    pub fn server(&self) -> &str {
        &self.base
    }

    /// Sends a request and reads its answer.
    pub(super) async fn send(&self, route: Route, keys: &[&str], out: Outgoing) -> Result<Incoming, ClientError> {
        let path = route.fill(keys).map_err(ClientError::Request)?;
        let mut url =
            Url::parse(&format!("{}{path}", self.base)).map_err(|error| ClientError::Request(error.to_string()))?;
        if !out.query.is_empty() {
            url.query_pairs_mut().extend_pairs(&out.query);
        }
        let method =
            Method::from_bytes(route.method.as_bytes()).map_err(|error| ClientError::Request(error.to_string()))?;
        let mut request = self.http.request(method, url).timeout(self.timeout).headers(out.headers);
        if let Some(authorization) = &self.authorization {
            request = request.header(AUTHORIZATION, authorization);
        }
        request = request.header(ACCEPT, "application/json, application/problem+json, */*;q=0.5");
        if let Some(body) = out.body {
            request = request.header(CONTENT_TYPE, "application/json").body(body);
        }
        let response = request.send().await.map_err(|error| self.transport(&error))?;
        self.read(response).await
    }

    /// Posts JSON and leaves the answer to be read piece by piece: it may go on for as long as the server likes.
    pub(super) async fn post_streaming(&self, path: &str, out: Outgoing) -> Result<Streaming, ClientError> {
        let url =
            Url::parse(&format!("{}{path}", self.base)).map_err(|error| ClientError::Request(error.to_string()))?;
        let mut request = self.http.post(url).headers(out.headers).header(CONTENT_TYPE, "application/json");
        if let Some(authorization) = &self.authorization {
            request = request.header(AUTHORIZATION, authorization);
        }
        let sent = request.body(out.body.unwrap_or_default()).send();
        let response = sent.await.map_err(|error| self.transport(&error))?;
        let (status, headers) = (response.status().as_u16(), response.headers().clone());
        Ok(Streaming { client: self.clone(), status, headers, response })
    }

    /// Sends a request without a body and reads the JSON of its answer.
    pub(super) async fn get<T: DeserializeOwned>(&self, route: Route, keys: &[&str]) -> Result<T, ClientError> {
        self.send(route, keys, Outgoing::default()).await?.json()
    }

    async fn read(&self, mut response: Response) -> Result<Incoming, ClientError> {
        let status = response.status().as_u16();
        let headers = std::mem::take(response.headers_mut());
        let too_large = || ClientError::TooLarge(format!("it has more than {} bytes", self.max_answer));
        if response.content_length().is_some_and(|length| length > self.max_answer as u64) {
            return Err(too_large());
        }
        let mut body = Vec::new();
        while let Some(chunk) = response.chunk().await.map_err(|error| self.transport(&error))? {
            if body.len() + chunk.len() > self.max_answer {
                return Err(too_large());
            }
            body.extend_from_slice(&chunk);
        }
        let answer = Incoming { server: self.base.clone(), status, headers, body };
        if (200..300).contains(&status) { Ok(answer) } else { Err(answer.refused()) }
    }

    fn transport(&self, error: &reqwest::Error) -> ClientError {
        let reason = if error.is_timeout() && !error.is_connect() {
            format!("there was no answer within {} seconds", self.timeout.as_secs_f32())
        } else {
            reason(error)
        };
        ClientError::Transport { server: self.base.clone(), reason, sent: !error.is_connect() }
    }
}

impl Streaming {
    /// Returns the next piece; none at the end.
    pub(super) async fn chunk(&mut self) -> Result<Option<Vec<u8>>, ClientError> {
        match self.response.chunk().await {
            Ok(chunk) => Ok(chunk.map(Into::into)),
            Err(error) => Err(self.client.transport(&error)),
        }
    }

    /// Converts an answer whose body was read to what a route's answer is.
    pub(super) fn into_incoming(self, body: Vec<u8>) -> Incoming {
        Incoming { server: self.client.base, status: self.status, headers: self.headers, body }
    }
}

impl Outgoing {
    /// Builds a request with a JSON body.
    pub(super) fn json(body: &impl Serialize) -> Result<Self, ClientError> {
        let body = serde_json::to_vec(body).map_err(|error| ClientError::Request(error.to_string()))?;
        Ok(Self { body: Some(body), ..Self::default() })
    }

    /// Adds a header.
    pub(super) fn header(mut self, name: &'static str, value: &str) -> Result<Self, ClientError> {
        let value = HeaderValue::from_str(value)
            .map_err(|_| ClientError::Request(format!("{name} holds characters that no header can hold")))?;
        self.headers.insert(HeaderName::from_static(name), value);
        Ok(self)
    }

    /// Requires that the target still has the revision that the caller has read, if it names one.
    pub(super) fn if_match(self, seen: Option<Revision>) -> Result<Self, ClientError> {
        match seen {
            Some(revision) => self.header("if-match", &revision.to_string()),
            None => Ok(self),
        }
    }
}

impl Incoming {
    /// Returns a header.
    pub(super) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }

    /// Returns the revision in the entity tag.
    pub(super) fn revision(&self) -> Option<Revision> {
        self.header("etag")?.parse().ok()
    }

    /// Reads the body as JSON.
    pub(super) fn json<T: DeserializeOwned>(self) -> Result<T, ClientError> {
        serde_json::from_slice(&self.body)
            .map_err(|error| self.unexpected(format!("a body that cannot be read ({error})")))
    }

    /// Reads the body as text.
    pub(super) fn text(self) -> Result<String, ClientError> {
        String::from_utf8(self.body.clone()).map_err(|_| self.unexpected("bytes that are not UTF-8 text".to_owned()))
    }

    /// Converts the answer of a refusal to an error.
    pub(super) fn refused(self) -> ClientError {
        match serde_json::from_slice::<Problem>(&self.body) {
            Ok(problem) => ClientError::Refused(Box::new(Refusal {
                problem,
                request_id: self.header("x-request-id").map(str::to_owned),
                retry_after: self.header("retry-after").and_then(|text| text.parse().ok()).map(Duration::from_secs),
                execution_id: self.header("x-execution-id").and_then(|text| text.parse().ok()),
            })),
            Err(_) => self.unexpected(told(&self.body)),
        }
    }

    /// Returns the error for an invalid answer.
    pub(super) fn unexpected(&self, what: String) -> ClientError {
        ClientError::Unexpected { server: self.server.clone(), status: self.status, what }
    }
}

/// Quotes a body that does not come from a Floh server. It is not trusted, so it is cut and escaped.
fn told(body: &[u8]) -> String {
    if body.is_empty() {
        return "nothing more".to_owned();
    }
    if serde_json::from_slice::<Value>(body).is_ok() {
        return "JSON that is not a problem".to_owned();
    }
    let text: String = String::from_utf8_lossy(body).chars().take(MAX_TOLD).collect();
    format!("a body that is not JSON ({:?})", text.trim())
}

/// Parses the server's URL.
fn base(server: &str) -> Result<String, ClientError> {
    let wrong = || ClientError::Setup("not the URL of a server: write http://HOST:PORT or https://HOST".to_owned());
    let url = Url::parse(server).map_err(|_| wrong())?;
    if !matches!(url.scheme(), "http" | "https") || !url.has_host() {
        return Err(wrong());
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err(ClientError::Setup(
            "the URL of the server holds a user or a password; give a token instead".to_owned(),
        ));
    }
    if url.query().is_some() || url.fragment().is_some() {
        return Err(ClientError::Setup("the URL of the server holds a query or a fragment; leave it out".to_owned()));
    }
    Ok(url.as_str().trim_end_matches('/').to_owned())
}

/// TLS with the system's roots and the ring provider, which is named here so that no default provider must be
/// installed.
fn tls() -> Result<ClientConfig, rustls::Error> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let verifier = Verifier::new(Arc::clone(&provider))?;
    Ok(ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()?
        .dangerous() // rustls's word for any verifier that is not its own
        .with_custom_certificate_verifier(Arc::new(verifier))
        .with_no_client_auth())
}

/// Returns the innermost cause, because reqwest's own texts contain the URL but no reason.
fn reason(error: &reqwest::Error) -> String {
    let mut cause: &dyn std::error::Error = error;
    while let Some(inner) = cause.source() {
        cause = inner;
    }
    if error.source().is_none() { "the connection broke".to_owned() } else { cause.to_string() }
}
