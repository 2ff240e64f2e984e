//! What is read comes back; what cannot be is refused at its place.

use serde_json::{Value, json};

use super::*;

/// Returns the mistakes of a list of steps as `pointer: message`.
fn mistakes(steps: &Value) -> Vec<(String, String)> {
    let mistakes = Flow::parse(steps, false).map(|_| Vec::new()).unwrap_or_else(|mistakes| mistakes.0);
    mistakes.into_iter().map(|mistake| (mistake.pointer, mistake.message)).collect()
}

/// Returns the places of the mistakes of one step, from the step.
fn places(step: &Value) -> Vec<String> {
    let cut = |(pointer, _): (String, String)| pointer.strip_prefix("/steps/0").map(str::to_owned).unwrap_or(pointer);
    mistakes(&json!([step])).into_iter().map(cut).collect()
}

#[test]
fn every_part_is_read_and_written_back() {
    let text = r#"[{"id":"first","connector":"shop","command":"list","params":{"limit":1.50,"q":"{{ word ?? \"x\" }}",
        "big":123456789012345678901234567890},"outputKey":"found","when":{"all":["{{go}}",{"value":"{{n}}","is":"less",
        "to":5e3},{"any":[{"not":{"value":"{{a.b}}","is":"exists"}}]}]},"retry":{"attempts":3,"backoffMs":10,"factor":1.5,
        "maxBackoffMs":100},"timeoutMs":5000,"mockScenario":"none","continueOnError":true},
        {"id":"pause","wait":{"forMs":100}},{"id":"later","wait":{"until":"{{at}}"},"when":"{{go}}"},
        {"id":"last-one","connector":"mail","params":{}},{"id":"day","wait":{"until":"2030-01-31T09:30:00Z"}},
        {"id":"some","wait":{"forMs":"{{ms}}"}}]"#;
    let value: Value = serde_json::from_str(text).unwrap();
    let flow = Flow::parse(&value, true).unwrap();
    assert!(flow.strict);
    let written = serde_json::to_string(&flow).unwrap();
    let again: Value = serde_json::from_str(&written).unwrap();
    assert_eq!(again, value);
    assert!(written.contains("1.50") && written.contains("123456789012345678901234567890") && written.contains("5e+3"));
    assert_eq!(Flow::parse(&again, true).unwrap(), flow);
    assert_eq!(flow.position("later"), Some(2));
    let mut seen = Vec::new();
    flow.steps[0].visit(&mut |pointer, reference, _| seen.push(format!("{pointer} {}", reference.path)));
    let expected = ["/when/all/0 go", "/when/all/1/value n", "/when/all/2/any/0/not/value a.b", "/params/q word"];
    assert_eq!(seen, expected);
}

#[test]
fn a_run_has_one_to_a_hundred_steps_with_names_of_their_own() {
    let step = |index: usize| json!({ "id": format!("s{index}"), "wait": { "forMs": 1 } });
    assert_eq!(mistakes(&(0..100).map(step).collect()), []);
    for many in [0, 101] {
        let expected = ("/steps".to_owned(), format!("expected 1 to 100 steps, got {many}"));
        assert_eq!(mistakes(&(0..many).map(step).collect()), [expected]);
    }
    assert_eq!(mistakes(&json!({}))[0].0, "/steps");
    let twice = json!([
        { "id": "a", "connector": "c", "outputKey": "k" },
        { "id": "a", "connector": "c", "outputKey": "k" },
        7,
    ]);
    let expected = [
        ("/steps/1/id", "a is taken by /steps/0/id; choose another"),
        ("/steps/1/outputKey", "k is taken by /steps/0/outputKey; choose another"),
        ("/steps/2", "expected an object, got number"),
    ];
    assert_eq!(mistakes(&twice), expected.map(|(place, message)| (place.to_owned(), message.to_owned())));
}

