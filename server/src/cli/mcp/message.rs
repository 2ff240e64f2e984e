//! What a line says, as far as the pump has to know: whose answer is awaited, and what goes into the headers.
//!
//! The message itself is passed on as it came. Whether it is a good one is the server's business.

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use floh_client::McpHeaders;
use serde::de::IgnoredAny;
use serde::{Deserialize, Deserializer};
use serde_json::value::RawValue;
use serde_json::{Value, json};

/// JSON-RPC: the line is not JSON.
pub(super) const PARSE: i32 = -32700;
/// JSON-RPC: the line is JSON but no request.
pub(super) const INVALID: i32 = -32600;
/// JSON-RPC: the request could not be served.
pub(super) const INTERNAL: i32 = -32603;

/// The first version in which headers repeat the method and the name.
const STANDARD_HEADERS: &str = "2026-07-28";
/// The key of the version in `_meta`.
const VERSION_KEY: &str = "io.modelcontextprotocol/protocolVersion";
/// What surrounds a header's value in base64 (the specification's value encoding).
const BASE64: (&str, &str) = ("=?base64?", "?=");
/// Methods, and the param that `Mcp-Name` repeats.
const NAMED: [(&str, &str); 8] = [
    ("tools/call", "name"),
    ("prompts/get", "name"),
    ("resources/read", "uri"),
    ("resources/subscribe", "uri"),
    ("resources/unsubscribe", "uri"),
    ("tasks/get", "taskId"),
    ("tasks/update", "taskId"),
    ("tasks/cancel", "taskId"),
];

/// A message of the client.
#[derive(Debug, PartialEq)]
pub(super) enum Incoming {
    /// It awaits an answer.
    Request { id: Value, about: About },
    /// It awaits none: a notification, or an answer that nobody has asked for.
    Notification(About),
    /// `notifications/cancelled`: the answer of this request is awaited no more.
    Cancelled(Value),
}

/// What the headers say of a message.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct About {
    pub(super) method: Option<String>,
    name: Option<String>,
    /// The version in which the message is written, if it says so itself.
    pub(super) version: Option<String>,
}

/// Why a line is not passed on: the code and the text of the answer.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Refused(pub(super) i32, pub(super) &'static str);

/// A message's head.
#[derive(Deserialize)]
struct Head<'a> {
    #[serde(default, deserialize_with = "present")]
    id: Option<Value>,
    #[serde(default)]
    method: Option<String>,
    #[serde(borrow, default)]
    params: Option<&'a RawValue>,
}

/// Params that concern the pump.
#[derive(Deserialize, Default)]
#[serde(default)]
struct Params {
    #[serde(rename = "_meta")]
    meta: Option<Value>,
    name: Option<Value>,
    uri: Option<Value>,
    #[serde(rename = "taskId")]
    task_id: Option<Value>,
    #[serde(rename = "requestId")]
    request_id: Option<Value>,
}

/// An answer of the server.
#[derive(Deserialize)]
pub(super) struct Answer {
    #[serde(default)]
    pub(super) id: Option<Value>,
    /// There in notifications, not in answers.
    #[serde(default)]
    pub(super) method: Option<IgnoredAny>,
    #[serde(default)]
    pub(super) error: Option<Value>,
}

/// The answer of `initialize`.
#[derive(Deserialize)]
struct Initialized {
    result: Negotiated,
}

#[derive(Deserialize)]
struct Negotiated {
    #[serde(rename = "protocolVersion")]
    version: String,
}

/// Reads a value that is there, null too.
fn present<'de, D: Deserializer<'de>>(from: D) -> Result<Option<Value>, D::Error> {
    Value::deserialize(from).map(Some)
}

