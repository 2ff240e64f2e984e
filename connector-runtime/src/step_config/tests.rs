use proptest::prelude::*;
use serde_json::{Map, Value, json};

use super::{MAX_LISTED, StepConfig};

fn read(text: &str) -> StepConfig {
    serde_json::from_str(text).unwrap()
}

#[test]
fn values_are_found_before_and_after_the_map_is_made() {
    let config = read(r#"{"command":"a","text":"x\ny","none":null,"text":"last"}"#);
    for _ in 0..2 {
        assert_eq!(config.get("command"), Some(&json!("a")));
        assert_eq!(config.get("text"), Some(&json!("last")));
        assert_eq!(config.get("none"), Some(&Value::Null));
        assert_eq!(config.get("tex"), None);
        assert_eq!(serde_json::to_string(&config).unwrap(), r#"{"command":"a","text":"last","none":null}"#);
    }
}

#[test]
fn values_are_set_and_taken_out_in_either_form() {
    for whole in [false, true] {
        let mut config = read(r#"{"a":1,"b":2}"#);
        if whole {
            config.as_map();
        }
        config.insert("a", json!(3));
        config.insert("c", json!(4));
        assert_eq!(config.remove("b"), Some(json!(2)));
        assert_eq!(config.remove("b"), None);
        assert_eq!(config.get("a"), Some(&json!(3)));
        assert_eq!(Value::Object(config.into_map()), json!({ "a": 3, "c": 4 }));
    }
    let mut config = StepConfig::default();
    for index in 0..3 * MAX_LISTED {
        config.insert(&format!("name{index}"), json!(index));
    }
    assert_eq!(config.len(), 3 * MAX_LISTED);
}

#[test]
fn only_an_object_is_a_step_config() {
    for text in ["[]", "1", "null", "{\"a\":}", "{\"a\":1", "{1:2}", ""] {
        assert!(serde_json::from_str::<StepConfig>(text).is_err(), "{text}");
    }
    let error = serde_json::from_str::<StepConfig>("[]").unwrap_err().to_string();
    assert_eq!(error, serde_json::from_str::<Map<String, Value>>("[]").unwrap_err().to_string());
}

proptest! {
    #[test]
    fn it_reads_what_a_map_reads(entries in prop::collection::vec(("[a-f\"é]{0,2}", 0_u8..9), 0..40)) {
        let fields: Vec<String> = entries.iter().map(|(name, value)| format!("{}:{value}", json!(name))).collect();
        let text = format!("{{{}}}", fields.join(","));
        let map: Map<String, Value> = serde_json::from_str(&text).unwrap();
        let config = read(&text);
        for (name, value) in &map {
            prop_assert_eq!(config.get(name), Some(value));
        }
        prop_assert_eq!(serde_json::to_string(&config).unwrap(), serde_json::to_string(&map).unwrap());
        prop_assert_eq!(config.into_map(), map);
    }
}
