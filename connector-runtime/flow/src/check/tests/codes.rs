//! One case or more for every code, sure and declared.

use std::collections::HashSet;

use serde_json::{Value, json};

use super::*;

const NONE: [&str; 0] = [];

/// Steps: `list` of a connector as `found`, then a step that reads.
fn listed_then(connector: &str, params: Value) -> Value {
    json!([
        { "id": "a", "connector": connector, "command": "list", "outputKey": "found" },
        { "id": "b", "connector": "shop", "command": "list", "params": params },
    ])
}

/// Asserts what is said of a read, once the shape is sure and once it is declared.
fn assert_read(params: &Value, is_error: bool, expected: &[&str]) {
    for (connector, is_sure) in [("shop", true), ("script", false)] {
        let checked = checked(&json!({}), &listed_then(connector, params.clone()), false);
        let (errors, warnings) = (worded(&checked.errors), worded(&checked.warnings));
        let loud = if is_error && is_sure { &errors } else { &warnings };
        assert_eq!(loud, expected, "{connector} {params}: {checked:?}");
        let quiet = if is_error && is_sure { &warnings } else { &errors };
        let quiet: Vec<&String> = quiet.iter().filter(|item| !item.starts_with("unused")).collect();
        assert!(quiet.is_empty(), "{connector} {params}: {quiet:?}");
    }
}

#[test]
fn a_right_flow_is_clean_and_lists_what_it_reads() {
    let steps = json!([
        { "id": "a", "connector": "shop", "outputKey": "found", "params": { "q": "{{word}}", "limit": 5 } },
        { "id": "b", "connector": "script", "command": "make", "when": { "value": "{{found.total}}", "is": "greater", "to": 0 },
          "params": { "name": "n {{found.total}}", "size": "{{shopCount}}", "raw": { "list": ["{{found.items}}", 1] } } },
        { "id": "c", "connector": "shop", "when": "{{steps.b.success}}", "params": { "q": "{{run.id}} {{found.note ?? \"\"}}" } },
        { "id": "d", "wait": { "until": "{{run.startedAt}}" } },
    ]);
    let checked = checked(&json!({ "word": "sun" }), &steps, true);
    assert_eq!((worded(&checked.errors), worded(&checked.warnings)), (vec![], vec![]), "{checked:?}");
    assert!(checked.may_start());
    let readings: Vec<String> = checked
        .references
        .iter()
        .map(|Reading { pointer, path, value_type, from }| format!("{pointer} {path} {value_type} {from}"))
        .collect();
    assert_eq!(
        readings,
        [
            "/steps/0/params/q word string inputs",
            "/steps/1/when/value found.total integer a",
            "/steps/1/params/name found.total integer a",
            "/steps/1/params/size shopCount integer a",
            "/steps/1/params/raw/list/0 found.items array a",
            "/steps/2/when steps.b.success boolean steps",
            "/steps/2/params/q run.id string run",
            "/steps/2/params/q found.note string or null a",
            "/steps/3/wait/until run.startedAt string run",
        ]
    );
    let json = serde_json::to_value(&checked).unwrap();
    assert_eq!(
        json["references"][0],
        json!({ "pointer": "/steps/0/params/q", "path": "word", "type": "string", "from": "inputs" })
    );
}

#[test]
fn a_path_that_no_value_has() {
    assert_read(&json!({ "q": "{{found.stte}}" }), true, &["unknown_path /steps/1/params/q 1 -> state"]);
    assert_read(&json!({ "q": "n: {{found.TOTAL}}" }), true, &["unknown_path /steps/1/params/q 4 -> total"]);
    assert_read(&json!({ "q": "{{found.items.id}}" }), true, &["unknown_path /steps/1/params/q 1"]);
    assert_read(&json!({ "q": "{{found.total.x}}" }), true, &["unknown_path /steps/1/params/q 1"]);
    assert_read(&json!({ "q": "{{found[0]}}" }), true, &["unknown_path /steps/1/params/q 1"]);
    assert_read(&json!({ "tags": ["x", "{{found.item}}"] }), true, &["unknown_path /steps/1/params/tags/1 1 -> items"]);
    // A default bears what is absent, but a name that never exists is worth a word.
    assert_read(&json!({ "q": "{{found.stte ?? \"\"}}" }), false, &["unknown_path /steps/1/params/q 1 -> state"]);
    let checked = checked(&json!({ "v": { "total": 1 } }), &listed_then("shop", json!({ "q": "a{{v.totl}}" })), false);
    let item = &checked.errors[0];
    assert_eq!(item.message, "Unknown reference v.totl: v has total; did you mean total?");
    assert_eq!(item.suggestion.as_deref(), Some("total"));
}

