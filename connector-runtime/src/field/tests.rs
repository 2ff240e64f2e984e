use std::collections::{BTreeMap, HashMap};
use std::fmt::Debug;

use serde_json::{Map, Number, Value, json};

use super::{FieldType, Mismatch, PathError, Url};
use crate::prelude::*;
use crate::schema::FieldKind;

fn read<T: FieldType>(value: Value) -> Result<T, String> {
    T::read(&value).map_err(|Mismatch(text)| text)
}

/// An integer type holds its limits, and refuses what is one beyond.
fn holds_its_limits<T: FieldType + Debug + PartialEq + Copy + Into<i128>>(least: T, most: T) {
    for limit in [least, most] {
        let limit_value: Value = serde_json::from_str(&limit.into().to_string()).unwrap();
        assert_eq!(read::<T>(limit_value), Ok(limit));
    }
    for beyond in [least.into() - 1, most.into() + 1] {
        // A number of more than 64 bits is read as a float, which is as wrong here.
        let value: Value = serde_json::from_str(&beyond.to_string()).unwrap();
        let expected = format!("expected an integer from {} to {}, got {value}", least.into(), most.into());
        assert_eq!(read::<T>(value), Err(expected));
    }
    assert_eq!(read::<T>(json!("1")), Err("expected number, got string".to_owned()));
    assert_eq!(read::<T>(json!(1.5)).map_err(|text| text.ends_with(", got 1.5")), Err(true));
    assert!(T::TYPE.integer && T::TYPE.kind == FieldKind::Number);
}

#[test]
fn integers_hold_their_limits() {
    holds_its_limits(u8::MIN, u8::MAX);
    holds_its_limits(u16::MIN, u16::MAX);
    holds_its_limits(u32::MIN, u32::MAX);
    holds_its_limits(u64::MIN, u64::MAX);
    holds_its_limits(i8::MIN, i8::MAX);
    holds_its_limits(i16::MIN, i16::MAX);
    holds_its_limits(i32::MIN, i32::MAX);
    holds_its_limits(i64::MIN, i64::MAX);
    assert_eq!(read::<usize>(json!(7)), Ok(7));
    assert_eq!(read::<isize>(json!(-7)), Ok(-7));
    assert!(read::<usize>(json!(-7)).is_err());
}

#[test]
fn a_whole_number_is_an_integer_in_any_text() {
    assert_eq!(read::<u8>(json!(5.0)), Ok(5));
    assert_eq!(read::<i64>(json!(-9_007_199_254_740_992.0)), Ok(-9_007_199_254_740_992));
    assert_eq!(read::<i64>(json!(1e17)), Ok(100_000_000_000_000_000));
    assert!(read::<i64>(json!(1e19)).is_err());
    let number = |text: &str| serde_json::from_str::<Value>(text).unwrap();
    assert_eq!(read::<i64>(number("9007199254740993")), Ok(9_007_199_254_740_993));
    assert_eq!(read::<i64>(number("9007199254740993.0")), Ok(9_007_199_254_740_993));
    assert!(read::<i64>(number("9007199254740993.5")).is_err());
}

#[test]
fn floats_are_numbers() {
    assert_eq!(read::<f64>(json!(1)), Ok(1.0));
    assert_eq!(read::<f32>(json!(1.5)), Ok(1.5));
    assert_eq!(read::<f32>(json!(1e39)), Err("expected a 32-bit number, got 1e+39".to_owned()));
    assert_eq!(read::<f64>(json!("1")), Err("expected number, got string".to_owned()));
    assert_eq!(read::<Number>(json!(7)), Ok(Number::from(7)));
}

#[test]
fn dates_and_times() {
    assert_eq!(read::<Date>(json!("2024-02-29")).map(|date| date.to_string()), Ok("2024-02-29".to_owned()));
    assert!(read::<Date>(json!("2026-02-29")).is_err());
    let midnight = read::<Timestamp>(json!("2026-01-31")).map(|time| time.to_string());
    assert_eq!(midnight, Ok("2026-01-31T00:00:00Z".to_owned()));
    let shifted = read::<Timestamp>(json!("2026-01-31T01:30:00+02:00")).map(|time| time.to_string());
    assert_eq!(shifted, Ok("2026-01-30T23:30:00Z".to_owned()));
    assert_eq!(read::<Timestamp>(json!("now")), Err("expected RFC 3339 date or date-time".to_owned()));
    assert_eq!(read::<Timestamp>(json!(0)), Err("expected RFC 3339 date or date-time, got number".to_owned()));
}

