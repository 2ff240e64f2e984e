//! One pair of schemas for each rule, and one beside it that the rule must pass over.

use serde_json::{Value, json};

use crate::ConfigSchema;
use crate::version::{Level, RULES, diff};

/// A connection field with these keys.
fn connection(field: Value) -> Value {
    json!({ "connectionConfig": { "f": field }, "commands": {} })
}

/// A command `list` with a param `p` with these keys.
fn param(field: Value) -> Value {
    json!({ "connectionConfig": {}, "commands": { "list": { "params": ["p"], "paramSchema": { "p": field } } } })
}

/// A command `list` with these keys.
fn command(keys: Value) -> Value {
    json!({ "connectionConfig": {}, "commands": { "list": keys } })
}

/// A raw param with this nested schema.
fn nested(schema: Value) -> Value {
    param(json!({ "type": "raw", "schema": schema }))
}

fn text(keys: Value) -> Value {
    let mut field = json!({ "type": "string" });
    field.as_object_mut().unwrap().extend(keys.as_object().unwrap().clone());
    param(field)
}

fn number(keys: Value) -> Value {
    let mut field = json!({ "type": "number" });
    field.as_object_mut().unwrap().extend(keys.as_object().unwrap().clone());
    param(field)
}

fn select(values: &[&str]) -> Value {
    let options: Vec<Value> = values.iter().map(|value| json!({ "value": value, "label": value })).collect();
    param(json!({ "type": "select", "options": options }))
}

fn bare() -> Value {
    json!({ "connectionConfig": {}, "commands": {} })
}

fn with_default(name: Option<&str>) -> Value {
    let mut schema = json!({ "connectionConfig": {}, "commands": { "a": {}, "b": {} } });
    if let Some(name) = name {
        schema["defaultCommand"] = name.into();
    }
    schema
}

struct Row {
    rule: &'static str,
    pointer: &'static str,
    /// Falls under the rule.
    yes: (Value, Value),
    /// Does not.
    no: (Value, Value),
}

const P: &str = "/commands/list/paramSchema/p";

fn row(rule: &'static str, pointer: &'static str, yes: (Value, Value), no: (Value, Value)) -> Row {
    Row { rule, pointer, yes, no }
}