#[test]
fn names_are_names() {
    for good in ["a", "_", "A-1_b", &"x".repeat(63)] {
        assert_eq!(places(&json!({ "id": good, "connector": "c", "outputKey": good })), [""; 0], "{good}");
    }
    for bad in ["", "1a", "-a", "a.b", "a b", "é", "{{a}}", &"x".repeat(64)] {
        let step = json!({ "id": bad, "connector": "c", "outputKey": bad });
        assert_eq!(places(&step), ["/id", "/outputKey"], "{bad}");
    }
    for reserved in RESERVED_ROOTS {
        assert_eq!(places(&json!({ "id": reserved, "connector": "c", "outputKey": reserved })), ["/outputKey"]);
    }
    for key in ["connector", "command", "mockScenario"] {
        let mut step = json!({ "id": "a", "connector": "c" });
        step[key] = json!("{{x}}");
        assert_eq!(places(&step), [format!("/{key}")]);
    }
}

#[test]
fn each_key_has_its_type_and_bounds() {
    let with = |key: &str, value: Value| {
        let mut step = json!({ "id": "a", "connector": "c" });
        step[key] = value;
        places(&step)
    };
    let none: [&str; 0] = [];
    for (key, good) in [
        ("timeoutMs", json!(1)),
        ("timeoutMs", json!(300_000)),
        ("retry", json!({ "attempts": 1 })),
        ("retry", json!({ "attempts": 10, "factor": 10, "backoffMs": 0, "maxBackoffMs": 2_592_000_000_u64 })),
        ("params", json!({})),
        ("continueOnError", json!(false)),
    ] {
        assert_eq!(with(key, good.clone()), none, "{key} {good}");
    }
    for (key, bad, place) in [
        ("timeoutMs", json!(0), "/timeoutMs"),
        ("timeoutMs", json!(300_001), "/timeoutMs"),
        ("timeoutMs", json!(1.5), "/timeoutMs"),
        ("timeoutMs", json!("5"), "/timeoutMs"),
        ("retry", json!({}), "/retry/attempts"),
        ("retry", json!(3), "/retry"),
        ("retry", json!({ "attempts": 0 }), "/retry/attempts"),
        ("retry", json!({ "attempts": 11 }), "/retry/attempts"),
        ("retry", json!({ "attempts": 2, "factor": 0.5 }), "/retry/factor"),
        ("retry", json!({ "attempts": 2, "factor": 10.1 }), "/retry/factor"),
        ("retry", json!({ "attempts": 2, "backoffMs": -1 }), "/retry/backoffMs"),
        ("retry", json!({ "attempts": 2, "maxBackoffMs": 2_592_000_001_u64 }), "/retry/maxBackoffMs"),
        ("retry", json!({ "attempts": 2, "jitter": 1 }), "/retry/jitter"),
        ("params", json!([]), "/params"),
        ("params", json!({ "command": "x" }), "/params/command"),
        ("params", json!({ "a/b": ["{{x |y}}"] }), "/params/a~1b/0"),
        ("continueOnError", json!("yes"), "/continueOnError"),
        ("continueOnError", Value::Null, "/continueOnError"),
        ("connector", json!(5), "/connector"),
        ("foreach", json!(5), "/foreach"),
        ("wait", json!({ "forMs": 1 }), "/wait"),
    ] {
        assert_eq!(with(key, bad.clone()), [place], "{key} {bad}");
    }
    assert_eq!(places(&json!({})), ["/id", "/connector"]);
    let hint = mistakes(&json!([{ "id": "a", "connector": "c", "parms": {} }]));
    assert!(hint[0].1.ends_with("; did you mean params?"), "{hint:?}");
}

