//! JSON Schema inside JSON Schema: what is not shown to be harmless is breaking.

use serde_json::{Value, json};

use crate::version::{Changes, Level, diff};
use crate::{ConfigSchema, Field, FieldKind, NestedSchema};

fn compare(old: &Value, new: &Value) -> Changes {
    let schema = |document: &Value| {
        let field = Field { schema: Some(NestedSchema::new(document.clone())), ..Field::new(FieldKind::Raw) };
        ConfigSchema { connection: [("f".to_owned(), field)].into_iter().collect(), ..ConfigSchema::default() }
    };
    diff(&schema(old), &schema(new))
}

#[test]
fn levels() {
    use Level::{Major, Minor, None, Patch};
    let property = |schema: Value| json!({ "properties": { "a": schema } });
    for (old, new, level) in [
        (json!({ "type": "object" }), json!({ "type": "object" }), None),
        (json!({ "title": "a", "examples": [1] }), json!({ "description": "b", "x-order": 3 }), Patch),
        (json!(true), json!({}), Patch),
        (json!({ "type": ["string", "null"] }), json!({ "type": ["null", "string"] }), Patch),
        (json!({ "minimum": 1 }), json!({ "minimum": 1.0 }), Patch),
        (json!({ "type": "string" }), json!({ "type": "boolean" }), Major),
        (json!({ "type": "string" }), json!({}), Minor),
        (json!({}), json!({ "type": "string" }), Major),
        (json!(false), json!({ "type": "string" }), Minor),
        (json!({ "type": "string" }), json!(false), Major),
        (property(json!({ "type": "integer" })), property(json!({ "type": "number" })), Minor),
        (property(json!({ "type": "number" })), property(json!({ "type": "integer" })), Major),
        (property(json!({ "maxItems": 3 })), property(json!({ "maxItems": 4 })), Minor),
        (property(json!({ "exclusiveMaximum": 3 })), property(json!({ "exclusiveMaximum": 2 })), Major),
        (property(json!({ "exclusiveMaximum": true })), property(json!({ "exclusiveMaximum": false })), Major),
        (json!({ "items": { "enum": [1] } }), json!({ "items": { "enum": [1, 2] } }), Minor),
        (json!({ "items": { "enum": [1, 2] } }), json!({ "items": { "const": 1 } }), Major),
        (json!({ "const": 1 }), json!({ "enum": [2, 1] }), Minor),
        (json!({ "enum": [1, 2] }), json!({}), Minor),
        (json!({ "additionalProperties": false }), json!({}), Minor),
        (json!({}), json!({ "additionalProperties": false }), Major),
        (json!({ "additionalProperties": { "type": "string" } }), json!({ "additionalProperties": true }), Minor),
        (
            json!({ "anyOf": [{ "type": "string" }] }),
            json!({ "anyOf": [{ "type": "string" }, { "type": "null" }] }),
            Minor,
        ),
        (json!({ "anyOf": [{ "type": "string" }, {}] }), json!({ "anyOf": [{ "type": "string" }] }), Major),
        (json!({ "allOf": [{ "minimum": 1 }, { "maximum": 2 }] }), json!({ "allOf": [{ "minimum": 1 }] }), Minor),
        (json!({ "allOf": [{ "minimum": 1 }] }), json!({ "allOf": [{ "minimum": 1 }, { "maximum": 2 }] }), Major),
        (
            json!({ "oneOf": [{ "const": "a" }] }),
            json!({ "oneOf": [{ "const": "b" }, { "const": "a", "title": "A" }] }),
            Minor,
        ),
        (
            json!({ "oneOf": [{ "const": "a", "title": "a" }] }),
            json!({ "oneOf": [{ "const": "a", "title": "A" }] }),
            Patch,
        ),
        (json!({ "oneOf": [{ "const": "a" }, { "const": "b" }] }), json!({ "oneOf": [{ "const": "a" }] }), Major),
        // More in one branch may overlap another.
        (
            json!({ "oneOf": [{ "maximum": 1 }, { "minimum": 2 }] }),
            json!({ "oneOf": [{ "maximum": 3 }, { "minimum": 2 }] }),
            Major,
        ),
        (json!({ "oneOf": [{ "maximum": 1 }] }), json!({ "oneOf": [{ "maximum": 1, "title": "low" }] }), Patch),
        (json!({ "oneOf": [{ "maximum": 1 }] }), json!({}), Minor),
        (json!({ "not": { "minimum": 3 } }), json!({ "not": { "minimum": 2 } }), Major),
        (json!({ "not": { "title": "a" } }), json!({ "not": { "title": "b" } }), Patch),
        (json!({ "not": {} }), json!({}), Major),
        (json!({ "if": {}, "then": { "minimum": 1 } }), json!({ "if": {}, "then": { "minimum": 0 } }), Major),
        (json!({ "uniqueItems": true }), json!({ "uniqueItems": false }), Minor),
        (json!({ "uniqueItems": true }), json!({}), Minor),
        (json!({}), json!({ "uniqueItems": true }), Major),
        (json!({ "multipleOf": 4 }), json!({ "multipleOf": 2 }), Major),
        (json!({ "multipleOf": 4 }), json!({}), Minor),
        (
            json!({ "patternProperties": { "^a": { "maximum": 1 } } }),
            json!({ "patternProperties": { "^a": {} } }),
            Minor,
        ),
        (json!({ "patternProperties": { "^a": {} } }), json!({ "patternProperties": { "^b": {} } }), Major),
        (json!({ "prefixItems": [{}] }), json!({}), Major),
        (json!({ "pattern": "a" }), json!({}), Minor),
        (json!({ "pattern": "a" }), json!({ "pattern": "b" }), Major),
        (json!({ "default": 1 }), json!({ "default": 2 }), Minor),
        (json!({ "default": 1 }), json!({}), Major),
        (json!({ "format": "uri" }), json!({}), Minor),
        (json!({ "writeOnly": true, "format": "password" }), json!({ "format": "password" }), Major),
        (json!({ "writeOnly": true, "format": "password" }), json!({}), Major),
        (json!({}), json!({ "writeOnly": true, "format": "password" }), Minor),
        (
            json!({ "dependentSchemas": { "a": { "minProperties": 2 } } }),
            json!({ "dependentSchemas": { "a": {} } }),
            Minor,
        ),
        (json!({ "contentEncoding": "base64" }), json!({}), Major),
    ] {
        let changes = compare(&old, &new);
        assert_eq!(changes.level(), level, "{old} -> {new}: {changes:#?}");
    }
}

