//! Which values lead where.

use serde_json::json;

use super::*;

fn schema(value: Value) -> ConfigSchema {
    ConfigSchema::parse(&value).unwrap()
}

fn places(schema: &ConfigSchema, values: Value) -> Destinations {
    Destinations::of(schema, values.as_object().unwrap())
}

#[test]
fn a_variable_of_a_template_is_a_part_of_the_place() {
    let schema = schema(json!({ "connectionConfig": {
        "baseUrl": { "type": "string", "default": "https://{tenant-name}.example.com/{version}" },
        "tenantName": { "type": "string", "default": "acme" },
        "version": { "type": "string", "default": "v1" },
        "serverVersion": { "type": "string", "default": "v2" },
        "note": { "type": "string" },
    } }));
    let text = |values: Value| resolved_text(&schema.connection, values.as_object().unwrap(), "baseUrl");
    assert_eq!(text(json!({})).as_deref(), Some("https://acme.example.com/v2"));
    assert_eq!(text(json!({ "tenantName": "evil" })).as_deref(), Some("https://evil.example.com/v2"));
    assert_eq!(text(json!({ "baseUrl": "https://{other}/{" })).as_deref(), Some("https://{other}/{"));
    let before = places(&schema, json!({}));
    assert_ne!(places(&schema, json!({ "tenantName": "evil" })), before);
    assert_ne!(places(&schema, json!({ "serverVersion": "v3" })), before);
    assert_ne!(places(&schema, json!({ "version": "v3" })), before, "it may be the variable that is meant");
    assert_eq!(places(&schema, json!({ "note": "hello", "tenantName": "acme" })), before);
}

/// The example of the OpenAPI specification: a variable that is called as a field of basic authentication.
#[test]
fn a_variable_that_shares_its_name_with_a_credential_is_the_one_of_the_server() {
    let schema = schema(json!({ "connectionConfig": {
        "baseUrl": { "type": "string", "default": "https://{username}.example.com" },
        "username": { "type": "string" }, "serverUsername": { "type": "string", "default": "demo" },
    }, "egress": ["baseUrl"] }));
    let text = |values: Value| resolved_text(&schema.connection, values.as_object().unwrap(), "baseUrl");
    assert_eq!(text(json!({ "username": "ada" })).as_deref(), Some("https://demo.example.com"));
    assert_eq!(text(json!({ "serverUsername": "acme" })).as_deref(), Some("https://acme.example.com"));
    let places = |values| Destinations::of(&schema, &serde_json::from_value(values).unwrap());
    assert_ne!(places(json!({})), places(json!({ "serverUsername": "evil" })));
}

#[test]
fn a_first_place_and_a_changed_default_count() {
    let declared = |default: Value| {
        schema(json!({ "connectionConfig": { "webhookUrl": { "type": "string", "default": default } } }))
    };
    let none = places(&declared(Value::Null), json!({}));
    let one = places(&declared(json!("https://a.example")), json!({}));
    assert_ne!(none, one);
    assert_eq!(one, places(&declared(json!("https://A.example:443/path")), json!({})));
    assert_ne!(one, places(&declared(json!("https://b.example")), json!({})));
}

#[test]
fn an_open_schema_goes_by_names() {
    let before = places(&ConfigSchema::open(), json!({ "host": "a.example", "limit": 1 }));
    assert_ne!(before, places(&ConfigSchema::open(), json!({ "host": "b.example", "limit": 1 })));
    assert_eq!(before, places(&ConfigSchema::open(), json!({ "host": "a.example", "limit": 2 })));
    let nested = |host: &str| places(&ConfigSchema::open(), json!({ "smtp": { "server": host } }));
    assert_ne!(nested("a.example"), nested("b.example"));
}

#[test]
fn another_field_that_may_have_secrets_is_another_place() {
    let with = |egress: Value| {
        let fields = json!({ "a": { "type": "string" }, "b": { "type": "string" } });
        schema(json!({ "connectionConfig": fields, "egress": egress }))
    };
    let values = json!({ "a": "https://a.example", "b": "https://b.example" });
    assert_ne!(places(&with(json!(["a"])), values.clone()), places(&with(json!(["a", "b"])), values.clone()));
    assert_eq!(places(&with(json!(["b", "a"])), values.clone()), places(&with(json!(["a", "b"])), values));
}

#[test]
fn nothing_is_shown_of_a_place() {
    let schema = schema(json!({ "connectionConfig": { "hookUrl": { "type": "string", "secret": true } } }));
    assert_eq!(format!("{:?}", places(&schema, json!({ "hookUrl": "https://a.example/key" }))), r#"{"hookUrl"}"#);
}

#[test]
fn every_schema_that_may_apply_names_places() {
    let uri = || json!({ "type": "string", "format": "uri" });
    for (document, value) in [
        (json!({ "patternProperties": { "^a": uri() } }), json!({ "a": "https://a.example" })),
        (json!({ "if": {}, "then": { "properties": { "a": uri() } } }), json!({ "a": "https://a.example" })),
        (json!({ "prefixItems": [uri()] }), json!(["https://a.example"])),
        (json!({ "unevaluatedProperties": uri() }), json!({ "a": "https://a.example" })),
        (json!({ "anyOf": vec![json!({ "minLength": 1 }); 300] }), json!("https://a.example")),
    ] {
        let schema = schema(json!({ "connectionConfig": { "x": { "type": "raw", "schema": document } } }));
        let moved = serde_json::from_str::<Value>(&value.to_string().replace("a.example", "b.example")).unwrap();
        assert_ne!(places(&schema, json!({ "x": value })), places(&schema, json!({ "x": moved })), "{document}");
    }
}

#[test]
fn what_may_have_secrets_is_declared_or_plain_to_see() {
    let named = |fields: Value, egress: Value| {
        let mut document = json!({ "connectionConfig": fields });
        if !egress.is_null() {
            document["egress"] = egress;
        }
        let schema = schema(document);
        egress_fields(schema.egress.as_deref(), &schema.connection).join(" ")
    };
    let (text, uri) = (|| json!({ "type": "string" }), || json!({ "type": "string", "format": "uri" }));
    for (fields, wanted) in [
        (json!({ "baseUrl": text(), "apiKey": text() }), "baseUrl"),
        (json!({ "baseUrl": text(), "site": uri() }), "site"),
        (json!({ "a": uri(), "b": uri() }), ""),
        (json!({ "baseUrl": text(), "hookUrl": text() }), ""),
        (json!({ "baseUrl": text(), "tokenUrl": text(), "openIdConnectUrl": text() }), "baseUrl"),
        (json!({ "tokenUrl": text() }), ""),
        (json!({ "curl": { "type": "raw" } }), ""),
        (json!({ "host": text() }), ""),
    ] {
        assert_eq!(named(fields.clone(), Value::Null), wanted, "{fields}");
    }
    assert_eq!(named(json!({ "a": uri(), "b": text() }), json!(["b", "a"])), "b a");
    assert_eq!(named(json!({ "a": uri() }), json!([])), "");
}