#[test]
fn outputs_without_a_schema_have_names_or_nothing_known() {
    let steps = |command: &str, path: &str| {
        json!([
            { "id": "a", "connector": "script", "command": command, "outputKey": "out" },
            { "id": "b", "connector": "shop", "params": { "q": format!("{{{{{path}}}}}") } },
        ])
    };
    for (command, path, expected) in [
        ("names", "out.first", &[][..]),
        ("names", "out.frst", &["unknown_path /steps/1/params/q 1 -> first"]),
        ("loose", "out.any[0].thing", &[]),
    ] {
        let checked = checked(&json!({}), &steps(command, path), false);
        assert_eq!(
            (worded(&checked.errors), worded(&checked.warnings)),
            (vec![], expected.iter().map(ToString::to_string).collect())
        );
    }
}

#[test]
fn a_root_that_nothing_gives() {
    let read = |path: &str, first: &str| {
        let steps = json!([
            { "id": "a", "connector": "script", "command": first },
            { "id": "b", "connector": "shop", "params": { "q": path } },
            { "id": "c", "connector": "shop", "outputKey": "late", "params": { "tags": ["{{late.items}}"] } },
        ]);
        let checked = checked(&json!({ "word": "w" }), &steps, false);
        let only =
            |items: &[Item]| worded(items).into_iter().filter(|item| item.contains("/steps/1/")).collect::<Vec<_>>();
        (only(&checked.errors), only(&checked.warnings))
    };
    let said = |items: &[&str]| items.iter().map(ToString::to_string).collect::<Vec<_>>();
    for (path, item) in [
        ("{{wrod}}", "unknown_root /steps/1/params/q 1 -> word"),
        ("{{xyzzy}}", "unknown_root /steps/1/params/q 1"),
        ("é{{late.total}}", "later_step /steps/1/params/q 2"),
        ("{{shopCount}}", "later_step /steps/1/params/q 1"),
        ("{{stps.a.success}}", "unknown_root /steps/1/params/q 1 -> steps"),
    ] {
        assert_eq!(read(path, "names"), (said(&[item]), vec![]), "every command declares: {path}");
        assert_eq!(read(path, "loose"), (vec![], said(&[item])), "one may set anything: {path}");
    }
    assert_eq!(read("{{wrod ?? \"\"}}", "names"), (vec![], said(&["unknown_root /steps/1/params/q 1 -> word"])));
    assert_eq!(read("{{wrod ?? \"\"}}", "loose"), (vec![], vec![]));
    for (path, item) in [
        ("{{steps.b.success}}", "later_step /steps/1/params/q 1"),
        ("{{steps.c.success}}", "later_step /steps/1/params/q 1"),
        ("{{steps.A.success}}", "unknown_path /steps/1/params/q 1 -> a"),
        ("{{steps.a.sucess}}", "unknown_path /steps/1/params/q 1 -> success"),
        ("{{run.ID}}", "unknown_path /steps/1/params/q 1 -> id"),
    ] {
        assert_eq!(read(path, "loose").0, [item], "{path}");
    }
    let steps = json!([
        { "id": "a", "connector": "script", "command": "loose" },
        { "id": "b", "connector": "shop", "params": { "q": "{{cuont}}" } },
    ]);
    assert_eq!(
        checked(&json!({ "count": "x" }), &steps, false).warnings[0].message,
        "Unknown reference cuont: before this step there is count; a command that does not declare its variables may set it: \
         a; did you mean count?"
    );
}