#[test]
fn no_schema_is_one_that_accepts_everything() {
    let schema = |schema: Option<Value>| {
        let field = Field { schema: schema.map(NestedSchema::new), ..Field::new(FieldKind::Object) };
        ConfigSchema { connection: [("f".to_owned(), field)].into_iter().collect(), ..ConfigSchema::default() }
    };
    let closed = json!({ "properties": {}, "additionalProperties": false });
    assert_eq!(diff(&schema(None), &schema(Some(closed.clone()))).level(), Level::Major);
    assert_eq!(diff(&schema(Some(closed)), &schema(None)).level(), Level::Minor);
    assert_eq!(diff(&schema(None), &schema(Some(json!({ "title": "Any" })))).level(), Level::Patch);
}

#[test]
fn references_are_followed_and_definitions_are_not_compared() {
    let flat = json!({ "properties": { "a": { "type": "string" } } });
    let moved = json!({ "properties": { "a": { "$ref": "#/$defs/text" } }, "$defs": { "text": { "type": "string" } } });
    let other = json!({ "properties": { "a": { "$ref": "#/$defs/text" } }, "$defs": { "text": { "type": "number" } } });
    let unused = json!({ "properties": { "a": { "$ref": "#/$defs/text" } }, "$defs": { "text": { "type": "string" }, "b": false } });
    assert_eq!(compare(&flat, &moved).level(), Level::Patch);
    assert_eq!(compare(&moved, &unused).level(), Level::Patch);
    let changes = compare(&moved, &other);
    assert_eq!(changes.items[0].rule.id, "type_changed");
    assert_eq!(changes.items[0].pointer, "/connectionConfig/f/schema/properties/a/type");
}

#[test]
fn a_reference_with_others_beside_it_is_followed_too() {
    let schema = |most: u32| json!({ "$ref": "#/$defs/n", "minimum": 1, "$defs": { "n": { "maximum": most } } });
    assert_eq!(compare(&schema(3), &schema(2)).level(), Level::Major);
    assert_eq!(compare(&schema(3), &schema(4)).level(), Level::Minor);
    assert_eq!(compare(&schema(3), &json!({ "minimum": 1 })).level(), Level::Minor);
    assert_eq!(compare(&json!({ "minimum": 1 }), &schema(3)).level(), Level::Major);
}

#[test]
fn a_schema_that_refers_to_itself_ends() {
    let tree = |most: u32| json!({ "properties": { "next": { "$ref": "#" }, "name": { "type": "string", "maxLength": most } } });
    assert_eq!(compare(&tree(3), &tree(4)).items.len(), 2, "once at the top, once behind the reference");
    assert_eq!(compare(&json!({ "$ref": "#" }), &json!({ "$ref": "#", "title": "loop" })).level(), Level::Major);
}

#[test]
fn a_reference_that_cannot_be_followed_makes_every_change_breaking() {
    let schema =
        |text: &str| json!({ "items": { "$ref": "#name" }, "$defs": { "n": { "$anchor": "name", "title": text } } });
    assert_eq!(compare(&schema("a"), &schema("a")).level(), Level::None);
    assert_eq!(compare(&schema("a"), &schema("b")).level(), Level::Major);
    let inner =
        |most: u32| json!({ "items": { "$ref": "#/$defs/n" }, "$defs": { "n": { "$id": "n", "maximum": most } } });
    assert_eq!(compare(&inner(1), &inner(2)).level(), Level::Major);
}

#[test]
fn pointers_are_escaped() {
    let schema = |ty: &str| json!({ "properties": { "a/b~c": { "type": ty } } });
    let changes = compare(&schema("string"), &schema("number"));
    assert_eq!(changes.items[0].pointer, "/connectionConfig/f/schema/properties/a~1b~0c/type");
}