#[test]
fn a_wait_is_at_most_thirty_days() {
    let wait = |wait: Value| places(&json!({ "id": "a", "wait": wait }));
    let none: [&str; 0] = [];
    for good in [
        json!({ "forMs": 0 }),
        json!({ "forMs": 2_592_000_000_u64 }),
        json!({ "forMs": "{{ms}}" }),
        json!({ "until": "2030-01-31T09:30:00+01:00" }),
        json!({ "until": "{{day}}T00:00:00Z" }),
    ] {
        assert_eq!(wait(good.clone()), none, "{good}");
    }
    for (bad, place) in [
        (json!({ "forMs": 2_592_000_001_u64 }), "/wait/forMs"),
        (json!({ "forMs": -1 }), "/wait/forMs"),
        (json!({ "forMs": "100" }), "/wait/forMs"),
        (json!({ "forMs": "{{a}}0" }), "/wait/forMs"),
        (json!({ "until": "2030-01-31" }), "/wait/until"),
        (json!({ "until": "soon" }), "/wait/until"),
        (json!({ "until": 5 }), "/wait/until"),
        (json!({ "until": "{{" }), "/wait/until"),
        (json!({}), "/wait"),
        (json!({ "forMs": 1, "until": "2030-01-31T09:30:00Z" }), "/wait"),
        (json!({ "forMs": 1, "or": 2 }), "/wait/or"),
        (json!(5), "/wait"),
    ] {
        assert_eq!(wait(bad.clone()), [place], "{bad}");
    }
    assert_eq!(places(&json!({ "id": "a", "wait": { "forMs": 1 }, "outputKey": "k" })), ["/outputKey"]);
}

#[test]
fn conditions_are_judged_at_their_place() {
    let when = |when: Value| places(&json!({ "id": "a", "connector": "c", "when": when }));
    let nested = |levels: usize| (1..levels).fold(json!("{{x}}"), |inner, _| json!({ "not": inner }));
    let none: [&str; 0] = [];
    for good in [
        json!("{{x}}"),
        nested(8),
        json!({ "value": 1, "is": "in", "to": [1] }),
        json!({ "value": "{{x}}", "is": "exists" }),
        json!({ "value": "{{x}}", "is": "equal", "to": null }),
    ] {
        assert_eq!(when(good.clone()), none, "{good}");
    }
    for (bad, place) in [
        (nested(9), format!("/when{}", "/not".repeat(8))),
        (json!(true), "/when".to_owned()),
        (json!("x"), "/when".to_owned()),
        (json!("{{x}} "), "/when".to_owned()),
        (json!("{{\"true\"}}"), "/when".to_owned()),
        (json!("{{x"), "/when".to_owned()),
        (json!({ "all": [] }), "/when/all".to_owned()),
        (json!({ "all": "{{x}}" }), "/when/all".to_owned()),
        (json!({ "any": ["{{x}}", 5] }), "/when/any/1".to_owned()),
        (json!({ "all": ["{{x}}"], "any": ["{{x}}"] }), "/when/any".to_owned()),
        (json!({ "value": 1, "is": "equal" }), "/when/to".to_owned()),
        (json!({ "value": "{{x}}", "is": "exists", "to": 1 }), "/when/to".to_owned()),
        (json!({ "value": "x{{x}}", "is": "exists" }), "/when/value".to_owned()),
        (json!({ "value": 1, "is": "equals", "to": 1 }), "/when/is".to_owned()),
        (json!({ "is": "empty" }), "/when/value".to_owned()),
        (json!({ "value": 1, "is": "empty", "eq": 1 }), "/when/eq".to_owned()),
    ] {
        assert_eq!(when(bad.clone()), [place], "{bad}");
    }
    assert_eq!(when(json!({})), ["/when/value", "/when/is"]);
}

#[test]
fn a_mistake_in_a_placeholder_has_its_column() {
    let steps = json!([{ "id": "a", "connector": "c", "params": { "deep": { "list": ["ok", "né {{a |b}}"] } } }]);
    let mistakes = Flow::parse(&steps, false).unwrap_err();
    let mistake = &mistakes.0[0];
    assert_eq!((mistake.pointer.as_str(), mistake.column), ("/steps/0/params/deep/list/1", Some(8)));
    assert_eq!(
        mistakes.to_string(),
        "invalid definition; /steps/0/params/deep/list/1: expected }} or ??; there are no filters (column 8)"
    );
}

#[test]
fn mistakes_are_counted_and_bounded() {
    let params: serde_json::Map<String, Value> = (0..500).map(|index| (format!("p{index}"), json!("{{"))).collect();
    assert_eq!(mistakes(&json!([{ "id": "a", "connector": "c", "params": params }])).len(), 200);
}

