//! What tools answer: results of calls, other JSON, and errors in words that say what to change.

use std::time::Duration;

use indexmap::IndexMap;
use rmcp::model::{CallToolResult, ContentBlock, Resource};
use serde_json::value::RawValue;
use serde_json::{Map, Value, json};

use super::resources;
use crate::auth::Scope;
use crate::error::{Error, ErrorKind};
use crate::execute::ShownResult;

/// The maximum number of characters of the beginning that stands for a payload which was left out.
const PREVIEW: usize = 1_000;
/// The maximum number of mistakes that an error names.
const MAX_MISTAKES: usize = 20;

/// Returns the result of a call. Of one of more than `limit` bytes the payload is left out, and what else is large.
pub(super) fn of_call(shown: &ShownResult, limit: usize) -> CallToolResult {
    let id = shown.execution_id.to_string();
    let link = (shown.text.len() > limit && shown.is_recorded).then(|| resources::execution(&id));
    let result = if shown.text.len() > limit {
        shortened(&shown.text, limit, link.as_deref())
    } else {
        serde_json::from_str(&shown.text).ok()
    };
    let mut result = result.unwrap_or_else(|| failed("The result is not kept any more", Map::new()));
    result.insert("executionId".to_owned(), Value::String(id.clone()));
    let mut answer = of_result(result);
    answer.content.extend(link.map(|uri| {
        let described = Resource::new(uri, format!("execution {id}"));
        ContentBlock::ResourceLink(
            described.with_description("The whole record of the call").with_mime_type("application/json"),
        )
    }));
    answer
}

/// Reads a result without its payload, and without whatever else is too large. What is left out is not made a tree of first.
fn shortened(text: &str, limit: usize, uri: Option<&str>) -> Option<Map<String, Value>> {
    let mut parts: IndexMap<&str, &RawValue> = serde_json::from_str(text).ok()?;
    let mut preview = String::new();
    for key in ["payload", "diagnostics", "variables"] {
        let size: usize = parts.values().map(|part| part.get().len()).sum();
        if key != "payload" && size <= limit {
            break;
        }
        let Some(part) = parts.shift_remove(key) else { continue };
        if preview.is_empty() {
            preview = part.get().chars().take(PREVIEW).collect();
        }
    }
    let mut result = Map::new();
    for (name, part) in parts {
        result.insert(name.to_owned(), serde_json::from_str(part.get()).ok()?);
    }
    if let Some(Value::String(error)) = result.get_mut("error")
        && error.len() > limit
    {
        *error = error.chars().take(limit / 4).collect();
    }
    let mut truncated = json!({ "bytes": text.len(), "preview": preview });
    if let Some(uri) = uri {
        truncated["resource"] = Value::from(uri);
    }
    result.insert("truncated".to_owned(), truncated);
    Some(result)
}

/// Returns a result with its texts: the JSON, after the error sentence if there is one.
fn of_result(result: Map<String, Value>) -> CallToolResult {
    let success = result.get("success").and_then(Value::as_bool).unwrap_or_default();
    let error = result.get("error").and_then(Value::as_str).filter(|_| !success).map(str::to_owned);
    of_value(Value::Object(result), !success, error)
}

fn of_value(value: Value, is_error: bool, sentence: Option<String>) -> CallToolResult {
    let mut answer = CallToolResult::success(Vec::new());
    answer.content.extend(sentence.map(ContentBlock::text));
    answer.content.push(ContentBlock::text(value.to_string()));
    answer.structured_content = Some(value);
    answer.is_error = Some(is_error);
    answer
}

/// Returns what a tool that calls nothing answers.
pub(super) fn of_json(value: Value) -> CallToolResult {
    of_value(value, false, None)
}

/// Returns an answer with `success: false`, after its sentence `error`.
pub(super) fn of_failure(value: Value) -> CallToolResult {
    let sentence = value.get("error").and_then(Value::as_str).map(str::to_owned);
    of_value(value, true, sentence)
}

/// Returns an error of a use case. It has the form of a failed result, so that clients that check answers take it.
pub(super) fn of_error(error: &Error) -> CallToolResult {
    let mut diagnostics = Map::new();
    diagnostics.insert("code".to_owned(), Value::from(error.code()));
    if !error.mistakes().is_empty() {
        let shown = error.mistakes().iter().take(MAX_MISTAKES).map(|mistake| json!(mistake)).collect();
        diagnostics.insert("errors".to_owned(), Value::Array(shown));
    }
    if let Some(change) = error.change() {
        diagnostics.insert("change".to_owned(), json!(change));
    }
    let mut sentence = match error.kind() {
        ErrorKind::Denied(Some(scope)) if error.mistakes().is_empty() => format!("This token lacks the scope {scope}"),
        _ => error.detail().to_owned(),
    };
    for mistake in error.mistakes().iter().take(MAX_MISTAKES).filter(|_| error.mistakes().len() > 1) {
        sentence.push_str(&format!("\n{}: {}", mistake.pointer, mistake.message));
    }
    let mut result = failed(&sentence, diagnostics);
    if let ErrorKind::Unavailable(after) = error.kind() {
        result.insert("retryAfterMs".to_owned(), milliseconds(after));
    }
    of_result(result)
}

