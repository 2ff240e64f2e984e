//! Bodies: writing those of requests, and reading those of answers.

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use connector_runtime::egress::{Form, Part, Request};
use connector_runtime::field::FieldType as _;
use connector_runtime::prelude::*;
use connector_runtime::schema::json_type;

use super::Query;

/// The maximum number of characters of an answer that an error quotes.
const EXCERPT: usize = 200;

/// How a body is sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Select)]
pub enum BodyType {
    /// As JSON, whatever it is.
    #[select(label = "JSON")]
    Json,
    /// As a form: an object of texts, numbers, booleans and lists of these.
    Form,
    /// As it is; it must be a text.
    Text,
    /// As the bytes of a file: a text in base64. Its type is said by a header Content-Type.
    #[select(label = "File (base64)")]
    Base64,
    /// As multipart/form-data: an object of texts, numbers, booleans, and files
    /// { "fileName": …, "contentType": …, "base64": … }.
    #[select(label = "Multipart form")]
    Multipart,
}

/// How an answer's body is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Select)]
pub enum ResponseType {
    /// As JSON where it is JSON, else as a text.
    Auto,
    /// As JSON; anything else is a failure.
    #[select(label = "JSON")]
    Json,
    /// As a text.
    Text,
    /// As bytes, told in base64.
    #[select(label = "File (base64)")]
    Base64,
}

impl BodyType {
    /// Adds a body to a request.
    pub(super) fn lay(self, body: Value, request: Request) -> Result<Request, Failure> {
        let wrong = |why: String| {
            Failure::from(Fail::new(format!("Invalid field(s): body: {why}, since bodyType is {}", self.as_str())))
        };
        match self {
            Self::Json => Ok(request.json(&body)),
            Self::Form => match Query::read(&body) {
                Ok(Query(pairs)) => Ok(request.form(&pairs)),
                Err(mismatch) => Err(wrong(mismatch.0)),
            },
            Self::Text => match body {
                Value::String(text) => Ok(request.text(text)),
                other => Err(wrong(format!("expected string, got {}", json_type(&other)))),
            },
            Self::Base64 => match body {
                Value::String(text) => match BASE64_STANDARD.decode(text.trim()) {
                    Ok(bytes) => Ok(request.body(bytes)),
                    Err(_) => Err(wrong("expected base64".to_owned())),
                },
                other => Err(wrong(format!("expected string, got {}", json_type(&other)))),
            },
            Self::Multipart => match body {
                Value::Object(parts) => {
                    let mut form = Form::new();
                    for (name, value) in parts {
                        form = add_part(form, name, value).map_err(wrong)?;
                    }
                    Ok(request.multipart(form))
                }
                other => Err(wrong(format!("expected object, got {}", json_type(&other)))),
            },
        }
    }
}

/// Adds a field to a form; a list adds one for each of its values.
fn add_part(form: Form, name: String, value: Value) -> Result<Form, String> {
    match value {
        Value::Null => Ok(form),
        Value::Array(values) => values.into_iter().try_fold(form, |form, value| add_part(form, name.clone(), value)),
        Value::Object(file) => {
            let text = |key: &str| file.get(key).and_then(Value::as_str);
            if let Some(unknown) =
                file.keys().find(|key| !["fileName", "contentType", "base64"].contains(&key.as_str()))
            {
                return Err(format!("{name}.{unknown} is no part of a file: write fileName, contentType and base64"));
            }
            let base64 = text("base64").ok_or_else(|| format!("{name}.base64 is missing: the bytes of the file"))?;
            let bytes = BASE64_STANDARD.decode(base64.trim()).map_err(|_| format!("{name}.base64 is no base64"))?;
            let part = Part::bytes(bytes).file_name(text("fileName").unwrap_or("file"));
            Ok(form.part(name, part.content_type(text("contentType").unwrap_or("application/octet-stream"))))
        }
        Value::String(text) => Ok(form.text(name, text)),
        other => Ok(form.text(name, other.to_string())),
    }
}

impl ResponseType {
    /// Reads an answer's body; an empty one is null.
    pub(super) fn read(self, response: &Response) -> Result<Value, Failure> {
        if response.bytes().is_empty() {
            return Ok(Value::Null);
        }
        let text = || Value::String(response.text().into_owned());
        match self {
            Self::Text => Ok(text()),
            Self::Base64 => Ok(BASE64_STANDARD.encode(response.bytes()).into()),
            Self::Auto => Ok(parsed(response).unwrap_or_else(text)),
            Self::Json => response.json().map_err(|error| {
                let text = response.text();
                let excerpt = match text.char_indices().nth(EXCERPT) {
                    Some((end, _)) => format!("{:?}...", &text[..end]),
                    None => format!("{text:?}"),
                };
                Fail::new(format!("{error}; it reads {excerpt}")).diagnostics(response.diagnostics()).into()
            }),
        }
    }
}

/// Parses a body that is meant as JSON: by its content type, or because it is an object or a list. A plain text such as
/// `12` or `true` stays a text.
fn parsed(response: &Response) -> Option<Value> {
    let value: Value = response.json().ok()?;
    let declared = response.header("content-type").is_none_or(is_json);
    (declared || value.is_object() || value.is_array()).then_some(value)
}

/// Returns whether a content type is JSON, including `application/problem+json` and similar (RFC 6839).
fn is_json(content_type: &str) -> bool {
    let essence = content_type.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    essence == "application/json" || essence == "text/json" || essence.ends_with("+json")
}
