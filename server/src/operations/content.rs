//! The body of a request.
//!
//! In a JSON body absent, null and empty are three values: what was given is sent. A form knows no null, so there null
//! counts as absent.

use std::borrow::Cow;

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use bytes::Bytes;
use serde::ser::{Serialize, SerializeMap, Serializer};
use serde_json::{Map, Value};
use uuid::Uuid;

use super::given::Given;
use super::spelling::text;
use super::style::{present, spread, undeclared};
use crate::openapi::{Body, BodyField, BodyKind, Form};

/// A body as it is sent.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Content {
    pub(super) media: String,
    pub(super) bytes: Bytes,
}

/// A named part of a body.
struct Part<'p> {
    name: &'p str,
    value: Cow<'p, Value>,
    form: Cow<'p, Form>,
    file: bool,
    media: Option<&'p str>,
}

/// Parts as a JSON object.
struct Flat<'p>(&'p [Part<'p>]);

impl Serialize for Flat<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(self.0.len()))?;
        for part in self.0 {
            map.serialize_entry(part.name, &*part.value)?;
        }
        map.end()
    }
}

/// Writes a body; `None` if nothing was given for it. `open` holds what no param names.
///
/// # Errors
/// If a value cannot be sent.
pub(super) fn write(body: &Body, given: &Given<'_>, open: &Map<String, Value>) -> Result<Option<Content>, String> {
    let media = || body.media.clone();
    let content = |bytes: Vec<u8>| Ok(Some(Content { media: media(), bytes: bytes.into() }));
    if let Some(key) = &body.key {
        let value = given.typed(key, body.required);
        let Some(value) = value.as_deref() else {
            return if body.required { Err(missing(key)) } else { Ok(None) };
        };
        return match body.kind {
            BodyKind::Json => content(json(value)?),
            _ if value.is_null() && !body.required => Ok(None),
            BodyKind::Text => content(text(value).into_owned().into_bytes()),
            BodyKind::Bytes => content(bytes(value)?),
            BodyKind::Form => content(form(&members(value))),
            BodyKind::Multipart => multipart(&body.media, &members(value)).map(Some),
        };
    }
    let value = |field: &BodyField| match body.kind {
        BodyKind::Json => given.typed(&field.key, field.required),
        _ => given.of_form(&field.key, field.required),
    };
    let named = body.fields.iter().filter_map(|field| Some(part(field, value(field)?)));
    let more = open.iter().map(|(name, value)| undeclared_part(name, value));
    let mut parts: Vec<Part<'_>> = named.chain(more).collect();
    if body.kind != BodyKind::Json {
        parts.retain(|part| !part.value.is_null());
    }
    if parts.is_empty() && !body.required {
        return Ok(None);
    }
    let is_there = |field: &BodyField| given.get(&field.key, field.required).is_some();
    if let Some(field) = body.fields.iter().find(|field| field.required && !is_there(field)) {
        return Err(missing(&field.key));
    }
    match body.kind {
        BodyKind::Form => content(form(&parts)),
        BodyKind::Multipart => multipart(&body.media, &parts).map(Some),
        _ => content(json(&Flat(&parts))?),
    }
}

fn part<'p>(field: &'p BodyField, value: Cow<'p, Value>) -> Part<'p> {
    let BodyField { name, form, file, media, .. } = field;
    Part { name, value, form: Cow::Borrowed(form), file: *file, media: media.as_deref() }
}

fn undeclared_part<'p>(name: &'p str, value: &'p Value) -> Part<'p> {
    Part { name, value: Cow::Borrowed(value), form: Cow::Owned(undeclared(value)), file: false, media: None }
}

fn members(value: &Value) -> Vec<Part<'_>> {
    let members = value.as_object().into_iter().flat_map(present);
    members.map(|(name, value)| undeclared_part(name, value)).collect()
}

/// Says that a required value is not there, in the words of the checks before a call.
pub(super) fn missing(key: &str) -> String {
    format!("Missing required field(s): {key}")
}

fn json(value: &impl Serialize) -> Result<Vec<u8>, String> {
    serde_json::to_vec(value).map_err(|error| format!("the body cannot be written as JSON: {error}"))
}

fn bytes(value: &Value) -> Result<Vec<u8>, String> {
    let plain: String = text(value).split_ascii_whitespace().collect();
    BASE64_STANDARD
        .decode(plain)
        .map_err(|error| format!("the bytes of a body are not sound base64: {error}; encode the file in base64"))
}

fn form(parts: &[Part<'_>]) -> Vec<u8> {
    let mut pairs = Vec::with_capacity(parts.len());
    for part in parts {
        spread(part.name, &part.form, &part.value, &mut pairs);
    }
    pairs.join("&").replace("%20", "+").into_bytes()
}

/// A file: its bytes in base64, or an object of those, a name and a media type.
struct File<'f> {
    base64: &'f Value,
    name: Option<&'f str>,
    media: Option<&'f str>,
}

impl<'f> File<'f> {
    fn of(value: &'f Value) -> Self {
        let text = |key: &str| value.get(key).and_then(Value::as_str);
        match value.get("base64").filter(|_| value.is_object()) {
            Some(base64) => Self { base64, name: text("name"), media: text("contentType") },
            None => Self { base64: value, name: None, media: None },
        }
    }
}

fn multipart(media: &str, parts: &[Part<'_>]) -> Result<Content, String> {
    // Nobody can guess it, so no part holds it.
    let boundary = format!("floh-{}{}", Uuid::now_v7().simple(), Uuid::now_v7().simple());
    let mut out = Vec::new();
    for part in parts {
        let values = match &*part.value {
            Value::Array(items) => items.iter().filter(|item| !item.is_null()).collect(),
            one => vec![one],
        };
        for value in values {
            let file = part.file.then(|| File::of(value));
            let own = file.as_ref().and_then(|file| file.media).or(part.media);
            let usual = match (part.file, value) {
                (true, _) => Some("application/octet-stream"),
                (false, Value::Array(_) | Value::Object(_)) => Some("application/json"),
                (false, _) => None,
            };
            let mut head = format!("--{boundary}\r\nContent-Disposition: form-data; name={}", quoted(part.name));
            if let Some(file) = &file {
                head.push_str(&format!("; filename={}", quoted(file.name.unwrap_or(part.name))));
            }
            if let Some(media) = own.or(usual) {
                if media.chars().any(char::is_control) {
                    return Err(format!("the media type of part {} holds a control character", part.name));
                }
                head.push_str(&format!("\r\nContent-Type: {media}"));
            }
            head.push_str("\r\n\r\n");
            out.extend_from_slice(head.as_bytes());
            match file {
                Some(file) => out.extend(bytes(file.base64)?),
                None => out.extend_from_slice(text(value).as_bytes()),
            }
            out.extend_from_slice(b"\r\n");
        }
    }
    out.extend_from_slice(format!("--{boundary}--\r\n").as_bytes());
    // A document may name a boundary or another param, which would stand beside this one.
    let media = media.split(';').next().unwrap_or_default().trim();
    Ok(Content { media: format!("{media}; boundary={boundary}"), bytes: out.into() })
}

/// Quotes what stands in a part's header.
fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('\r', "%0D").replace('\n', "%0A").replace('"', "%22"))
}
