mod few;
mod laws;
mod limits;
mod names;
mod oracle;
mod pem;

use std::sync::Arc;

use base64::Engine;
use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD, URL_SAFE, URL_SAFE_NO_PAD};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use proptest::prelude::*;
use serde_json::{Value, json};

use super::spelling::lower_hex;
use super::{MASK, Redactor, is_sensitive_name, mask_fields, mask_named, may_hold_named, secret_texts};
use connector_schema::{ConfigSchema, Fields};

const SECRET: &str = "p@ss/w\"o rd+ü~";

fn redactor(secret: &str) -> Redactor {
    Redactor::new([secret.to_owned()])
}

fn masked(text: &str) -> String {
    redactor(SECRET).text(text).into_owned()
}

#[test]
fn the_raw_text_is_masked_wherever_it_stands() {
    assert_eq!(masked(SECRET), MASK);
    assert_eq!(masked(&format!("a{SECRET}b{SECRET}")), format!("a{MASK}b{MASK}"));
    assert_eq!(masked("nothing here"), "nothing here");
}

#[test]
fn url_encoded_forms_are_masked_in_both_hex_cases() {
    let strict = utf8_percent_encode(SECRET, NON_ALPHANUMERIC).to_string();
    let form: String = url::form_urlencoded::byte_serialize(SECRET.as_bytes()).collect();
    let mut url = url::Url::parse("https://example.com").unwrap();
    url.query_pairs_mut().append_pair("key", SECRET);
    for text in [&strict, &lower_hex(&strict), &form, &lower_hex(&form)] {
        assert_eq!(masked(text), MASK, "{text}");
    }
    assert_eq!(masked(url.as_str()), format!("https://example.com/?key={MASK}"));
    let mut userinfo = url::Url::parse("https://example.com").unwrap();
    userinfo.set_password(Some(SECRET)).unwrap();
    assert_eq!(masked(userinfo.as_str()), format!("https://:{MASK}@example.com/"));
    let mut path = url::Url::parse("https://example.com").unwrap();
    path.path_segments_mut().unwrap().push(SECRET);
    assert_eq!(masked(path.as_str()), format!("https://example.com/{MASK}"));
    let mut query = url::Url::parse("https://example.com").unwrap();
    query.set_query(Some(&format!("key={SECRET}")));
    assert_eq!(masked(query.as_str()), format!("https://example.com/?key={MASK}"));
}

#[test]
fn base64_is_masked_alone_and_at_each_alignment() {
    for engine in [&STANDARD, &STANDARD_NO_PAD, &URL_SAFE, &URL_SAFE_NO_PAD] {
        let alone = engine.encode(SECRET);
        assert_eq!(masked(&alone), MASK, "{alone}");
        for user in ["", "u", "us", "use", "user"] {
            for tail in ["", "x", "xy", "xyz"] {
                let text = engine.encode(format!("{user}:{SECRET}{tail}"));
                assert!(masked(&text).contains(MASK), "{user}: {text}");
            }
        }
    }
}

#[test]
fn a_short_secret_in_a_basic_header_is_masked_too() {
    let redactor = redactor("s3cret");
    for user in ["", "u", "us", "use"] {
        let header = format!("Basic {}", STANDARD.encode(format!("{user}:s3cret")));
        assert!(redactor.finds(&header), "{user}");
    }
}

#[test]
fn json_escapes_are_masked_once_and_twice() {
    let once = serde_json::to_string(SECRET).unwrap();
    assert_eq!(masked(&once), format!("\"{MASK}\""));
    let twice = serde_json::to_string(&once).unwrap();
    assert_eq!(masked(&twice), format!("\"\\\"{MASK}\\\"\""));
    let ascii = once.replace('ü', "\\u00fc");
    assert_eq!(masked(&ascii), format!("\"{MASK}\""));
    assert_eq!(masked(&once.replace('/', "\\/")), format!("\"{MASK}\""));
}

#[test]
fn values_keys_and_numbers_are_masked() {
    let redactor = Redactor::new(["12345678".to_owned(), "hunter2".to_owned()]);
    let mut value = json!({ "hunter2": ["hunter2", 12_345_678, 1, true, null], "n": { "x": 912_345_678 } });
    redactor.value(&mut value);
    assert_eq!(value, json!({ MASK: [MASK, MASK, 1, true, null], "n": { "x": MASK } }));
}

#[test]
fn two_keys_that_hold_secrets_both_stay() {
    let redactor = Redactor::new(["hunter2".to_owned(), "hunter3".to_owned()]);
    let mut value = json!({ "hunter2": 1, "hunter3": 2 });
    redactor.value(&mut value);
    assert_eq!(value.as_object().map(|map| map.values().cloned().collect::<Vec<_>>()), Some(vec![json!(1), json!(2)]));
    assert!(!value.to_string().contains("hunter"), "{value}");
}

#[test]
fn short_texts_are_left_alone() {
    let redactor = Redactor::new(["abcde".to_owned(), String::new()]);
    assert!(redactor.is_empty());
    assert_eq!(redactor.text("abcde"), "abcde");
    assert!(!self::redactor("äöüäöü").is_empty());
}

