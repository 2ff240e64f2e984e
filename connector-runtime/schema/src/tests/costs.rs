//! Schemas are programs: what they may cost, whatever they and the values are.

use std::time::{Duration, Instant};

use proptest::prelude::*;
use serde_json::{Map, Value, json};

use crate::{ConfigSchema, Fuel, MAX_CHECK_STEPS, NestedSchema};

/// Definitions `d0` to `d<levels>`, each referring twice to the next one.
fn doubling(levels: usize, step: impl Fn(&Value) -> Value, leaf: Value) -> Value {
    let mut defs: Map<String, Value> = (0..levels)
        .map(|level| (format!("d{level}"), step(&json!({ "$ref": format!("#/$defs/d{}", level + 1) }))))
        .collect();
    defs.insert(format!("d{levels}"), leaf);
    json!({ "$defs": defs, "$ref": "#/$defs/d0" })
}

fn twice(reference: &Value) -> Value {
    json!({ "allOf": [reference, reference] })
}

/// What the parser says about a field with a schema.
fn problems(schema: &Value) -> Vec<(String, String)> {
    let schema = json!({ "connectionConfig": { "f": { "type": "raw", "schema": schema } } });
    match ConfigSchema::parse(&schema) {
        Ok(_) => Vec::new(),
        Err(error) => error.problems.into_iter().map(|problem| (problem.pointer, problem.message)).collect(),
    }
}

fn deep(levels: usize) -> Value {
    (0..levels).fold(json!({}), |inner, _| json!({ "a": inner }))
}

#[test]
fn a_small_schema_of_a_billion_subschemas_is_refused_with_its_place() {
    for schema in [
        doubling(30, twice, json!({ "type": "object" })),
        doubling(30, twice, json!({})),
        doubling(30, |to| json!({ "properties": { "a": to, "b": to } }), json!({ "type": "object" })),
        doubling(30, |to| json!({ "anyOf": [to, { "not": to }] }), json!(true)),
        doubling(30, |to| json!({ "x": { "y": to }, "allOf": [to, { "$ref": to["$ref"] }] }), json!({})),
    ] {
        assert!(schema.to_string().len() < 4_000);
        let problems = problems(&schema);
        let [(pointer, message)] = &problems[..] else { panic!("{problems:?}") };
        assert!(pointer.starts_with("/connectionConfig/f/schema/"), "{pointer}");
        assert!(message.starts_with("expands to more than 100000 subschemas"), "{message}");
    }
}

#[test]
fn anchors_and_escaped_references_are_followed_too() {
    let mut defs = Map::new();
    for level in 0..30 {
        let to = json!({ "$ref": format!("#a{}", level + 1) });
        defs.insert(format!("d{level}"), json!({ "$anchor": format!("a{level}"), "allOf": [to, to] }));
    }
    defs.insert("last".to_owned(), json!({ "$anchor": "a30" }));
    assert_eq!(problems(&json!({ "$defs": defs, "$ref": "#a0" })).len(), 1);
    let text = doubling(30, twice, json!({})).to_string().replace("#/$defs", "#/%24defs");
    assert_eq!(problems(&serde_json::from_str(&text).unwrap()).len(), 1);
    let inside = json!({ "properties": { "a": { "$id": "https://example.com/x", "type": "string" } } });
    let (pointer, message) = &problems(&inside)[0];
    assert_eq!(pointer, "/connectionConfig/f/schema/properties/a/$id");
    assert!(message.contains("$anchor"), "{message}");
}

#[test]
fn what_people_write_is_accepted() {
    for schema in [
        doubling(8, twice, json!({ "type": "object" })),
        json!({ "$id": "https://example.com/tree", "properties": { "next": { "$ref": "https://example.com/tree#" } } }),
        json!({ "properties": { "$id": { "type": "string" }, "left": { "$ref": "#" }, "right": { "$ref": "#" } } }),
        json!({ "default": { "$ref": "#/nowhere" }, "enum": [{ "$id": 1 }] }),
    ] {
        assert_eq!(problems(&schema), [], "{schema}");
    }
}

#[test]
fn a_chain_of_references_is_no_deeper_than_the_stack() {
    let chain = doubling(5_000, Value::clone, json!({}));
    let (_, message) = &problems(&chain)[0];
    assert!(message.starts_with("is more than 256 levels deep"), "{message}");
}

#[test]
fn a_recursive_schema_visits_each_value_once() {
    // Without memory, each level of the value doubles the work.
    let schema = json!({ "properties": { "a": { "allOf": [{ "$ref": "#" }, { "$ref": "#" }] } } });
    assert_eq!(problems(&schema), []);
    let mut fuel = Fuel { steps: 1_000_000, until: None };
    assert_eq!(NestedSchema::new(schema).check_within(&deep(100), &mut fuel), Ok(()));
    assert!(fuel.steps > 900_000, "{} steps are left", fuel.steps);
}