/// Returns the refusal of a tool whose scope the token lacks.
pub(super) fn lacks(scope: Scope) -> CallToolResult {
    of_result(failed(&format!("This token lacks the scope {scope}"), Map::new()))
}

/// Returns a refusal in one sentence.
pub(super) fn refusal(sentence: &str) -> CallToolResult {
    of_result(failed(sentence, Map::new()))
}

/// Returns the refusal of a call that may be made later.
pub(super) fn later(sentence: &str, after: Duration) -> CallToolResult {
    let mut result = failed(sentence, Map::new());
    result.insert("retryAfterMs".to_owned(), milliseconds(after));
    of_result(result)
}

fn milliseconds(time: Duration) -> Value {
    Value::from(u64::try_from(time.as_millis()).unwrap_or(u64::MAX).max(1))
}

fn failed(sentence: &str, diagnostics: Map<String, Value>) -> Map<String, Value> {
    let mut result = Map::new();
    result.insert("success".to_owned(), Value::Bool(false));
    result.insert("error".to_owned(), Value::from(sentence));
    if !diagnostics.is_empty() {
        result.insert("diagnostics".to_owned(), Value::Object(diagnostics));
    }
    result
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;
    use crate::error::Mistake;

    fn shown(text: &str) -> ShownResult {
        ShownResult { execution_id: Uuid::nil(), text: text.to_owned(), is_recorded: true, is_replayed: false }
    }

    fn texts(answer: &CallToolResult) -> Vec<String> {
        answer.content.iter().filter_map(|block| block.as_text().map(|text| text.text.clone())).collect()
    }

    #[test]
    fn numbers_keep_their_text() {
        let text = r#"{"success":true,"payload":{"n":12345678901234567890123.4500,"e":1E400}}"#;
        let answer = of_call(&shown(text), 1_000);
        let written = texts(&answer).pop().unwrap();
        assert!(written.contains("12345678901234567890123.4500") && written.contains("1e+400"), "{written}");
        assert_eq!(answer.structured_content.unwrap().to_string(), written);
        assert_eq!(answer.is_error, Some(false));
    }

    #[test]
    fn a_large_payload_is_left_out_and_linked() {
        let text = format!(r#"{{"success":true,"payload":["{}"],"variables":{{"n":1}}}}"#, "x".repeat(5_000));
        let answer = of_call(&shown(&text), 2_000);
        let result = answer.structured_content.clone().unwrap();
        assert!(result.get("payload").is_none() && result["variables"]["n"] == 1, "{result}");
        assert_eq!(result["truncated"]["bytes"], text.len());
        assert_eq!(result["truncated"]["resource"], format!("floh://executions/{}", Uuid::nil()));
        assert!(result["truncated"]["preview"].as_str().unwrap().starts_with("[\"xxx"));
        assert!(answer.content.iter().any(|block| matches!(block, ContentBlock::ResourceLink(_))));
        let text = format!(r#"{{"success":false,"error":"no","diagnostics":{{"a":"{}"}}}}"#, "x".repeat(5_000));
        let unrecorded = ShownResult { is_recorded: false, ..shown(&text) };
        let answer = of_call(&unrecorded, 2_000);
        let result = answer.structured_content.unwrap();
        assert!(result.get("diagnostics").is_none() && result["truncated"].get("resource").is_none(), "{result}");
    }

    #[test]
    fn a_failure_says_its_sentence_first() {
        let answer = of_call(&shown(r#"{"success":false,"error":"Widget API returned 500"}"#), 1_000);
        let texts = texts(&answer);
        assert_eq!((answer.is_error, texts[0].as_str(), texts.len()), (Some(true), "Widget API returned 500", 2));
    }

    #[test]
    fn an_error_names_its_places() {
        let error = Error::invalid(vec![Mistake::new("/name", "taken"), Mistake::new("/type", "unknown")]);
        let answer = of_error(&error);
        assert!(texts(&answer)[0].ends_with("/name: taken\n/type: unknown"), "{:?}", texts(&answer));
        let denied = of_error(&Error::denied("types:write", "this needs the scope types:write"));
        assert_eq!(texts(&denied)[0], "This token lacks the scope types:write");
        assert_eq!(denied.structured_content.unwrap()["success"], false);
    }
}