#[test]
fn a_root_of_a_step_that_perhaps_did_not_succeed() {
    let flow = |first: Value, second: Value| {
        let mut first = first;
        first["id"] = json!("a");
        first["connector"] = json!("shop");
        first["outputKey"] = json!("found");
        let mut second = second;
        second["id"] = json!("b");
        second["connector"] = json!("shop");
        let checked = checked(&json!({ "go": true, "n": 1 }), &json!([first, second]), false);
        (worded(&checked.errors), worded(&checked.warnings))
    };
    let reads = json!({ "q": "x{{found.total}}" });
    let absent = "maybe_absent /steps/1/params/q 2 -> {{found.total ?? \"\"}}";
    for first in [json!({ "when": "{{go}}" }), json!({ "continueOnError": true })] {
        assert_eq!(flow(first.clone(), json!({ "params": reads })), (vec![absent.to_owned()], vec![]));
        let clean = (vec![], vec![]);
        assert_eq!(flow(first.clone(), json!({ "params": { "q": "x{{found.total ?? 0}}" } })), clean);
        for when in [
            json!("{{steps.a.success}}"),
            json!("{{steps.a.success ?? false}}"),
            json!({ "all": ["{{go}}", { "not": { "not": "{{steps.a.success}}" } }] }),
            json!({ "value": "{{steps.a.success}}", "is": "equal", "to": true }),
            json!({ "not": { "any": ["{{go}}", { "not": "{{steps.a.success}}" }] } }),
            json!({ "all": ["{{steps.a.success}}", { "value": "{{found.total}}", "is": "less", "to": 5 }] }),
            json!({ "not": { "any": [{ "not": "{{steps.a.success}}" }, { "value": "{{found.total}}", "is": "less", "to": 5 }] } }),
            json!({ "value": "{{found.total}}", "is": "exists" }),
        ] {
            assert_eq!(flow(first.clone(), json!({ "when": when, "params": reads })), clean, "{when}");
        }
        for when in [
            json!("{{go}}"),
            json!({ "not": "{{steps.a.success}}" }),
            json!({ "not": { "all": ["{{steps.a.success}}", "{{go}}"] } }),
            json!({ "not": { "all": [{ "not": "{{steps.a.success}}" }, "{{go}}"] } }),
            json!({ "any": ["{{go}}", "{{steps.a.success}}"] }),
            json!({ "value": "{{steps.a.success}}", "is": "equal", "to": false }),
            json!("{{steps.a.success ?? true}}"),
        ] {
            assert_eq!(flow(first.clone(), json!({ "when": when, "params": reads })).0, [absent], "{when}");
        }
        let unguarded =
            json!({ "all": [{ "value": "{{found.total}}", "is": "less", "to": 5 }, "{{steps.a.success}}"] });
        let early = "maybe_absent /steps/1/when/all/0/value 1 -> {{found.total ?? null}}";
        assert_eq!(flow(first, json!({ "when": unguarded, "params": reads })).0, [early]);
    }
    assert_eq!(flow(json!({}), json!({ "params": reads })), (vec![], vec![]), "it has succeeded, or the run has ended");
}

#[test]
fn a_success_says_that_its_own_condition_held() {
    let steps = json!([
        { "id": "a", "connector": "shop", "outputKey": "found", "continueOnError": true },
        { "id": "b", "connector": "shop", "when": "{{steps.a.success}}", "continueOnError": true },
        { "id": "c", "connector": "shop", "when": "{{steps.b.success}}", "params": { "limit": "{{found.total}}" } },
    ]);
    assert_eq!(worded(&checked(&json!({}), &steps, true).errors), NONE);
}

