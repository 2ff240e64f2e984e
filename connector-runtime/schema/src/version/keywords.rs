//! What the keywords of JSON Schema 2020-12 mean for a comparison.

use serde_json::{Map, Value};

use crate::is_secret_schema;

pub(super) type Object = Map<String, Value>;

/// How many keywords of a schema are compared one by one.
const FEW: usize = 8;

/// How a keyword is compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// A text for people, which accepts nothing less.
    Annotation,
    /// A number; a higher upper bound accepts more.
    Bound { upper: bool },
    /// A schema: if it accepts more, the whole does. Absent accepts everything.
    Schema,
    /// A schema below which more may be less.
    Strict,
    /// A list of schemas.
    Branches,
    /// Schemas by name.
    Named,
    /// `pattern`.
    Pattern,
    /// `format`.
    Format,
    /// `$ref`.
    Reference,
    /// A reference by name, which is not followed.
    Elsewhere,
    /// Compared by code of its own, together with others; or only through references.
    Apart,
    /// Anything else: equal, or breaking.
    Other,
}

pub(super) fn kind(key: &str) -> Kind {
    match key {
        "title" | "description" | "examples" | "example" | "$comment" | "deprecated" | "readOnly" => Kind::Annotation,
        "minimum" | "exclusiveMinimum" | "minLength" | "minItems" | "minProperties" => Kind::Bound { upper: false },
        "maximum" | "exclusiveMaximum" | "maxLength" | "maxItems" | "maxProperties" => Kind::Bound { upper: true },
        "items" | "additionalProperties" | "propertyNames" => Kind::Schema,
        "not" | "if" | "then" | "else" | "contains" | "unevaluatedItems" | "unevaluatedProperties" => Kind::Strict,
        "allOf" | "anyOf" | "oneOf" | "prefixItems" => Kind::Branches,
        "patternProperties" | "dependentSchemas" => Kind::Named,
        "pattern" => Kind::Pattern,
        "format" => Kind::Format,
        "type" | "enum" | "const" | "properties" | "required" | "default" | "writeOnly" | "$defs" | "definitions" => {
            Kind::Apart
        }
        "$ref" => Kind::Reference,
        "$dynamicRef" | "$recursiveRef" => Kind::Elsewhere,
        _ if key.starts_with("x-") => Kind::Annotation,
        _ => Kind::Other,
    }
}

/// Returns whether what a keyword means is elsewhere in the document.
pub(super) fn is_reference_keyword(key: &str) -> bool {
    key.starts_with('$') && matches!(kind(key), Kind::Reference | Kind::Elsewhere)
}

/// The keywords of both, each once.
pub(super) fn union<'a>(old: &'a Object, new: &'a Object) -> impl Iterator<Item = &'a String> {
    old.keys().chain(new.keys().filter(|key| get(old, key).is_none()))
}

/// Returns a keyword's value. Most schemas have a few keywords, which are compared in less time than one is hashed.
pub(super) fn get<'v>(schema: &'v Object, key: &str) -> Option<&'v Value> {
    if schema.len() > FEW {
        return schema.get(key);
    }
    schema.iter().find(|(known, _)| *known == key).map(|(_, value)| value)
}

/// Returns whether a schema is only a reference, perhaps with texts beside it.
pub(super) fn is_reference(schema: &Value) -> bool {
    schema.as_object().is_some_and(|map| {
        get(map, "$ref").is_some()
            && map
                .keys()
                .all(|key| matches!(key.as_str(), "$ref" | "$defs" | "definitions") || kind(key) == Kind::Annotation)
    })
}

/// Returns whether a part of a document, and not only the whole, has an `$id`.
pub(super) fn has_inner_id(root: &Value) -> bool {
    fn has_id(value: &Value) -> bool {
        match value {
            Value::Object(map) => map.contains_key("$id") || map.values().any(has_id),
            Value::Array(list) => list.iter().any(has_id),
            _ => false,
        }
    }
    root.as_object().is_some_and(|map| map.values().any(has_id))
}

pub(super) fn is_secret(schema: &Object) -> bool {
    get(schema, "writeOnly").is_some() && is_secret_schema(&Value::Object(secret_keys(schema)))
}

fn secret_keys(schema: &Object) -> Object {
    ["writeOnly", "format"].into_iter().filter_map(|key| Some((key.to_owned(), get(schema, key)?.clone()))).collect()
}

/// The format, but for the one that marks a secret.
pub(super) fn format(schema: &Object) -> Option<&Value> {
    get(schema, "format").filter(|_| !is_secret(schema))
}

/// A text, or the texts of a list.
pub(super) fn texts(value: &Value) -> Vec<&str> {
    match value {
        Value::String(text) => vec![text],
        Value::Array(list) => list.iter().filter_map(Value::as_str).collect(),
        _ => Vec::new(),
    }
}

pub(super) fn map<'v>(schema: &'v Object, key: &str) -> &'v Object {
    static NONE: std::sync::LazyLock<Object> = std::sync::LazyLock::new(Object::new);
    get(schema, key).and_then(Value::as_object).unwrap_or(&NONE)
}

/// The values that `enum` and `const` allow, as JSON.
pub(super) fn values(schema: &Object) -> Option<Vec<String>> {
    let listed = get(schema, "enum").and_then(Value::as_array);
    let constant = get(schema, "const");
    match (listed, constant) {
        (None, None) => None,
        (Some(listed), None) => Some(listed.iter().map(Value::to_string).collect()),
        (None, Some(constant)) => Some(vec![constant.to_string()]),
        (Some(listed), Some(constant)) => {
            Some(listed.iter().filter(|value| *value == constant).map(Value::to_string).collect())
        }
    }
}

/// The constants of a `oneOf` that has nothing else, as JSON.
pub(super) fn choices(schema: &Object) -> Option<Vec<String>> {
    let branches = get(schema, "oneOf")?.as_array()?;
    all_constant(branches).then(|| constants(schema).map(|(value, _)| value.to_string()).collect())
}

/// The constants among the branches of `oneOf`, each with its branch.
pub(super) fn constants(schema: &Object) -> impl Iterator<Item = (&Value, &Object)> {
    let branches = get(schema, "oneOf").and_then(Value::as_array).into_iter().flatten();
    branches.filter_map(|branch| branch.as_object().and_then(|branch| Some((get(branch, "const")?, branch))))
}

/// Returns whether every branch is a constant of its own with at most texts beside it.
pub(super) fn all_constant(branches: &[Value]) -> bool {
    let mut seen = std::collections::HashSet::new();
    branches.iter().all(|branch| {
        branch.as_object().is_some_and(|branch| {
            get(branch, "const").is_some_and(|value| seen.insert(value.to_string()))
                && branch.keys().all(|key| key == "const" || kind(key) == Kind::Annotation)
        })
    })
}