#[rustfmt::skip]
fn table() -> Vec<Row> {
    let string = || connection(json!({ "type": "string" }));
    let object = |properties: Value, required: Value| nested(json!({ "type": "object", "properties": properties, "required": required }));
    vec![
        row("command_removed", "/commands/list", (command(json!({})), bare()), (bare(), command(json!({})))),
        row("command_added", "/commands/list", (bare(), command(json!({ "params": ["must"] }))), (command(json!({})), bare())),
        row("param_removed", P, (text(json!({})), command(json!({}))), (text(json!({})), bare())),
        row("param_added_without_default", P, (command(json!({})), text(json!({}))), (command(json!({})), text(json!({ "default": null })))),
        row("param_added_without_default", P, (command(json!({})), text(json!({ "required": true, "default": null }))), (bare(), text(json!({ "required": true })))),
        row("param_added_without_default", P, (command(json!({})), command(json!({ "params": ["p"] }))), (bare(), command(json!({ "params": ["p"] })))),
        row("param_added", P, (command(json!({})), text(json!({ "default": "x" }))), (command(json!({})), text(json!({})))),
        row("connection_field_removed", "/connectionConfig/f", (string(), bare()), (bare(), string())),
        row("connection_field_added_required", "/connectionConfig/f", (bare(), connection(json!({ "type": "string", "required": true }))), (bare(), connection(json!({ "type": "string", "required": true, "default": "x" })))),
        row("connection_field_added", "/connectionConfig/f", (bare(), string()), (bare(), connection(json!({ "type": "string", "required": true })))),
        row("output_removed", "/commands/list/outputs/0", (command(json!({ "outputs": ["a", "b"] })), command(json!({ "outputs": ["b"] }))), (command(json!({ "outputs": ["a", "b"] })), command(json!({ "outputs": ["b", "a"] })))),
        row("output_added", "/commands/list/outputs/0", (command(json!({ "outputs": ["b"] })), command(json!({ "outputs": ["a", "b"] }))), (command(json!({ "outputs": ["a", "b"] })), command(json!({ "outputs": ["b"] })))),
        row("default_command_removed", "/defaultCommand", (with_default(Some("a")), with_default(None)), (with_default(Some("a")), with_default(Some("b")))),
        row("default_command_changed", "/defaultCommand", (with_default(Some("a")), with_default(Some("b"))), (with_default(Some("a")), with_default(Some("a")))),
        row("default_command_added", "/defaultCommand", (with_default(None), with_default(Some("a"))), (with_default(Some("a")), with_default(None))),
        row("type_changed", "/commands/list/paramSchema/p/type", (text(json!({})), select(&["a"])), (text(json!({})), text(json!({ "format": "uri" })))),
        row("became_required", "/commands/list/paramSchema/p/required", (text(json!({})), text(json!({ "required": true }))), (text(json!({})), text(json!({ "required": false })))),
        row("became_optional", "/commands/list/paramSchema/p/required", (text(json!({ "required": true })), text(json!({}))), (text(json!({ "required": false })), text(json!({})))),
        row("default_removed", "/commands/list/paramSchema/p/default", (text(json!({ "default": "x" })), text(json!({}))), (text(json!({ "default": "x" })), text(json!({ "default": null })))),
        row("default_removed", "/commands/list/paramSchema/p/default", (text(json!({ "required": true, "default": "x" })), text(json!({ "required": true, "default": null }))), (text(json!({ "default": "x" })), text(json!({ "default": "y" })))),
        row("default_changed", "/commands/list/paramSchema/p/default", (text(json!({ "default": "x" })), text(json!({ "default": "y" }))), (text(json!({ "default": "x" })), text(json!({})))),
        row("default_added", "/commands/list/paramSchema/p/default", (text(json!({})), text(json!({ "default": "y" }))), (text(json!({ "default": "x" })), text(json!({ "default": "y" })))),
        row("option_removed", "/commands/list/paramSchema/p/options/0", (select(&["a", "b"]), select(&["b"])), (select(&["a", "b"]), select(&["b", "a"]))),
        row("option_added", "/commands/list/paramSchema/p/options/1", (select(&["a"]), select(&["a", "b"])), (select(&["a", "b"]), select(&["a"]))),
        row("bounds_narrowed", "/commands/list/paramSchema/p/minimum", (number(json!({ "minimum": 1 })), number(json!({ "minimum": 2 }))), (number(json!({ "minimum": 2 })), number(json!({ "minimum": 1 })))),
        row("bounds_narrowed", "/commands/list/paramSchema/p/maximum", (number(json!({ "maximum": 9 })), number(json!({ "maximum": 8.5 }))), (number(json!({ "maximum": 9 })), number(json!({ "maximum": 9.0 })))),
        row("bounds_narrowed", "/commands/list/paramSchema/p/minLength", (text(json!({})), text(json!({ "minLength": 1 }))), (text(json!({ "minLength": 1 })), text(json!({})))),
        row("bounds_narrowed", "/commands/list/paramSchema/p/maxLength", (text(json!({})), text(json!({ "maxLength": 9 }))), (text(json!({ "maxLength": 8 })), text(json!({ "maxLength": 9 })))),
        row("bounds_narrowed", "/commands/list/paramSchema/p/maximum", (number(json!({ "maximum": 9_007_199_254_740_993_u64 })), number(json!({ "maximum": 9_007_199_254_740_992_u64 }))), (number(json!({})), number(json!({})))),
        row("bounds_widened", "/commands/list/paramSchema/p/minimum", (number(json!({ "minimum": 1 })), number(json!({ "minimum": 0.5 }))), (number(json!({ "minimum": 1 })), number(json!({ "minimum": 1.5 })))),
        row("bounds_widened", "/commands/list/paramSchema/p/maxLength", (text(json!({ "maxLength": 9 })), text(json!({}))), (text(json!({})), text(json!({ "maxLength": 9 })))),
        row("pattern_narrowed", "/commands/list/paramSchema/p/pattern", (text(json!({ "pattern": "a" })), text(json!({ "pattern": "b" }))), (text(json!({ "pattern": "a" })), text(json!({})))),
        row("pattern_narrowed", "/commands/list/paramSchema/p/pattern", (text(json!({})), text(json!({ "pattern": "b" }))), (text(json!({ "pattern": "b" })), text(json!({ "pattern": "b" })))),
        row("pattern_dropped", "/commands/list/paramSchema/p/pattern", (text(json!({ "pattern": "a" })), text(json!({}))), (text(json!({ "pattern": "a" })), text(json!({ "pattern": "b" })))),
        row("format_added", "/commands/list/paramSchema/p/format", (text(json!({})), text(json!({ "format": "uri" }))), (text(json!({ "format": "uri" })), text(json!({})))),
        row("format_added", "/commands/list/paramSchema/p/format", (text(json!({ "format": "uri" })), text(json!({ "format": "hostname" }))), (text(json!({ "format": "uri" })), text(json!({ "format": "uri" })))),
        row("format_dropped", "/commands/list/paramSchema/p/format", (text(json!({ "format": "uri" })), text(json!({}))), (text(json!({ "format": "uri" })), text(json!({ "format": "hostname" })))),
        row("integer_added", "/commands/list/paramSchema/p/integer", (number(json!({})), number(json!({ "integer": true }))), (number(json!({ "integer": true })), number(json!({})))),
        row("integer_dropped", "/commands/list/paramSchema/p/integer", (number(json!({ "integer": true })), number(json!({}))), (number(json!({ "integer": false })), number(json!({})))),
        row("secret_lifted", "/commands/list/paramSchema/p/secret", (text(json!({ "secret": true })), text(json!({}))), (text(json!({})), text(json!({ "secret": true })))),
        row("secret_set", "/commands/list/paramSchema/p/secret", (text(json!({})), text(json!({ "secret": true }))), (text(json!({ "secret": true })), text(json!({})))),
        row("idempotent_withdrawn", "/commands/list/idempotent", (command(json!({ "idempotent": true })), command(json!({}))), (command(json!({})), command(json!({ "idempotent": true })))),
        row("idempotent_declared", "/commands/list/idempotent", (command(json!({})), command(json!({ "idempotent": true }))), (command(json!({ "idempotent": true })), command(json!({})))),
        row("variable_added", "/commands/list/variables/n", (sets(json!({})), sets(json!({ "n": { "type": "number" } }))), (command(json!({})), sets(json!({ "n": { "type": "number" } })))),
        row("variable_removed", "/commands/list/variables/n", (sets(json!({ "n": { "type": "number" } })), sets(json!({}))), (sets(json!({ "n": { "type": "number" } })), command(json!({})))),
        row("variable_retyped", "/commands/list/variables/n", (sets(json!({ "n": { "type": "number" } })), sets(json!({ "n": { "type": "string" } }))), (sets(json!({ "n": { "type": "number" } })), sets(json!({ "n": { "type": "number", "description": "How many" } })))),
        row("variable_retyped", "/commands/list/variables/n", (sets(json!({ "n": { "type": "number", "required": true } })), sets(json!({ "n": { "type": "number" } }))), (sets(json!({ "n": { "type": "raw" } })), sets(json!({ "m": { "type": "raw" } })))),
        row("variables_declared", "/commands/list/variables", (command(json!({})), sets(json!({ "n": { "type": "number" } }))), (sets(json!({})), sets(json!({ "n": { "type": "number" } })))),
        row("variables_withdrawn", "/commands/list/variables", (sets(json!({ "n": { "type": "number" } })), command(json!({}))), (sets(json!({ "n": { "type": "number" } })), sets(json!({})))),
        row("text_changed", "/commands/list/variables/n", (sets(json!({ "n": { "type": "raw" } })), sets(json!({ "n": { "type": "raw", "label": "N" } }))), (sets(json!({})), sets(json!({})))),
        row("order_changed", "/commands/list/variables", (sets(json!({ "a": { "type": "raw" }, "b": { "type": "raw" } })), sets(json!({ "b": { "type": "raw" }, "a": { "type": "raw" } }))), (sets(json!({ "a": { "type": "raw" } })), sets(json!({})))),
        row("effect_changed", "/commands/list/effect", (command(json!({ "effect": "read" })), command(json!({ "effect": "update" }))), (command(json!({ "effect": "read" })), command(json!({ "effect": "read" })))),
        row("deprecation_set", "/commands/list/deprecated", (command(json!({})), command(json!({ "deprecated": true, "deprecatedMessage": "no" }))), (command(json!({ "deprecated": true })), command(json!({})))),
        row("deprecation_lifted", "/commands/list/deprecated", (command(json!({ "deprecated": true })), command(json!({}))), (command(json!({})), command(json!({ "deprecated": true })))),
        row("egress_changed", "/egress", (egress(json!(["a"])), egress(json!(["b"]))), (egress(json!(["a", "b"])), egress(json!(["b", "a"])))),
        row("egress_declared", "/egress", (egress(Value::Null), egress(json!(["a"]))), (egress(json!(["a"])), egress(json!(["a"])))),
        row("property_removed", "/commands/list/paramSchema/p/schema/properties/a", (object(json!({ "a": {} }), json!([])), object(json!({}), json!([]))), (object(json!({}), json!([])), object(json!({ "a": {} }), json!([])))),
        row("property_added", "/commands/list/paramSchema/p/schema/properties/a", (object(json!({}), json!([])), object(json!({ "a": {} }), json!([]))), (object(json!({}), json!([])), object(json!({ "a": {} }), json!(["a"])))),
        row("property_required", "/commands/list/paramSchema/p/schema/properties/a", (object(json!({}), json!([])), object(json!({ "a": {} }), json!(["a"]))), (object(json!({ "a": {} }), json!(["a"])), object(json!({ "a": {} }), json!([])))),
        row("property_optional", "/commands/list/paramSchema/p/schema/properties/a", (object(json!({ "a": {} }), json!(["a"])), object(json!({ "a": {} }), json!([]))), (object(json!({ "a": {} }), json!(["a"])), object(json!({}), json!([])))),
        row("schema_narrowed", "/commands/list/paramSchema/p/schema/dependentRequired", (nested(json!({})), nested(json!({ "dependentRequired": { "a": ["b"] } }))), (nested(json!({})), nested(json!({ "x-mine": 1 })))),
        row("schema_widened", "/commands/list/paramSchema/p/schema/type", (nested(json!({ "type": "integer" })), nested(json!({ "type": ["number", "null"] }))), (nested(json!({ "type": "number" })), nested(json!({ "type": "integer" })))),
        row("text_changed", "/commands/list/paramSchema/p/description", (text(json!({ "description": "a" })), text(json!({ "description": "b" }))), (text(json!({ "description": "a" })), text(json!({ "description": "a" })))),
        row("text_changed", "/commands/list/paramSchema/p/label", (text(json!({})), text(json!({ "label": "b" }))), (text(json!({})), text(json!({})))),
        row("text_changed", "/commands/list/paramSchema/p/example", (text(json!({})), text(json!({ "example": "b" }))), (text(json!({})), text(json!({})))),
        row("text_changed", "/commands/list/paramSchema/p/placeholder", (text(json!({})), text(json!({ "placeholder": "b" }))), (text(json!({})), text(json!({})))),
        row("text_changed", "/commands/list/description", (command(json!({ "description": "a" })), command(json!({}))), (command(json!({})), command(json!({})))),
        row("text_changed", "/commands/list/deprecatedMessage", (command(json!({ "deprecated": true })), command(json!({ "deprecated": true, "deprecatedMessage": "use b" }))), (command(json!({})), command(json!({ "deprecated": true, "deprecatedMessage": "use b" })))),
        row("text_changed", P, (number(json!({ "minimum": 1 })), number(json!({ "minimum": 1.0 }))), (number(json!({ "minimum": 1 })), number(json!({ "minimum": 1.5 })))),
        row("order_changed", "/commands/list/paramSchema", (command(json!({ "params": ["a", "b"] })), command(json!({ "params": ["b", "a"] }))), (command(json!({ "params": ["a", "b"] })), command(json!({ "params": ["b"] })))),
        row("since_changed", "/commands/list/addedInVersion", (command(json!({})), command(json!({ "addedInVersion": "1.0.0" }))), (command(json!({})), command(json!({})))),
        row("source_changed", "/commands/list/source", (command(json!({})), command(json!({ "source": { "method": "GET", "path": "/" } }))), (command(json!({})), command(json!({})))),
        row("output_schema_changed", "/commands/list/outputSchema", (command(json!({})), command(json!({ "outputSchema": {} }))), (command(json!({})), command(json!({})))),
    ]
}