#[test]
fn pauses_grow_to_their_limit() {
    let retry = |value: Value| {
        let flow = Flow::parse(&json!([{ "id": "a", "connector": "c", "retry": value }]), false).unwrap();
        let retry = flow.steps[0].call().and_then(|call| call.retry.clone()).unwrap();
        (1..=retry.attempts).map(|attempt| retry.pause_after(attempt)).collect::<Vec<_>>()
    };
    assert_eq!(retry(json!({ "attempts": 1 })), [None]);
    assert_eq!(retry(json!({ "attempts": 4 })), [Some(1000), Some(2000), Some(4000), None]);
    assert_eq!(
        retry(json!({ "attempts": 4, "backoffMs": 100, "factor": 1.5, "maxBackoffMs": 200 })),
        [Some(100), Some(150), Some(200), None]
    );
    assert_eq!(retry(json!({ "attempts": 3, "backoffMs": 2_592_000_000_u64 }))[0], Some(300_000));
}

#[test]
fn inputs_are_fields_that_a_placeholder_can_read() {
    let fields = parse_inputs(&json!({ "limit": { "type": "number", "integer": true, "default": 5 } })).unwrap();
    assert!(fields["limit"].integer);
    assert!(parse_inputs(&json!({})).unwrap().is_empty());
    for (inputs, place) in [
        (json!({ "limit": { "type": "numbr" } }), "/inputs/limit/type"),
        (json!({ "limit": { "type": "number", "min": 1 } }), "/inputs/limit/min"),
        (json!({ "run": { "type": "number" } }), "/inputs/run"),
        (json!({ "a.b": { "type": "number" } }), "/inputs/a.b"),
        (json!([]), "/inputs"),
    ] {
        let mistakes = parse_inputs(&inputs).unwrap_err();
        assert_eq!(mistakes.0[0].pointer, place, "{mistakes}");
    }
}

#[test]
fn params_and_waits_are_rendered_for_the_run() {
    let steps = json!([
        { "id": "a", "connector": "c", "params": { "n": "{{ms}}", "plain": [1.50], "text": "{{ms}} ms" } },
        { "id": "b", "connector": "c", "params": { "ok": 1, "x": ["{{mss}}"] } },
        { "id": "c", "wait": { "forMs": "{{ms}}" } },
        { "id": "d", "wait": { "forMs": "{{day}}" } },
        { "id": "e", "wait": { "until": "{{day}}T00:00:00Z" } },
        { "id": "f", "wait": { "until": "{{ms}}" } },
        { "id": "g", "wait": { "forMs": "{{far}}" } },
        { "id": "h", "wait": { "until": "{{gone}}" } },
    ]);
    let flow = Flow::parse(&steps, false).unwrap();
    let bag = json!({ "ms": 1500, "day": "2030-01-31", "far": 2_592_000_001_u64 });
    let bag = Bag::new(bag.as_object().unwrap());
    let params = |index: usize| flow.steps[index].call().unwrap().render_params(&bag);
    assert_eq!(params(0).map(Value::Object), Ok(json!({ "n": 1500, "plain": [1.5], "text": "1500 ms" })));
    assert_eq!(params(1).map_err(|error| error.pointer), Err("/params/x/0".to_owned()));
    let wait = |index: usize| match &flow.steps[index].action {
        Action::Wait(wait) => wait.resolve(&bag).map_err(|error| error.to_string()),
        Action::Call(_) => panic!("a call"),
    };
    assert_eq!(wait(2), Ok(Pause::Ms(1500)));
    let number = "Cannot wait: /wait/forMs: expected a whole number of milliseconds from 0 to 2592000000, got ";
    assert_eq!(wait(3), Err(format!("{number}string")));
    assert_eq!(wait(4), Ok(Pause::Until("2030-01-31T00:00:00Z".to_owned())));
    assert_eq!(wait(5), Err("Cannot wait: /wait/until: expected date, got number".to_owned()));
    assert_eq!(wait(6), Err(format!("{number}2592000001")));
    assert_eq!(wait(7).unwrap_err(), "Unknown reference gone at /wait/until: the run has ms, day, far");
}
