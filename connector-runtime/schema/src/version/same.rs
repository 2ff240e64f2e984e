//! Whether two sides are the same, said as `==` says it. Two versions mostly have their keys in the same order; then
//! nothing is looked up, which is most of what `==` takes.

use serde_json::Value;

use super::keywords::{self, Object};
use crate::Field;

/// How many values of a part of a schema are looked at before it is compared keyword by keyword: so many at each level
/// keep a comparison linear.
const LOOK: usize = 32;

/// Returns whether two values are equal.
pub(super) fn is_same(a: Option<&Value>, b: Option<&Value>) -> bool {
    match (a, b) {
        (Some(a), Some(b)) => is_same_value(a, b),
        (a, b) => a.is_none() && b.is_none(),
    }
}

fn is_same_value(a: &Value, b: &Value) -> bool {
    match (a, b) {
        (Value::Object(a), Value::Object(b)) => {
            a.len() == b.len() && beside(a, b).all(|(_, a, b)| b.is_some_and(|b| is_same_value(a, b)))
        }
        (Value::Array(a), Value::Array(b)) => a.len() == b.len() && a.iter().zip(b).all(|(a, b)| is_same_value(a, b)),
        (a, b) => a == b,
    }
}

/// Returns the entries of the first map, each with what the second has under that key.
pub(super) fn beside<'v>(
    a: &'v Object,
    b: &'v Object,
) -> impl Iterator<Item = (&'v String, &'v Value, Option<&'v Value>)> {
    let mut others = b.iter();
    a.iter().map(move |(key, value)| match others.next() {
        Some((other, beside)) if other == key => (key, value, Some(beside)),
        _ => (key, value, b.get(key)),
    })
}

/// Returns whether two fields are equal but for their schemas. It names every part, so that none is forgotten.
pub(super) fn is_same_beside_schema(old: &Field, new: &Field) -> bool {
    let Field {
        kind,
        required,
        secret,
        description,
        label,
        placeholder,
        example,
        default,
        options,
        integer,
        minimum,
        maximum,
        min_length,
        max_length,
        pattern,
        format,
        schema: _,
    } = old;
    *kind == new.kind
        && (*required, *secret, *integer) == (new.required, new.secret, new.integer)
        && (*min_length, *max_length) == (new.min_length, new.max_length)
        && *minimum == new.minimum
        && *maximum == new.maximum
        && *description == new.description
        && *label == new.label
        && *placeholder == new.placeholder
        && *pattern == new.pattern
        && *format == new.format
        && *options == new.options
        && is_same(example.as_ref(), new.example.as_ref())
        && is_same(default.as_ref(), new.default.as_ref())
}

/// Returns whether two parts of schemas are short, written alike, and without references: then they mean the same,
/// whatever is around them.
pub(super) fn is_alike(old: &Value, new: &Value) -> bool {
    look(old, new, &mut { LOOK })
}

/// Returns the one keyword in which two schemas differ, if all others are alike.
pub(super) fn only_keyword<'v>(old: &'v Object, new: &Object) -> Option<&'v str> {
    if old.len() != new.len() {
        return None;
    }
    let mut unlike = None;
    for ((key, was), (other, is)) in old.iter().zip(new) {
        let same = key == other && !keywords::is_reference_keyword(key);
        if !same || !is_alike(was, is) && unlike.replace(key.as_str()).is_some() {
            return None;
        }
    }
    unlike
}

fn look(old: &Value, new: &Value, left: &mut usize) -> bool {
    if *left == 0 {
        return false;
    }
    *left -= 1;
    match (old, new) {
        (Value::Object(old), Value::Object(new)) => {
            old.len() == new.len()
                && old.iter().zip(new).all(|((key, old), (other, new))| {
                    key == other && !keywords::is_reference_keyword(key) && look(old, new, left)
                })
        }
        (Value::Array(old), Value::Array(new)) => {
            old.len() == new.len() && old.iter().zip(new).all(|(old, new)| look(old, new, left))
        }
        (old, new) => old == new,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;
    use crate::FieldKind;
    use crate::version::Changes;
    use crate::version::nested;
    use crate::version::path::Path;

    /// Small schemas, so that two of them are often the same, or nearly.
    fn schema() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![Just(json!(1)), Just(json!(1.0)), Just(json!("string")), Just(json!(null))];
        let keys = prop_oneof![
            Just("type"),
            Just("minimum"),
            Just("$ref"),
            Just("$dynamicRef"),
            Just("properties"),
            Just("items"),
            Just("title")
        ];
        leaf.prop_recursive(3, 12, 3, move |inner| {
            prop_oneof![
                proptest::collection::vec((keys.clone(), inner.clone()), 0..4)
                    .prop_map(|entries| entries.into_iter().map(|(key, value)| (key.to_owned(), value)).collect()),
                proptest::collection::vec(inner, 0..3).prop_map(Value::Array),
            ]
        })
    }

    fn turned(value: &Value) -> Value {
        match value {
            Value::Object(map) => map.iter().rev().map(|(key, value)| (key.clone(), turned(value))).collect(),
            Value::Array(items) => items.iter().map(turned).collect(),
            other => other.clone(),
        }
    }

    proptest! {
        #[test]
        fn same_is_what_equals_says(a in schema(), b in schema()) {
            let (one, other) = (json!({ "a": a, "b": b }), json!({ "b": b, "a": b }));
            for (a, b) in [(&a, &b), (&a, &turned(&a)), (&one, &other)] {
                prop_assert_eq!(is_same(Some(a), Some(b)), a == b);
                let field = |value: &Value| Field { default: Some(value.clone()), ..Field::new(FieldKind::Raw) };
                prop_assert_eq!(is_same_beside_schema(&field(a), &field(b)), field(a) == field(b));
            }
            prop_assert!(!is_same(Some(&a), None) && is_same(None, None));
        }

        #[test]
        fn nothing_changes_between_what_is_alike(a in schema(), b in schema()) {
            for (a, b) in [(&a, &b), (&a, &a)] {
                if is_alike(a, b) {
                    let mut changes = Changes::default();
                    nested::compare(&"a", Some(a), Some(b), Path::Root, &mut changes);
                    // Nothing but that it is written in another way, which is said of any two.
                    prop_assert!(changes.items.iter().all(|change| change.rule.id == "text_changed"), "{changes:?}");
                }
            }
        }
    }
}