#[test]
fn a_value_that_may_be_absent_in_its_shape() {
    for (params, expected) in [
        (json!({ "q": "{{found.site}}" }), "maybe_absent /steps/1/params/q 1 -> {{found.site ?? \"\"}}"),
        (json!({ "q": "{{found.items[0].id}}" }), "maybe_absent /steps/1/params/q 1 -> {{found.items[0].id ?? \"\"}}"),
        (json!({ "q": "{{found.owner.name}}" }), "maybe_absent /steps/1/params/q 1 -> {{found.owner.name ?? \"\"}}"),
        (json!({ "tags": ["{{found.open}}"] }), "maybe_absent /steps/1/params/tags/0 1 -> {{found.open ?? false}}"),
        (json!({ "q": "{{hint}}!" }), "maybe_absent /steps/1/params/q 1 -> {{hint ?? \"\"}}"),
    ] {
        let checked = checked(&json!({}), &listed_then("shop", params.clone()), false);
        assert!(worded(&checked.warnings).contains(&expected.to_owned()), "{params}: {checked:?}");
        let strict = super::checked(&json!({}), &listed_then("shop", params), true);
        assert!(worded(&strict.errors).contains(&expected.to_owned()), "{strict:?}");
    }
    let fields =
        parse_inputs(&json!({ "may": { "type": "string" }, "null": { "type": "string", "default": null } })).unwrap();
    let steps = json!([{ "id": "a", "connector": "shop", "params": { "q": "{{may}}", "since": "{{null}}" } }]);
    let flow = Flow::parse(&steps, false).unwrap();
    let checked = check(&flow, &Inputs::Declared(&fields), &shelf());
    assert_eq!(worded(&checked.errors), ["maybe_absent /steps/0/params/q 1 -> {{may ?? \"\"}}"]);
    assert_eq!(worded(&checked.warnings), NONE, "an optional param takes null");
}

#[test]
fn null_where_it_is_refused() {
    assert_read(
        &json!({ "q": "n: {{found.note}}" }),
        true,
        &["maybe_null /steps/1/params/q 4 -> {{found.note ?? \"\"}}"],
    );
    assert_read(&json!({ "q": "{{found.note}}" }), false, &NONE);
    assert_read(&json!({ "q": "n: {{found.note ?? \"-\"}}" }), false, &NONE);
    assert_read(
        &json!({ "q": "n: {{found.note ?? null}}" }),
        true,
        &["maybe_null /steps/1/params/q 4 -> {{found.note ?? \"\"}}"],
    );
    let steps = json!([
        { "id": "a", "connector": "shop", "outputKey": "found" },
        { "id": "b", "connector": "shop", "command": "make",
          "params": { "name": "{{found.note}}", "size": "{{found.total ?? null}}", "raw": null } },
    ]);
    let checked = checked(&json!({}), &steps, false);
    assert_eq!(
        worded(&checked.errors),
        ["maybe_null /steps/1/params/name 1 -> {{found.note ?? \"\"}}", "missing_param /steps/1/params/raw"]
    );
}

#[test]
fn a_value_that_never_fits() {
    for (params, expected) in [
        (json!({ "q": "{{found.total}}" }), "type_mismatch /steps/1/params/q 1 -> {{\"\"}}{{found.total}}"),
        (json!({ "q": "{{found.items}}" }), "type_mismatch /steps/1/params/q 1"),
        (json!({ "limit": "{{found.note}}" }), "type_mismatch /steps/1/params/limit 1"),
        (json!({ "tags": "{{found.note}}" }), "type_mismatch /steps/1/params/tags 1"),
        (json!({ "order": "{{found.total}}" }), "type_mismatch /steps/1/params/order 1"),
    ] {
        assert_read(&params, true, &[expected]);
    }
    for right in [
        json!({ "q": "{{\"\"}}{{found.total}}" }),
        json!({ "limit": "{{found.total}}" }),
        json!({ "since": "{{found.note}}" }),
        json!({ "order": "{{found.note}}" }),
        json!({ "tags": "{{found.items}}" }),
    ] {
        assert_read(&right, false, &NONE);
    }
    let first = |params: Value| {
        let variables = json!({ "word": "sun", "day": "2030-01-31", "way": "down", "n": 5 });
        let steps = json!([{ "id": "a", "connector": "shop", "params": params }]);
        worded(&checked(&variables, &steps, false).errors)
    };
    assert_eq!(first(json!({ "since": "{{word}}" })), ["type_mismatch /steps/0/params/since 1"]);
    assert_eq!(first(json!({ "since": "{{day}}" })), NONE);
    assert_eq!(first(json!({ "order": "{{word}}" })), ["type_mismatch /steps/0/params/order 1"]);
    assert_eq!(first(json!({ "order": "{{way}}" })), NONE);
    assert_eq!(first(json!({ "limit": "{{n}}0" })), ["type_mismatch /steps/0/params/limit"], "it is a text");
    assert_eq!(first(json!({ "q": ["{{n}}"] })), ["type_mismatch /steps/0/params/q"]);
    let wait = |wait: Value| {
        worded(&checked(&json!({ "n": 5, "word": "w" }), &json!([{ "id": "a", "wait": wait }]), false).errors)
    };
    assert_eq!(wait(json!({ "forMs": "{{n}}" })), NONE);
    assert_eq!(wait(json!({ "forMs": "{{word}}" })), ["type_mismatch /steps/0/wait/forMs 1"]);
    assert_eq!(wait(json!({ "until": "{{word}}" })), ["type_mismatch /steps/0/wait/until 1"]);
}

