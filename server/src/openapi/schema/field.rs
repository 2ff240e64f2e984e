//! A written-out schema -> a field of a config schema.

use std::collections::HashSet;

use connector_runtime::schema::{Choice, Field, FieldKind, NestedSchema};
use serde_json::{Map, Number, Value};

use super::super::notes::Notes;
use super::Schemas;

/// Makes the field of a value. A default that the field itself would refuse is left out and told of.
pub(in super::super) fn field(
    schemas: &Schemas<'_>,
    mut schema: Map<String, Value>,
    required: bool,
    notes: &mut Notes,
    pointer: &str,
) -> Field {
    let description = text(schema.shift_remove("description"));
    let default = schema.shift_remove("default").filter(|default| !default.is_null());
    let example = schema.shift_remove("examples").and_then(|examples| examples.get(0).cloned());
    let mut field = Field::new(FieldKind::Raw);
    if !scalar(schemas, &schema, &mut field) {
        field.kind = match types(&schema).as_slice() {
            ["array"] => FieldKind::Array,
            ["object"] => FieldKind::Object,
            _ => FieldKind::Raw,
        };
        let told = schema.len() > usize::from(field.kind != FieldKind::Raw);
        field.schema = told.then(|| NestedSchema::new(Value::Object(schema)));
    }
    field.description = description;
    field.example = example.filter(|_| !field.holds_secret());
    if let Some(default) = default.filter(|_| !field.secret) {
        match field.check(&default) {
            Ok(()) => field.default = Some(default),
            Err(why) => notes.warn("default_invalid", pointer, format!("the default is left out: {why}")),
        }
    }
    field.required = required && field.default.is_none();
    field
}

fn text(value: Option<Value>) -> Option<String> {
    match value {
        Some(Value::String(text)) if !text.is_empty() => Some(text),
        _ => None,
    }
}

/// The types of a schema, without null.
fn types(schema: &Map<String, Value>) -> Vec<&str> {
    match schema.get("type") {
        Some(Value::String(kind)) => vec![kind.as_str()],
        Some(Value::Array(kinds)) => kinds.iter().filter_map(Value::as_str).filter(|kind| *kind != "null").collect(),
        _ => Vec::new(),
    }
}

/// Fills in a field of one plain value; false where the schema is more than that.
fn scalar(schemas: &Schemas<'_>, schema: &Map<String, Value>, field: &mut Field) -> bool {
    if ["oneOf", "anyOf", "allOf", "not", "const"].iter().any(|keyword| schema.contains_key(*keyword)) {
        return false;
    }
    let kinds = types(schema);
    if let Some(Value::Array(values)) = schema.get("enum") {
        return select(&kinds, values, field);
    }
    let format = schema.get("format").and_then(Value::as_str);
    match kinds.as_slice() {
        ["boolean"] => field.kind = FieldKind::Boolean,
        [kind @ ("number" | "integer")] => {
            field.kind = FieldKind::Number;
            field.integer = *kind == "integer";
            bounds(schema, field);
            field.format = format.map(str::to_owned);
        }
        ["string"] if matches!(format, Some("date" | "date-time")) => {
            field.kind = FieldKind::Date;
            field.format = format.map(str::to_owned);
        }
        ["string"] => {
            field.kind = FieldKind::String;
            field.secret = format == Some("password");
            field.format = format.filter(|_| !field.secret).map(str::to_owned);
            let count = |key| schema.get(key).and_then(Value::as_u64);
            (field.min_length, field.max_length) = (count("minLength"), count("maxLength"));
            if field.min_length > field.max_length && field.max_length.is_some() {
                (field.min_length, field.max_length) = (None, None);
            }
            field.pattern = schema.get("pattern").and_then(Value::as_str).and_then(|text| schemas.pattern(text));
        }
        _ => return false,
    }
    true
}

fn select(kinds: &[&str], values: &[Value], field: &mut Field) -> bool {
    let fits = |value: &Value| match value {
        Value::String(_) => kinds.is_empty() || kinds.contains(&"string"),
        Value::Number(_) => kinds.is_empty() || kinds.contains(&"number") || kinds.contains(&"integer"),
        Value::Bool(_) => kinds.is_empty(),
        _ => false,
    };
    if kinds == ["boolean"] {
        field.kind = FieldKind::Boolean;
        return true;
    }
    // Documents of YAML 1.1 list numbers where the type says text.
    let coerced = |value: &Value| match (kinds, value) {
        (["string"], Value::Number(_) | Value::Bool(_)) => Value::String(value.to_string()),
        _ => value.clone(),
    };
    let mut seen = HashSet::new();
    let options: Vec<Value> = values
        .iter()
        .filter(|value| !value.is_null())
        .map(coerced)
        .filter(|value| seen.insert(value.to_string()))
        .collect();
    if options.is_empty() || !options.iter().all(fits) {
        return false;
    }
    field.kind = FieldKind::Select;
    field.options = options.into_iter().map(|value| Choice { value, label: None }).collect();
    true
}

fn bounds(schema: &Map<String, Value>, field: &mut Field) {
    let number = |key: &str| schema.get(key).and_then(Value::as_number).cloned();
    // A field's bounds are inclusive: a whole number's next one is known, another's is the bound itself.
    let beyond = |number: Number, step: i64| match number.as_i64().filter(|_| field.integer) {
        Some(whole) => whole.checked_add(step).map_or(number, Number::from),
        None => number,
    };
    let minimum = number("minimum").or_else(|| number("exclusiveMinimum").map(|number| beyond(number, 1)));
    let maximum = number("maximum").or_else(|| number("exclusiveMaximum").map(|number| beyond(number, -1)));
    if let (Some(least), Some(most)) = (&minimum, &maximum)
        && least.as_f64() > most.as_f64()
    {
        return;
    }
    (field.minimum, field.maximum) = (minimum, maximum);
}
