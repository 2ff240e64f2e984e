mod defaults;

use serde_json::{Value, json};

use crate::prelude::*;
use crate::schema::{ConfigSchema, command_schemas, connection_schema, describe};

/// Returns whether a document is a JSON Schema 2020-12.
fn assert_is_schema(document: &Value) {
    assert_eq!(document["$schema"], "https://json-schema.org/draft/2020-12/schema");
    if let Err(error) = jsonschema::draft202012::meta::validate(document) {
        panic!("no JSON Schema 2020-12: {error} at {}: {document:#}", error.instance_path());
    }
}

fn accepts(schema: &Value, value: &Value) -> bool {
    jsonschema::draft202012::options().should_validate_formats(true).build(schema).unwrap().is_valid(value)
}

/// A state.
#[derive(Debug, Clone, Copy, Select)]
enum State {
    /// In use.
    Active,
    /// Out of service.
    OnHold,
}

/// A tree.
#[object]
#[derive(Debug)]
struct Tree {
    /// What it holds.
    #[param(max_length = 3)]
    label: String,
    /// A password.
    password: Option<Secret>,
    /// When.
    day: Option<Date>,
    /// Its branches.
    branches: Vec<Self>,
    /// How deep.
    #[param(default = 1, min = 1, max = 9)]
    depth: u8,
}

/// A page.
#[payload]
#[derive(Debug)]
struct Page {
    /// In all.
    total: u64,
    /// When.
    at: Option<Timestamp>,
}

/// A connector with a field of every kind.
#[connector(name = "schema-kinds", version = "1.0.0", lock = false)]
#[derive(Debug)]
struct Kinds {
    /// Where.
    base_url: Url,
    /// Key.
    key: Secret,
    /// Optional.
    tenant: Option<String>,
    /// Number.
    #[config(default = 30, min = 1, max = 300, example = 5, label = "Wait")]
    wait: u32,
    /// Any day.
    day: Date,
    /// Any time.
    at: Option<Timestamp>,
    /// Choice.
    #[config(default = "active")]
    state: State,
    /// Optional choice.
    other: Option<State>,
    /// List.
    names: Vec<String>,
    /// Anything.
    raw: Value,
}

#[connector]
impl Kinds {
    /// Grows trees.
    #[command]
    fn grow(
        &self,
        /// Two recursive trees, side by side.
        left: Tree,
        /// Two recursive trees, side by side.
        right: Option<Tree>,
    ) -> Outcome<Page> {
        let Self { base_url, key, tenant, wait, day, at, state, other, names, raw } = self;
        let depth = left.depth + right.map_or(0, |tree| tree.depth);
        fail(format!(
            "{base_url}{key:?}{tenant:?}{wait}{day}{at:?}{state:?}{other:?}{names:?}{raw}{depth}{:?}",
            (left.label, left.password, left.day, left.branches)
        ))
    }

    /// Free-form.
    #[command(outputs("a", "b"))]
    fn free(&self) -> Outcome<Value> {
        succeed(json!({}))
    }

    /// Nothing.
    #[command]
    fn nothing(&self) {}
}

fn kinds() -> ConfigSchema {
    describe(<Kinds as crate::connector::Connector>::DESCRIPTOR)
}

#[test]
fn every_output_is_a_schema_of_2020_12() {
    let schema = kinds();
    assert_is_schema(&connection_schema(&schema));
    for command in schema.commands.values() {
        let (params, outputs) = command_schemas(command);
        assert_is_schema(&params);
        assert_is_schema(&outputs);
    }
}

#[test]
fn a_described_connector_parses_to_itself() {
    let schema = kinds();
    assert_eq!(ConfigSchema::parse(&schema.to_value()).unwrap(), schema);
}

#[test]
fn the_connection_accepts_what_validation_accepts() {
    let schema = connection_schema(&kinds());
    let good = json!({ "baseUrl": "https://a.example", "key": "k", "day": "2026-01-31", "names": ["a"], "raw": 1 });
    assert!(accepts(&schema, &good));
    let with = |key: &str, value: Value| {
        let mut changed = good.clone();
        changed[key] = value;
        changed
    };
    for (key, value) in
        [("tenant", json!(null)), ("other", json!(null)), ("other", json!("on_hold")), ("wait", json!(1))]
    {
        assert!(accepts(&schema, &with(key, value.clone())), "{key}: {value}");
    }
    for (key, value) in [
        ("baseUrl", json!("a")),
        ("key", json!("")),
        ("wait", json!(0)),
        ("wait", json!(301)),
        ("wait", json!(1.5)),
        ("day", json!("31.1.2026")),
        ("state", json!("off")),
        ("other", json!("off")),
        ("names", json!([1])),
        ("unknown", json!(1)),
    ] {
        assert!(!accepts(&schema, &with(key, value.clone())), "{key}: {value}");
    }
    assert_eq!(schema["required"], json!(["baseUrl", "key", "day", "names", "raw"]));
    assert_eq!(schema["properties"]["key"]["writeOnly"], true);
    assert_eq!(schema["properties"]["wait"]["examples"], json!([5]));
    assert_eq!(schema["properties"]["wait"]["title"], "Wait");
}

#[test]
fn recursive_objects_keep_working_references() {
    let schema = kinds();
    let (params, _) = command_schemas(&schema.commands["grow"]);
    let leaf = json!({ "label": "a", "branches": [] });
    let nested = json!({ "label": "a", "branches": [{ "label": "b", "branches": [leaf] }] });
    assert!(accepts(&params, &json!({ "left": nested })), "{params:#}");
    assert!(accepts(&params, &json!({ "left": leaf, "right": nested })));
    let wrong = json!({ "label": "a", "branches": [{ "label": "too long", "branches": [] }] });
    assert!(!accepts(&params, &json!({ "left": wrong })), "{params:#}");
    assert!(!accepts(&params, &json!({ "left": leaf, "right": wrong })), "{params:#}");
    // The same schema is what a call is checked with.
    let left = &schema.commands["grow"].params["left"];
    assert_eq!(left.check(&nested), Ok(()));
    assert!(left.check(&wrong).is_err());
}

#[test]
fn secrets_deep_in_a_recursive_object_are_found() {
    let schema = kinds();
    let left = schema.commands["grow"].params["left"].schema.clone().unwrap();
    let value = json!({ "label": "a", "branches": [{ "label": "b", "password": "deep-secret", "branches": [] }] });
    let masked = left.mask_secrets(&value, "[redacted]");
    assert_eq!(masked["branches"][0]["password"], "[redacted]");
    assert_eq!(masked["branches"][0]["label"], "b");
}

#[test]
fn outputs_are_those_of_the_payload() {
    let schema = kinds();
    let grow = &schema.commands["grow"];
    assert_eq!(grow.outputs, ["total", "at"]);
    let (_, outputs) = command_schemas(grow);
    assert!(accepts(&outputs, &json!({ "total": 1, "at": "2026-01-31T00:00:00Z" })));
    assert!(!accepts(&outputs, &json!({ "total": "1", "at": null })));
    // Serde writes what is absent as null, so that every name is there.
    assert!(accepts(&outputs, &json!({ "total": 1, "at": null })));
    assert_eq!(outputs["required"], json!(["total", "at"]));
    let (_, outputs) = command_schemas(&schema.commands["free"]);
    assert_eq!(outputs["properties"], json!({ "a": {}, "b": {} }));
    let (params, outputs) = command_schemas(&schema.commands["nothing"]);
    assert_eq!(params["properties"], json!({}));
    assert_eq!(outputs, json!({ "$schema": "https://json-schema.org/draft/2020-12/schema" }));
}
