//! Reads request bodies: size, content type, JSON, and then every key with its JSON pointer. All
//! mistakes of a body are reported in one answer.

use std::str::FromStr;
use std::time::Duration;

use axum::body::Body;
use axum::extract::{FromRequest, Request};
use axum::http::{StatusCode, header};
use serde_json::{Map, Value};

use super::duplicate_keys;
use super::problem::{Mistake, Problem};

/// The largest body of most routes.
pub const BODY_LIMIT: usize = 10 * 1024 * 1024;
/// The largest body of routes that take whole documents.
pub const DOCUMENT_LIMIT: usize = 64 * 1024 * 1024;
/// Most characters of a text that is looked for later or shown in lists; within what PostgreSQL indexes.
pub const SHORT: usize = 255;
/// Most items of a list of texts.
pub const MAX_TEXTS: usize = 200;
/// Most mistakes that one answer lists.
pub const MAX_MISTAKES: usize = 100;
/// What is wrong with a NUL character.
const NUL: &str = "a NUL character cannot be kept";
/// How deep a body may be nested: the parser's own limit.
const DEPTH: usize = 127;
/// How long a client may take to send its body.
const BODY_TIMEOUT: Duration = Duration::from_secs(60);

/// The bytes of a JSON body of at most `LIMIT` bytes, not parsed yet.
#[derive(Debug)]
pub struct JsonBytes<const LIMIT: usize = BODY_LIMIT>(pub Vec<u8>);

impl<S: Sync, const LIMIT: usize> FromRequest<S> for JsonBytes<LIMIT> {
    type Rejection = Problem;

    async fn from_request(request: Request, _: &S) -> Result<Self, Problem> {
        let (parts, body) = request.into_parts();
        let bytes = read(body, parts.headers.get(header::CONTENT_LENGTH), LIMIT).await?;
        let content_type = parts.headers.get(header::CONTENT_TYPE).map(|value| value.to_str().unwrap_or("").to_owned());
        // Without a body there is nothing whose type could be wrong.
        if !bytes.is_empty() && !content_type.as_deref().is_some_and(is_json) {
            let got = content_type.unwrap_or_else(|| "none".to_owned());
            let detail = format!("the body must be JSON: send the header content-type: application/json (got {got})");
            return Err(Problem::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, "unsupported_media_type", detail));
        }
        Ok(Self(bytes))
    }
}

