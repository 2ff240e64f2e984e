//! The check of a run of 100 steps, each with six references to what the step before it answered. The target is 1 ms.
//! Beside it stands the reading of the same steps, which every check has before it.
#![allow(missing_docs, clippy::unwrap_used, reason = "a bench is no library")]

use std::hint::black_box;

use connector_flow::check::{Connector, Inputs, Known, State, check};
use connector_flow::definition::Flow;
use connector_schema::ConfigSchema;
use criterion::{Criterion, criterion_group, criterion_main};
use serde_json::{Map, Value, json};

const STEPS: usize = 100;

/// A built-in connector, and a scripted one of the same shape.
struct Shelf {
    schema: ConfigSchema,
}

impl Known for Shelf {
    fn connector(&self, name: &str) -> Option<Connector<'_>> {
        let built_in = match name {
            "shop" => true,
            "script" => false,
            _ => return None,
        };
        Some(Connector { schema: &self.schema, built_in, state: State::Ready })
    }

    fn connector_names(&self) -> Vec<&str> {
        vec!["shop", "script"]
    }

    fn variables(&self, connector: &str, command: &str) -> Option<&connector_schema::Fields> {
        self.connector(connector)?.variables(command)
    }
}

fn shelf() -> Shelf {
    let listing = json!({
        "type": "object", "required": ["total", "items"], "additionalProperties": false,
        "properties": {
            "total": { "type": "integer" },
            "items": { "type": "array", "items": { "type": "object", "required": ["id"],
                "properties": { "id": { "type": "string" }, "tag": { "type": ["string", "null"] } } } },
        },
    });
    let params = json!({
        "q": { "type": "string" },
        "limit": { "type": "number", "integer": true, "default": 50, "min": 1 },
        "tags": { "type": "array" },
    });
    let list = json!({
        "params": ["q", "limit", "tags"], "paramSchema": params, "outputs": ["total", "items"], "outputSchema": listing,
        "variables": { "shopCount": { "type": "number", "integer": true, "required": true } },
    });
    let schema = ConfigSchema::parse(&json!({ "connectionConfig": {}, "commands": { "list": list } })).unwrap();
    Shelf { schema }
}

fn step(index: usize, typo: bool) -> Value {
    let before = index.saturating_sub(1);
    let total = if typo { "totl" } else { "total" };
    let params = if index == 0 {
        json!({ "q": "{{word}}" })
    } else {
        json!({
            "q": format!("{{{{word}}}}: {{{{out{before}.{total}}}}} of {{{{shopCount}}}}"),
            "limit": format!("{{{{out{before}.{total}}}}}"),
            "tags": [format!("{{{{out{before}.items}}}}"), format!("{{{{steps.s{before}.success}}}}")],
        })
    };
    let connector = if index.is_multiple_of(2) { "shop" } else { "script" };
    json!({ "id": format!("s{index}"), "connector": connector, "command": "list",
        "outputKey": format!("out{index}"), "params": params })
}

fn bench(criterion: &mut Criterion) {
    let written = |typo: bool| Value::Array((0..STEPS).map(|index| step(index, typo)).collect());
    let (right, wrong) = (written(false), written(true));
    let read = |steps: &Value| Flow::parse(steps, false).unwrap();
    let (shelf, variables) = (shelf(), Map::from_iter([("word".to_owned(), json!("sun"))]));
    let checked = |flow: &Flow| check(flow, &Inputs::Given(&variables), &shelf);
    let (flow, broken) = (read(&right), read(&wrong));
    let (clean, items) = (checked(&flow), checked(&broken));
    assert_eq!((clean.errors.len(), clean.warnings.len(), clean.references.len()), (0, 0, (STEPS - 1) * 6 + 1));
    assert_eq!(items.errors.len() + items.warnings.len(), (STEPS - 1) * 2);
    criterion.bench_function("check of 100 steps", |bencher| bencher.iter(|| checked(black_box(&flow))));
    criterion.bench_function("check of 100 steps with 198 mistakes", |bencher| {
        bencher.iter(|| checked(black_box(&broken)));
    });
    criterion.bench_function("reading of 100 steps", |bencher| bencher.iter(|| read(black_box(&right))));
}

criterion_group!(benches, bench);
criterion_main!(benches);
