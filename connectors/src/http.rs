//! Calls an HTTP API: one command whose params say what to send and how to read the answer.
//!
//! The runtime's egress decides where a request may go; this module decides which credentials it carries. Those of the
//! call go where the call says. Those of the connection are used if the call has none, and with a base URL they go only
//! to its origin, whatever the params name.

mod auth;
mod body;
mod mocks;
mod paginate;
mod pairs;
mod target;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::time::Duration;

use connector_runtime::egress::{BodyError, PagingError};
use connector_runtime::prelude::*;

pub use self::auth::{ApiKeyPlace, Auth, AuthKind, ConnectionAuth};
pub use self::body::{BodyType, ResponseType};
pub use self::paginate::{ListMethod, Listed, PageBy};
pub use self::pairs::{Headers, Query};
use self::target::Asked;

/// The total time of a call that names no timeout.
const DEFAULT_TIMEOUT: Duration = Duration::from_secs(30);
/// The time that a call has beyond its request, so that a late answer is reported as a timeout of the request.
const MARGIN: Duration = Duration::from_secs(1);
/// How often a request that only reads is sent again while the service says that it is busy (429 or 503).
const MAX_REPEATS: u32 = 3;
/// The longest possible deadline.
const MAX_TIMEOUT: Duration = Duration::from_secs(300);

/// Call an HTTP API.
#[connector(
    name = "http",
    version = "1.2.0",
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
    auth_type: Option<ConnectionAuth>,
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
    /// Where access tokens are fetched. The client's credentials go there, and to the base URL's origin.
    #[config(label = "Token URL")]
    token_url: Option<Url>,
    /// Id of the client that fetches tokens.
    #[config(label = "Client ID")]
    client_id: Option<String>,
    /// Secret of the client that fetches tokens.
    client_secret: Option<Secret>,
    /// Scopes of the tokens.
    #[config(default = [])]
    scopes: Vec<String>,
    /// Audience of the tokens, where the service wants one.
    audience: Option<String>,
    /// Header that gets a new id with each call, such as X-Request-Id; it stands in the answer and in a failure's diagnostics.
    #[config(label = "Request ID header", example = "X-Request-Id")]
    request_id_header: Option<String>,
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
    /// Returns whether a request only reads (RFC 9110, section 9.2.1).
    pub const fn only_reads(self) -> bool {
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
    #[command(timeout = deadline, mock(default = mocks::answer, unavailable = mocks::unavailable, not_found = mocks::not_found))]
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
        /// How often to send it again while the service says that it is busy; its Retry-After is waited for, up to 30 s. Left
        /// out: 3 times if the request only reads and fails on status. One that may change something is sent again after
        /// 429 alone, which says that nothing was done.
        #[param(min = 0, max = 10)]
        retries: Option<u32>,
    ) -> Outcome<Answer> {
        let asked = Asked { method, url, headers, query, body: body.map(|body| (body, body_type)), auth, timeout_ms };
        // Whoever wants to see every status sees the first one.
        let usual = if method.only_reads() && fail_on_status { MAX_REPEATS } else { 0 };
        let sending = self.prepare(cx, asked, retries.unwrap_or(usual))?;
        let id = sending.id.clone();
        let response = sending.send(cx, method).await?;
        let shown = target::shown(&response);
        cx.log().debug(format!("HTTP {} from {} {shown}", response.status(), method.as_str()));
        let response = match response.error_for_status() {
            Ok(response) => response,
            Err(error) if fail_on_status => {
                let fail = Fail::new(error.to_string()).diagnostics(error.response().diagnostics());
                return Err(id.into_iter().fold(fail, |fail, id| fail.diagnostic("requestId", id)).into());
            }
            Err(error) => error.response().clone(),
        };
        succeed(Answer {
            status: response.status(),
            headers: header_values(&response),
            body: response_type.read(&response)?,
        })
    }

    /// Read a list page by page.
    #[command(effect = read, timeout = 120_000, mock(default = mocks::listed, empty = mocks::nothing_listed, unavailable = mocks::unavailable))]
    pub async fn paginate(
        &self,
        cx: &Context,
        /// Where the list is: absolute, or below the connection's base URL.
        #[param(label = "URL", example = "users")]
        url: String,
        /// How a page leads to the next one.
        by: PageBy,
        /// JSON pointer of the items in a page; left out, the page is the list.
        #[param(default = "", example = "/items")]
        items: String,
        /// JSON pointer of what leads to the next page, for cursor and next_url.
        #[param(example = "/meta/next")]
        next: Option<String>,
        /// Query parameter that gets the cursor, the number of the page, or the offset.
        #[param(example = "page")]
        param: Option<String>,
        /// The first page or offset; left out, 1 for page and 0 for offset.
        start: Option<u32>,
        /// JSON pointer of a boolean that is false in the last page.
        more: Option<String>,
        /// JSON pointer of the number of items on all pages; it ends a counted list without a last, empty page.
        total: Option<String>,
        /// Most items to return.
        #[param(default = 1000, min = 1, max = 100_000)]
        limit: u32,
        /// GET, or POST for a search that only reads.
        #[param(default = "GET")]
        method: ListMethod,
        /// Headers by name; null leaves one out.
        headers: Option<Headers>,
        /// Query parameters by name, appended to those of the url; lists repeat a name, null leaves it out.
        query: Option<Query>,
        /// What to send with each page, as JSON.
        body: Option<Value>,
        /// Credentials of these requests, in place of the connection's.
        auth: Option<Auth>,
        /// Milliseconds that each page may take.
        #[param(min = 1, max = 300_000, label = "Timeout (ms)")]
        timeout_ms: Option<u32>,
    ) -> Outcome<Listed> {
        let method = match method {
            ListMethod::Get => Method::Get,
            ListMethod::Post => Method::Post,
        };
        let body = body.map(|body| (body, BodyType::Json));
        let asked = Asked { method, url, headers, query, body, auth, timeout_ms };
        let paging = paginate::Declared { by, next, param, start, more, total }.paging(&items)?;
        let mut sending = self.prepare(cx, asked, MAX_REPEATS)?;
        sending.request = sending.request.without_effect();
        succeed(paginate::read(sending, paging, &items, limit as usize, cx).await?)
    }
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
    if let Some(paging) = error.find::<PagingError>() {
        return Some(Fail::new(paging.to_string()));
    }
    let egress = error.find::<EgressError>()?;
    Some(Fail::new(egress.to_string()).diagnostic("code", egress.code()))
}