fn sets(variables: Value) -> Value {
    command(json!({ "variables": variables }))
}

fn egress(names: Value) -> Value {
    let mut schema =
        json!({ "connectionConfig": { "a": { "type": "string" }, "b": { "type": "string" } }, "commands": {} });
    if !names.is_null() {
        schema["egress"] = names;
    }
    schema
}

fn read(schema: &Value) -> ConfigSchema {
    ConfigSchema::parse(schema).unwrap_or_else(|error| panic!("{error}: {schema}"))
}

#[test]
fn each_rule_finds_its_own_and_passes_over_its_neighbour() {
    for Row { rule, pointer, yes, no } in table() {
        let changes = diff(&read(&yes.0), &read(&yes.1));
        let found = changes.items.iter().find(|change| change.rule.id == rule);
        assert_eq!(found.map(|change| change.pointer.as_str()), Some(pointer), "{rule}: {changes:#?}");
        let changes = diff(&read(&no.0), &read(&no.1));
        assert!(changes.items.iter().all(|change| change.rule.id != rule), "{rule}: {changes:#?}");
    }
}

#[test]
fn the_pair_of_a_rule_has_no_other_of_a_higher_level() {
    for Row { rule, yes, .. } in table() {
        let changes = diff(&read(&yes.0), &read(&yes.1));
        let level = RULES.iter().find(|known| known.id == rule).unwrap().level;
        assert_eq!(changes.level(), level, "{rule}: {changes:#?}");
    }
}

