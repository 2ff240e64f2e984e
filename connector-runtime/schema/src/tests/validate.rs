use serde_json::{Map, Value, json};

use crate::{ConfigSchema, FieldValues, Fields, Fuel, Invalid};

pub(super) fn fields(fields: &Value) -> Fields {
    ConfigSchema::parse(&json!({ "connectionConfig": fields })).unwrap().connection
}

pub(super) fn map(value: Value) -> Map<String, Value> {
    value.as_object().cloned().unwrap_or_default()
}

/// The text of what is wrong with some values; empty where nothing is.
fn check(schema: &Value, values: Value) -> String {
    let mut invalid = Invalid::default();
    FieldValues::new(&fields(schema), &map(values)).check(&mut invalid);
    invalid.into_result().map_or_else(|invalid| invalid.to_string(), |()| String::new())
}

/// The text of what is wrong with one value of a field.
pub(super) fn one(field: Value, value: Value) -> String {
    let text = check(&json!({ "f": field }), json!({ "f": value }));
    text.strip_prefix("Invalid field(s): f: ").map_or(text.clone(), str::to_owned)
}

#[test]
fn all_missing_fields_are_named_in_schema_order_and_before_invalid_ones() {
    let schema = json!({
        "zebra": { "type": "string", "required": true },
        "apple": { "type": "number", "required": true },
        "count": { "type": "number" },
        "key": { "type": "string", "secret": true, "required": true },
        "blank": { "type": "string", "required": true },
        "any": { "type": "raw", "required": true },
    });
    let text = check(&schema, json!({ "apple": null, "count": "x", "blank": "", "key": "" }));
    assert_eq!(text, "Missing required field(s): zebra, apple, key, blank, any");
}

#[test]
fn several_invalid_fields_are_told_together() {
    let schema = json!({ "limit": { "type": "number" }, "on": { "type": "boolean" }, "name": { "type": "string" } });
    let text = check(&schema, json!({ "limit": "5", "on": 1, "name": "fine" }));
    assert_eq!(text, "Invalid field(s): limit: expected number, got string; on: expected boolean, got number");
}

#[test]
fn nothing_is_coerced() {
    let cases = [
        (json!({ "type": "string" }), json!(5), "expected string, got number"),
        (json!({ "type": "number" }), json!("5"), "expected number, got string"),
        (json!({ "type": "number", "integer": true }), json!("5"), "expected number, got string"),
        (json!({ "type": "number", "integer": true }), json!(5.5), "expected integer, got 5.5"),
        (json!({ "type": "number", "integer": true }), json!("5"), "expected number, got string"),
        (
            json!({ "type": "number", "integer": true, "format": "int64" }),
            json!("5.0"),
            "expected integer, or a text of its digits, got \"5.0\"",
        ),
        (
            json!({ "type": "number", "integer": true, "format": "int64", "maximum": 9_007_199_254_740_992_u64 }),
            json!("9007199254740993"),
            "expected at most 9007199254740992, got 9007199254740993",
        ),
        (json!({ "type": "boolean" }), json!("true"), "expected boolean, got string"),
        (json!({ "type": "array" }), json!({}), "expected array, got object"),
        (json!({ "type": "object" }), json!([]), "expected object, got array"),
        (json!({ "type": "date" }), json!(20_260_131), "expected date, got number"),
    ];
    for (field, value, expected) in cases {
        assert_eq!(one(field, value), expected);
    }
    assert_eq!(one(json!({ "type": "number", "integer": true }), json!(5.0)), "");
    assert_eq!(one(json!({ "type": "raw" }), json!([1, { "a": null }])), "");
}

#[test]
fn null_is_absent_and_optional_fields_may_be_empty() {
    let schema =
        json!({ "a": { "type": "number" }, "b": { "type": "string" }, "c": { "type": "date", "default": null } });
    assert_eq!(check(&schema, json!({ "a": null, "b": "", "c": null })), "");
}

