//! Converts a written-out schema to a field of a config schema.

use std::collections::HashSet;

use connector_runtime::schema::{Choice, Field, FieldKind, MAX_NESTED_PATTERNS, NestedSchema};
use serde_json::{Map, Number, Value};

use super::super::notes::Notes;
use super::Schemas;
use super::keywords::limit_patterns;

/// Builds the field of a value. A default that the field itself would refuse is left out and reported.
pub(in super::super) fn field(
    schemas: &Schemas<'_>,
    mut schema: Map<String, Value>,
    required: bool,
    notes: &mut Notes,
    pointer: &str,
) -> Field {
    let (mut description, mut default, mut example) = (None, None, None);
    schema.retain(|keyword, value| {
        match keyword.as_str() {
            "description" => description = text(value.take()),
            "default" => default = Some(value.take()).filter(|default| !default.is_null()),
            "examples" => example = value.get_mut(0).map(Value::take),
            _ => return true,
        }
        false
    });
    let mut field = Field::new(FieldKind::Raw);
    let said = Said::of(&schema);
    // A required value that may be null stays JSON, because null is a value of it and not its absence.
    if required && said.nullable || !scalar(schemas, &said, &mut field) {
        field.kind = match said.types.as_slice() {
            ["array"] if !(required && said.nullable) => FieldKind::Array,
            ["object"] if !(required && said.nullable) => FieldKind::Object,
            _ => FieldKind::Raw,
        };
        let told = schema.len() > usize::from(field.kind != FieldKind::Raw);
        if told {
            let mut schema = Value::Object(schema);
            if limit_patterns(&mut schema, MAX_NESTED_PATTERNS) {
                let message =
                    format!("the value has more than {MAX_NESTED_PATTERNS} patterns; the rest of them is left out");
                notes.warn("pattern_left_out", pointer, message);
            }
            field.schema = Some(NestedSchema::new(schema));
        }
    }
    field.description = description;
    field.example = example.filter(|_| !field.holds_secret());
    if let Some(default) = default.filter(|_| !field.secret) {
        match field.check_connection(&default) {
            Ok(()) => field.default = Some(default),
            Err(why) => notes.warn("default_invalid", pointer, format!("the default is left out: {why}")),
        }
    }
    field.required = required && field.default.is_none();
    field
}

/// Lets a required text be empty, as its document does: a form would take an empty text for an absent one.
pub(in super::super) fn allow_empty(field: &mut Field) {
    if field.required && field.kind == FieldKind::String && field.min_length.is_none() {
        field.min_length = Some(0);
    }
}

fn text(value: Value) -> Option<String> {
    match value {
        Value::String(text) if !text.is_empty() => Some(text),
        _ => None,
    }
}

/// What a written-out schema says, found in one pass.
#[derive(Default)]
struct Said<'s> {
    /// Its types, without null.
    types: Vec<&'s str>,
    /// Whether it may be null.
    nullable: bool,
    /// Whether it is more than one plain value.
    composed: bool,
    choices: Option<&'s [Value]>,
    format: Option<&'s str>,
    pattern: Option<&'s str>,
    length: (Option<u64>, Option<u64>),
    minimum: Option<&'s Number>,
    maximum: Option<&'s Number>,
    above: Option<&'s Number>,
    below: Option<&'s Number>,
}

impl<'s> Said<'s> {
    fn of(schema: &'s Map<String, Value>) -> Self {
        let mut said = Self::default();
        for (keyword, value) in schema {
            match (keyword.as_str(), value) {
                ("type", Value::String(kind)) => said.types = vec![kind],
                ("type", Value::Array(kinds)) => {
                    said.nullable = kinds.iter().any(|kind| kind == "null");
                    said.types = kinds.iter().filter_map(Value::as_str).filter(|kind| *kind != "null").collect();
                }
                ("oneOf" | "anyOf" | "allOf" | "not" | "const", _) => said.composed = true,
                ("enum", Value::Array(values)) => said.choices = Some(values),
                ("format", Value::String(text)) => said.format = Some(text),
                ("pattern", Value::String(text)) => said.pattern = Some(text),
                ("minLength", count) => said.length.0 = count.as_u64(),
                ("maxLength", count) => said.length.1 = count.as_u64(),
                ("minimum", Value::Number(bound)) => said.minimum = Some(bound),
                ("maximum", Value::Number(bound)) => said.maximum = Some(bound),
                ("exclusiveMinimum", Value::Number(bound)) => said.above = Some(bound),
                ("exclusiveMaximum", Value::Number(bound)) => said.below = Some(bound),
                _ => {}
            }
        }
        said
    }
}

/// Fills in a field of one plain value; false if the schema is more than that.
fn scalar(schemas: &Schemas<'_>, said: &Said<'_>, field: &mut Field) -> bool {
    if said.composed {
        return false;
    }
    if let Some(values) = said.choices {
        return select(&said.types, values, field);
    }
    match said.types.as_slice() {
        ["boolean"] => field.kind = FieldKind::Boolean,
        [kind @ ("number" | "integer")] => {
            field.kind = FieldKind::Number;
            field.integer = *kind == "integer";
            bounds(said, field);
            field.format = said.format.map(str::to_owned);
        }
        ["string"] if matches!(said.format, Some("date" | "date-time")) => {
            field.kind = FieldKind::Date;
            field.format = said.format.map(str::to_owned);
        }
        ["string"] => {
            field.kind = FieldKind::String;
            field.secret = said.format == Some("password");
            field.format = said.format.filter(|_| !field.secret).map(str::to_owned);
            (field.min_length, field.max_length) = said.length;
            if field.min_length > field.max_length && field.max_length.is_some() {
                (field.min_length, field.max_length) = (None, None);
            }
            field.pattern = said.pattern.and_then(|text| schemas.pattern(text));
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
    // YAML 1.1 documents list numbers although the type is text.
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

fn bounds(said: &Said<'_>, field: &mut Field) {
    // A field's bounds are inclusive: for whole numbers the next number is used, for others the bound itself.
    let beyond = |number: &Number, step: i64| match number.as_i64().filter(|_| field.integer) {
        Some(whole) => whole.checked_add(step).map_or_else(|| number.clone(), Number::from),
        None => number.clone(),
    };
    let minimum = said.minimum.cloned().or_else(|| said.above.map(|number| beyond(number, 1)));
    let maximum = said.maximum.cloned().or_else(|| said.below.map(|number| beyond(number, -1)));
    if let (Some(least), Some(most)) = (&minimum, &maximum)
        && least.as_f64() > most.as_f64()
    {
        return;
    }
    (field.minimum, field.maximum) = (minimum, maximum);
}
