//! What connectors refuse or warn of, and outputs.

use serde_json::{Value, json};

use super::*;

#[test]
fn what_a_connector_refuses() {
    let one = |step: Value| {
        let mut step = step;
        step["id"] = json!("a");
        let checked = checked(&json!({ "n": 1 }), &json!([step]), false);
        (worded(&checked.errors).join("; "), worded(&checked.warnings).join("; "))
    };
    let right = json!({ "name": "n", "size": 1, "raw": [] });
    for (step, errors, warnings) in [
        (json!({ "connector": "shpo" }), "unknown_connector /steps/0/connector -> shop", ""),
        (json!({ "connector": "elsewhere" }), "unknown_connector /steps/0/connector", ""),
        (json!({ "connector": "shop", "command": "List" }), "unknown_command /steps/0/command -> list", ""),
        (json!({ "connector": "script" }), "unknown_command /steps/0/command", ""),
        (json!({ "connector": "shop" }), "", ""),
        (
            json!({ "connector": "shop", "command": "make", "params": { "name": "" } }),
            "missing_param /steps/0/params/name; missing_param /steps/0/params/size; missing_param /steps/0/params/raw",
            "",
        ),
        (json!({ "connector": "shop", "params": { "limit": 0 } }), "invalid_param /steps/0/params/limit", ""),
        (
            json!({ "connector": "shop", "params": { "limit": "5", "since": "x" } }),
            "invalid_param /steps/0/params/limit; invalid_param /steps/0/params/since",
            "",
        ),
        (json!({ "connector": "shop", "params": { "limit": null } }), "", ""),
        (
            json!({ "connector": "shop", "params": { "limt": "{{n}}" } }),
            "",
            "unknown_param /steps/0/params/limt -> limit",
        ),
        (json!({ "connector": "shop", "command": "old" }), "", "deprecated /steps/0/command"),
        (json!({ "connector": "shut" }), "", "disabled /steps/0/connector"),
        (json!({ "connector": "bare" }), "", "not_ready /steps/0/connector"),
        (json!({ "connector": "bare", "mockScenario": "default" }), "", ""),
        (
            json!({ "connector": "shop", "command": "make", "params": right, "retry": { "attempts": 2 } }),
            "",
            "retry_not_idempotent /steps/0/retry",
        ),
        (json!({ "connector": "shop", "command": "make", "params": right, "retry": { "attempts": 1 } }), "", ""),
        (json!({ "connector": "shop", "retry": { "attempts": 5 } }), "", ""),
    ] {
        assert_eq!(one(step.clone()), (errors.to_owned(), warnings.to_owned()), "{step}");
    }
}

#[test]
fn outputs_that_hide_or_are_not_read() {
    let steps = json!([
        { "id": "a", "connector": "shop", "outputKey": "word" },
        { "id": "b", "connector": "shop", "outputKey": "shopCount" },
        { "id": "c", "connector": "shop", "outputKey": "last", "params": { "tags": ["{{word.total}}"] } },
        { "id": "d", "wait": { "forMs": 1 } },
    ]);
    let checked = checked(&json!({ "word": "w", "run": 1 }), &steps, false);
    assert_eq!(
        worded(&checked.warnings),
        [
            "shadowed /variables/run",
            "shadowed /steps/0/outputKey",
            "shadowed /steps/1/outputKey",
            "unused_output /steps/1/outputKey",
        ]
    );
    assert_eq!(checked.references[0].value_type, "integer", "the later write wins");
}

#[test]
fn of_several_givers_the_worst_counts() {
    let reads = json!({ "id": "z", "connector": "shop", "params": { "tags": ["{{hint}}"] } });
    let sets = json!({ "id": "a", "connector": "shop", "outputKey": "used" });
    let gives = |when: bool| {
        let mut step =
            json!({ "id": "b", "connector": "shop", "outputKey": "hint", "params": { "tags": ["{{used}}"] } });
        if when {
            step["when"] = json!("{{go}}");
        }
        step
    };
    let said = |steps: Value| {
        let checked = checked(&json!({ "go": true }), &steps, false);
        let only = |items: &[Item]| items.iter().filter(|item| item.code == Code::MaybeAbsent).count();
        (only(&checked.errors), only(&checked.warnings))
    };
    assert_eq!(said(json!([sets, reads])), (0, 1), "it is not always set");
    assert_eq!(said(json!([sets, gives(true), reads])), (1, 0), "a skipped step is worse");
    assert_eq!(said(json!([sets, gives(false), reads])), (0, 0));
    let fields = parse_inputs(&json!({ "hint": { "type": "string" } })).unwrap();
    let flow = Flow::parse(&json!([sets, reads]), false).unwrap();
    let checked = check(&flow, &Inputs::Declared(&fields), &shelf());
    assert_eq!(
        checked.errors.iter().map(|item| item.code).collect::<Vec<_>>(),
        [Code::MaybeAbsent],
        "so is an optional input"
    );
}
