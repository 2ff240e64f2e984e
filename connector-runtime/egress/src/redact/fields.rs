//! The secrets among the values of some fields: their texts, and the values without them.

use connector_schema::Fields;
use serde_json::{Map, Value};

use super::MASK;

/// Collects the texts of every secret among the values of some fields, nested ones too.
pub fn secret_texts(fields: &Fields, values: &Map<String, Value>) -> Vec<String> {
    let mut texts = Vec::new();
    for (name, field) in fields.iter().filter(|(_, field)| field.holds_secret()) {
        let Some(value) = values.get(name) else { continue };
        match &field.schema {
            Some(schema) if !field.secret => schema.visit_secrets(value, &mut |part| collect(part, &mut texts)),
            _ => collect(value, &mut texts),
        }
    }
    texts
}

fn collect(value: &Value, texts: &mut Vec<String>) {
    match value {
        Value::String(text) => texts.push(text.clone()),
        Value::Number(number) => texts.push(number.to_string()),
        Value::Array(list) => list.iter().for_each(|part| collect(part, texts)),
        Value::Object(map) => map.values().for_each(|part| collect(part, texts)),
        Value::Null | Value::Bool(_) => {}
    }
}

/// Returns values with every secret field, nested ones too, shown as [`MASK`].
pub fn mask_fields(fields: &Fields, values: &Map<String, Value>) -> Map<String, Value> {
    values
        .iter()
        .map(|(name, value)| {
            let shown = match fields.get(name) {
                Some(field) if field.secret && !value.is_null() => Value::String(MASK.to_owned()),
                Some(field) => match &field.schema {
                    Some(schema) if schema.holds_secret() => schema.mask_secrets(value, MASK),
                    _ => value.clone(),
                },
                None => value.clone(),
            };
            (name.clone(), shown)
        })
        .collect()
}
