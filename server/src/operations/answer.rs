//! Reads what a service answered: one reader for every answer.
//!
//! JSON is what the content type calls so, or what the document declares (RFC 8259, section 8.1); a text is one whose
//! characters are all known. Whatever cannot be read without a loss is passed on as bytes, in base64, or is a failure.

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use connector_runtime::egress::{EgressError, Response};
use connector_runtime::outcome::Fail;
use connector_runtime::result::PayloadText;
use serde_json::value::RawValue;
use serde_json::{Map, Value, json};

use super::json::compact;
use super::sequence::Sequence;
use crate::openapi::{Answers, Entry, is_json};
use crate::script::is_binary;

/// The maximum number of characters of what a service says of a failure that its text repeats. A longer message is not cut:
/// secrets are masked later, and half of one would not be found.
const MAX_SAID: usize = 500;
/// The longest JSON, in bytes, that the description of a failure holds as a tree; a longer one stays text.
const MAX_TREE_BYTES: usize = 64 << 10;
/// Headers that say what to do about a failure.
const TELLING: [&str; 7] = [
    "retry-after",
    "location",
    "www-authenticate",
    "x-request-id",
    "request-id",
    "x-correlation-id",
    "x-ratelimit-reset",
];

/// What an answer's body holds.
#[derive(Debug)]
pub(super) enum Content {
    Nothing,
    Json(Box<RawValue>),
    Text(String),
    File { content_type: String, base64: String },
}

impl Content {
    /// Writes it as a payload; nothing has none.
    pub(super) fn payload(&self) -> Result<Option<PayloadText>, serde_json::Error> {
        match self {
            Self::Nothing => Ok(None),
            Self::Json(json) => PayloadText::of(json).map(Some),
            Self::Text(text) => PayloadText::of(text).map(Some),
            Self::File { content_type, base64 } => {
                PayloadText::of(&json!({ "contentType": content_type, "base64": base64 })).map(Some)
            }
        }
    }

    fn value(self) -> Value {
        match self {
            Self::Nothing => Value::Null,
            // A tree takes many times the memory of its text, which nobody has reserved here.
            Self::Json(json) if json.get().len() > MAX_TREE_BYTES => json.get().into(),
            Self::Json(json) => serde_json::from_str(json.get()).unwrap_or_else(|_| json.get().into()),
            Self::Text(text) => text.into(),
            Self::File { content_type, base64 } => json!({ "contentType": content_type, "base64": base64 }),
        }
    }
}

/// Reads the body of an answer.
///
/// # Errors
/// Says why it is not what it should be.
pub(super) fn read(response: &Response, expected: Option<Answers>) -> Result<Content, String> {
    let bytes = response.bytes();
    if bytes.is_empty() {
        return Ok(Content::Nothing);
    }
    let content_type = response.header("content-type").unwrap_or_default();
    let media = content_type.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    if expected == Some(Answers::File) {
        return Ok(file(response, content_type));
    }
    if let Some(sequence) = Sequence::of(&media) {
        let text = response.exact_text().ok_or("a sequence that holds bytes that are no text")?;
        let list = sequence.list(&text).map_err(|why| format!("a sequence that cannot be read: {why}"))?;
        return Ok(Content::Json(list));
    }
    if is_json(&media) || expected == Some(Answers::Json) {
        match json_of(response) {
            Ok(json) => return Ok(Content::Json(json)),
            Err(why) if is_json(&media) => return Err(format!("a body that is not the JSON that it says: {why}")),
            Err(why) if media.is_empty() => return Err(format!("a body without a type that is not JSON: {why}")),
            Err(_) if media == "text/html" || media == "application/xhtml+xml" => {
                return Err(format!("{media}, such as a login page, where JSON was expected"));
            }
            Err(_) => {}
        }
    }
    if is_binary(content_type, bytes) {
        return Ok(file(response, content_type));
    }
    // Nobody has said what it is: a list or an object that reads as JSON was meant as such.
    if expected.is_none()
        && (matches!(&*media, "" | "text/plain") || !media.starts_with("text/"))
        && matches!(bytes.trim_ascii_start().first(), Some(b'{' | b'['))
        && let Ok(json) = json_of(response)
    {
        return Ok(Content::Json(json));
    }
    Ok(match response.exact_text() {
        Some(text) => Content::Text(text.into_owned()),
        None => file(response, content_type),
    })
}

fn file(response: &Response, content_type: &str) -> Content {
    let content_type = if content_type.is_empty() { "application/octet-stream" } else { content_type };
    Content::File { content_type: content_type.to_owned(), base64: BASE64_STANDARD.encode(response.bytes()) }
}

fn json_of(response: &Response) -> Result<Box<RawValue>, String> {
    let lost = || "it holds bytes that are no text".to_owned();
    match std::str::from_utf8(response.bytes()) {
        Ok(text) => compact(text.trim_start_matches('\u{feff}')),
        Err(_) => compact(&response.exact_text().ok_or_else(lost)?),
    }
}

/// Describes an answer that is a failure by its status.
pub(super) fn refusal(entry: &Entry, response: &Response) -> Fail {
    let body = read(response, None).map_or_else(|_| response.text().into_owned().into(), Content::value);
    let names = ["message", "detail", "error_description", "title", "error"];
    let said = names.iter().find_map(|name| body.get(name)?.as_str().filter(|text| !text.is_empty()));
    let said = said.map(|said| match said.chars().count() {
        long if long > MAX_SAID => format!(": a message of {long} characters, see responseBody"),
        _ => format!(": {said}"),
    });
    let (method, path, status) = (&entry.method, &entry.path, response.status());
    let fail = Fail::new(format!("{method} {path} answered {status}{}", said.unwrap_or_default()));
    told(fail, response).diagnostic("responseBody", body)
}

/// Describes an answer that cannot be used.
pub(super) fn unusable(entry: &Entry, response: &Response, why: &str) -> Fail {
    let (method, path, status) = (&entry.method, &entry.path, response.status());
    let fail = Fail::new(format!("{method} {path} answered {status} with {why}"));
    let content_type = response.header("content-type").unwrap_or_default();
    told(fail, response).diagnostic("contentType", content_type).diagnostic("responseBody", response.text())
}

fn told(fail: Fail, response: &Response) -> Fail {
    let fail = fail.diagnostic("statusCode", response.status());
    let all = headers(response);
    let telling: Map<String, Value> = all.into_iter().filter(|(name, _)| TELLING.contains(&name.as_str())).collect();
    if telling.is_empty() { fail } else { fail.diagnostic("headers", telling) }
}

/// Describes a request that brought no answer. One that left may have taken effect, unless it only reads.
pub(super) fn unanswered(error: &EgressError, only_reads: bool) -> Fail {
    let fail = Fail::new(error.to_string()).diagnostic("code", error.code());
    let fail = error.status().into_iter().fold(fail, |fail, status| fail.diagnostic("statusCode", status));
    if error.may_have_arrived() && !only_reads { fail.diagnostic("outcome", "unknown") } else { fail }
}

/// Returns the headers of an answer, names in lower case. Cookies are a list: they hold commas (RFC 6265, section 3).
pub(super) fn headers(response: &Response) -> Map<String, Value> {
    let texts = |name: &str| {
        let values = response.headers().get_all(name).iter();
        values.map(|value| String::from_utf8_lossy(value.as_bytes()).into_owned()).collect::<Vec<_>>()
    };
    let value = |name: &str| match name {
        "set-cookie" => Value::from(texts(name)),
        name => texts(name).join(", ").into(),
    };
    response.headers().keys().map(|name| (name.as_str().to_owned(), value(name.as_str()))).collect()
}