#[test]
fn texts_flags_and_raw_values() {
    assert_eq!(read::<String>(json!("a")), Ok("a".to_owned()));
    assert_eq!(read::<String>(json!(1)), Err("expected string, got number".to_owned()));
    assert_eq!(read::<bool>(json!(false)), Ok(false));
    assert_eq!(read::<bool>(json!(0)), Err("expected boolean, got number".to_owned()));
    assert_eq!(read::<Value>(json!([1])), Ok(json!([1])));
    assert_eq!(read::<Map<String, Value>>(json!({ "a": 1 })).map(|map| map.len()), Ok(1));
    assert_eq!(read::<Map<String, Value>>(json!([])), Err("expected object, got array".to_owned()));
}

#[test]
fn an_option_may_be_absent_and_nothing_else_may() {
    assert_eq!(<Option<u8> as FieldType>::absent(), Some(None));
    assert_eq!(<u8 as FieldType>::absent(), None);
    assert_eq!(read::<Option<u8>>(json!(7)), Ok(Some(7)));
    let ty = <Option<u8> as FieldType>::TYPE;
    assert!(ty.nullable);
    assert_eq!(<Option<u8> as FieldType>::TYPE.kind, FieldKind::Number);
}

#[test]
fn lists_and_maps_are_read_through_serde() {
    assert_eq!(read::<Vec<u8>>(json!([1, 2])), Ok(vec![1, 2]));
    assert!(read::<Vec<u8>>(json!([256])).is_err());
    assert_eq!(read::<BTreeMap<String, u8>>(json!({ "a": 1 })), Ok(BTreeMap::from([("a".to_owned(), 1)])));
    assert_eq!(read::<HashMap<String, u8>>(json!({})), Ok(HashMap::new()));
    let schema = <Vec<Date> as FieldType>::TYPE.schema.map(|schema| schema());
    assert_eq!(schema, Some(json!({ "type": "array", "items": { "type": "string", "format": "date" } })));
}

#[test]
fn a_secret_is_read_and_never_told() {
    let secret = read::<Secret>(json!("hunter2")).unwrap();
    assert_eq!(secret.expose(), "hunter2");
    assert_eq!(format!("{secret:?} {:#?}", Some(&secret)), "Secret([redacted]) Some(\n    Secret([redacted]),\n)");
    let ty = <Secret as FieldType>::TYPE;
    assert!(ty.secret);
    assert_eq!(read::<Secret>(json!(["hunter2"])), Err("expected string, got array".to_owned()));
}

#[test]
fn a_url_takes_itself_for_a_folder() {
    let url = |text: &str| Url::parse(text).unwrap();
    let joined = |base: &str, reference: &str| url(base).join(reference).unwrap().to_string();
    assert_eq!(joined("https://a.example/v2", "users"), "https://a.example/v2/users");
    assert_eq!(joined("https://a.example/v2/", "users?x=1"), "https://a.example/v2/users?x=1");
    assert_eq!(joined("https://a.example", "users"), "https://a.example/users");
    assert_eq!(joined("https://a.example/v2", "/users"), "https://a.example/users");
    assert_eq!(joined("https://a.example/v2", "https://b.example/x"), "https://b.example/x");
    assert_eq!(joined("https://a.example/v2?key=1#top", "users"), "https://a.example/v2/users");
    assert!(url("mailto:a@example.com").join("users").is_err());
    assert!(read::<Url>(json!("a")).is_err_and(|text| text.starts_with("expected an absolute URL")));
    assert_eq!(format!("{0} {0:?}", url("https://a.example")), "https://a.example/ \"https://a.example/\"");
}