#[test]
fn a_check_ends_when_its_fuel_or_its_time_does() {
    let costly = NestedSchema::new(doubling(25, twice, json!({ "required": ["no"] })));
    let mut fuel = Fuel { steps: 10_000, until: None };
    let problems = costly.check_within(&json!({}), &mut fuel).unwrap_err();
    assert!(problems[0].contains("no"), "the first mistake is found at once: {problems:?}");
    let costly = NestedSchema::new(doubling(40, twice, json!({ "type": "object" })));
    let mut fuel = Fuel { steps: 10_000, until: None };
    let problems = costly.check_within(&json!({}), &mut fuel).unwrap_err();
    assert!(problems[0].contains("takes too long"), "{problems:?}");
    assert_eq!(fuel.steps, 0);
    let began = Instant::now();
    let until = Some(began + Duration::from_millis(50));
    let mut fuel = Fuel { steps: u64::MAX, until };
    assert!(costly.check_within(&json!({}), &mut fuel).is_err());
    assert!(began.elapsed() < Duration::from_millis(500), "{:?}", began.elapsed());
}

#[test]
fn a_value_of_many_mistakes_is_answered_with_a_few_short_ones() {
    let schema = NestedSchema::new(json!({ "items": { "allOf": [{ "type": "string" }, { "maxLength": 1 }] } }));
    let many = json!(vec![json!({ "long": "x".repeat(1_000) }); 20_000]);
    let problems = schema.check(&many).unwrap_err();
    assert!(!problems.is_empty() && problems.len() <= 8);
    assert!(problems.iter().all(|problem| problem.len() < 1_100));
}

#[test]
fn secrets_are_found_in_a_schema_that_doubles() {
    let leaf = json!({ "properties": { "key": { "writeOnly": true, "format": "password" } } });
    let schema = NestedSchema::new(doubling(40, twice, leaf));
    let value = json!({ "key": "s3cret" });
    let mut found = Vec::new();
    schema.visit_secrets(&value, &mut |part| found.push(part.clone()));
    assert_eq!(found, ["s3cret"]);
    let patterned = json!({
        "patternProperties": { "^k": { "writeOnly": true, "format": "password" } }
    });
    let value: Map<String, Value> = (0..20_000).map(|key| (format!("n{key}"), json!(1))).collect();
    let began = Instant::now();
    let mut found = 0;
    NestedSchema::new(patterned).visit_secrets(&Value::Object(value), &mut |_| found += 1);
    assert_eq!(found, 0);
    assert!(began.elapsed() < Duration::from_secs(5), "each pattern is compiled once");
}

/// Schemas with references wherever they may be.
fn any_schema() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(json!({})),
        Just(json!(true)),
        Just(json!({ "type": "object" })),
        Just(json!({ "$ref": "#" })),
        (0..4_usize).prop_map(|to| json!({ "$ref": format!("#/$defs/d{to}") })),
        Just(json!({ "uniqueItems": true })),
        Just(json!({ "pattern": "^(a+)+$" })),
    ];
    let node = leaf.prop_recursive(4, 24, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 1..4).prop_map(|all| json!({ "allOf": all })),
            prop::collection::vec(inner.clone(), 1..4).prop_map(|all| json!({ "anyOf": all })),
            inner.clone().prop_map(|not| json!({ "not": not })),
            inner.clone().prop_map(|items| json!({ "items": items, "contains": items })),
            (inner.clone(), inner.clone())
                .prop_map(|(a, rest)| json!({ "properties": { "a": a }, "additionalProperties": rest })),
            (inner.clone(), inner).prop_map(
                |(a, rest)| json!({ "patternProperties": { "a": a, "^a": rest }, "unevaluatedProperties": a })
            ),
        ]
    });
    (prop::collection::vec(node.clone(), 4), node).prop_map(|(defs, root)| {
        let defs: Map<String, Value> =
            defs.into_iter().enumerate().map(|(index, schema)| (format!("d{index}"), schema)).collect();
        let mut root = root;
        if let Some(map) = root.as_object_mut() {
            map.insert("$defs".to_owned(), Value::Object(defs));
        }
        root
    })
}

fn any_value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![Just(json!(null)), Just(json!("aaaaaaaaaaaaaaaaaaaaaaaaaaaaaab")), Just(json!(1))];
    leaf.prop_recursive(60, 200, 4, |inner| {
        prop_oneof![
            inner.clone().prop_map(|a| json!({ "a": a })),
            (inner.clone(), inner.clone()).prop_map(|(a, b)| json!({ "a": a, "ab": b })),
            prop::collection::vec(inner, 1..4).prop_map(Value::from),
        ]
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 128, ..ProptestConfig::default() })]

    /// No schema that is accepted makes a check exceed its time by 500 ms.
    #[test]
    fn no_check_exceeds_its_time(schema in any_schema(), value in any_value()) {
        if problems(&schema).is_empty() {
            let began = Instant::now();
            let mut fuel = Fuel { steps: MAX_CHECK_STEPS, until: Some(began + Duration::from_millis(100)) };
            drop(NestedSchema::new(schema).check_within(&value, &mut fuel));
            prop_assert!(began.elapsed() < Duration::from_millis(600), "{:?}", began.elapsed());
        }
    }
}