#[test]
fn a_condition_reads_true_or_false() {
    for (path, is_wrong) in [("found.total", true), ("found.note", true), ("found.open", false), ("shopCount", true)] {
        for (connector, is_sure) in [("shop", true), ("script", false)] {
            let steps = json!([
                { "id": "a", "connector": connector, "command": "list", "outputKey": "found" },
                { "id": "b", "connector": "shop", "when": format!("{{{{{path}}}}}") },
            ]);
            let item = "not_boolean /steps/1/when 1".to_owned();
            let checked = checked(&json!({}), &steps, false);
            assert_eq!(worded(&checked.errors).contains(&item), is_wrong && is_sure, "{path} {checked:?}");
            assert_eq!(worded(&checked.warnings).contains(&item), is_wrong && !is_sure, "{path} {checked:?}");
        }
    }
    let steps = json!([{ "id": "a", "connector": "shop", "when": "{{go}}" }]);
    for (go, types, is_error) in [
        (json!({ "type": "boolean", "required": true }), "boolean", false),
        (json!({ "type": "boolean", "default": null }), "boolean or null", false),
        (json!({ "type": "string", "required": true }), "string", true),
    ] {
        let fields = parse_inputs(&json!({ "go": go })).unwrap();
        let flow = Flow::parse(&steps, false).unwrap();
        let checked = check(&flow, &Inputs::Declared(&fields), &shelf());
        assert_eq!((checked.references[0].value_type.as_str(), !checked.errors.is_empty()), (types, is_error));
        assert_eq!(checked.warnings.is_empty(), types != "boolean or null", "it may be neither");
    }
}

#[test]
fn a_root_that_is_perhaps_overwritten_may_be_both() {
    let steps = json!([
        { "id": "a", "connector": "shop", "outputKey": "it", "when": "{{go}}" },
        { "id": "b", "connector": "shop", "params": { "tags": ["{{it}}"] } },
    ]);
    let checked = checked(&json!({ "it": 5, "go": true }), &steps, false);
    let Reading { value_type, from, .. } = &checked.references[1];
    assert_eq!((value_type.as_str(), from.as_str()), ("object or integer", "a or inputs"));
    assert_eq!(worded(&checked.errors), NONE, "it is there in any case");
}

#[test]
fn at_most_two_hundred_items_errors_first() {
    let tags: Vec<String> = (0..500).map(|index| format!("{{{{x{index}}}}}")).collect();
    let params: Map<String, Value> = (0..150).map(|index| (format!("p{index}"), json!(1))).collect();
    let mut steps = json!([{ "id": "a", "connector": "shop", "params": params }]);
    assert_eq!(checked(&json!({}), &steps, false).warnings.len(), 150);
    steps[0]["params"]["tags"] = json!(tags[..100]);
    let some = checked(&json!({}), &steps, false);
    assert_eq!((some.errors.len(), some.warnings.len()), (100, 100));
    steps[0]["params"]["tags"] = json!(tags);
    let many = checked(&json!({}), &steps, false);
    assert_eq!((many.errors.len(), many.warnings.len()), (MAX_ITEMS, 0));
}

#[test]
fn every_code_has_a_name_of_its_own() {
    let names: HashSet<&str> = Code::ALL.into_iter().map(Code::as_str).collect();
    assert_eq!(names.len(), Code::ALL.len());
    assert_eq!(serde_json::to_value(Code::MaybeNull).unwrap(), json!("maybe_null"));
    assert!(Code::NotBoolean.is_about_references() && !Code::UnknownConnector.is_about_references());
}