#[test]
fn every_rule_of_a_schema_is_in_the_table() {
    let rows = table();
    for rule in RULES {
        let beside_the_schema = matches!(rule.id, "script_source_changed" | "endpoint_url_changed");
        assert!(beside_the_schema || rows.iter().any(|row| row.rule == rule.id), "{}", rule.id);
        assert_ne!(rule.level, Level::None);
        let snake = rule.id.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_');
        assert!(snake && RULES.iter().filter(|other| other.id == rule.id).count() == 1, "{}", rule.id);
    }
}

#[test]
fn a_changed_type_stands_for_everything_else_about_the_field() {
    let changes =
        diff(&read(&text(json!({ "default": "x", "maxLength": 3 }))), &read(&number(json!({ "required": true }))));
    assert_eq!(changes.items.len(), 1, "{changes:#?}");
    assert_eq!(changes.items[0].message, "type of param p of list was string, is number");
}

#[test]
fn a_rename_is_one_removed_and_one_added() {
    let old = command(json!({ "params": ["limit"], "paramSchema": { "limit": { "type": "number", "default": 5 } } }));
    let new = command(json!({ "params": ["most"], "paramSchema": { "most": { "type": "number", "default": 5 } } }));
    let rules: Vec<&str> = diff(&read(&old), &read(&new)).items.iter().map(|change| change.rule.id).collect();
    assert_eq!(rules, ["param_removed", "param_added"]);
}
