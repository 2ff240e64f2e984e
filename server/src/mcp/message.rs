//! Messages that do not have the form of the protocol. `rmcp` answers them with a text instead of a message, or says of a
//! known method whose params it cannot read that there is no such method, from which no model learns what to change.

use std::collections::BTreeMap;

use axum::body::Body;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use serde::de::IgnoredAny;
use serde::{Deserialize, Deserializer};
use serde_json::value::RawValue;
use serde_json::{Value, json};

/// JSON-RPC: the body is not JSON.
const PARSE: i32 = -32700;
/// JSON-RPC: the body is JSON but no message.
const INVALID: i32 = -32600;
/// JSON-RPC: the params are not those of the method.
const PARAMS: i32 = -32602;

/// Methods with params that must be there: each with the text that it needs, and the object that it may have.
const SHAPES: [(&str, &str, Option<&str>); 3] = [
    ("tools/call", "name", Some("arguments")),
    ("prompts/get", "name", Some("arguments")),
    ("resources/read", "uri", None),
];

/// Why a body is not served: the code and the text of the answer, and the request that it is the answer to.
#[derive(Debug, PartialEq)]
pub(super) struct Malformed {
    id: Value,
    code: i32,
    text: String,
}

#[derive(Deserialize)]
struct Message<'a> {
    #[serde(default)]
    jsonrpc: Value,
    #[serde(default, deserialize_with = "present")]
    id: Option<Value>,
    #[serde(default)]
    method: Value,
    #[serde(borrow, default)]
    params: Option<&'a RawValue>,
    #[serde(borrow, default)]
    result: Option<&'a RawValue>,
    #[serde(borrow, default)]
    error: Option<&'a RawValue>,
}

/// Reads a value that is there, null too.
fn present<'de, D: Deserializer<'de>>(from: D) -> Result<Option<Value>, D::Error> {
    Value::deserialize(from).map(Some)
}

/// Checks the form of a body.
///
/// # Errors
/// What is wrong with it, and what to send instead.
pub(super) fn check(bytes: &[u8]) -> Result<(), Malformed> {
    let wrong = |code, text: String| Malformed { id: Value::Null, code, text };
    let text = std::str::from_utf8(bytes).map_err(|_| wrong(PARSE, "the body is not UTF-8 text".to_owned()))?;
    let not_json = |error| wrong(PARSE, format!("the body is not JSON: {error}"));
    if !text.trim_start().starts_with('{') {
        serde_json::from_str::<IgnoredAny>(text).map_err(not_json)?;
        return Err(wrong(INVALID, "the body must be one message, an object; batches are not taken".to_owned()));
    }
    let message: Message<'_> = serde_json::from_str(text).map_err(|error| match error.is_data() {
        true => wrong(INVALID, format!("the body is not a message: {error}")),
        false => not_json(error),
    })?;
    if message.jsonrpc != "2.0" {
        return Err(wrong(INVALID, "jsonrpc must be \"2.0\"".to_owned()));
    }
    let id = match message.id {
        None => Value::Null,
        Some(id @ (Value::String(_) | Value::Number(_))) => id,
        Some(_) => return Err(wrong(INVALID, "id must be a text or a number".to_owned())),
    };
    let malformed = |code, text: String| Malformed { id: id.clone(), code, text };
    let method = match &message.method {
        Value::String(method) => method,
        // An answer; the protocol says what becomes of it.
        Value::Null if message.result.is_some() || message.error.is_some() => return Ok(()),
        Value::Null => return Err(malformed(INVALID, "the message has no method".to_owned())),
        _ => return Err(malformed(INVALID, "method must be a text".to_owned())),
    };
    // Not built as a tree: that is done once, where the memory for it is counted.
    let params = message.params.map_or("null", RawValue::get);
    let params: Option<BTreeMap<String, &RawValue>> =
        serde_json::from_str(params).map_err(|_| malformed(INVALID, "params must be an object".to_owned()))?;
    let Some((_, needed, object)) = SHAPES.iter().find(|(name, ..)| name == method) else { return Ok(()) };
    let given = |name: &str| params.as_ref()?.get(name).map(|value| value.get());
    if !given(needed).is_some_and(|value| value.starts_with('"')) {
        return Err(malformed(PARAMS, format!("params.{needed} of {method} must be a text")));
    }
    match object.and_then(|object| Some((object, given(object)?))) {
        Some((object, value)) if !value.starts_with('{') && value != "null" => {
            Err(malformed(PARAMS, format!("params.{object} of {method} must be an object, such as {{}}")))
        }
        _ => Ok(()),
    }
}

