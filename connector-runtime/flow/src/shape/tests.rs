//! What is read of schemas, and where paths lead.

use serde_json::{Value, json};

use super::*;
use crate::reference::Template;

/// Follows a path and words the answer: types, `?` if it may be absent.
fn found(shape: &Shape, path: &str) -> String {
    let template = Template::parse(&json!(format!("{{{{root{path}}}}}"))).unwrap();
    match shape.find(&template.as_reference().unwrap().path, &|_| false) {
        Ok(found) => {
            format!("{}{}", type_names(found.shapes.iter().copied()), if found.is_certain { "" } else { "?" })
        }
        Err(missing) => match missing.suggestion {
            Some(meant) => format!("- {}; {meant}?", missing.there),
            None => format!("- {}", missing.there),
        },
    }
}

fn of_schema(schema: &Value, path: &str) -> String {
    found(&Shape::of_schema(schema), path)
}

#[test]
fn each_keyword_makes_its_shape() {
    let object = json!({
        "type": "object", "required": ["id", "bare"],
        "properties": { "id": { "type": "string" }, "note": { "type": ["string", "null"] } },
    });
    for (schema, path, expected) in [
        (json!(true), ".a[0].b", "any"),
        (json!({}), ".a", "any"),
        (json!({ "type": "integer", "minimum": 1 }), "", "integer"),
        (json!({ "type": "string", "format": "date" }), "", "string"),
        (json!({ "type": "string" }), ".a", "- root is a string"),
        (json!({ "type": "integer" }), "[0]", "- root is an integer"),
        (json!({ "type": "null" }), ".a", "- root is null"),
        (object.clone(), ".id", "string"),
        (object.clone(), ".note", "string or null?"),
        (object.clone(), ".bare", "any"),
        (object.clone(), ".ID", "- root has id, note, bare; id?"),
        (object.clone(), "[0]", "- root has id, note, bare"),
        (json!({ "type": "object" }), ".a.b", "any"),
        (json!({ "type": "object", "additionalProperties": { "type": "boolean" } }), ".a", "boolean?"),
        (json!({ "type": "object", "additionalProperties": false }), ".a", "- root has no properties"),
        (json!({ "type": "object", "properties": { "a": {} }, "additionalProperties": true }), ".b", "any?"),
        (json!({ "type": "object", "properties": { "a": {} }, "patternProperties": { "^x": {} } }), ".b", "any?"),
        (json!({ "properties": { "a": { "const": 1.0 } } }), ".a", "integer?"),
        (json!({ "type": "array", "items": { "type": "number" } }), "[3]", "number?"),
        (json!({ "type": "array", "items": { "type": "number" }, "minItems": 4 }), ".3", "number"),
        (
            json!({ "type": "array", "items": {} }),
            ".a",
            "- root is an array; read an item by its index, such as root[0]",
        ),
        (json!({ "type": "array", "prefixItems": [{ "type": "null" }], "items": false }), "[0]", "null?"),
        (
            json!({ "type": "array", "prefixItems": [{ "type": "null" }], "items": false }),
            "[1]",
            "- root has 1 items, counted from 0",
        ),
        (json!({ "enum": ["a", 1, null] }), "", "string or integer or null"),
        (json!({ "type": "string", "enum": ["a", 1] }), "", "string"),
        (json!({ "anyOf": [{ "type": "string" }, { "type": "null" }] }), "", "string or null"),
        (json!({ "anyOf": [object, { "type": "null" }] }), ".id", "string?"),
        (
            json!({ "oneOf": [{ "properties": { "a": { "type": "number" } }, "required": ["a"] },
                { "properties": { "b": {} } }] }),
            ".a",
            "number?",
        ),
        (
            json!({ "allOf": [{ "type": "object", "properties": { "a": { "type": "number" } } },
                { "type": "object", "properties": { "a": { "type": "integer" }, "b": {} }, "required": ["a"] }] }),
            ".a",
            "integer",
        ),
        (json!({ "allOf": [{ "type": "string" }, { "type": "number" }] }), "", "nothing"),
        (json!({ "type": "object", "properties": { "a": {} }, "mystery": 1 }), ".q", "any"),
        (json!({ "type": "object", "properties": { "a": {} }, "if": {}, "then": {} }), ".q", "any"),
        (json!({ "type": "object", "properties": { "a": {} }, "x-own": 1 }), ".q", "- root has a"),
        (json!({ "type": "string", "nullable": true }), "", "string or null"),
        (json!({ "$ref": "#/$defs/a~1b", "$defs": { "a/b": { "type": "boolean" } } }), "", "boolean"),
        (json!({ "$ref": "https://example.com/x" }), ".q", "any"),
        (json!({ "$ref": "#/$defs/none" }), ".q", "any"),
    ] {
        assert_eq!(of_schema(&schema, path), expected, "{schema} {path}");
    }
}