#[test]
fn a_path_is_built_of_encoded_segments() {
    let url = |text: &str| Url::parse(text).unwrap();
    let at = |base: &str, segments: &[&str]| url(base).at(segments).map(|url| url.to_string());
    for base in ["https://a.example/v2", "https://a.example/v2/", "https://a.example/v2//"] {
        assert_eq!(at(base, &["users", "7"]), Ok("https://a.example/v2/users/7".to_owned()));
    }
    assert_eq!(at("https://a.example", &["users"]), Ok("https://a.example/users".to_owned()));
    assert_eq!(at("https://a.example/v2?key=1&b=%2F", &["x"]), Ok("https://a.example/v2/x?key=1&b=%2F".to_owned()));
    assert_eq!(at("https://a.example/v%202", &["x"]), Ok("https://a.example/v%202/x".to_owned()));
    // Whatever is in a segment, it stays one, and the host stays.
    for (segment, encoded) in [
        ("a/b", "a%2Fb"),
        ("a\\b", "a%5Cb"),
        ("%2e%2e", "%252e%252e"),
        ("..;", "..%3B"),
        (".\t.", ".%09."),
        ("..\n", "..%0A"),
        ("?a=1#b", "%3Fa%3D1%23b"),
        ("//b.example", "%2F%2Fb.example"),
        ("https://b.example", "https%3A%2F%2Fb.example"),
        ("...", "..."),
        (" ", "%20"),
        ("b\u{fc}ro", "b%C3%BCro"),
        ("a'(b)*!~_-", "a'(b)*!~_-"),
        ("user@host", "user%40host"),
    ] {
        assert_eq!(
            at("https://a.example/v2", &[segment, "z"]),
            Ok(format!("https://a.example/v2/{encoded}/z")),
            "{segment}"
        );
    }
    for (segments, error) in [
        (&["users", ""][..], PathError::Empty { number: 2 }),
        (&["."], PathError::Dots { number: 1 }),
        (&["a", "..", "b"], PathError::Dots { number: 2 }),
    ] {
        assert_eq!(at("https://a.example/v2", segments), Err(error));
    }
    assert_eq!(at("mailto:a@example.com", &["x"]), Err(PathError::NoPath));
    let none: [&str; 0] = [];
    assert_eq!(url("https://a.example/v2/").at(none).unwrap().as_str(), "https://a.example/v2");
}

/// A state.
#[derive(Debug, Clone, Copy, PartialEq, Select)]
enum State {
    /// In use.
    Active,
    /// Out of service.
    #[select(label = "Paused")]
    OnHold,
    /// Gone.
    #[select(name = "DELETED")]
    Gone,
}

#[test]
fn a_select_reads_and_writes_its_wire_names() {
    for (state, wire) in [(State::Active, "active"), (State::OnHold, "on_hold"), (State::Gone, "DELETED")] {
        assert_eq!(read::<State>(json!(wire)), Ok(state));
        assert_eq!(json!(state), json!(wire));
        assert_eq!(serde_json::from_value::<State>(json!(wire)).unwrap(), state);
        assert_eq!(state.as_str(), wire);
    }
    assert_eq!(read::<State>(json!("Active")), Err("expected one of active, on_hold, DELETED".to_owned()));
    assert_eq!(read::<State>(json!(0)), Err("expected string, got number".to_owned()));
    assert_eq!(<State as super::Select>::from_index(3), None);
    let labels: Vec<&str> = <State as FieldType>::TYPE.choices.iter().map(|choice| choice.label).collect();
    assert_eq!(labels, ["Active", "Paused", "Gone"]);
}

/// A filter.
#[object]
#[derive(Debug, PartialEq)]
struct Filter {
    /// Most.
    #[param(default = 50, min = 1, max = 500)]
    max_items: u32,
    /// From when.
    #[param(default = "2026-01-31")]
    from: Date,
    /// State.
    state: Option<State>,
    /// Odd name.
    _hidden: Option<u8>,
    /// Own name.
    #[param(name = "TYPE")]
    r#type: Option<String>,
}

#[test]
fn an_object_fills_its_defaults_and_refuses_what_it_does_not_know() {
    let day = "2026-01-31".parse().unwrap();
    let plain = Filter { max_items: 50, from: day, state: None, _hidden: None, r#type: None };
    assert_eq!(read::<Filter>(json!({})), Ok(plain));
    let given = json!({ "maxItems": 3, "from": "2026-02-01", "state": "on_hold", "_hidden": 1, "TYPE": "x" });
    let filter = read::<Filter>(given.clone()).unwrap();
    assert_eq!((filter.max_items, filter.state, filter._hidden), (3, Some(State::OnHold), Some(1)));
    assert!(read::<Filter>(json!({ "limit": 1 })).is_err_and(|text| text.contains("unknown field `limit`")));
    let schema = <Filter as FieldType>::TYPE.schema.map(|schema| schema()).unwrap();
    let names: Vec<&String> = schema["properties"].as_object().unwrap().keys().collect();
    let mut sorted = given.as_object().unwrap().keys().collect::<Vec<_>>();
    sorted.sort();
    assert_eq!(
        {
            let mut names = names;
            names.sort();
            names
        },
        sorted
    );
    assert_eq!(schema["properties"]["maxItems"]["default"], 50);
    assert_eq!(schema["properties"]["maxItems"]["maximum"], 500);
    assert_eq!(schema["additionalProperties"], false);
    assert_eq!(schema.get("required"), None);
}
