//! The texts of values, and the codes of errors.

use connector_runtime::prelude::*;

use super::super::bind::texts;
use super::super::read::{value, weight};
use super::super::session::Prepared;
use super::super::trouble::code_of;
use super::super::types::{Kind, Types};

fn read(text: &str, kind: &Kind) -> Value {
    value(text.as_bytes(), kind).unwrap()
}

fn list(element: Kind) -> Kind {
    Kind::Array(Box::new(element), ',')
}

#[test]
fn times_are_those_of_rfc_3339_where_it_has_a_form() {
    for (text, expected) in [
        ("2026-01-02 03:04:05", "2026-01-02T03:04:05"),
        ("2026-01-02 03:04:05.678901", "2026-01-02T03:04:05.678901"),
        ("2026-01-02 03:04:05+00", "2026-01-02T03:04:05Z"),
        ("2026-01-02 03:04:05.6-08", "2026-01-02T03:04:05.6-08:00"),
        ("2026-01-02 03:04:05+05:30", "2026-01-02T03:04:05+05:30"),
        ("1800-01-02 03:04:05+00:53:28", "1800-01-02 03:04:05+00:53:28"),
        ("0044-03-15 00:00:00 BC", "0044-03-15 00:00:00 BC"),
        ("0044-03-15 00:00:00+00 BC", "0044-03-15 00:00:00+00 BC"),
        ("12026-01-02 03:04:05", "12026-01-02 03:04:05"),
        ("infinity", "infinity"),
        ("-infinity", "-infinity"),
        ("", ""),
        ("éééééééééééééééééééé", "éééééééééééééééééééé"),
    ] {
        assert_eq!(read(text, &Kind::Timestamp), expected, "{text}");
    }
    for (text, expected) in
        [("03:04:05+00", "03:04:05Z"), ("03:04:05.1-08", "03:04:05.1-08:00"), ("24:00:00+05:30", "24:00:00+05:30")]
    {
        assert_eq!(read(text, &Kind::TimeTz), expected);
    }
}

#[test]
fn numbers_keep_their_digits_and_what_is_none_is_text() {
    for text in ["0", "-7", "0.1", "1e+300", "123456789012345678901234567890"] {
        assert_eq!(read(text, &Kind::Number).to_string(), text);
    }
    for text in ["NaN", "Infinity", "-Infinity", ""] {
        assert_eq!(read(text, &Kind::Number), text);
    }
}

#[test]
fn what_is_no_array_is_told() {
    for text in ["{", "{1", "{1,}", "{,}", "{1}x", "{\"a}", "{\"a\\", "{\"a\"b}", "{{1}", "{{{{{{{1}}}}}}}", "{1;2}}"] {
        let is_refused = value(text.as_bytes(), &list(Kind::Number)).is_err();
        // Two items are what a number is not, and so a text.
        assert!(is_refused || text == "{1,}" || text == "{,}", "{text}");
    }
    assert!(value("{".repeat(100_000).as_bytes(), &list(Kind::Text)).is_err());
    assert_eq!(read("[2:3]={1,2}", &list(Kind::Number)), "[2:3]={1,2}");
}

/// What is bound as an array is read as the same array, whatever its items are.
#[test]
fn arrays_come_out_as_they_went_in() {
    let pieces = ["", "a", ",", "{", "}", "\"", "\\", " ", "NULL", "null", "é", "\n", ";", "'"];
    let mut state = 11_u64;
    let mut next = || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(state >> 33).unwrap()
    };
    // text[], for which the server gives the number 1009.
    let prepared = Prepared { parameters: vec![1009], ..Prepared::default() };
    for _ in 0..5_000 {
        let items: Vec<Value> = (0..next() % 5)
            .map(|_| {
                let text: String = (0..next() % 4).map(|_| pieces[next() % pieces.len()]).collect();
                if next() % 5 == 0 { Value::Null } else { text.into() }
            })
            .collect();
        let given = if next() % 3 == 0 && !items.is_empty() { json!([items, items]) } else { json!(items) };
        let bound = texts(&[("v".to_owned(), &given)], &prepared, &Types::default()).unwrap();
        assert_eq!(read(bound[0].as_deref().unwrap(), &list(Kind::Text)), given);
    }
}

#[test]
fn bytes_are_base64() {
    assert_eq!(read("\\x00ff10", &Kind::Bytes), "AP8Q");
    assert_eq!(read("\\x", &Kind::Bytes), "");
    for text in ["\\x0", "\\x0g", "00", "\\000"] {
        assert!(value(text.as_bytes(), &Kind::Bytes).is_err(), "{text}");
    }
    let prepared = Prepared { parameters: vec![17], ..Prepared::default() };
    for (given, expected) in [("AP8Q", "\\x00ff10"), ("", "\\x"), ("\\x0a", "\\x0a")] {
        let bound = texts(&[("v".to_owned(), &json!(given))], &prepared, &Types::default()).unwrap();
        assert_eq!(bound[0].as_deref(), Some(expected));
    }
}

#[test]
fn memory_is_estimated_by_what_a_value_becomes() {
    assert!(weight("[{},{}]".as_bytes(), &Kind::Json) > 1280);
    assert!(weight("{1,2,3}".as_bytes(), &list(Kind::Number)) > 300);
    assert_eq!(weight(b"1,2,3", &Kind::Text), 5);
}

#[test]
fn states_are_codes() {
    for (state, code) in [
        ("23505", Code::Exists),
        ("23503", Code::Conflict),
        ("23502", Code::Invalid),
        ("28P01", Code::Unauthenticated),
        ("28000", Code::Unauthenticated),
        ("3D000", Code::NotFound),
        ("40001", Code::Conflict),
        ("40P01", Code::Conflict),
        ("42501", Code::Denied),
        ("25006", Code::Denied),
        ("42P01", Code::NotFound),
        ("42703", Code::Invalid),
        ("53300", Code::RateLimited),
        ("53100", Code::Unavailable),
        ("54000", Code::TooLarge),
        ("57014", Code::Timeout),
        ("57P01", Code::Unavailable),
        ("57P03", Code::Unavailable),
        ("08006", Code::Unavailable),
        ("0A000", Code::Unsupported),
        ("XX000", Code::Unavailable),
        ("P0001", Code::Invalid),
        ("", Code::Invalid),
        ("é", Code::Invalid),
    ] {
        assert_eq!(code_of(state), code, "{state}");
    }
}
