use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;

/// Shortens to every length and checks that it is JSON that fits and begins as the whole does.
fn every_length(json: &str) -> Vec<String> {
    (4..json.len())
        .map(|max| {
            let short = shorten(json, max);
            assert!(short.len() <= max, "{max}: {short}");
            let read: Value = serde_json::from_str(&short).unwrap_or_else(|error| panic!("{max}: {error}: {short}"));
            assert!(read.is_null() || is_beginning(&read, &serde_json::from_str(json).unwrap()), "{max}: {short}");
            short
        })
        .collect()
}

/// Returns whether a value is the beginning of another.
fn is_beginning(short: &Value, whole: &Value) -> bool {
    match (short, whole) {
        (Value::String(short), Value::String(whole)) => {
            short == whole || short.strip_suffix(CUT).is_some_and(|kept| whole.starts_with(kept))
        }
        (Value::Array(short), Value::Array(whole)) => {
            short.len() <= whole.len() && short.iter().zip(whole).all(|(short, whole)| is_beginning(short, whole))
        }
        (Value::Object(short), Value::Object(whole)) => {
            short.iter().zip(whole).all(|((key, short), (name, whole))| key == name && is_beginning(short, whole))
        }
        (short, whole) => short == whole,
    }
}

#[test]
fn lists_objects_and_texts_end_early() {
    assert_eq!(shorten(r#"[1,22,333]"#, 9), "[1,22]");
    assert_eq!(shorten(r#"{"a":[1,{"b":2}],"c":3}"#, 18), r#"{"a":[1,{"b":2}]}"#);
    assert_eq!(shorten(r#"{"a":[1,{"b":2}],"c":3}"#, 14), r#"{"a":[1,{}]}"#);
    assert_eq!(shorten(r#"{"text":"0123456789012345678901234567890"}"#, 30), r#"{"text":"01234…[truncated]"}"#);
    assert_eq!(shorten(r#""0123456789012345678901234567890""#, 24), r#""01234567…[truncated]""#);
    assert_eq!(shorten("12345", 3), "null");
    assert_eq!(shorten(r#"{"a":10000000000000000000001.10,"b":[]}"#, 34), r#"{"a":10000000000000000000001.10}"#);
}

#[test]
fn what_is_kept_is_json_at_every_length() {
    for value in [
        json!({ "success": true, "payload": { "rows": [{ "id": 1, "name": "ü\"\\\n\u{1}😀 [redacted] x" }, [], {}, null, -1.5e9] } }),
        json!([[[[[["deep and long enough to be cut somewhere in the middle"]]]]], {}]),
        json!({ "a rather long key that does not fit": { "another": false } }),
    ] {
        every_length(&value.to_string());
        every_length(&serde_json::to_string_pretty(&value).unwrap());
    }
    every_length(
        r#"{"a":"\ud83d\ude00\u00fc\\\"\/ \ud83d\ude00\ud83d\ude00\ud83d\ude00\ud83d\ude00\ud83d\ude00","b":2}"#,
    );
}

#[test]
fn a_mask_is_kept_whole_or_not_at_all() {
    let json = json!({ "log": format!("Bearer {MASK}{MASK} and {MASK} more text that is long enough") }).to_string();
    for short in every_length(&json) {
        let left = short.replace(MASK, "").replace(CUT, "");
        assert!(!left.contains('['), "{short}");
    }
}

proptest! {
    #[test]
    fn any_value_shortened_is_its_beginning(value in values()) {
        every_length(&value.to_string());
    }
}

fn values() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f32>().prop_map(Value::from),
        any::<String>().prop_map(Value::from),
    ];
    leaf.prop_recursive(4, 24, 5, |inner| {
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..5).prop_map(Value::from),
            proptest::collection::hash_map(any::<String>(), inner, 0..5)
                .prop_map(|map| Value::Object(map.into_iter().collect())),
        ]
    })
}