/// Reads a line.
///
/// # Errors
/// What the line is instead of a message.
pub(super) fn read(line: &[u8]) -> Result<Incoming, Refused> {
    let not_json = Refused(PARSE, "the line is not JSON; each line is one message");
    // What is passed over is not looked at, and may be no text.
    let Ok(line) = std::str::from_utf8(line) else { return Err(not_json) };
    if serde_json::from_str::<IgnoredAny>(line).is_err() {
        return Err(not_json);
    }
    match line.trim_start().chars().next() {
        Some('{') => {}
        Some('[') => return Err(Refused(INVALID, "the line is a batch; send each message on a line of its own")),
        _ => return Err(Refused(INVALID, "the line is not an object; a message is one")),
    }
    let Ok(Head { id, method, params }) = serde_json::from_str(line) else {
        return Err(Refused(INVALID, "the line is not a message: method must be a text, and each key be there once"));
    };
    let params: Params = params.and_then(|params| serde_json::from_str(params.get()).ok()).unwrap_or_default();
    if method.as_deref() == Some("notifications/cancelled") {
        return Ok(Incoming::Cancelled(params.request_id.unwrap_or_default()));
    }
    let about = About::new(method, params);
    match (id, &about.method) {
        (Some(Value::String(_) | Value::Number(_)), None) | (None, Some(_)) => Ok(Incoming::Notification(about)),
        (Some(id @ (Value::String(_) | Value::Number(_))), Some(_)) => Ok(Incoming::Request { id, about }),
        (Some(_), _) => Err(Refused(INVALID, "id must be a text or a number")),
        (None, None) => Err(Refused(INVALID, "the message has neither a method nor an id")),
    }
}

impl About {
    fn new(method: Option<String>, params: Params) -> Self {
        let key = NAMED.iter().find(|(named, _)| method.as_deref() == Some(named)).map(|(_, key)| *key);
        let name = match key {
            Some("name") => params.name,
            Some("uri") => params.uri,
            Some(_) => params.task_id,
            None => None,
        };
        let version = params.meta.as_ref().and_then(|meta| meta.get(VERSION_KEY)?.as_str().map(str::to_owned));
        Self { name: name.as_ref().and_then(Value::as_str).map(str::to_owned), version, method }
    }

    /// Returns whether it starts the conversation of the older versions.
    pub(super) fn is_initialize(&self) -> bool {
        self.method.as_deref() == Some("initialize")
    }

    /// Returns whether its answer has no end.
    pub(super) fn listens(&self) -> bool {
        self.method.as_deref() == Some("subscriptions/listen")
    }

    /// Returns whether it makes something happen.
    pub(super) fn acts(&self) -> bool {
        self.method.as_deref() == Some("tools/call")
    }

    /// Returns the headers; `negotiated` is the version of a message that names none.
    pub(super) fn headers(self, negotiated: Option<String>) -> McpHeaders {
        let version = self.version.or(negotiated);
        if version.as_deref().is_none_or(|version| version < STANDARD_HEADERS) {
            return McpHeaders { version, ..McpHeaders::default() };
        }
        McpHeaders { version, method: self.method, name: self.name.map(|name| encoded(&name)) }
    }
}

/// Writes a text as a header's value: as it is, or in base64 if a header would not carry it unchanged.
fn encoded(text: &str) -> String {
    let outer = [text.bytes().next(), text.bytes().last()];
    let plain = text.bytes().all(|byte| matches!(byte, b' '..=b'~'))
        && !outer.contains(&Some(b' '))
        && !(text.starts_with(BASE64.0) && text.ends_with(BASE64.1));
    if plain { text.to_owned() } else { format!("{}{}{}", BASE64.0, BASE64_STANDARD.encode(text), BASE64.1) }
}

impl Answer {
    /// Reads a message of the server; none if it is no object.
    pub(super) fn read(text: &str) -> Option<Self> {
        serde_json::from_str(text).ok()
    }
}

/// Returns the version on which an answer of `initialize` settles.
pub(super) fn negotiated(answer: &str) -> Option<String> {
    serde_json::from_str::<Initialized>(answer).ok().map(|answer| answer.result.version)
}

/// Writes the answer that a request was not served.
pub(super) fn error(id: &Value, code: i32, text: &str) -> String {
    json!({ "jsonrpc": "2.0", "id": id, "error": { "code": code, "message": text } }).to_string()
}

/// Gives an error of the server, which names no request, to the request that it answers.
pub(super) fn error_for(id: &Value, error: &Value) -> String {
    json!({ "jsonrpc": "2.0", "id": id, "error": error }).to_string()
}
