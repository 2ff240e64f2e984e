//! The lock that a connector of a config schema would have, so that the example of a rule can be put to the
//! comparison of locks. A connector in Rust cannot say every schema; a law in `laws.rs` holds this to [`print()`]
//! wherever it can.
//!
//! [`print()`]: crate::lock::print

use std::fmt::{Debug, Write};

use serde_json::{Map, Value};

use crate::schema::{ConfigSchema, Effect, Field, Fields};

pub(super) fn lock_of(schema: &ConfigSchema) -> String {
    let mut lines = Vec::new();
    fields("connection", "", &schema.connection, &mut lines);
    for (name, command) in &schema.commands {
        let mut line = format!("command {name}");
        word(&mut line, "since", command.added_in_version.as_ref());
        word(&mut line, "effect", command.effect.map(Effect::as_str));
        flags(
            &mut line,
            &[
                (command.idempotent, "idempotent"),
                (command.deprecated, "deprecated"),
                (command.variables.is_some(), "variables"),
            ],
        );
        lines.push(line);
        lines.extend(command.outputs.iter().map(|output| format!("output {name} {output}")));
        fields("param", &format!("{name} "), &command.params, &mut lines);
        let declared = command.variables.clone().unwrap_or_default();
        fields("variable", &format!("{name} "), &declared, &mut lines);
        let declared = texts(&declared);
        let texts =
            (&command.description, &command.deprecated_message, texts(&command.params), &command.outputs, declared);
        lines.push(format!("text {name} {}", hash(&texts)));
    }
    lines.extend(schema.default_command.iter().map(|name| format!("default-command {name}")));
    let names: Vec<&String> = schema.commands.keys().collect();
    lines.push(format!("texts {}", hash(&(texts(&schema.connection), names))));
    lines.sort();
    format!("version 1.0.0\n{}\n", lines.join("\n"))
}

fn fields(keyword: &str, command: &str, fields: &Fields, lines: &mut Vec<String>) {
    for (name, field) in fields {
        let mut line =
            format!("{keyword} {command}{name} {}", if field.secret { "secret" } else { field.kind.as_str() });
        flags(&mut line, &[(field.required, "required")]);
        word(&mut line, "default", field.default.as_ref());
        word(&mut line, "format", field.format.as_ref().map(|format| json(format)));
        flags(&mut line, &[(field.integer, "integer")]);
        word(&mut line, "min", field.minimum.as_ref());
        word(&mut line, "max", field.maximum.as_ref());
        word(&mut line, "min_length", field.min_length);
        word(&mut line, "max_length", field.max_length);
        word(&mut line, "pattern", field.pattern.as_ref().map(|pattern| json(pattern.as_str())));
        lines.push(line);
        lines.extend(field.options.iter().map(|option| format!("{keyword}-option {command}{name} {}", option.value)));
        for (property, schema) in properties(field) {
            let required = required(field).contains(&property.as_str());
            lines.push(nested(&format!("{keyword} {command}{name}.{property}"), schema, required));
        }
    }
}

/// A property of an object: its type, and what the rules look at.
fn nested(place: &str, schema: &Value, required: bool) -> String {
    let types = match &schema["type"] {
        Value::Array(types) => types.clone(),
        one => vec![one.clone()],
    };
    let kind = types.iter().filter_map(Value::as_str).find(|kind| *kind != "null").unwrap_or("raw");
    let mut line = format!("{place} {kind}");
    flags(&mut line, &[(required, "required"), (types.iter().any(|kind| kind == "null"), "null")]);
    word(&mut line, "default", schema.get("default"));
    line
}

fn document(field: &Field) -> Option<&Map<String, Value>> {
    field.schema.as_ref()?.document().as_object()
}

fn properties(field: &Field) -> impl Iterator<Item = (&String, &Value)> {
    document(field).and_then(|schema| schema.get("properties")?.as_object()).into_iter().flatten()
}

fn required(field: &Field) -> Vec<&str> {
    let list = document(field).and_then(|schema| schema.get("required")?.as_array());
    list.into_iter().flatten().filter_map(Value::as_str).collect()
}

fn word(line: &mut String, key: &str, value: Option<impl std::fmt::Display>) {
    if let Some(value) = value {
        write!(line, " {key}={value}").unwrap();
    }
}

fn flags(line: &mut String, flags: &[(bool, &str)]) {
    for (_, flag) in flags.iter().filter(|(set, _)| *set) {
        write!(line, " {flag}").unwrap();
    }
}

fn json(text: &str) -> Value {
    text.into()
}

/// What forms show of fields, in order.
fn texts(fields: &Fields) -> String {
    let shown = fields.iter().map(|(name, field)| {
        let Field { description, label, placeholder, example, options, .. } = field;
        let inside: Vec<&String> = properties(field).map(|(name, _)| name).collect();
        format!("{:?}", (name, description, label, placeholder, example, options, inside))
    });
    shown.collect()
}

fn hash(texts: &impl Debug) -> String {
    let fold = |hash: u32, byte: u8| (hash ^ u32::from(byte)).wrapping_mul(0x0100_0193);
    format!("{:08x}", format!("{texts:?}").bytes().fold(0x811c_9dc5, fold))
}
