use connector_runtime::result::{ConnectorResult, Reply};
use serde_json::{Value, json};

use super::*;

const MAX: usize = 4096;

fn shortened(result: Value) -> (ConnectorResult, TruncatedParts, String) {
    let reply = Reply::try_from(serde_json::from_value::<ConnectorResult>(result).unwrap()).unwrap();
    let (text, truncated) = bounded(reply.to_json(), MAX);
    (serde_json::from_str(&text).unwrap(), truncated, text)
}

#[test]
fn a_shortened_result_is_a_result() {
    let long = "x".repeat(3 * MAX);
    let (kept, truncated, text) = shortened(json!({
        "success": false, "payload": { "rows": [long, 1] }, "variables": { "a": long }, "diagnostics": { "body": long, "n": 1 },
        "error": format!("it failed: {long}"),
    }));
    assert!(text.len() <= 2 * MAX, "{}", text.len());
    assert!(!kept.success && kept.error.unwrap().starts_with("it failed: x"));
    for (part, key) in [(kept.payload.unwrap()["rows"].clone(), 0), (json!([kept.variables.unwrap()["a"]]), 0)] {
        assert!(part[key].as_str().unwrap().ends_with("…[truncated]"), "{part}");
    }
    assert!(kept.diagnostics.unwrap()["body"].as_str().unwrap().len() > MAX - 100);
    let bytes = |part: Option<TrueSize>| usize::try_from(part.unwrap().bytes).unwrap();
    assert!(bytes(truncated.result) > 9 * MAX);
    assert_eq!(bytes(truncated.diagnostics), json!({ "body": long, "n": 1 }).to_string().len());
}

#[test]
fn what_fits_is_not_touched() {
    let long = "x".repeat(3 * MAX);
    let payload = json!({ "n": 1, "rows": [null] });
    let (kept, truncated, _) =
        shortened(json!({ "success": true, "payload": payload, "diagnostics": { "body": long } }));
    assert_eq!((kept.payload, truncated.result), (Some(payload), None));
    assert!(truncated.diagnostics.is_some());
    let (kept, truncated, _) = shortened(json!({ "success": true, "payload": [long], "diagnostics": { "n": 1 } }));
    assert_eq!((kept.diagnostics, truncated.diagnostics), (Some(json!({ "n": 1 })), None));
    assert!(truncated.result.is_some());
    let text = r#"{"success":true,"payload":100000000000000000000000001}"#.to_owned();
    assert_eq!(bounded(text.clone(), MAX), (text, TruncatedParts::default()));
}
