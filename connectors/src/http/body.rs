//! Bodies: writing those of requests, and reading those of answers.

use connector_runtime::egress::Request;
use connector_runtime::field::FieldType as _;
use connector_runtime::prelude::*;

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
                other => Err(wrong(format!("expected string, got {}", connector_runtime::schema::json_type(&other)))),
            },
        }
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
