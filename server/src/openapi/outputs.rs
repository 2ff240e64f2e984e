//! What an operation answers: outputs and their schema, from the lowest 2xx answer.

use connector_runtime::redact::is_sensitive_name;
use connector_runtime::schema::{MAX_NESTED_PATTERNS, is_command_name};
use serde_json::{Map, Value, json};

use super::body::{choose, is_json};
use super::command::Making;
use super::names::camel;
use super::operations::{Operation, escape};
use super::params::is_token;
use super::schema::{Way, limit_patterns};
use super::table::{Answers, OutputHeader};

/// What a document says of an operation's answer.
#[derive(Debug, Default)]
pub(super) struct Outputs {
    pub(super) names: Vec<String>,
    pub(super) schema: Option<Value>,
    /// The media types to request, if not JSON.
    pub(super) accept: Option<String>,
    /// The declared headers.
    pub(super) headers: Vec<OutputHeader>,
    /// What the answer is.
    pub(super) answers: Option<Answers>,
    /// Whether a `Link` header is declared.
    pub(super) link: bool,
}

/// Reads the lowest 2xx answer.
pub(super) fn outputs<'d>(making: &mut Making<'_, 'd>, operation: &Operation<'d>) -> Outputs {
    let mut outputs = Outputs::default();
    let Some(responses) = operation.says("responses").and_then(Value::as_object) else { return outputs };
    let rank = |status: &str| match status.as_bytes() {
        [b'2', tens, ones] if tens.is_ascii_digit() && ones.is_ascii_digit() => status.parse::<u16>().ok(),
        [b'2', b'x' | b'X', b'x' | b'X'] => Some(300),
        _ => None,
    };
    let Some((status, node)) = responses
        .iter()
        .filter_map(|(status, node)| Some((rank(status)?, (status, node))))
        .min_by_key(|(rank, _)| *rank)
        .map(|(_, found)| found)
    else {
        return outputs;
    };
    let pointer = format!("{}/responses/{}", operation.pointer, escape(status));
    let response = match making.document.resolve(node) {
        Ok(response) => response,
        Err((broken, reference)) => {
            making.notes.warn(broken.code(), &pointer, format!("answer {}", broken.tell(reference)));
            return outputs;
        }
    };
    let headers = response.get("headers").and_then(Value::as_object);
    outputs.link = headers.is_some_and(|headers| headers.keys().any(|name| name.eq_ignore_ascii_case("link")));
    outputs.headers = headers.into_iter().flat_map(Map::keys).filter_map(|name| output_header(name)).collect();
    let Some((media, chosen)) = response.get("content").and_then(Value::as_object).and_then(choose) else {
        // What the service answers with is in them.
        outputs.names = outputs.headers.iter().map(|header| header.key.clone()).collect();
        return outputs;
    };
    let sound = !media.chars().any(char::is_control);
    outputs.accept = (media != "application/json" && sound).then(|| media.to_owned());
    outputs.answers = match media {
        _ if is_json(media) => Some(Answers::Json),
        _ if media.starts_with("text/") => Some(Answers::Text),
        _ => None,
    };
    let chosen = making.document.resolve(chosen).unwrap_or(chosen);
    let Some(schema) = chosen.get("schema") else { return outputs };
    if !is_json(media) && !media.contains('*') {
        let bytes = making.document.resolve(schema).ok().and_then(|schema| schema.get("format"));
        if bytes.is_some_and(|format| format == "binary") && !media.starts_with("text/") {
            outputs.names = vec!["contentType".to_owned(), "base64".to_owned()];
            outputs.schema = Some(file());
            outputs.answers = Some(Answers::File);
        }
        return outputs;
    }
    let written = making.write(schema, Way::Out, &pointer);
    let properties = written.get("properties").and_then(Value::as_object);
    outputs.names = properties.into_iter().flat_map(Map::keys).filter(|name| is_command_name(name)).cloned().collect();
    let is_known = !written.is_empty();
    let mut schema = Value::Object(written);
    limit_patterns(&mut schema, MAX_NESTED_PATTERNS);
    outputs.schema = is_known.then_some(schema);
    outputs
}

/// Headers about the message, which are no results.
const NO_OUTPUTS: [&str; 5] = ["content-length", "content-type", "content-encoding", "transfer-encoding", "connection"];

fn output_header(name: &str) -> Option<OutputHeader> {
    let key = camel(name);
    // A credential would be recorded under a name that nothing masks.
    let is_result = !is_sensitive_name(name) && !NO_OUTPUTS.contains(&name.to_ascii_lowercase().as_str());
    let known = is_token(name) && is_command_name(&key) && is_result;
    known.then(|| OutputHeader { name: name.to_owned(), key })
}

/// Returns the schema for a command that downloads a file.
fn file() -> Value {
    json!({ "type": "object", "properties": {
        "contentType": { "type": "string", "description": "The media type that the service told." },
        "base64": { "type": "string", "contentEncoding": "base64", "description": "The bytes, in base64." } } })
}
