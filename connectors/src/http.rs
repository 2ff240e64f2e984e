//! Calls an HTTP API: one command whose params say what to send and how to read the answer.
//!
//! The runtime's egress decides where a request may go; this module decides which credentials it carries. Those of the
//! call go where the call says. Those of the connection are used if the call has none, and with a base URL they go only
//! to its origin, whatever the params name.

mod auth;
mod body;
mod pairs;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::time::Duration;

use connector_runtime::egress::{BodyError, Client, Request, Retry};
use connector_runtime::prelude::*;

pub use self::auth::{ApiKeyPlace, Auth, AuthKind};
pub use self::body::{BodyType, ResponseType};
pub use self::pairs::{Headers, Query};

/// The total time of a call that names no timeout.
const DEFAULT_TIMEOUT: Duration = Duration::from_secs(30);
/// The time that a call has beyond its request, so that a late answer is reported as a timeout of the request.
const MARGIN: Duration = Duration::from_secs(1);
/// The time of a call that is kept for reporting a request that took too long.
const TOLD_WITHIN: Duration = Duration::from_millis(20);
/// How often a request that only reads is sent again while the service says that it is busy (429 or 503).
const MAX_REPEATS: u32 = 3;
/// The longest possible deadline.
const MAX_TIMEOUT: Duration = Duration::from_secs(300);

/// Call an HTTP API.
#[connector(
    name = "http",
    version = "1.1.0",
    category = "core",
    tags("api", "rest", "web"),
    default_command = "request",
    legacy_commandless_ui,
    egress = base_url,
    errors = explain
)]
#[derive(Debug)]
pub struct Http {
    /// Where relative urls begin. The connection's credentials go to its origin alone.
    #[config(label = "Base URL", example = "https://api.example.com/v2")]
    base_url: Option<Url>,
    /// How requests authenticate; when left out, by whichever credential is set.
    #[config(label = "Authentication")]
    auth_type: Option<AuthKind>,
    /// Token of bearer authentication.
    token: Option<Secret>,
    /// User name of basic authentication.
    username: Option<String>,
    /// Password of basic authentication.
    password: Option<Secret>,
    /// The API key.
    #[config(label = "API key")]
    api_key: Option<Secret>,
    /// Header or query parameter that carries the API key.
    #[config(default = "X-Api-Key", label = "API key name")]
    api_key_name: String,
    /// Where the API key is carried.
    #[config(default = "header", label = "API key in")]
    api_key_in: ApiKeyPlace,
    /// Certificate for a service that asks for one (PEM), with the authorities between after it. It is shown to the base
    /// URL's origin alone.
    #[config(label = "Client certificate")]
    client_certificate: Option<String>,
    /// The certificate's key (PEM).
    #[config(label = "Client key")]
    client_key: Option<Secret>,
}

/// HTTP method.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Select)]
pub enum Method {
    /// Read.
    #[select(name = "GET", label = "GET")]
    Get,
    /// Send, usually to create.
    #[select(name = "POST", label = "POST")]
    Post,
    /// Replace.
    #[select(name = "PUT", label = "PUT")]
    Put,
    /// Change in part.
    #[select(name = "PATCH", label = "PATCH")]
    Patch,
    /// Delete.
    #[select(name = "DELETE", label = "DELETE")]
    Delete,
    /// Read the headers alone.
    #[select(name = "HEAD", label = "HEAD")]
    Head,
    /// Ask what is possible.
    #[select(name = "OPTIONS", label = "OPTIONS")]
    Options,
}

impl Method {
    const fn only_reads(self) -> bool {
        matches!(self, Self::Get | Self::Head | Self::Options)
    }
}

/// What an API answered.
#[payload]
#[derive(Debug)]
pub struct Answer {
    /// Status code.
    pub status: u16,
    /// Headers by name in lower case. Those that came more than once are joined by commas; `set-cookie` is a list.
    pub headers: BTreeMap<String, Value>,
    /// The body: parsed where it is JSON, else a text; null when there is none.
    pub body: Value,
}

#[connector]
impl Http {
    /// Send a request and read its answer.
    #[command(timeout = deadline)]
    pub async fn request(
        &self,
        cx: &Context,
        /// Method of the request.
        #[param(default = "GET")]
        method: Method,
        /// Where to send it: absolute, or below the connection's base URL.
        #[param(label = "URL", example = "https://api.example.com/users")]
        url: String,
        /// Headers by name; null leaves one out.
        headers: Option<Headers>,
        /// Query parameters by name, appended to those of the url; lists repeat a name, null leaves it out.
        query: Option<Query>,
        /// What to send.
        body: Option<Value>,
        /// How to send the body.
        #[param(default = "json")]
        body_type: BodyType,
        /// Credentials of this request, in place of the connection's.
        auth: Option<Auth>,
        /// Milliseconds that the request may take.
        #[param(min = 1, max = 300_000, label = "Timeout (ms)")]
        timeout_ms: Option<u32>,
        /// How to read the answer's body.
        #[param(default = "auto")]
        response_type: ResponseType,
        /// Whether a status other than 200 to 299 is a failure.
        #[param(default = true)]
        fail_on_status: bool,
    ) -> Outcome<Answer> {
        let mut request = self.start(cx.http(), method, &url, auth.as_ref())?;
        if let Some(Query(pairs)) = &query {
            request = request.query(pairs);
        }
        for (name, value) in headers.iter().flat_map(|headers| &headers.0) {
            request = request.header(name, value);
        }
        if let Some(body) = body {
            request = body_type.lay(body, request)?;
        }
        let time = timeout_ms.map_or(DEFAULT_TIMEOUT, |ms| Duration::from_millis(ms.into()));
        let mut request = request.timeout(if method.only_reads() { time } else { time.min(told_within(cx)) });
        if method.only_reads() {
            request = request.without_effect();
        }
        // Whoever wants to see every status sees the first one.
        if method.only_reads() && fail_on_status {
            request = request.retry(Retry::times(MAX_REPEATS).only_if_busy());
        }
        let response = request.send().await.map_err(|error| unanswered(&error, method, cx))?;
        cx.log().debug(format!("HTTP {} from {} {}", response.status(), method.as_str(), shown(&response)));
        let response = if fail_on_status { response.error_for_status()? } else { response };
        succeed(Answer {
            status: response.status(),
            headers: header_values(&response),
            body: response_type.read(&response)?,
        })
    }
}

