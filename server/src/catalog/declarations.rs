//! TypeScript declarations of `floh` for the scripts of a type, for editors: the fixed part is a file, the rest is
//! generated from the type's schema.
//!
//! `floh.params` contains the params of all commands, because all functions of a script share it and each reads those
//! of its command. Params of a single command are in `FlohCommands`. Texts of the schema appear only in comments and
//! string literals, escaped so that they cannot end them.

use std::collections::BTreeSet;

use connector_runtime::schema::{Command, ConfigSchema, Field, FieldKind, Fields, NestedSchema};
use indexmap::IndexMap;
use serde_json::Value;

use crate::auth::{OpContext, Scope};
use crate::error::Error;
use crate::services::Services;
use crate::type_schema::type_schema;

/// The part that is the same for every type.
const FIXED: &str = include_str!("declarations/floh.d.ts");
/// The depth to which a nested schema is written; deeper parts become `any`.
const DEPTH: usize = 12;
/// The maximum number of characters of a type expression; a longer one becomes `any`.
const MOST: usize = 20_000;

/// Writes the declarations of a type.
///
/// # Errors
/// 404 if there is none.
pub async fn type_declarations(ctx: &OpContext, services: &Services, key: &str) -> Result<String, Error> {
    ctx.authorize(Scope::TypesRead)?;
    let row = services.store.types().get(key).await?;
    let schema = type_schema(&services.registry, &row)?;
    Ok(declarations(&row.name, &row.fields.version, &schema))
}

/// Writes the declarations for a schema.
pub fn declarations(name: &str, version: &str, schema: &ConfigSchema) -> String {
    let mut out =
        comment(&format!("What scripts of {name} {version} see. Written by the server; not to be edited."), "");
    out.push_str(FIXED);
    out.push_str("\n/** The decrypted connection config. */\ninterface FlohConfig ");
    if schema.open {
        out.push_str("{\n  readonly [name: string]: any;\n}");
    } else {
        fields(&mut out, &schema.connection, "");
    }
    out.push_str("\n\n/** The params of the call: those of all commands. */\ninterface FlohParams ");
    params(&mut out, schema);
    out.push_str("\n\n/** The commands by name: what each is called with, the payload that it answers and the variables that it sets. */\n");
    out.push_str("interface FlohCommands {\n");
    for (name, command) in &schema.commands {
        out.push_str(&command_comment(command));
        out.push_str(&format!("  {}: {{\n    params: ", literal(name)));
        fields(&mut out, &command.params, "    ");
        out.push_str(";\n    payload: ");
        payload(&mut out, command);
        out.push_str(";\n    variables: ");
        variables(&mut out, command);
        out.push_str(";\n  };\n");
    }
    out.push_str("}\n");
    out
}

fn command_comment(command: &Command) -> String {
    let mut text = command.description.clone().unwrap_or_default();
    if command.deprecated {
        text.push_str(&format!("\n@deprecated {}", command.deprecated_message.as_deref().unwrap_or_default()));
    }
    comment(&text, "  ")
}

fn fields(out: &mut String, fields: &Fields, indent: &str) {
    out.push_str("{\n");
    for (name, field) in fields {
        out.push_str(&comment(field.description.as_deref().unwrap_or_default(), &format!("{indent}  ")));
        let (mark, or_null) = if is_there(field) { ("", "") } else { ("?", " | null") };
        out.push_str(&format!("{indent}  readonly {}{mark}: {}{or_null};\n", literal(name), kind(field)));
    }
    out.push_str(&format!("{indent}}}"));
}

/// Returns whether the value is always present for a script.
fn is_there(field: &Field) -> bool {
    field.required || field.default.as_ref().is_some_and(|default| !default.is_null())
}

/// A param of several commands may have several types, and is required only if all commands have it.
fn params(out: &mut String, schema: &ConfigSchema) {
    let mut all: IndexMap<&str, (BTreeSet<String>, usize, &Field)> = IndexMap::new();
    for command in schema.commands.values() {
        for (name, field) in &command.params {
            let (kinds, there, _) = all.entry(name).or_insert_with(|| (BTreeSet::new(), 0, field));
            kinds.insert(kind(field));
            *there += usize::from(is_there(field));
            if !is_there(field) {
                kinds.insert("null".to_owned());
            }
        }
    }
    let commands: Vec<String> = schema.commands.keys().map(|name| literal(name)).collect();
    let commands = if commands.is_empty() { "string".to_owned() } else { commands.join(" | ") };
    out.push_str(&format!("{{\n  /** The command that was called. */\n  readonly command: {commands};\n"));
    for (name, (kinds, there, field)) in all {
        out.push_str(&comment(field.description.as_deref().unwrap_or_default(), "  "));
        let mark = if there == schema.commands.len() { "" } else { "?" };
        let kinds: Vec<String> = kinds.into_iter().collect();
        out.push_str(&format!("  readonly {}{mark}: {};\n", literal(name), kinds.join(" | ")));
    }
    out.push('}');
}

fn payload(out: &mut String, command: &Command) {
    if let Some(schema) = &command.output_schema {
        out.push_str(&nested(schema));
        return;
    }
    out.push('{');
    for output in &command.outputs {
        out.push_str(&format!(" {}?: any;", literal(output)));
    }
    out.push_str(" [name: string]: any }");
}

/// Those that are declared. A command that declares none of them, not even that there are none, may set any.
fn variables(out: &mut String, command: &Command) {
    match &command.variables {
        Some(declared) if declared.is_empty() => out.push_str("{}"),
        Some(declared) => fields(out, declared, "    "),
        None => out.push_str("{ [name: string]: any }"),
    }
}