#[test]
fn a_schema_that_refers_to_itself_is_read_to_a_depth_and_a_size() {
    let list = json!({
        "type": "object", "required": ["value", "next"],
        "properties": { "value": { "type": "number" }, "next": { "$ref": "#" } },
    });
    assert_eq!(
        of_schema(&list, &(".next".repeat(5) + ".valu")),
        "- root.next.next.next.next.next has value, next; value?"
    );
    assert_eq!(of_schema(&list, &(".next".repeat(20) + ".valu")), "any");
    assert_eq!(of_schema(&json!({ "$ref": "#" }), ".a"), "any");
    let children: serde_json::Map<String, Value> =
        (0..20).map(|name| (format!("c{name}"), json!({ "$ref": "#" }))).collect();
    let mut properties = children;
    properties.insert("total".to_owned(), json!({ "type": "number" }));
    let wide = json!({ "type": "object", "properties": properties });
    assert_eq!(of_schema(&wide, ".total"), "number?");
    assert_eq!(of_schema(&wide, ".c19.total"), "number?");
}

#[test]
fn a_value_has_its_own_shape() {
    let shape = Shape::of_value(&json!({ "n": 1.5, "list": [{ "a": 1 }, { "b": null }], "e": [] }));
    for (path, expected) in [
        (".n", "number"),
        (".list[0].a", "integer"),
        (".list[1].a", "- root.list[1] has b"),
        (".list[1].b", "null"),
        (".list[2]", "- root.list has 2 items, counted from 0"),
        (".e[0]", "- root.e has 0 items, counted from 0"),
        (".lisst", "- root has n, list, e; list?"),
    ] {
        assert_eq!(found(&shape, path), expected, "{path}");
    }
    let many: Vec<Value> = (0..1000).map(|number| json!({ "a": number })).collect();
    assert_eq!(found(&Shape::of_value(&json!(many)), "[999].a"), "any");
}

#[test]
fn an_input_is_what_its_field_takes() {
    let inputs = crate::definition::parse_inputs(&json!({
        "must": { "type": "string", "required": true },
        "may": { "type": "number", "integer": true },
        "null": { "type": "date", "default": null },
        "five": { "type": "number", "default": 5 },
        "pick": { "type": "select", "required": true, "options": [{ "value": "a" }, { "value": 2 }] },
        "long": { "type": "number", "required": true, "integer": true, "format": "int64" },
        "tags": { "type": "array", "required": true, "schema": { "items": { "type": "string" } } },
        "raw": { "type": "raw" },
        "map": { "type": "object", "required": true },
    }))
    .unwrap();
    for (name, expected, is_certain) in [
        ("must", "string", true),
        ("may", "integer or null", false),
        ("null", "string or null", true),
        ("five", "number", true),
        ("pick", "string or integer", true),
        ("long", "integer or string", true),
        ("tags", "array", true),
        ("raw", "any", false),
        ("map", "object", true),
    ] {
        let input = Shape::of_input(&inputs[name]);
        assert_eq!((input.shape.to_string().as_str(), input.is_certain), (expected, is_certain), "{name}");
    }
}

#[test]
fn what_is_proven_is_not_doubted() {
    let schema = json!({ "type": "object", "properties": { "a": { "type": ["object", "null"], "properties": { "b": {
        "type": ["number", "null"] } }, "required": ["b"] } } });
    let shape = Shape::of_schema(&schema);
    let template = Template::parse(&json!("{{root.a.b}}")).unwrap();
    let path = &template.as_reference().unwrap().path;
    let find = |proven: usize| {
        let found = shape.find(path, &|depth| depth == proven).unwrap();
        (type_names(found.shapes.iter().copied()), found.is_certain)
    };
    assert_eq!(find(9), ("number or null".to_owned(), false));
    assert_eq!(find(1), ("number or null".to_owned(), true));
    assert_eq!(find(2), ("number".to_owned(), true));
}
