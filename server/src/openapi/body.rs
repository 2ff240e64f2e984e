//! Request bodies: the properties of a JSON object and the fields of a form or a multipart body become params of their
//! own; any other body is the param `body`.

use connector_runtime::schema::{Field, FieldKind, Fields, NestedSchema};
use serde_json::{Map, Value, json};

use super::command::{DESCRIPTION, Making};
use super::operations::{Operation, escape};
use super::resolve::cut;
use super::schema::{Way, allow_empty, field};
use super::table::{Body, BodyField, BodyKind, Form};

/// The chosen media type, and its object.
type Chosen<'d> = (&'d str, &'d Value);

/// Adds a body's params to an operation's fields and returns its entry.
pub(super) fn body<'d>(making: &mut Making<'_, 'd>, operation: &Operation<'d>, fields: &mut Fields) -> Option<Body> {
    let node = operation.says("requestBody").filter(|node| !node.is_null())?;
    let pointer = format!("{}/requestBody", operation.pointer);
    let resolved = match making.document.resolve(node) {
        Ok(resolved) if resolved.is_object() => resolved,
        other => {
            match other {
                Err((broken, reference)) => {
                    let message = format!("body {}; `body` takes any JSON", broken.tell(reference));
                    making.notes.degrade(broken.code(), &pointer, message);
                }
                Ok(_) => {
                    making.notes.degrade(
                        "body_not_object",
                        &pointer,
                        "the body is not an object; `body` takes any JSON",
                    );
                }
            }
            return Some(whole(making, "application/json", BodyKind::Json, Map::new(), false, fields, &pointer));
        }
    };
    let required = resolved.get("required") == Some(&Value::Bool(true));
    let content = resolved.get("content").and_then(Value::as_object);
    let Some((media, chosen)) = content.and_then(choose) else {
        making.notes.degrade("body_without_content", &pointer, "the body names no media type; JSON is sent");
        return Some(whole(making, "application/json", BodyKind::Json, Map::new(), required, fields, &pointer));
    };
    if content.is_some_and(|content| content.len() > 1) {
        let all: Vec<&str> = content.into_iter().flatten().map(|(media, _)| media.as_str()).take(8).collect();
        let message = format!("the body may be {}; {media} is sent", all.join(", "));
        making.notes.warn("several_media_types", &pointer, cut(&message, 400));
    }
    let pointer = format!("{pointer}/content/{}", escape(media));
    let chosen = making.document.resolve(chosen).unwrap_or(chosen);
    let schema = chosen.get("schema").or_else(|| chosen.get("itemSchema"));
    let mut written = schema.map_or_else(Map::new, |schema| making.write(schema, Way::In, &pointer));
    let kind = kind(media, &written);
    if media.bytes().any(|byte| byte.is_ascii_control()) {
        making.notes.refuse("media_type_invalid", &pointer, "the media type holds a control character");
    }
    if let Some(description) = resolved.get("description").and_then(Value::as_str)
        && !written.contains_key("description")
    {
        written.insert("description".to_owned(), cut(description, DESCRIPTION).into());
    }
    let media = if media.contains('*') { "application/json" } else { media };
    let parts = matches!(kind, BodyKind::Json | BodyKind::Form | BodyKind::Multipart) && is_plain_object(&written);
    if parts {
        let encoding = chosen.get("encoding").and_then(Value::as_object);
        return Some(flat(making, media, kind, written, required, encoding, fields, &pointer));
    }
    if kind == BodyKind::Multipart {
        making.notes.degrade(
            "multipart_without_fields",
            &pointer,
            "the parts are not declared; `body` takes an object",
        );
    }
    Some(whole(making, media, kind, written, required, fields, &pointer))
}

/// Returns whether a media type is JSON.
pub fn is_json(media: &str) -> bool {
    let plain = plain(media);
    matches!(plain.as_str(), "application/json" | "text/json" | "application/x-json") || plain.ends_with("+json")
}

fn plain(media: &str) -> String {
    media.split(';').next().unwrap_or_default().trim().to_ascii_lowercase()
}