impl Http {
    /// Builds a request with its credentials, to an origin that may receive them.
    fn start(&self, http: &Client, method: Method, url: &str, auth: Option<&Auth>) -> Result<Request, Failure> {
        let credentials = match auth {
            Some(auth) => auth.credentials()?,
            None => self.credentials()?,
        };
        let own = auth.is_none() && credentials.is_some();
        if own && self.base_url.is_none() {
            // Egress would not let them out either, but only this code knows what else can be done.
            return Err(Fail::new(
                "The connection has credentials and no baseUrl to keep them to; set baseUrl, or give the \
                 credentials with the call in auth",
            )
            .into());
        }
        // The connection's credentials go only to baseUrl's origin; the call's own go where the call says.
        let http = if own { http.clone() } else { http.unscoped() };
        let request = if is_absolute(url) {
            http.request(method.as_str(), url)
        } else {
            http.request(method.as_str(), self.below_base(url)?.into_inner())
        };
        Ok(match credentials {
            Some(credentials) => credentials.lay(request),
            None => request,
        })
    }

    /// Resolves a relative URL. It stays below the base URL's path, with or without a slash at its start.
    fn below_base(&self, url: &str) -> Result<Url, Failure> {
        let Some(base) = &self.base_url else {
            return Err(Fail::new(
                "The url is relative, and the connection has no baseUrl; write the whole URL, such as \
                 https://api.example.com/users, or set baseUrl",
            )
            .into());
        };
        // URL parsers repair these silently, and read a backslash as a slash.
        if url.chars().any(|c| c.is_control() || c.is_whitespace() || c == '\\') {
            return Err(
                Fail::new("The url holds a space, a control character or a backslash; percent-encode it").into()
            );
        }
        // Two slashes start a host (RFC 3986, section 4.2); one slash is how many people write paths.
        let path = if url.starts_with("//") { url } else { url.strip_prefix('/').unwrap_or(url) };
        let joined = base.join(path).ok();
        joined
            .filter(|joined| joined.origin() == base.origin())
            .map(Url::from)
            .ok_or_else(|| Fail::new("The url does not stay below the connection's baseUrl; write it as a path").into())
    }
}

/// Returns whether a URL starts with a scheme (RFC 3986, section 3.1).
fn is_absolute(url: &str) -> bool {
    let Some((scheme, _)) = url.split_once(':') else { return false };
    scheme.starts_with(|c: char| c.is_ascii_alphabetic())
        && scheme.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '+' | '-' | '.'))
}

/// Returns the URL of an answer without the query, which may contain a credential.
fn shown(response: &Response) -> String {
    let url = response.url().as_str();
    url.split(['?', '#']).next().unwrap_or(url).to_owned()
}

/// Returns the headers of an answer. Cookies are a list, because they hold commas (RFC 6265, section 3).
fn header_values(response: &Response) -> BTreeMap<String, Value> {
    let headers = response.headers();
    let value = |name: &str| {
        let values = headers.get_all(name).iter();
        let texts: Vec<_> = values.map(|value| String::from_utf8_lossy(value.as_bytes())).collect();
        if name == "set-cookie" { json!(texts) } else { texts.join(", ").into() }
    };
    headers.keys().map(|name| (name.as_str().to_owned(), value(name.as_str()))).collect()
}

/// Returns how long a request may take that ends before the call does, so that what became of it is told.
fn told_within(cx: &Context) -> Duration {
    cx.time_left().saturating_sub(TOLD_WITHIN)
}

/// Describes a request that brought no answer. One that left may have taken effect, unless it only reads.
fn unanswered(error: &EgressError, method: Method, cx: &Context) -> Fail {
    let is_over = matches!(error, EgressError::Timeout { .. }) && !method.only_reads() && told_within(cx).is_zero();
    let text = if is_over { format!("Timed out after {} ms", cx.timeout().as_millis()) } else { error.to_string() };
    let fail = Fail::new(text).diagnostic("code", error.code());
    let fail = error.status().into_iter().fold(fail, |fail, status| fail.diagnostic("statusCode", status));
    if error.may_have_arrived() && !method.only_reads() { fail.diagnostic("outcome", "unknown") } else { fail }
}

/// The request's own time and a little more, so that the request times out before the call does and can say so.
fn deadline(params: &RequestParams) -> Duration {
    let request = params.timeout_ms.map(|ms| Duration::from_millis(ms.into()) + MARGIN);
    request.unwrap_or(DEFAULT_TIMEOUT).min(MAX_TIMEOUT)
}

fn explain(error: &Thrown<'_>) -> Option<Fail> {
    if let Some(http) = error.find::<HttpError>() {
        return Some(Fail::new(http.to_string()).diagnostics(http.response().diagnostics()));
    }
    if let Some(body) = error.find::<BodyError>() {
        return Some(Fail::new(body.to_string()));
    }
    let egress = error.find::<EgressError>()?;
    Some(Fail::new(egress.to_string()).diagnostic("code", egress.code()))
}
