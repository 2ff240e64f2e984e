//! The answer: complete and in memory, whatever its status.

use std::borrow::Cow;
use std::fmt;
use std::time::{Duration, SystemTime};

use bytes::Bytes;
use encoding_rs::Encoding;
use http::{HeaderMap, StatusCode, header};
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};
use url::Url;

use super::body::Body;
use super::outgoing::OutgoingRequest;
use super::{BodyError, HttpError, link};
use crate::redact::{MASK, is_sensitive_name};

/// An answer with its body.
#[derive(Clone)]
pub struct Response {
    title: String,
    url: Url,
    status: StatusCode,
    headers: HeaderMap,
    body: Body,
}

impl Response {
    pub(super) fn new(outgoing: OutgoingRequest, status: StatusCode, headers: HeaderMap, body: Body) -> Self {
        let title = format!("{} {}", outgoing.method, outgoing.shown());
        Self { title, url: outgoing.url, status, headers, body }
    }

    /// Drops the body, whose memory is free then: for whoever has made something else of it.
    pub fn drop_body(&mut self) {
        self.body.bytes = Bytes::new();
    }

    /// Returns the status code.
    pub fn status(&self) -> u16 {
        self.status.as_u16()
    }

    /// Returns whether the status says that the same request may succeed in a moment: 408, 425, 429, 500, 502, 503
    /// or 504.
    pub fn is_temporary_failure(&self) -> bool {
        matches!(self.status(), 408 | 425 | 429 | 500 | 502 | 503 | 504)
    }

    /// Returns whether the status is 200 to 299.
    pub fn is_success(&self) -> bool {
        self.status.is_success()
    }

    /// Returns a header's first value, if it is a text. The name's case does not matter.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }

    /// Returns all headers.
    pub fn headers(&self) -> &HeaderMap {
        &self.headers
    }

    /// Returns how long the service asks callers to wait: the header `Retry-After` (RFC 9110, section 10.2.3), in
    /// seconds or as a date. A date counts from the service's own `Date`, because two clocks rarely agree.
    pub fn retry_after(&self) -> Option<Duration> {
        let text = self.header(header::RETRY_AFTER.as_str())?.trim();
        if !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit()) {
            return Some(Duration::from_secs(text.parse().unwrap_or(u64::MAX)));
        }
        let until = httpdate::parse_http_date(text).ok()?;
        let own = self.header(header::DATE.as_str()).and_then(|date| httpdate::parse_http_date(date).ok());
        Some(until.duration_since(own.unwrap_or_else(SystemTime::now)).unwrap_or_default())
    }

    /// Returns the URL that answered, after redirects. Its query may hold a secret.
    pub fn url(&self) -> &Url {
        &self.url
    }

    /// Returns the body.
    pub fn bytes(&self) -> &Bytes {
        &self.body.bytes
    }

    /// Returns the body as a text, by the charset of its content type, else as UTF-8.
    ///
    /// Bytes that are not text become U+FFFD.
    pub fn text(&self) -> Cow<'_, str> {
        self.charset().unwrap_or(encoding_rs::UTF_8).decode(&self.body.bytes).0
    }

    /// Returns the body as [`Response::text`] does, if all of its bytes are text.
    pub fn exact_text(&self) -> Option<Cow<'_, str>> {
        let (text, _, lost) = self.charset().unwrap_or(encoding_rs::UTF_8).decode(&self.body.bytes);
        (!lost).then_some(text)
    }

    /// Returns the target of the header `Link` whose relation is `next` (RFC 8288), as it is written there.
    pub fn next_link(&self) -> Option<&str> {
        link::next(&self.headers)
    }

    /// Reads the body as JSON, whatever its content type; a byte order mark is ignored.
    ///
    /// Lists and objects may be nested 127 deep. Of duplicate keys the last one counts in a [`Value`] or a map;
    /// a struct refuses them.
    ///
    /// # Errors
    ///
    /// Fails if the body is not valid JSON, is nested too deep, has more than a million values, or does not match the
    /// type.
    pub fn json<T: DeserializeOwned>(&self) -> Result<T, BodyError> {
        let text = self.body.bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(&self.body.bytes);
        self.body.reserve_tree(text).map_err(|refused| BodyError::new(self, serde::de::Error::custom(refused)))?;
        serde_json::from_slice(text).map_err(|error| BodyError::new(self, error))
    }

    /// Returns the response if its status is 200 to 299.
    ///
    /// # Errors
    ///
    /// Fails with the whole response inside if the status is any other.
    pub fn error_for_status(self) -> Result<Self, HttpError> {
        if self.is_success() { Ok(self) } else { Err(HttpError::new(self)) }
    }

    /// Returns the diagnostics of a failure: `statusCode`, `responseBody`, `headers`.
    ///
    /// The body is parsed if it is JSON, null if it is empty, else a text. Headers that carry credentials
    /// are shown as `[redacted]`.
    pub fn diagnostics(&self) -> Map<String, Value> {
        let mut all = Map::new();
        all.insert("statusCode".to_owned(), self.status().into());
        all.insert("responseBody".to_owned(), self.body_value());
        all.insert("headers".to_owned(), self.headers_value());
        all
    }

    fn body_value(&self) -> Value {
        if self.body.bytes.is_empty() {
            return Value::Null;
        }
        self.json().unwrap_or_else(|_| Value::String(self.text().into_owned()))
    }

    fn headers_value(&self) -> Value {
        let shown = |name: &header::HeaderName| {
            if is_sensitive_name(name.as_str()) {
                return Value::from(MASK);
            }
            let values = self.headers.get_all(name).iter();
            let texts: Vec<_> = values.map(|value| String::from_utf8_lossy(value.as_bytes())).collect();
            Value::from(texts.join(", "))
        };
        self.headers.keys().map(|name| (name.as_str().to_owned(), shown(name))).collect::<Map<_, _>>().into()
    }

    fn charset(&self) -> Option<&'static Encoding> {
        let content_type = self.header(header::CONTENT_TYPE.as_str())?;
        let mut params = content_type.split(';').skip(1).filter_map(|param| param.split_once('='));
        let (_, label) = params.find(|(name, _)| name.trim().eq_ignore_ascii_case("charset"))?;
        Encoding::for_label(label.trim().trim_matches('"').as_bytes())
    }

    /// Returns the request for people: `GET https://host/path`, without the query.
    pub(super) fn title(&self) -> &str {
        &self.title
    }
}

impl fmt::Debug for Response {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Response")
            .field("request", &self.title)
            .field("status", &self.status())
            .field("bytes", &self.body.bytes.len())
            .finish_non_exhaustive()
    }
}