#[test]
fn defaults_stand_in_for_absent_values() {
    let fields = fields(&json!({
        "limit": { "type": "number", "required": true, "default": 50 },
        "order": { "type": "string", "default": null },
        "state": { "type": "string" },
    }));
    let given = map(json!({ "limit": null, "extra": 1 }));
    let values = FieldValues::new(&fields, &given);
    let mut invalid = Invalid::default();
    values.check(&mut invalid);
    assert_eq!(invalid, Invalid::default());
    assert_eq!(values.get("limit"), Some(&json!(50)));
    assert_eq!((values.get("order"), values.get("state"), values.get("unknown")), (None, None, None));
    assert_eq!(values.with_defaults(), map(json!({ "limit": 50, "extra": 1, "order": null })));
}

#[test]
fn bounds_are_inclusive_and_exact() {
    let field = json!({ "type": "number", "minimum": 1, "maximum": 3 });
    assert_eq!(one(field.clone(), json!(1)), "");
    assert_eq!(one(field.clone(), json!(3.0)), "");
    assert_eq!(one(field.clone(), json!(0)), "expected at least 1, got 0");
    assert_eq!(one(field, json!(3.5)), "expected at most 3, got 3.5");
    // Beyond 2^53 neighbours are the same float.
    let large = json!({ "type": "number", "maximum": 9_007_199_254_740_992_i64 });
    assert_eq!(one(large.clone(), json!(9_007_199_254_740_992_i64)), "");
    let over = "expected at most 9007199254740992, got 9007199254740993";
    assert_eq!(one(large, json!(9_007_199_254_740_993_i64)), over);
    let least = json!({ "type": "number", "minimum": u64::MAX });
    assert_eq!(one(least, json!(u64::MAX - 1)), format!("expected at least {}, got {}", u64::MAX, u64::MAX - 1));
}

#[test]
fn texts_keep_to_length_pattern_and_format() {
    let field = json!({ "type": "string", "minLength": 2, "maxLength": 3 });
    assert_eq!(one(field.clone(), json!("ä")), "expected at least 2 character(s), got 1");
    assert_eq!(one(field.clone(), json!("äöü")), "");
    assert_eq!(one(field, json!("abcd")), "expected at most 3 character(s), got 4");
    let pattern = json!({ "type": "string", "pattern": "^[a-z]+$" });
    assert_eq!(one(pattern, json!("A")), "expected a text that matches ^[a-z]+$");
    let url = json!({ "type": "string", "format": "uri" });
    assert_eq!(one(url.clone(), json!("https://example.com")), "");
    assert!(one(url, json!("example.com")).starts_with("expected an absolute URL such as https://example.com: "));
}

#[test]
fn dates_are_rfc_3339() {
    let any = json!({ "type": "date" });
    for good in ["2026-01-31", "2026-01-31T09:30:00Z", "2026-01-31t09:30:00.123+02:00", "2024-02-29"] {
        assert_eq!(one(any.clone(), json!(good)), "", "{good}");
    }
    for bad in [
        "2026-02-29",
        "31.01.2026",
        "2026-1-31",
        "2026-01-31T09:30",
        "2026-01-31T09:30:00",
        "now",
        "",
        "2026-01-31T09:30:00Z[UTC]",
    ] {
        let expected = format!("expected RFC 3339 date or date-time, got {bad:?}");
        assert_eq!(one(any.clone(), json!(bad)), expected, "{bad}");
    }
    let day = json!({ "type": "date", "format": "date" });
    let text = one(day, json!("2026-01-31T09:30:00Z"));
    assert_eq!(text, "expected RFC 3339 date such as 2026-01-31, got \"2026-01-31T09:30:00Z\"");
}

#[test]
fn a_date_with_many_byte_letters_is_refused_and_not_a_panic() {
    let text = one(json!({ "type": "date" }), json!("2026-01-3é09:30:00ZZZZ"));
    assert!(text.starts_with("expected RFC 3339 date or date-time"), "{text}");
}

#[test]
fn selects_take_their_options_alone() {
    let field = json!({ "type": "select", "options": [{ "value": "a" }, { "value": 1 }] });
    assert_eq!(one(field.clone(), json!("a")), "");
    assert_eq!(one(field.clone(), json!(1)), "");
    assert_eq!(one(field.clone(), json!("1")), "expected one of a, 1, got \"1\"");
    assert_eq!(one(field.clone(), json!([])), "expected one of a, 1, got array");
    let long = "x".repeat(100);
    let text = one(field, json!(long));
    assert_eq!(text, format!("expected one of a, 1, got \"{}\"...", "x".repeat(60)));
}

