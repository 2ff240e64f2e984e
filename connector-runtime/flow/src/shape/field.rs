//! FIELDs and values -> [`Shape`].

use connector_schema::{Field, FieldKind, number};
use indexmap::IndexMap;
use serde_json::Value;

use super::{ArrayShape, ObjectShape, Property, Rest, Shape};

/// Texts longer than this, in bytes, are not kept in the shape of a value.
const MAX_KEPT_TEXT: usize = 256;
/// The most items of a list that are kept one by one.
const MAX_KEPT_ITEMS: usize = 100;
/// The most levels and parts of a value that are read.
const MAX_VALUE_DEPTH: usize = 32;
const MAX_VALUE_NODES: usize = 10_000;

/// What is known of an input.
#[derive(Debug, Clone, PartialEq)]
pub struct InputShape {
    /// What it is when it is there.
    pub shape: Shape,
    /// Whether it is always there: required, or with a default, which may be null.
    pub is_certain: bool,
}

impl Shape {
    /// Returns the shape of a value that fits a field and is not null.
    pub fn of_field(field: &Field) -> Self {
        let number = Self::Number { integer: field.integer };
        match field.kind {
            FieldKind::String | FieldKind::Date => Self::Text { values: None, format: field.format.clone() },
            FieldKind::Number if field.takes_digits() => Self::union([number, Self::TEXT]),
            FieldKind::Number => number,
            FieldKind::Boolean => Self::Boolean,
            FieldKind::Select if field.is_open_choice() => Self::TEXT,
            FieldKind::Select => Self::union(field.options.iter().map(|choice| Self::of_value(&choice.value))),
            FieldKind::Raw => nested(field),
            FieldKind::Array => Self::Array(Box::new(ArrayShape::of(Self::Any))).merge(nested(field)),
            FieldKind::Object => {
                Self::Object(ObjectShape { properties: IndexMap::new(), rest: Rest::Unsaid }).merge(nested(field))
            }
        }
    }

    /// Returns what an input is after validation and defaults.
    pub fn of_input(field: &Field) -> InputShape {
        let has_value = field.required || field.default.as_ref().is_some_and(|default| !default.is_null());
        let null = (!has_value).then_some(Self::Null);
        let shape = Self::union([Self::of_field(field)].into_iter().chain(null));
        InputShape { shape, is_certain: field.required || field.default.is_some() }
    }

    /// Returns the shape of one value: its own type, names and number of items.
    pub fn of_value(value: &Value) -> Self {
        of_value(value, 0, &mut MAX_VALUE_NODES.clone())
    }
}

fn nested(field: &Field) -> Shape {
    field.schema.as_ref().map_or(Shape::Any, |schema| Shape::of_schema(schema.document()))
}

fn of_value(value: &Value, depth: usize, left: &mut usize) -> Shape {
    if depth > MAX_VALUE_DEPTH || *left == 0 {
        return Shape::Any;
    }
    *left -= 1;
    match value {
        Value::Null => Shape::Null,
        Value::Bool(_) => Shape::Boolean,
        Value::Number(number) => Shape::Number { integer: number::is_whole(number) },
        Value::String(text) => {
            Shape::Text { values: (text.len() <= MAX_KEPT_TEXT).then(|| vec![text.clone()]), format: None }
        }
        Value::Array(items) if items.len() > MAX_KEPT_ITEMS => {
            Shape::Array(Box::new(ArrayShape { least: items.len(), ..ArrayShape::of(Shape::Any) }))
        }
        Value::Array(items) => {
            let prefix = items.iter().map(|item| of_value(item, depth + 1, left)).collect();
            Shape::Array(Box::new(ArrayShape { prefix, rest: None, least: items.len() }))
        }
        Value::Object(map) => {
            let property = |(name, value): (&String, &Value)| {
                (name.clone(), Property { shape: of_value(value, depth + 1, left), required: true })
            };
            Shape::Object(ObjectShape { properties: map.iter().map(property).collect(), rest: Rest::Closed })
        }
    }
}
