//! Writes stored values into a form.

use connector_runtime::schema::pointer;
use serde_json::{Map, Value};

use super::read;
use super::spec::{Kind, Spec, plain};
use super::typed::{AS_JSON, AS_TEXT, KEY, MAX_COUNT, MAX_ITEMS, Typed};

/// Writes values into the inputs of their fields. Each value is read back: one that would come back changed is shown as
/// JSON.
pub(in crate::ui) fn fill(at: &str, specs: &[Spec], values: &Map<String, Value>, typed: &mut Typed) {
    for spec in specs {
        let here = pointer::join(at, &spec.name);
        match values.get(&spec.name) {
            Some(value) if !value.is_null() => fill_field(spec, &here, value, typed),
            _ => fill_default(spec, &here, typed),
        }
    }
}

/// Writes one value.
pub(super) fn fill_field(spec: &Spec, at: &str, value: &Value, typed: &mut Typed) {
    if !changes_in_a_browser(value) {
        write(spec, at, value, typed);
    }
    if read::value(spec, at, typed).as_ref() != Some(value) {
        typed.forget(at);
        if matches!(spec.kind, Kind::Moment)
            && let Value::String(text) = value
        {
            typed.set_mode(at, AS_TEXT);
            typed.set(at, text.clone());
            if !text.contains(['\r', '\n', '\0']) && !text.is_empty() {
                return;
            }
        }
        typed.set_mode(at, AS_JSON);
        typed.set(at, pretty(value));
    }
}

/// Returns whether a browser would send a part of the value back changed: it turns every kind of line break into one, and
/// takes no NUL. In JSON both are escaped.
fn changes_in_a_browser(value: &Value) -> bool {
    let changes = |text: &str| text.contains(['\r', '\0']);
    match value {
        Value::String(text) => changes(text),
        Value::Array(items) => items.iter().any(changes_in_a_browser),
        Value::Object(map) => map.iter().any(|(key, value)| changes(key) || changes_in_a_browser(value)),
        _ => false,
    }
}

/// Shows a box as its default says before anything was chosen.
pub(super) fn fill_default(spec: &Spec, at: &str, typed: &mut Typed) {
    match &spec.kind {
        Kind::Flag { or_unset: false } if spec.default == Some(Value::Bool(true)) => typed.set(at, "true"),
        Kind::Group(fields) => {
            for field in fields {
                fill_default(field, &pointer::join(at, &field.name), typed);
            }
        }
        _ => {}
    }
}

/// Writes a value as JSON for people. Numbers keep their text.
pub(super) fn pretty(value: &Value) -> String {
    serde_json::to_string_pretty(value).unwrap_or_else(|_| value.to_string())
}

/// Writes a value the way its control shows it; what does not fit is left out.
fn write(spec: &Spec, at: &str, value: &Value, typed: &mut Typed) {
    match (&spec.kind, value) {
        (Kind::Number { .. } | Kind::Text { .. } | Kind::Day | Kind::Time, _)
            if !value.is_array() && !value.is_object() =>
        {
            typed.set(at, plain(value));
        }
        (Kind::Flag { .. }, Value::Bool(flag)) => typed.set(at, flag.to_string()),
        (Kind::Moment, Value::String(text)) => typed.set(at, text.strip_suffix('Z').unwrap_or(text)),
        (Kind::Choice { options, .. }, _) => {
            let known = options.iter().any(|option| option.value == *value);
            typed.set(at, if known { value.to_string() } else { plain(value) });
        }
        (Kind::Lines(_), Value::Array(items)) => {
            let lines: Vec<String> = items.iter().map(plain).collect();
            typed.set(at, lines.join("\n"));
        }
        (Kind::Checks(_), Value::Array(items)) => typed.set_all(at, items.iter().map(Value::to_string).collect()),
        (Kind::Items { fields, most }, Value::Array(items)) if items.len() <= (*most).min(MAX_COUNT) => {
            typed.set_count(at, items.len());
            for (number, item) in items.iter().enumerate() {
                if let Value::Object(values) = item {
                    fill(&format!("{at}/{number}"), fields, values, typed);
                }
            }
        }
        (Kind::Group(fields), Value::Object(values)) => fill(at, fields, values, typed),
        (Kind::Pairs, Value::Object(pairs)) if pairs.len() <= MAX_ITEMS && pairs.iter().all(fits_lines) => {
            typed.set_count(at, pairs.len());
            for (number, (key, value)) in pairs.iter().enumerate() {
                typed.set(format!("{at}/{number}{KEY}"), key.clone());
                typed.set(format!("{at}/{number}"), plain(value));
            }
        }
        (Kind::Json(_), _) => typed.set(at, pretty(value)),
        _ => {}
    }
}

/// Returns whether a pair fits two inputs of one line.
fn fits_lines((key, value): (&String, &Value)) -> bool {
    !key.contains('\n') && value.as_str().is_some_and(|text| !text.contains('\n'))
}