#[test]
fn nested_schemas_name_the_place() {
    let field = json!({ "type": "array", "schema": { "items": { "type": "object", "properties": {
        "n": { "type": "integer" } }, "required": ["n"] } } });
    assert_eq!(one(field.clone(), json!([{ "n": 1 }])), "");
    let text = one(field, json!([{ "n": 1 }, { "n": "x" }, {}]));
    assert!(text.starts_with("/1/n: \"x\" is not of type \"integer\", /2: "), "{text}");
}

#[test]
fn no_message_quotes_a_secret() {
    const CANARY: &str = "hunter2-canary";
    let flat = [
        json!({ "type": "string", "secret": true, "minLength": 40 }),
        json!({ "type": "string", "secret": true, "maxLength": 2 }),
        json!({ "type": "string", "secret": true, "pattern": "^x$" }),
        json!({ "type": "string", "secret": true, "format": "uri" }),
    ];
    for field in flat {
        let text = one(field, json!(CANARY));
        assert!(!text.is_empty() && !text.contains(CANARY), "{text}");
    }
    let secret = json!({ "type": "string", "writeOnly": true, "format": "password", "maxLength": 3 });
    let nested = json!({ "type": "object", "schema": { "properties": { "password": secret }, "required": ["user"],
        "additionalProperties": false } });
    for value in [json!({ "password": CANARY }), json!({ "password": [CANARY] }), json!({ CANARY: 1, "user": CANARY })]
    {
        let text = one(nested.clone(), value);
        assert!(!text.is_empty() && !text.contains(CANARY), "{text}");
    }
}

#[test]
fn a_url_is_http_and_holds_no_credentials() {
    let field = || json!({ "type": "string", "format": "uri" });
    assert_eq!(one(field(), json!("https://a.example/x")), "");
    let scheme = |scheme: &str| format!("expected http:// or https://, got {scheme}:");
    assert_eq!(one(field(), json!("ftp://a.example")), scheme("ftp"));
    assert_eq!(one(field(), json!("javascript:alert(1)")), scheme("javascript"));
    let credentials = "credentials do not belong into a URL; make them fields of their own";
    for url in ["https://ada:pass@a.example", "https://ada@a.example", "https://:pass@a.example"] {
        assert_eq!(one(field(), json!(url)), credentials, "{url}");
    }
    let url = json!({ "type": "string", "format": "uri" });
    let nested = json!({ "type": "object", "schema": { "properties": {
        "urls": { "type": "array", "items": { "$ref": "#/$defs/url" } }, "hookUrl": { "$ref": "#/$defs/url" } },
        "$defs": { "url": url } } });
    let value = json!({ "urls": ["https://a.example", "https://u:p@a.example"], "hookUrl": "ftp://b.example" });
    assert_eq!(one(nested, value), format!("/urls/*: {credentials}, /hookUrl: {}", scheme("ftp")));
}

/// Whoever may change a schema could read a stored secret with patterns and lengths.
#[test]
fn a_stored_secret_is_not_judged_again() {
    let text = json!({ "type": "string", "secret": true, "pattern": "^x", "minLength": 100 });
    let password = json!({ "type": "string", "writeOnly": true, "format": "password", "pattern": "^x" });
    let object = json!({ "type": "object", "schema": { "properties": { "key": password } } });
    let schema = fields(&json!({ "key": text, "login": object, "limit": { "type": "number", "maximum": 1 } }));
    let check = |values: Value| {
        let mut invalid = Invalid::default();
        FieldValues::new(&schema, &map(values)).check_stored(&mut invalid, &mut Fuel::default());
        invalid.into_result().map_or_else(|invalid| invalid.to_string(), |()| String::new())
    };
    assert_eq!(check(json!({ "key": "abc", "login": { "key": "abc" }, "limit": 1 })), "");
    let wrong = "Invalid field(s): login: expected object, got string; limit: expected at most 1, got 2";
    assert_eq!(check(json!({ "key": "abc", "login": "abc", "limit": 2 })), wrong);
}