fn kind(field: &Field) -> String {
    let document = field.schema.as_ref().map(NestedSchema::document);
    match field.kind {
        FieldKind::String | FieldKind::Date => "string".to_owned(),
        FieldKind::Number => "number".to_owned(),
        FieldKind::Boolean => "boolean".to_owned(),
        FieldKind::Select if field.is_open_choice() => "string".to_owned(),
        FieldKind::Select => union(field.options.iter().map(|choice| literal_of(&choice.value))),
        FieldKind::Array => document.map_or_else(|| "any[]".to_owned(), nested),
        FieldKind::Object => document.map_or_else(|| "{ [name: string]: any }".to_owned(), nested),
        FieldKind::Raw => document.map_or_else(|| "any".to_owned(), nested),
    }
}

/// Writes a JSON Schema as a type. What TypeScript cannot express, or only at great length, becomes `any`.
fn nested(document: &Value) -> String {
    Nested { root: document, left: MOST }.of(document, 0)
}

struct Nested<'s> {
    root: &'s Value,
    /// The number of characters that may still be written.
    left: usize,
}

impl Nested<'_> {
    fn of(&mut self, schema: &Value, depth: usize) -> String {
        let text = if depth > DEPTH || self.left == 0 { "any".to_owned() } else { self.told(schema, depth) };
        self.left = self.left.saturating_sub(text.len());
        text
    }

    fn told(&mut self, schema: &Value, depth: usize) -> String {
        if let Some(target) = schema.get("$ref").and_then(Value::as_str) {
            let found = target.strip_prefix('#').and_then(|pointer| self.root.pointer(pointer)).cloned();
            return found.map_or_else(|| "any".to_owned(), |found| self.of(&found, depth + 1));
        }
        if let Some(value) = schema.get("const") {
            return literal_of(value);
        }
        if let Some(Value::Array(values)) = schema.get("enum") {
            return union(values.iter().map(literal_of));
        }
        for (keyword, between) in [("anyOf", " | "), ("oneOf", " | "), ("allOf", " & ")] {
            if let Some(Value::Array(parts)) = schema.get(keyword) {
                let parts: Vec<String> = parts.iter().map(|part| self.of(part, depth + 1)).collect();
                return if parts.is_empty() { "any".to_owned() } else { format!("({})", parts.join(between)) };
            }
        }
        match schema.get("type") {
            Some(Value::Array(types)) => {
                let types: Vec<String> =
                    types.iter().map(|name| self.named(name.as_str().unwrap_or_default(), schema, depth)).collect();
                union(types.into_iter())
            }
            Some(Value::String(name)) => self.named(name, schema, depth),
            _ if schema.get("properties").is_some() => self.named("object", schema, depth),
            _ => "any".to_owned(),
        }
    }

    fn named(&mut self, name: &str, schema: &Value, depth: usize) -> String {
        match name {
            "string" => "string".to_owned(),
            "number" | "integer" => "number".to_owned(),
            "boolean" => "boolean".to_owned(),
            "null" => "null".to_owned(),
            "array" => {
                let items = schema.get("items").map_or_else(|| "any".to_owned(), |items| self.of(items, depth + 1));
                format!("Array<{items}>")
            }
            "object" => self.object(schema, depth),
            _ => "any".to_owned(),
        }
    }

    fn object(&mut self, schema: &Value, depth: usize) -> String {
        let required: BTreeSet<&str> =
            schema.get("required").and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str).collect();
        let mut out = "{".to_owned();
        for (name, part) in schema.get("properties").and_then(Value::as_object).into_iter().flatten() {
            let mark = if required.contains(name.as_str()) { "" } else { "?" };
            let part = self.of(part, depth + 1);
            out.push_str(&format!(" {}{mark}: {part};", literal(name)));
        }
        if schema.get("additionalProperties") != Some(&Value::Bool(false)) {
            out.push_str(" [name: string]: any;");
        }
        out.push_str(" }");
        out
    }
}

fn union(parts: impl Iterator<Item = String>) -> String {
    let parts: BTreeSet<String> = parts.collect();
    if parts.is_empty() { "any".to_owned() } else { parts.into_iter().collect::<Vec<_>>().join(" | ") }
}

fn literal_of(value: &Value) -> String {
    match value {
        Value::String(text) => literal(text),
        Value::Number(_) | Value::Bool(_) | Value::Null => value.to_string(),
        Value::Array(_) | Value::Object(_) => "any".to_owned(),
    }
}

/// Writes a text as a string literal: a JSON string is a valid TypeScript string.
fn literal(text: &str) -> String {
    Value::String(text.to_owned()).to_string()
}

/// Writes a text as a comment, escaped so that it cannot end the comment. An empty text writes nothing.
fn comment(text: &str, indent: &str) -> String {
    let text = text.replace("*/", "*\\/");
    let mut lines = text.lines().map(|line| line.replace(|c: char| c.is_control() && c != '\t', " "));
    let Some(first) = lines.next().filter(|_| !text.trim().is_empty()) else { return String::new() };
    let rest: Vec<String> = lines.collect();
    if rest.is_empty() {
        return format!("{indent}/** {} */\n", first.trim());
    }
    let mut out = format!("{indent}/**\n{indent} * {}\n", first.trim());
    for line in rest {
        out.push_str(&format!("{indent} * {}\n", line.trim()));
    }
    out.push_str(&format!("{indent} */\n"));
    out
}

#[cfg(test)]
mod tests;
