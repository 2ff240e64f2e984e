//! The top level of a document: whether it is OpenAPI 3, and what it says about itself.

use connector_runtime::schema::json_type;
use serde_json::Value;

use super::error::ImportError;
use super::notes::Notes;
use super::resolve::cut;

/// What a document says about itself.
#[derive(Debug)]
pub(super) struct Root {
    /// Whether it is 3.2, which knows more methods.
    pub(super) latest: bool,
    pub(super) title: String,
    pub(super) version: String,
    pub(super) description: Option<String>,
}

/// Checks the parts that an import requires; other problems are noted.
pub(super) fn check(root: &Value, notes: &mut Notes) -> Result<Root, ImportError> {
    let Some(map) = root.as_object() else {
        let message = match root {
            Value::Null => "the document is empty".to_owned(),
            Value::String(_) => "an OpenAPI document must be an object, but this is plain text".to_owned(),
            other => format!("an OpenAPI document must be an object, but this is {}", article(json_type(other))),
        };
        return Err(ImportError::new("not_an_object", message));
    };
    let version = match map.get("openapi") {
        None | Some(Value::Null) => return Err(unknown(root)),
        Some(Value::String(version)) => version.trim().to_owned(),
        Some(Value::Number(number)) => {
            let message = format!("`openapi: {number}` is a number; write it as a text, in quotes");
            notes.warn("version_not_string", "/openapi", message);
            number.to_string()
        }
        Some(other) => {
            let kind = article(json_type(other));
            let message = format!("`openapi` must be a text such as 3.0.3, but it is {kind}");
            return Err(ImportError::new("invalid_version", message).at("/openapi"));
        }
    };
    if version != "3" && !version.starts_with("3.") {
        let message = format!("OpenAPI {} is not supported; 3.0, 3.1 and 3.2 are", cut(&version, 40));
        return Err(ImportError::new("unsupported_version", message).at("/openapi"));
    }
    for (key, code) in [("paths", "invalid_paths"), ("webhooks", "invalid_webhooks")] {
        if let Some(value) = map.get(key).filter(|value| !value.is_null() && !value.is_object()) {
            let message = format!("`{key}` must be an object, but it is {}", article(json_type(value)));
            return Err(ImportError::new(code, message).at(format!("/{key}")));
        }
    }
    let info = map.get("info");
    let text = |key: &str| match info.and_then(|info| info.get(key)) {
        Some(Value::String(text)) => Some(text.trim().to_owned()).filter(|text| !text.is_empty()),
        Some(Value::Number(number)) => Some(number.to_string()),
        _ => None,
    };
    let (title, told) = (text("title"), text("version"));
    for (key, found) in [("title", &title), ("version", &told)] {
        if found.is_none() {
            notes.warn("info_incomplete", "/info", format!("the document has no `info.{key}`"));
        }
    }
    let words = text("description").map(|text| text.lines().next().unwrap_or_default().to_owned());
    let description = match (&title, words.filter(|words| !words.is_empty())) {
        (Some(title), Some(words)) if *title != words => Some(format!("{title}: {words}")),
        (title, words) => title.clone().or(words),
    };
    Ok(Root {
        latest: version.starts_with("3.2"),
        title: title.unwrap_or_default(),
        version: told.unwrap_or_default(),
        description: description.map(|text| cut(&text, 500).replace('\0', "")),
    })
}

fn unknown(root: &Value) -> ImportError {
    if let Some(version) = root.get("swagger") {
        let version = version.as_str().map_or_else(|| version.to_string(), str::to_owned);
        let message = format!("Swagger {} is not supported; Swagger 2.0 and OpenAPI 3.0 to 3.2 are", cut(&version, 20));
        return ImportError::new("unsupported_version", message).at("/swagger");
    }
    if root.get("asyncapi").is_some() {
        return ImportError::new("unsupported_version", "this is an AsyncAPI document, not OpenAPI").at("/asyncapi");
    }
    let message = "the document has no `openapi` field, so it is not an OpenAPI 3.x document";
    ImportError::new("missing_version", message)
}

fn article(kind: &str) -> String {
    let vowel = kind.starts_with(['a', 'e', 'i', 'o', 'u']);
    if kind == "null" { kind.to_owned() } else { format!("{} {kind}", if vowel { "an" } else { "a" }) }
}

/// Returns the reason why there is nothing to import.
pub(super) fn nothing(root: &Value) -> &'static str {
    let some = |key: &str| root.get(key).and_then(Value::as_object).is_some_and(|map| !map.is_empty());
    if some("webhooks") && !some("paths") {
        "the document describes only webhooks (calls the API makes to you); there is nothing to import"
    } else if root.get("paths").is_none() {
        "the document has no `paths`, so there is nothing to import"
    } else {
        "the document is valid but describes no operations, so there is nothing to import"
    }
}