/// Selects one of several media types: JSON, JSON-like, wildcards, forms, multipart, text, else the first.
pub(super) fn choose(content: &Map<String, Value>) -> Option<Chosen<'_>> {
    let rules: [fn(&str) -> bool; 6] = [
        |media| plain(media) == "application/json",
        is_json,
        |media| matches!(plain(media).as_str(), "*/*" | "application/*"),
        |media| media.contains("x-www-form-urlencoded"),
        |media| media.starts_with("multipart/"),
        |media| media.starts_with("text/"),
    ];
    let all = || content.iter().map(|(media, node)| (media.as_str(), node));
    rules.iter().find_map(|fits| all().find(|(media, _)| fits(media))).or_else(|| all().next())
}

fn kind(media: &str, schema: &Map<String, Value>) -> BodyKind {
    let plain = plain(media);
    let is = |key: &str, value: &str| schema.get(key).is_some_and(|known| known == value);
    match plain.as_str() {
        _ if is_json(&plain) || plain.contains('*') => BodyKind::Json,
        "application/x-www-form-urlencoded" => BodyKind::Form,
        _ if plain.starts_with("multipart/") => BodyKind::Multipart,
        _ if is("format", "binary") && !plain.starts_with("text/") => BodyKind::Bytes,
        _ if plain.starts_with("text/") || plain.ends_with("xml") || plain.contains("json") => BodyKind::Text,
        "application/graphql"
        | "application/yaml"
        | "application/x-yaml"
        | "application/javascript"
        | "application/jwt"
        | "application/jose"
        | "application/sql" => BodyKind::Text,
        _ if plain.ends_with("+yaml") => BodyKind::Text,
        _ => BodyKind::Bytes,
    }
}

/// Returns whether a schema is an object of named properties, and its parts can express all of it.
fn is_plain_object(schema: &Map<String, Value>) -> bool {
    let named = schema.get("properties").and_then(Value::as_object).is_some_and(|properties| !properties.is_empty());
    named
        && schema.get("type").is_none_or(|kind| kind == "object")
        && !["oneOf", "anyOf", "allOf", "not", "enum", "const"].iter().any(|keyword| schema.contains_key(*keyword))
}

fn whole(
    making: &mut Making<'_, '_>,
    media: &str,
    kind: BodyKind,
    mut schema: Map<String, Value>,
    required: bool,
    fields: &mut Fields,
    pointer: &str,
) -> Body {
    let (key, _) = making.keys.take("body", "request");
    let mut made = match kind {
        BodyKind::Bytes | BodyKind::Text => {
            let mut text = Field::new(FieldKind::String);
            text.required = required;
            allow_empty(&mut text);
            text.description = schema.shift_remove("description").and_then(|text| text.as_str().map(str::to_owned));
            text
        }
        _ => field(making.schemas, schema, required, making.notes, pointer),
    };
    let hint = match kind {
        BodyKind::Bytes => Some("The bytes, in base64."),
        BodyKind::Text => Some("The text, as it is sent."),
        _ => None,
    };
    if let Some(hint) = hint {
        made.description = Some(made.description.map_or_else(|| hint.to_owned(), |text| format!("{text} {hint}")));
    }
    fields.insert(key.clone(), made);
    Body { kind, media: media.to_owned(), required, key: Some(key), open: false, fields: Vec::new() }
}

