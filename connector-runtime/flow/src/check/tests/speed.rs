//! What a check costs.

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::*;

#[test]
fn a_hundred_steps_are_checked_within_a_blink() {
    let step = |index: usize| {
        let before = index.saturating_sub(1);
        let params = if index == 0 {
            json!({ "q": "{{word}}" })
        } else {
            json!({
                "q": format!("{{{{word}}}}: {{{{out{before}.total}}}} of {{{{shopCount}}}}"),
                "limit": format!("{{{{out{before}.total}}}}"),
                "tags": [format!("{{{{out{before}.items}}}}"), format!("{{{{steps.s{before}.success}}}}")],
            })
        };
        let connector = if index.is_multiple_of(2) { "shop" } else { "script" };
        json!({ "id": format!("s{index}"), "connector": connector, "command": "list", "outputKey": format!("out{index}"), "params": params })
    };
    let steps: Value = (0..100).map(step).collect();
    let flow = Flow::parse(&steps, true).unwrap();
    let (shelf, variables) = (shelf(), given(&json!({ "word": "sun" })));
    let mut times: Vec<Duration> = (0..20)
        .map(|_| {
            let start = Instant::now();
            let checked = check(&flow, &Inputs::Given(&variables), &shelf);
            let took = start.elapsed();
            assert_eq!(worded(&checked.errors), Vec::<String>::new());
            assert_eq!(checked.references.len(), 99 * 6 + 1);
            took
        })
        .collect();
    times.sort_unstable();
    println!("check of 100 steps with 595 references: median {:?}, best {:?}", times[10], times[0]);
    // A release build has a tenth of this; the machine may be busy.
    assert!(times[0] < Duration::from_millis(100), "{:?}", times[0]);
}

#[test]
fn a_hostile_flow_is_checked_in_bounded_time() {
    let names: Map<String, Value> =
        (0..5_000).map(|index| (format!("name-of-a-variable-{index}"), json!(index))).collect();
    let tags: Vec<String> = (0..20_000).map(|index| format!("{{{{name-of-a-variable-{index}x}}}}")).collect();
    for command in ["list", "loose"] {
        let steps = json!([
            { "id": "a", "connector": "script", "command": command },
            { "id": "b", "connector": "shop", "params": { "tags": tags } },
        ]);
        let flow = Flow::parse(&steps, false).unwrap();
        let start = Instant::now();
        let checked = check(&flow, &Inputs::Given(&names), &shelf());
        assert_eq!(checked.errors.len() + checked.warnings.len(), MAX_ITEMS);
        assert!(start.elapsed() < Duration::from_secs(20), "{:?}", start.elapsed());
    }
}
