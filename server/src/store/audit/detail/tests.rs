//! What entries show, and its bounds.

use std::collections::BTreeMap;

use super::*;
use crate::store::{ConnectorFields, ExecutionModel, new_id, now};

fn row(config: Value) -> ConnectorRow {
    let Value::Object(config) = config else { panic!("an object is needed") };
    let fields = ConnectorFields { config, ..ConnectorFields::named("crm") };
    ConnectorRow {
        id: new_id(),
        type_id: new_id(),
        type_name: "mine".to_owned(),
        type_version: "1.0.0".to_owned(),
        execution_model: ExecutionModel::Script,
        endpoint_url: None,
        type_model: ExecutionModel::Script,
        fields,
        secrets: BTreeMap::new(),
        created_at: now(),
        updated_at: now(),
        updated_by: None,
        revision: 1,
    }
}

fn shown(config: Value) -> Value {
    json!(Detail::created(State::of_connector(&row(config))).after)["config"].clone()
}

#[test]
fn texts_of_a_config_are_not_shown() {
    for (value, wanted) in [
        (json!("hunter2"), json!("[7 characters]")),
        (json!("https://a.example:8443"), json!("https://a.example:8443/")),
        (json!("https://a.example/hook/T0/B1"), json!("https://a.example/[11 characters]")),
        (json!("https://user:word@a.example/?key=k#f"), json!("https://a.example/[9 characters]")),
        (json!("postgres://user:word@db/x"), json!("[25 characters]")),
        (json!(5), json!(5)),
        (json!(true), json!(true)),
        (json!([1, "x"]), json!("[list of 2]")),
        (json!({ "password": "x" }), json!("[object of 1 keys]")),
    ] {
        assert_eq!(shown(json!({ "field": value }))["field"], wanted, "{value}");
    }
}

#[test]
fn a_change_is_found_also_if_it_looks_the_same() {
    let (before, after) = (row(json!({ "a": "x1", "b": "same" })), row(json!({ "a": "x2", "b": "same" })));
    let detail = Detail::changed(State::of_connector(&before), State::of_connector(&after));
    let wanted = json!({ "config": { "a": "[2 characters]" } });
    assert_eq!((json!(detail.before), json!(detail.after)), (wanted.clone(), wanted));
}

#[test]
fn an_entry_is_bounded_whatever_the_config() {
    let many: Shown = (0..10_000).map(|number| (format!("field{number}"), json!("x".repeat(1000)))).collect();
    let config = shown(Value::Object(many));
    assert_eq!((config.as_object().unwrap().len(), &config["leftOut"]), (MAX_ITEMS + 1, &json!(10_000 - MAX_ITEMS)));
    let mut large = row(json!({}));
    large.fields.description = "d".repeat(100_000);
    large.fields.tags = (0..1000).map(|number| format!("{number}{}", "t".repeat(1000))).collect();
    let detail = Detail::created(State::of_connector(&large));
    assert!(json_text(&detail.after.unwrap()).len() <= MAX_DETAIL);
    let long: Shown = (0..MAX_ITEMS).map(|number| (format!("{number}{}", "k".repeat(1000)), json!(1))).collect();
    let detail = Detail::created(State::of_connector(&row(Value::Object(long)))).after.unwrap();
    assert!(json_text(&detail).len() <= MAX_DETAIL);
    assert_eq!((detail["config"].as_object().unwrap().len(), &detail["config"]["leftOut"]), (4, &json!(47)));
    let one = shown(json!({ "k".repeat(100_000): 1 }));
    assert_eq!(one, json!({ "truncated": { "bytes": 100_006 } }));
}

#[test]
fn nobody_hides_where_secrets_go_behind_something_large() {
    let mut config: Shown = (0..200).map(|number| (format!("{number}{}", "k".repeat(200)), json!("x"))).collect();
    config.insert("l".repeat(50_000), json!("https://decoy.example"));
    config.insert("baseUrl".to_owned(), json!("https://moved.example/path"));
    let mut hidden = row(Value::Object(config));
    hidden.fields.description = "ü".repeat(1000);
    hidden.fields.tags = (0..50).map(|number| format!("{number}{}", "ü".repeat(500))).collect();
    hidden.fields.mock = (0..50).map(|number| (format!("{number}{}", "m".repeat(1000)), json!(1))).collect();
    hidden.fields.endpoint_url = Some("https://service.example/".to_owned());
    let detail = Detail::created(State::of_connector(&hidden)).after.unwrap();
    assert!(json_text(&detail).len() <= MAX_DETAIL);
    assert_eq!(detail["config"]["baseUrl"], "https://moved.example/[5 characters]", "{detail:?}");
    assert_eq!(detail["endpointUrl"], "https://service.example/");
    assert_eq!(detail["name"], "crm");
}