#[expect(clippy::too_many_arguments, reason = "one place calls it")]
fn flat(
    making: &mut Making<'_, '_>,
    media: &str,
    kind: BodyKind,
    mut schema: Map<String, Value>,
    required: bool,
    encoding: Option<&Map<String, Value>>,
    fields: &mut Fields,
    pointer: &str,
) -> Body {
    let names = schema.shift_remove("required");
    let closed = |keyword: &str| schema.get(keyword) == Some(&Value::Bool(false));
    let open = !closed("additionalProperties") && !closed("unevaluatedProperties");
    let needs = |name: &str| {
        let names = names.as_ref().and_then(Value::as_array);
        names.is_some_and(|names| names.iter().any(|known| known == name))
    };
    let Some(Value::Object(properties)) = schema.shift_remove("properties") else { return Body::default() };
    let mut parts = Vec::with_capacity(properties.len());
    for (name, property) in properties {
        let Value::Object(property) = property else { continue };
        let encoding = encoding.and_then(|encoding| encoding.get(&name));
        let said = |key: &str| encoding.and_then(|encoding| encoding.get(key));
        let told = said("contentType").and_then(Value::as_str).and_then(|text| text.split(',').next());
        let told = told.map(str::trim).filter(|text| !text.contains('*') && !text.chars().any(char::is_control));
        let told = told.map(str::to_owned).or_else(|| media_of(&property));
        let file = kind == BodyKind::Multipart && is_file(&property, told.as_deref());
        let list = property.get("type").is_some_and(|kind| kind == "array");
        let (key, moved) = making.keys.take(&name, "body");
        if moved {
            let message =
                format!("the body's `{name}` shares its name with a parameter, or it is reserved; it is {key}");
            making.notes.warn("parameter_renamed", pointer, message);
        }
        let needed = required && needs(&name);
        let mut made = field(making.schemas, property, needed, making.notes, pointer);
        allow_empty(&mut made);
        if file {
            made = file_field(made, list);
        }
        let structured = made.kind.is_structured();
        let form = match kind {
            BodyKind::Form => {
                let style = said("style").and_then(Value::as_str).filter(|style| *style != "form");
                let explode = said("explode").and_then(Value::as_bool).unwrap_or(style.is_none());
                let reserved = said("allowReserved") == Some(&Value::Bool(true));
                // Without a style, an object in a form is written as JSON.
                let plain = said("style").is_some() || said("explode").is_some();
                let json = !plain && matches!(made.kind, FieldKind::Object)
                    || said("contentType").and_then(Value::as_str).is_some_and(is_json);
                Form { style: style.map(str::to_owned), explode: explode && structured, reserved, json }
            }
            _ => Form::default(),
        };
        let media = told.filter(|_| kind == BodyKind::Multipart);
        fields.insert(key.clone(), made);
        parts.push(BodyField { key, name, form, required: needed, file, media });
    }
    Body { kind, media: media.to_owned(), required, key: None, open, fields: parts }
}

/// The media type of what a text holds (OpenAPI 3.1, "Working with Binary Data").
fn media_of(schema: &Map<String, Value>) -> Option<String> {
    let own = |schema: &Map<String, Value>| {
        let encoded = schema.contains_key("contentEncoding");
        schema.get("contentMediaType").and_then(Value::as_str).filter(|_| !encoded).map(str::to_owned)
    };
    let found = own(schema).or_else(|| own(schema.get("items")?.as_object()?));
    found.filter(|media| !media.chars().any(char::is_control))
}

/// A part is a file if its schema says that it is bytes, or nothing but a media type that is no text; so is a list of them.
fn is_file(schema: &Map<String, Value>, media: Option<&str>) -> bool {
    let is_bytes = |media: &str| !media.starts_with("text/") && !is_json(media) && !media.ends_with("xml");
    let told = media.is_some_and(is_bytes);
    let bytes = |schema: &Map<String, Value>| {
        let untyped =
            !["type", "properties", "enum", "oneOf", "anyOf"].iter().any(|keyword| schema.contains_key(*keyword));
        schema.get("format").is_some_and(|format| format == "binary") || told && (untyped || media_of(schema).is_some())
    };
    bytes(schema) || schema.get("items").and_then(Value::as_object).is_some_and(bytes)
}

/// The field of a file: its bytes in base64, alone or with a name and a media type.
fn file_field(made: Field, list: bool) -> Field {
    let text = json!({ "type": "string" });
    let object = json!({ "type": "object", "required": ["base64"], "additionalProperties": false,
        "properties": { "base64": text, "name": text, "contentType": text } });
    let one = json!({ "anyOf": [text, object] });
    let hint = if list {
        "Files, each in base64, or as { base64, name, contentType }."
    } else {
        "The file, in base64, or as { base64, name, contentType }."
    };
    let mut file = Field::new(if list { FieldKind::Array } else { FieldKind::Raw });
    file.schema = Some(NestedSchema::new(if list { json!({ "type": "array", "items": one }) } else { one }));
    file.required = made.required;
    file.description = Some(made.description.map_or_else(|| hint.to_owned(), |text| format!("{text} {hint}")));
    file
}
