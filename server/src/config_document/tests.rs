//! What a document promises: it reads back as it was written, in both forms, and twice is once.

use floh_client::answers::{ConnectorView, TypeView};
use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;

fn read_back(text: &str) -> Value {
    read_value(text.as_bytes()).unwrap_or_else(|error| panic!("{error}\n{text}"))
}

fn values() -> impl Strategy<Value = Value> {
    let text = prop_oneof![
        any::<String>(),
        "[a-z \t:#'\"\n|>-]{0,30}",
        "(line[ a-z]{0,5}\n){0,4}",
        Just("yes".to_owned()),
        Just("1e3".to_owned()),
        Just("~".to_owned()),
        Just("---".to_owned()),
        Just("a\r\nb".to_owned()),
        Just("a\u{2028}b\u{feff}".to_owned()),
    ];
    let number = prop_oneof![Just("9007199254740993"), Just("-7"), Just("0.1"), Just("0.10"),];
    let number = number.prop_map(|text| serde_json::from_str::<Value>(text).unwrap());
    let leaf = prop_oneof![Just(Value::Null), any::<bool>().prop_map(Value::from), number, text.prop_map(Value::from)];
    leaf.prop_recursive(4, 40, 6, |inner| {
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..5).prop_map(Value::from),
            proptest::collection::vec(("[a-zA-Z0-9_ .:-]{0,8}", inner), 0..5)
                .prop_map(|pairs| Value::Object(pairs.into_iter().collect())),
        ]
    })
}

proptest! {
    #[test]
    fn yaml_reads_back_as_it_was_written(value in values()) {
        let document = json!({ "floh": value });
        // What YAML would change is not written.
        let Some(text) = to_yaml(&document) else { return Ok(()) };
        prop_assert_eq!(read_back(&text), document, "{}", text);
    }
}

#[test]
fn a_number_that_yaml_would_change_makes_the_document_json() {
    for (text, kept) in [
        ("0", true),
        ("18446744073709551615", true),
        ("0.5", true),
        ("0.10", false),
        ("1e+400", false),
        ("18446744073709551616", false),
        ("123456789012345678901234567890.5", false),
    ] {
        let number: Value = serde_json::from_str(text).unwrap();
        assert_eq!(to_yaml(&json!([number])).is_some(), kept, "{text}");
        let mut one = view(&json!({}));
        one.config.insert("limit".to_owned(), number);
        let document = ConfigDocument::of(&[one], &[]);
        assert_eq!(ConfigDocument::read(document.to_json().as_bytes()).unwrap(), document, "{text}");
    }
}

#[test]
fn a_script_is_a_block_in_yaml() {
    let text = to_yaml(
        &json!({ "types": [{ "name": "a", "scriptSource": "function a() {\n  return 1;\n}\n" }], "empty": [] }),
    );
    assert_eq!(
        text.unwrap(),
        "types:\n  - name: \"a\"\n    scriptSource: |\n      function a() {\n        return 1;\n      }\nempty: []\n"
    );
}

fn type_view(version: &str) -> TypeView {
    serde_json::from_value(json!({
        "id": "0198c0de-0000-7000-8000-000000000001", "name": "crm", "version": version, "executionModel": "script",
        "description": "A type.", "category": null, "tags": [],
        "configSchema": { "connectionConfig": {
            "baseUrl": { "type": "string", "format": "uri", "description": "Where." },
            "token": { "type": "string", "secret": true, "description": "Who." } }, "commands": {} },
        "scriptSource": "function test() {}", "source": "user", "available": true, "instances": 1,
        "createdAt": "2026-01-01T00:00:00Z", "updatedAt": "2026-01-01T00:00:00Z",
    }))
    .unwrap()
}

fn view(config: &Value) -> ConnectorView {
    serde_json::from_value(json!({
        "id": "0198c0de-0000-7000-8000-000000000002", "name": "crm-1", "type": "crm", "executionModel": "script",
        "version": "1.0.0", "description": "", "category": null, "tags": ["b", "a"], "enabled": true, "logLevel": "info",
        "timeoutMs": null, "mock": {}, "config": config, "secrets": { "token": { "set": true } }, "ready": true,
        "missing": [], "createdAt": "2026-01-01T00:00:00Z", "updatedAt": "2026-01-01T00:00:00Z",
    }))
    .unwrap()
}

#[test]
fn what_was_exported_changes_nothing() {
    let (types, connectors) =
        ([type_view("1.0.0")], [view(&json!({ "limit": 9_007_199_254_740_993_u64, "baseUrl": "https://a.example" }))]);
    let document = ConfigDocument::of(&connectors, &types);
    assert_eq!(document.connectors[0].secrets, ["token"]);
    for text in [document.to_json(), document.to_yaml().unwrap()] {
        let read = ConfigDocument::read(text.as_bytes()).unwrap();
        assert_eq!(read, document, "{text}");
        let plan = plan(&read, &types, &connectors);
        assert_eq!((plan.steps, plan.problems, plan.unchanged), (vec![], vec![], 2));
    }
}

#[test]
fn a_change_names_what_it_clears() {
    let (types, connectors) = ([type_view("1.0.0")], [view(&json!({ "baseUrl": "https://a.example", "old": 1 }))]);
    let mut document = ConfigDocument::of(&connectors, &types);
    document.connectors[0].config = json!({ "baseUrl": "https://b.example" }).as_object().unwrap().clone();
    document.types[0].version = "1.1.0".to_owned();
    let plan = plan(&document, &types, &connectors);
    let [Step::ChangeType { change, .. }, Step::ChangeConnector { patch, clears, differences, .. }] = &plan.steps[..]
    else {
        panic!("{plan:?}");
    };
    assert_eq!(change.version.as_deref(), Some("1.1.0"));
    assert_eq!(clears, &["token"]);
    assert_eq!(patch.config, json!({ "baseUrl": "https://b.example", "old": null }).as_object().cloned());
    assert!(
        differences.iter().any(|one| one.contains("\"https://a.example\" -> \"https://b.example\"")),
        "{differences:?}"
    );
}

#[test]
fn a_new_type_comes_with_its_first_connector() {
    let document = ConfigDocument::of(
        &[view(&json!({})), {
            let mut two = view(&json!({}));
            two.name = "crm-2".into();
            two
        }],
        &[type_view("1.0.0")],
    );
    let plan = plan(&document, &[], &[]);
    let [Step::Create { new, new_type: true }, Step::ChangeType { .. }, Step::Create { new: second, new_type: false }] =
        &plan.steps[..]
    else {
        panic!("{plan:?}");
    };
    assert_eq!((new.version.as_deref(), second.version.as_deref()), (Some("1.0.0"), None));
    assert_eq!(plan.secrets["crm-1"], ["token"]);
}

#[test]
fn what_is_no_document_is_refused() {
    let refused = |text: &str, words: &str| {
        let error = ConfigDocument::read(text.as_bytes()).unwrap_err().to_string();
        assert!(error.contains(words), "{error}");
    };
    refused("[1", "");
    refused("{}", "the key floh");
    refused("floh: 2", "its form is 2");
    refused("floh: 1\nconnectors: 7", "not a document");
    refused("floh: 1\nfloh: 1", "there twice");
    refused("floh: 1\nsurprise: true", "surprise");
    let entry = "{\"name\": \"a\", \"type\": \"http\", \"executionModel\": \"built_in\"}";
    refused(&format!("{{\"floh\": 1, \"connectors\": [{entry}, {entry}]}}"), "in it twice");
}
