//! The comparison of two schemas of 1,000 commands with 20 params each: alike, and with a change in every
//! param. The target is 10 ms.
#![allow(missing_docs, clippy::unwrap_used, reason = "a bench is no library")]

use std::hint::black_box;

use connector_schema::ConfigSchema;
use connector_schema::version::diff;
use criterion::{Criterion, criterion_group, criterion_main};
use serde_json::{Map, Value, json};

const COMMANDS: usize = 1_000;
const PARAMS: usize = 20;

fn schema(most: u32) -> ConfigSchema {
    let params: Vec<String> = (0..PARAMS).map(|param| format!("param{param}")).collect();
    let fields: Map<String, Value> = params
        .iter()
        .enumerate()
        .map(|(index, name)| {
            let field = if index % 4 == 0 {
                let properties = json!({ "a": { "type": "string", "maxLength": most }, "b": { "type": "integer" } });
                json!({ "type": "object", "description": "Filter.", "schema": { "type": "object", "properties": properties } })
            } else {
                json!({ "type": "number", "description": "Number.", "default": 5, "minimum": 1, "maximum": most })
            };
            (name.clone(), field)
        })
        .collect();
    let commands: Map<String, Value> = (0..COMMANDS)
        .map(|command| {
            let value =
                json!({ "description": "Lists.", "params": params, "paramSchema": fields, "outputs": ["a", "b"] });
            (format!("command{command}"), value)
        })
        .collect();
    ConfigSchema::parse(&json!({ "connectionConfig": {}, "commands": commands })).unwrap()
}

fn bench(criterion: &mut Criterion) {
    let (old, same, other) = (schema(500), schema(500), schema(400));
    assert_eq!(diff(&old, &other).items.len(), COMMANDS * PARAMS);
    criterion.bench_function("diff of equal schemas", |bencher| {
        bencher.iter(|| diff(black_box(&old), black_box(&same)));
    });
    criterion.bench_function("diff with a change in every param", |bencher| {
        bencher.iter(|| diff(black_box(&old), black_box(&other)));
    });
}

criterion_group!(benches, bench);
criterion_main!(benches);
