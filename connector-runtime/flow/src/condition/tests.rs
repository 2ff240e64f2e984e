//! Every comparison with every mix of types.

use serde_json::{Map, Value, json};

use super::*;
use crate::definition::Flow;

fn decided(when: &Value) -> Result<bool, String> {
    let steps = json!([{ "id": "s", "connector": "c", "when": when }]);
    let flow = Flow::parse(&steps, false).map_err(|mistakes| mistakes.to_string())?;
    let bag = json!({
        "n": 2, "f": 2.0, "t": "two", "yes": true, "no": false, "none": null, "list": [1, "a", { "k": 1.0 }],
        "map": { "k": 1 }, "blank": "", "bare": [], "hollow": {},
    });
    let empty = Map::new();
    let bag = bag.as_object().unwrap_or(&empty);
    evaluate(flow.steps[0].when.as_ref().unwrap(), &Bag::new(bag)).map_err(|error| error.to_string())
}

fn compared(value: Value, is: &str, to: Value) -> Result<bool, String> {
    decided(&json!({ "value": value, "is": is, "to": to }))
}

#[test]
fn equality_is_typed() {
    for (value, to, same) in [
        (json!("{{n}}"), json!(2), true),
        (json!("{{n}}"), json!("{{f}}"), true),
        (json!("{{n}}"), json!("2"), false),
        (json!("{{yes}}"), json!(true), true),
        (json!("{{yes}}"), json!("true"), false),
        (json!("{{none}}"), Value::Null, true),
        (json!("{{none}}"), json!(""), false),
        (json!("{{map}}"), json!({ "k": 1.0 }), true),
        (json!("{{list}}"), json!([1, "a", { "k": 1 }]), true),
        (json!("{{t}}!"), json!("two!"), true),
    ] {
        assert_eq!(compared(value.clone(), "equal", to.clone()), Ok(same), "{value} {to}");
        assert_eq!(compared(value.clone(), "notEqual", to.clone()), Ok(!same), "{value} {to}");
    }
}

#[test]
fn only_two_numbers_or_two_texts_have_an_order() {
    for (left, right, order) in [
        (json!("{{n}}"), json!(3), Ordering::Less),
        (json!("{{n}}"), json!(2.0), Ordering::Equal),
        (json!("{{n}}"), json!(-1e300), Ordering::Greater),
        (json!("{{t}}"), json!("ufo"), Ordering::Less),
        (json!("{{t}}"), json!("Two"), Ordering::Greater),
    ] {
        for (is, holds) in [
            ("less", order.is_lt()),
            ("lessOrEqual", order.is_le()),
            ("greater", order.is_gt()),
            ("greaterOrEqual", order.is_ge()),
        ] {
            assert_eq!(compared(left.clone(), is, right.clone()), Ok(holds), "{left} {is} {right}");
        }
    }
    for (left, right) in [
        (json!("{{n}}"), json!("2")),
        (json!("{{yes}}"), json!(false)),
        (json!("{{none}}"), json!(1)),
        (json!("{{list}}"), json!([])),
        (json!("{{map}}"), json!({})),
    ] {
        for is in ["less", "lessOrEqual", "greater", "greaterOrEqual"] {
            let error = compared(left.clone(), is, right.clone()).unwrap_err();
            assert!(error.starts_with("Condition at /when cannot be decided: "), "{error}");
            assert!(error.ends_with("have no order; two numbers or two strings do"), "{error}");
        }
    }
}

#[test]
fn a_part_is_in_what_contains_it() {
    for (whole, part, holds) in [
        (json!("{{list}}"), json!(1.0), true),
        (json!("{{list}}"), json!({ "k": 1 }), true),
        (json!("{{list}}"), json!("1"), false),
        (json!("{{t}}"), json!("wo"), true),
        (json!("{{t}}"), json!("ow"), false),
        (json!("{{map}}"), json!("k"), true),
        (json!("{{map}}"), json!("q"), false),
        (json!(["two", "{{n}}"]), json!("{{t}}"), true),
    ] {
        assert_eq!(compared(whole.clone(), "contains", part.clone()), Ok(holds), "{whole} {part}");
        assert_eq!(compared(part.clone(), "in", whole.clone()), Ok(holds), "{part} {whole}");
    }
    for (whole, part) in [(json!("{{t}}"), json!(2)), (json!("{{n}}"), json!(2)), (json!("{{none}}"), json!("a"))] {
        assert!(compared(whole, "contains", part).unwrap_err().contains("cannot contain"));
    }
}

#[test]
fn only_exists_bears_what_is_absent() {
    for (value, exists) in [
        ("{{n}}", true),
        ("{{blank}}", true),
        ("{{none}}", false),
        ("{{gone}}", false),
        ("{{map.k}}", true),
        ("{{map.q.deep}}", false),
        ("{{gone ?? 1}}", true),
    ] {
        assert_eq!(decided(&json!({ "value": value, "is": "exists" })), Ok(exists), "{value}");
    }
    let gone = "Unknown reference gone at /when/value: the run has ";
    for is in ["equal", "less", "in", "contains"] {
        assert!(compared(json!("{{gone}}"), is, json!([])).unwrap_err().starts_with(gone), "{is}");
    }
    assert!(decided(&json!({ "value": "{{gone}}", "is": "empty" })).unwrap_err().starts_with(gone));
    let error = compared(json!(1), "equal", json!(["{{gone}}"])).unwrap_err();
    assert!(error.starts_with("Unknown reference gone at /when/to/0: "), "{error}");
}

#[test]
fn what_is_empty_is_nothing_or_holds_nothing() {
    for (value, empty) in [
        ("{{none}}", true),
        ("{{blank}}", true),
        ("{{bare}}", true),
        ("{{hollow}}", true),
        ("{{t}}", false),
        ("{{list}}", false),
        ("{{map}}", false),
        ("{{n}}", false),
        ("{{no}}", false),
    ] {
        assert_eq!(decided(&json!({ "value": value, "is": "empty" })), Ok(empty), "{value}");
    }
}

#[test]
fn lists_stop_at_the_member_that_decides() {
    let fails = json!({ "value": "{{gone}}", "is": "empty" });
    assert_eq!(decided(&json!({ "all": ["{{yes}}", { "not": "{{no}}" }] })), Ok(true));
    assert_eq!(decided(&json!({ "all": ["{{no}}", fails] })), Ok(false));
    assert_eq!(decided(&json!({ "any": ["{{yes}}", fails] })), Ok(true));
    assert_eq!(decided(&json!({ "any": ["{{no}}", "{{no}}"] })), Ok(false));
    let error = decided(&json!({ "any": ["{{no}}", { "not": fails }] })).unwrap_err();
    assert!(error.starts_with("Unknown reference gone at /when/any/1/not/value"), "{error}");
}

#[test]
fn a_condition_is_true_or_false() {
    assert_eq!(decided(&json!("{{yes}}")), Ok(true));
    assert_eq!(decided(&json!("{{gone ?? false}}")), Ok(false));
    for (when, got) in [("{{n}}", "number"), ("{{none}}", "null"), ("{{t}}", "string")] {
        let expected = format!(
            "Condition at /when cannot be decided: expected true or false, got {got}; compare it with value, is and to"
        );
        assert_eq!(decided(&json!(when)), Err(expected));
    }
}