impl Malformed {
    /// Writes the answer.
    pub(super) fn into_response(self) -> Response {
        let Self { id, code, text } = self;
        let status = if code == PARAMS { StatusCode::OK } else { StatusCode::BAD_REQUEST };
        let answer = json!({ "jsonrpc": "2.0", "id": id, "error": { "code": code, "message": text } });
        (status, [(header::CONTENT_TYPE, "application/json")], Body::from(answer.to_string())).into_response()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_has_the_form_is_passed_on() {
        for body in [
            r#"{"jsonrpc":"2.0","id":1,"method":"ping"}"#,
            r#"{"jsonrpc":"2.0","id":"a","method":"tools/call","params":{"name":"x"}}"#,
            r#"{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"x","arguments":null}}"#,
            r#"{"jsonrpc":"2.0","id":1,"method":"resources/read","params":{"uri":"x","arguments":5}}"#,
            r#"{"jsonrpc":"2.0","method":"notifications/initialized","params":null}"#,
            r#"{"jsonrpc":"2.0","id":1,"result":{}}"#,
            r#"{"jsonrpc":"2.0","id":1,"method":"unknown","params":{}}"#,
        ] {
            assert_eq!(check(body.as_bytes()), Ok(()), "{body}");
        }
    }

    #[test]
    fn what_has_not_says_what_to_send() {
        for (body, code, id, part) in [
            ("", PARSE, Value::Null, "not JSON"),
            ("{", PARSE, Value::Null, "not JSON"),
            ("5", INVALID, Value::Null, "an object"),
            ("[{}]", INVALID, Value::Null, "batches"),
            ("[1,2,3,4,5,6,7,8,9]", INVALID, Value::Null, "batches"),
            ("[{}", PARSE, Value::Null, "not JSON"),
            (r#"{"jsonrpc":"2.0","jsonrpc":"2.0"}"#, INVALID, Value::Null, "duplicate"),
            ("{}", INVALID, Value::Null, "jsonrpc"),
            (r#"{"jsonrpc":"2.0","id":{},"method":"ping"}"#, INVALID, Value::Null, "id must be"),
            (r#"{"jsonrpc":"2.0","id":null,"method":"ping"}"#, INVALID, Value::Null, "id must be"),
            (r#"{"jsonrpc":"2.0","id":1}"#, INVALID, json!(1), "no method"),
            (r#"{"jsonrpc":"2.0","id":1,"method":5}"#, INVALID, json!(1), "method must be"),
            (r#"{"jsonrpc":"2.0","id":1,"method":"ping","params":5}"#, INVALID, json!(1), "params must be"),
            (r#"{"jsonrpc":"2.0","id":"a","method":"tools/call"}"#, PARAMS, json!("a"), "params.name of tools/call"),
            (r#"{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":5}}"#, PARAMS, json!(1), "params.name"),
            (
                r#"{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"x","arguments":[]}}"#,
                PARAMS,
                json!(1),
                "params.arguments of tools/call must be an object",
            ),
            (r#"{"jsonrpc":"2.0","id":1,"method":"resources/read","params":{}}"#, PARAMS, json!(1), "params.uri"),
        ] {
            let found = check(body.as_bytes()).unwrap_err();
            assert_eq!((found.code, &found.id), (code, &id), "{body}: {found:?}");
            assert!(found.text.contains(part), "{body}: {found:?}");
        }
        assert_eq!(check(b"\"\xff\"").unwrap_err().code, PARSE);
    }
}
