//! Whether a value of a shape can fit a field.

use std::sync::LazyLock;

use connector_schema::{Field, FieldKind};
use serde_json::Value;

use crate::definition::{MAX_WAIT_MS, instant};
use crate::shape::Shape;

/// Formats that a date can have; a text of another known format is no date.
const DATE_FORMATS: [&str; 2] = ["date", "date-time"];
/// Formats whose texts are never dates.
const OTHER_FORMATS: [&str; 9] = ["uri", "url", "email", "uuid", "hostname", "ipv4", "ipv6", "time", "duration"];

/// Returns whether at least one value of the shape may fit the field.
pub(super) fn fits(shape: &Shape, field: &Field) -> bool {
    match (shape, field.kind) {
        (Shape::Any, _) => true,
        (Shape::Union(members), _) => members.iter().any(|member| fits(member, field)),
        (Shape::Null, _) => false,
        (_, FieldKind::Raw) => true,
        (Shape::Text { values: Some(values), .. }, _) if values.iter().all(|text| is_refused(field, text)) => false,
        (Shape::Text { format: Some(format), .. }, FieldKind::Date) => {
            let is_other_date = field.format.as_deref().is_some_and(|wanted| wanted != format);
            let is_date = DATE_FORMATS.contains(&format.as_str());
            !(OTHER_FORMATS.contains(&format.as_str()) || is_date && is_other_date)
        }
        (Shape::Text { .. }, FieldKind::String | FieldKind::Date) => true,
        (Shape::Text { .. }, FieldKind::Number) => field.takes_digits(),
        (Shape::Text { .. }, FieldKind::Select) => {
            field.is_open_choice() || field.options.iter().any(|choice| choice.value.is_string())
        }
        (Shape::Number { .. }, FieldKind::Number) => true,
        (Shape::Number { .. }, FieldKind::Select) => field.options.iter().any(|choice| choice.value.is_number()),
        (Shape::Boolean, FieldKind::Boolean) => true,
        (Shape::Boolean, FieldKind::Select) => field.options.iter().any(|choice| choice.value.is_boolean()),
        (Shape::Array(_), FieldKind::Array) | (Shape::Object(_), FieldKind::Object) => true,
        (Shape::Boolean | Shape::Number { .. } | Shape::Text { .. } | Shape::Array(_) | Shape::Object(_), _) => false,
    }
}

fn is_refused(field: &Field, text: &str) -> bool {
    field.check(&Value::from(text)).is_err()
}

/// Words what a field takes.
pub(super) fn wanted(field: &Field) -> String {
    match field.kind {
        FieldKind::Number if field.integer => "an integer".to_owned(),
        FieldKind::Array | FieldKind::Object => format!("an {}", field.kind),
        FieldKind::Select => {
            let options = field.options.iter().map(|choice| match &choice.value {
                Value::String(text) => text.clone(),
                other => other.to_string(),
            });
            let options: Vec<String> = options.collect();
            format!("one of {}", crate::reference::listed(options.len(), options.iter().map(String::as_str)))
        }
        FieldKind::Date => format!("a {}", field.format.as_deref().unwrap_or("date or date-time")),
        kind => format!("a {kind}"),
    }
}

/// The field of `wait.forMs`.
pub(super) fn milliseconds() -> &'static Field {
    static FIELD: LazyLock<Field> = LazyLock::new(|| Field {
        required: true,
        integer: true,
        minimum: Some(0_u64.into()),
        maximum: Some(MAX_WAIT_MS.into()),
        ..Field::new(FieldKind::Number)
    });
    &FIELD
}

/// The field of `wait.until`.
pub(super) fn moment() -> &'static Field {
    static FIELD: LazyLock<Field> = LazyLock::new(|| Field { required: true, ..instant() });
    &FIELD
}
