use serde_json::{Value, json};

use crate::{MAX_SECRET_BYTES, NestedSchema, check_secret_size, long_secrets};

use super::validate::{fields, map, one};

fn secret() -> Value {
    json!({ "type": "string", "writeOnly": true, "format": "password" })
}

/// What is shown of a value by a schema.
fn shown(schema: Value, value: Value) -> Value {
    NestedSchema::new(schema).mask_secrets(&value, "*")
}

#[test]
fn a_value_of_another_shape_than_its_secrets_is_secret_as_a_whole() {
    let login = json!({ "type": "object", "properties": { "user": {}, "password": secret() } });
    let list = json!({ "type": "array", "items": secret() });
    for (schema, value, expected) in [
        (login.clone(), json!({ "user": "a", "password": "b" }), json!({ "user": "a", "password": "*" })),
        (login.clone(), json!("a:b"), json!("*")),
        (login.clone(), json!(["a", "b"]), json!("*")),
        (login.clone(), json!(12345), json!("*")),
        (login.clone(), json!(null), json!(null)),
        (list.clone(), json!(["a"]), json!(["*"])),
        (list.clone(), json!({ "0": "a" }), json!("*")),
        (list, json!("a"), json!("*")),
        // Without a type, and inside of another value.
        (
            json!({ "properties": { "in": { "properties": { "p": secret() } } } }),
            json!({ "in": "a", "x": 1 }),
            json!({ "in": "*", "x": 1 }),
        ),
        (
            json!({ "properties": { "in": { "$ref": "#/$defs/in" } }, "$defs": { "in": login } }),
            json!({ "in": "a" }),
            json!({ "in": "*" }),
        ),
        (
            json!({ "properties": { "in": { "$ref": "#/$defs/in" } }, "$defs": { "in": { "items": secret() } } }),
            json!("a"),
            json!("*"),
        ),
        (json!({ "allOf": [{ "properties": { "p": secret() } }] }), json!("a"), json!("*")),
        (json!({ "additionalProperties": secret() }), json!(["a"]), json!("*")),
        (json!({ "prefixItems": [{}, secret()] }), json!({ "a": "b" }), json!("*")),
        (
            json!({ "$ref": "#name", "$defs": { "a": { "$anchor": "name", "properties": { "p": secret() } } } }),
            json!({ "p": "a", "q": "b" }),
            json!({ "p": "*", "q": "b" }),
        ),
        (
            json!({ "$ref": "#/$defs/a%20b", "$defs": { "a b": { "properties": { "p": secret() } } } }),
            json!({ "p": "a", "q": "b" }),
            json!({ "p": "*", "q": "b" }),
        ),
        // Nobody can say where such a reference leads.
        (
            json!({ "$ref": "#nowhere", "$defs": { "a": { "$anchor": "name", "properties": { "p": secret() } } } }),
            json!({ "p": "a" }),
            json!("*"),
        ),
    ] {
        assert_eq!(shown(schema.clone(), value.clone()), expected, "{schema} {value}");
    }
}

#[test]
fn a_shape_that_the_schema_names_is_not_wrong() {
    let login = json!({ "properties": { "password": secret() } });
    for (schema, value) in [
        (json!({ "anyOf": [login, { "type": "string" }] }), json!("production")),
        (json!({ "oneOf": [login, { "enum": ["none"] }] }), json!("none")),
        (
            json!({ "oneOf": [login, { "$ref": "#/$defs/text" }], "$defs": { "text": { "type": "string" } } }),
            json!("a"),
        ),
        (json!({ "type": ["object", "boolean"], "properties": { "password": secret() } }), json!(true)),
        (json!({ "properties": { "plain": {} } }), json!("a")),
    ] {
        assert_eq!(shown(schema.clone(), value.clone()), value, "{schema}");
    }
    let schema = json!({ "anyOf": [login, { "enum": ["none"] }] });
    assert_eq!(shown(schema, json!("other")), json!("*"));
    let schema = json!({ "anyOf": [login, secret()] });
    assert_eq!(shown(schema, json!("other")), json!("*"));
}

#[test]
fn what_lies_too_deep_is_secret() {
    let schema = json!({ "properties": { "in": { "$ref": "#" }, "p": secret() } });
    let value = (0..300).fold(json!({ "p": "canary", "plain": "canary" }), |value, _| json!({ "in": value }));
    assert!(!shown(schema, value).to_string().contains("canary"));
}

#[test]
fn secrets_have_at_most_64_kib() {
    let (most, more) = ("x".repeat(MAX_SECRET_BYTES), "ü".repeat(MAX_SECRET_BYTES / 2 + 1));
    let key = json!({ "type": "string", "secret": true });
    assert_eq!(one(key.clone(), json!(most)), "");
    assert_eq!(one(key.clone(), json!(more)), "expected a secret of at most 65536 bytes (64 KiB), got 65538");
    assert_eq!(one(json!({ "type": "string" }), json!(more)), "", "what is no secret has no such limit");
    let login = json!({ "type": "object", "schema": { "properties": { "list": { "items": secret() } } } });
    let value = json!({ "list": [most, more] });
    let text = "expected a secret of at most 65536 bytes (64 KiB), got 65538";
    assert_eq!(one(login.clone(), value.clone()), format!("/list/1: {text}"));
    let fields = fields(&json!({ "key": key, "login": login, "plain": { "type": "string" } }));
    let long = long_secrets(&fields, &map(json!({ "login": value, "plain": more, "other": more })));
    assert_eq!(long.iter().map(|long| long.pointer.as_str()).collect::<Vec<_>>(), ["/login/list/1"]);
    assert!(check_secret_size(&json!({ "a": [most] })).is_ok() && check_secret_size(&json!({ "a": [more] })).is_err());
}