async fn read(body: Body, length: Option<&header::HeaderValue>, limit: usize) -> Result<Vec<u8>, Problem> {
    let too_large = || {
        let detail = format!("the body is larger than {} MiB", limit / 1024 / 1024);
        Problem::new(StatusCode::PAYLOAD_TOO_LARGE, "too_large", detail)
            .with_header(header::CONNECTION, header::HeaderValue::from_static("close"))
    };
    let announced = length.and_then(|length| length.to_str().ok()?.parse::<usize>().ok());
    if announced.is_some_and(|announced| announced > limit) {
        return Err(too_large());
    }
    match tokio::time::timeout(BODY_TIMEOUT, axum::body::to_bytes(body, limit)).await {
        Ok(Ok(bytes)) => Ok(bytes.into()),
        Ok(Err(error)) => {
            let cause: &(dyn std::error::Error + 'static) = &error;
            if std::iter::successors(Some(cause), |error| error.source())
                .any(|error| error.to_string().contains("length limit"))
            {
                return Err(too_large());
            }
            Err(Problem::new(StatusCode::BAD_REQUEST, "incomplete_body", "the body ended before its announced length"))
        }
        Err(_) => Err(Problem::new(
            StatusCode::REQUEST_TIMEOUT,
            "slow_body",
            "the body took longer than 60 seconds to arrive",
        )),
    }
}

fn is_json(content_type: &str) -> bool {
    let media_type = content_type.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    media_type == "application/json" || media_type.starts_with("application/") && media_type.ends_with("+json")
}

fn no_json(error: &serde_json::Error) -> Problem {
    let message = error.to_string();
    if message.contains("recursion limit") {
        let at = format!("at line {} column {}", error.line(), error.column());
        let detail = format!("the body is nested too deeply, {at}: {DEPTH} levels are the limit");
        return Problem::new(StatusCode::UNPROCESSABLE_ENTITY, "too_deep", detail.clone()).at("", detail);
    }
    Problem::invalid_at("", format!("the body is no JSON: {message}"))
}

/// A body, or a part of one, whose keys are read one by one.
#[derive(Debug)]
pub struct Form {
    path: String,
    map: Map<String, Value>,
    mistakes: Vec<Mistake>,
}

impl Form {
    /// Parses a body that must be a JSON object; an empty one counts as `{}`.
    ///
    /// # Errors
    /// 422 where it is no JSON, or no object.
    pub fn parse(bytes: &[u8]) -> Result<Self, Problem> {
        if bytes.iter().all(u8::is_ascii_whitespace) {
            return Ok(Self { path: String::new(), map: Map::new(), mistakes: Vec::new() });
        }
        Self::of(serde_json::from_slice(bytes).map_err(|error| no_json(&error))?)
    }

    /// Parses a body as [`Form::parse`] does. Inside the config schema a key that stands twice is a mistake: the
    /// first of two params of one name would be gone without a word.
    ///
    /// # Errors
    /// 422 where it is no JSON, or no object.
    pub fn parse_with_schema(bytes: &[u8]) -> Result<Self, Problem> {
        let blank = bytes.iter().all(u8::is_ascii_whitespace);
        let (value, mut mistakes) =
            duplicate_keys::read(if blank { b"{}" } else { bytes }).map_err(|error| no_json(&error))?;
        mistakes.retain(|mistake| mistake.pointer.starts_with("/configSchema/"));
        Ok(Self { mistakes, ..Self::of(value)? })
    }

    fn of(value: Value) -> Result<Self, Problem> {
        match value {
            Value::Object(map) => Ok(Self { path: String::new(), map, mistakes: Vec::new() }),
            other => {
                let got = connector_runtime::schema::json_type(&other);
                Err(Problem::invalid_at("", format!("the body must be a JSON object, got {got}")))
            }
        }
    }

    /// Reports a mistake at a key.
    pub fn mistake(&mut self, key: &str, message: impl Into<String>) {
        self.mistakes.push(Mistake::new(format!("{}/{key}", self.path), message));
    }

    /// Reports mistakes found elsewhere.
    pub fn mistakes(&mut self, mistakes: impl IntoIterator<Item = Mistake>) {
        self.mistakes.extend(mistakes);
    }

    /// Tells whether a mistake at a key has been reported.
    pub fn is_mistaken(&self, key: &str) -> bool {
        let pointer = format!("{}/{key}", self.path);
        self.mistakes.iter().any(|mistake| mistake.pointer == pointer)
    }

    /// Tells whether a key is there, even as null.
    pub fn has(&self, key: &str) -> bool {
        self.map.contains_key(key)
    }

    /// Takes a key's value; null counts as absent.
    pub fn value(&mut self, key: &str) -> Option<Value> {
        self.map.shift_remove(key).filter(|value| !value.is_null())
    }

    fn typed<T>(&mut self, key: &str, wanted: &str, read: impl FnOnce(Value) -> Result<T, Value>) -> Option<T> {
        match read(self.value(key)?) {
            Ok(value) => Some(value),
            Err(other) => {
                let got = connector_runtime::schema::json_type(&other);
                self.mistake(key, format!("expected {wanted}, got {got}"));
                None
            }
        }
    }

    /// Takes a text. One with a NUL character is refused: PostgreSQL cannot keep it.
    pub fn text(&mut self, key: &str) -> Option<String> {
        let text = self.typed(key, "a string", |value| match value {
            Value::String(text) => Ok(text),
            other => Err(other),
        })?;
        if text.contains('\0') {
            self.mistake(key, NUL);
            return None;
        }
        Some(text)
    }

    /// Takes a text of at most [`SHORT`] characters: one that is looked for later, or shown in lists.
    pub fn short_text(&mut self, key: &str) -> Option<String> {
        let text = self.text(key)?;
        if text.chars().count() > SHORT {
            self.mistake(key, format!("expected at most {SHORT} characters"));
            return None;
        }
        Some(text)
    }

    /// Takes a value that must be there, with the reader of its kind.
    pub fn required<T>(&mut self, key: &str, read: impl FnOnce(&mut Self, &str) -> Option<T>) -> Option<T> {
        let before = self.mistakes.len();
        let value = read(self, key);
        if value.is_none() && self.mistakes.len() == before {
            self.mistake(key, "required");
        }
        value
    }

    /// Takes a text that must be there.
    pub fn required_text(&mut self, key: &str) -> String {
        self.required(key, Self::text).unwrap_or_default()
    }

    /// Takes a word of a closed set.
    pub fn word<T: FromStr<Err: std::fmt::Display>>(&mut self, key: &str) -> Option<T> {
        let text = self.text(key)?;
        text.parse().map_err(|error: T::Err| self.mistake(key, format!("{error}, got {text:?}"))).ok()
    }

    /// Takes true or false.
    pub fn flag(&mut self, key: &str) -> Option<bool> {
        self.typed(key, "true or false", |value| value.as_bool().ok_or(value))
    }

    /// Takes a whole number in a range.
    pub fn number(&mut self, key: &str, range: std::ops::RangeInclusive<u64>) -> Option<u64> {
        let (least, most) = (*range.start(), *range.end());
        let number =
            self.typed(key, "a whole number", |value| if value.is_number() { Ok(value) } else { Err(value) })?;
        let fits = number.as_u64().filter(|number| range.contains(number));
        if fits.is_none() {
            self.mistake(key, format!("expected a whole number from {least} to {most}, got {number}"));
        }
        fits
    }

    /// Takes an object.
    pub fn object(&mut self, key: &str) -> Option<Map<String, Value>> {
        self.typed(key, "an object", |value| match value {
            Value::Object(map) => Ok(map),
            other => Err(other),
        })
    }

    /// Takes a list of at most [`MAX_TEXTS`] texts of at most [`SHORT`] characters.
    pub fn texts(&mut self, key: &str) -> Option<Vec<String>> {
        let list = self.typed(key, "a list of strings", |value| match value {
            Value::Array(list) => Ok(list),
            other => Err(other),
        })?;
        if list.len() > MAX_TEXTS {
            self.mistake(key, format!("expected at most {MAX_TEXTS} items, got {}", list.len()));
            return None;
        }
        let mut texts = Vec::with_capacity(list.len());
        for (index, value) in list.into_iter().enumerate() {
            match value {
                Value::String(text) if text.contains('\0') => self.mistake(&format!("{key}/{index}"), NUL),
                Value::String(text) if text.chars().count() > SHORT => {
                    self.mistake(&format!("{key}/{index}"), format!("expected at most {SHORT} characters"));
                }
                Value::String(text) => texts.push(text),
                other => {
                    let got = connector_runtime::schema::json_type(&other);
                    self.mistake(&format!("{key}/{index}"), format!("expected a string, got {got}"));
                }
            }
        }
        Some(texts)
    }

    /// Passes over keys that mean nothing here.
    pub fn ignore(&mut self, keys: &[&str]) {
        self.map.retain(|key, _| !keys.contains(&key.as_str()));
    }

    /// Ends reading: what is left over is unknown.
    ///
    /// # Errors
    /// 422 with every mistake, where there is one.
    pub fn finish(mut self, known: &[&str]) -> Result<(), Problem> {
        let left = self.map.keys().filter(|key| !known.contains(&key.as_str()));
        // A body of a million unknown keys gets no answer of a million messages.
        let left: Vec<String> = left.take(MAX_MISTAKES).cloned().collect();
        for key in left {
            let key = key.replace('~', "~0").replace('/', "~1");
            self.mistake(&key, format!("unknown field; known are {}", known.join(", ")));
        }
        if self.mistakes.is_empty() { Ok(()) } else { Err(Problem::invalid(self.mistakes)) }
    }
}