#[test]
fn the_longest_secret_wins_where_two_begin() {
    let redactor = Redactor::new(["secret".to_owned(), "secret-and-more".to_owned()]);
    assert_eq!(redactor.text("a secret-and-more b secret"), format!("a {MASK} b {MASK}"));
}

#[test]
fn overlapping_secrets_leave_no_rest() {
    let redactor = Redactor::new(["abcdefgh".to_owned(), "efghijkl".to_owned()]);
    assert_eq!(redactor.text("x abcdefghijkl y"), format!("x {MASK} y"));
}

#[test]
fn more_secrets_make_a_new_redactor_only_where_they_are_new() {
    let base = Arc::new(redactor("hunter2"));
    assert!(base.with(["hunter2".to_owned(), "abc".to_owned()]).is_none());
    let more = base.with(["hunter3".to_owned()]).unwrap();
    assert_eq!(more.text("hunter2 hunter3"), format!("{MASK} {MASK}"));
    assert_eq!(base.text("hunter3"), "hunter3");
    assert_eq!(format!("{more:?}"), "Redactor { secrets: 1 }");
}

fn fields() -> Fields {
    let secret = json!({ "type": "string", "writeOnly": true, "format": "password" });
    let schema = json!({ "connectionConfig": {
        "key": { "type": "string", "secret": true },
        "plain": { "type": "string" },
        "auth": { "type": "object", "schema": {
            "properties": { "user": {}, "token": secret },
            "patternProperties": { "^x-": secret },
        } },
        "list": { "type": "array", "schema": { "items": secret } },
        "either": { "type": "raw", "schema": { "anyOf": [{ "properties": { "a": secret } }, { "type": "string" }] } },
    } });
    ConfigSchema::parse(&schema).unwrap().connection
}

fn values() -> Value {
    json!({
        "key": "secret-0", "plain": "shown", "extra": "shown too",
        "auth": { "user": "bob", "token": "secret-1", "x-more": "secret-2", "none": null },
        "list": ["secret-3", "secret-4"],
        "either": { "a": { "deep": ["secret-5", 123_456] }, "b": 1 },
    })
}

#[test]
fn secrets_are_collected_from_nested_schemas() {
    let mut texts = secret_texts(&fields(), values().as_object().unwrap());
    texts.sort();
    texts.dedup();
    let expected = ["123456", "secret-0", "secret-1", "secret-2", "secret-3", "secret-4", "secret-5"];
    assert_eq!(texts, expected);
}

#[test]
fn nested_secret_params_are_masked_in_records() {
    let shown = Value::Object(mask_fields(&fields(), values().as_object().unwrap()));
    let expected = json!({
        "key": MASK, "plain": "shown", "extra": "shown too",
        "auth": { "user": "bob", "token": MASK, "x-more": MASK, "none": null },
        "list": [MASK, MASK],
        "either": { "a": MASK, "b": 1 },
    });
    assert_eq!(shown, expected);
    let absent = mask_fields(&fields(), json!({ "key": null }).as_object().unwrap());
    assert_eq!(Value::Object(absent), json!({ "key": null }));
}

#[test]
fn headers_of_telling_names_are_masked() {
    for name in
        ["Authorization", "cookie", "Set-Cookie", "proxy-authorization", "X-Api-Key", "x-csrf-TOKEN", "Client-Secret"]
    {
        assert!(is_sensitive_name(name), "{name}");
    }
    assert!(!is_sensitive_name("content-type"));
    let mut value = json!({ "request": { "Headers": { "X-Api-Key": "k", "accept": "*/*", "cookie": null } },
        "list": [{ "headers": { "authorization": ["a", "b"] } }], "authorization": "elsewhere" });
    assert!(may_hold_named(&value.to_string()));
    mask_named(&mut value);
    let expected = json!({ "request": { "Headers": { "X-Api-Key": MASK, "accept": "*/*", "cookie": null } },
        "list": [{ "headers": { "authorization": MASK } }], "authorization": "elsewhere" });
    assert_eq!(value, expected);
}

proptest! {
    #[test]
    fn no_form_of_a_secret_survives(secret in "\\PC{6,24}", before in "[a-z :]{0,5}", after in "[a-z ]{0,5}") {
        let redactor = redactor(&secret);
        let raw = format!("{before}{secret}{after}");
        let url: String = url::form_urlencoded::byte_serialize(secret.as_bytes()).collect();
        let json = serde_json::to_string(&secret).unwrap();
        let basic = STANDARD.encode(&raw);
        for text in [&raw, &url, &json, &basic] {
            prop_assert!(redactor.finds(text), "{}", text);
        }
        for text in [&raw, &url] {
            let masked = redactor.text(text);
            prop_assert!(!redactor.finds(&masked.replace(MASK, "")) , "{}", masked);
        }
        let mut value = json!({ "a": [raw], json: { "b": basic } });
        redactor.value(&mut value);
        prop_assert!(!redactor.finds(&value.to_string()), "{}", value);
    }
}
