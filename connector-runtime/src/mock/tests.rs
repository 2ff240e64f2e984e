use serde_json::{Value, json};

use super::MockSettings;

fn settings(data: Value) -> MockSettings {
    serde_json::from_value(json!({ "enabled": true, "data": data })).unwrap()
}

fn stored(data: Value, scenario: &str) -> Option<Value> {
    settings(data).stored("list", scenario).map(|reply| serde_json::to_value(reply).unwrap())
}

#[test]
fn a_result_answers_the_default_scenario_alone() {
    let data = json!({ "list": { "success": true, "payload": 1 } });
    assert_eq!(stored(data.clone(), "default"), Some(json!({ "success": true, "payload": 1 })));
    assert_eq!(stored(data.clone(), "empty"), None);
    assert_eq!(settings(data).scenarios("list"), ["default"]);
}

#[test]
fn anything_else_maps_scenarios_to_results() {
    let data = json!({ "list": { "success": { "success": true }, "down": { "error": "down" } } });
    assert_eq!(stored(data.clone(), "down"), Some(json!({ "success": false, "error": "down" })));
    assert_eq!(stored(data.clone(), "success"), Some(json!({ "success": true })));
    assert_eq!(stored(data.clone(), "default"), None);
    assert_eq!(settings(data).scenarios("list"), ["success", "down"]);
    assert_eq!(stored(json!({ "other": { "success": true } }), "default"), None);
    assert_eq!(stored(json!({ "list": "text" }), "default"), None);
}

#[test]
fn stored_results_are_normalised_as_a_scripts_are() {
    let old = stored(json!({ "list": { "default": { "success": true, "data": {} } } }), "default").unwrap();
    assert!(old["error"].as_str().unwrap().contains("protocol 1.x"), "{old}");
    assert_eq!(stored(json!({ "list": { "default": null } }), "default"), Some(json!({ "success": true })));
}

#[test]
fn settings_refuse_unknown_keys() {
    let error = serde_json::from_value::<MockSettings>(json!({ "enable": true })).unwrap_err();
    assert!(error.to_string().contains("unknown field `enable`"), "{error}");
}
