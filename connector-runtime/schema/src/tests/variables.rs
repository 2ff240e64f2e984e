//! The variables that a command declares.

use serde_json::{Value, json};

use crate::{ConfigSchema, Fields, variables_schema};

#[test]
fn a_command_declares_its_variables_or_does_not() {
    let parsed = |command: Value| ConfigSchema::parse(&json!({ "commands": { "c": command } }));
    let variables =
        json!({ "widgetCount": { "type": "number", "integer": true, "required": true }, "a-b": { "type": "raw" } });
    let schema = parsed(json!({ "variables": variables })).unwrap();
    let command = &schema.commands["c"];
    assert_eq!(command.variables.as_ref().unwrap().keys().collect::<Vec<_>>(), ["widgetCount", "a-b"]);
    assert_eq!(command.to_value()["variables"], variables);
    let none = parsed(json!({ "variables": {} })).unwrap();
    assert_eq!(none.commands["c"].variables, Some(Fields::default()), "declares that it sets none");
    assert_eq!(none.commands["c"].to_value()["variables"], json!({}));
    let undeclared = parsed(json!({})).unwrap();
    assert_eq!(undeclared.commands["c"].variables, None);
    assert!(undeclared.commands["c"].to_value().get("variables").is_none());
    let described = variables_schema(command).unwrap();
    assert_eq!((&described["required"], &described["properties"]["a-b"]), (&json!(["widgetCount"]), &json!({})));
    assert_eq!(variables_schema(&undeclared.commands["c"]), None);
}

#[test]
fn mistakes_in_variables_are_told_at_their_place() {
    let nested = json!({ "properties": { "k": { "type": "string", "writeOnly": true, "format": "password" } } });
    let long = "a".repeat(129);
    for (variables, pointer, message) in [
        (json!([]), "", "expected an object, got array"),
        (json!({ "a": 1 }), "/a", "expected an object, got number"),
        (json!({ "a": {} }), "/a/type", "missing"),
        (json!({ "a": { "type": "text" } }), "/a/type", "text"),
        (json!({ "a": { "type": "number", "typ": 1 } }), "/a/typ", "unknown key"),
        (json!({ "1a": { "type": "raw" } }), "/1a", "not a name of a variable: \"1a\""),
        (json!({ "a.b": { "type": "raw" } }), "/a.b", "not a name of a variable"),
        (json!({ long.as_str(): { "type": "raw" } }), &format!("/{long}"), "at most 128"),
        (json!({ "run": { "type": "raw" } }), "/run", "run is reserved"),
        (json!({ "a": { "type": "string", "secret": true } }), "/a/secret", "a variable is no secret"),
        (json!({ "a": { "type": "object", "schema": nested } }), "/a/schema", "a variable is no secret"),
    ] {
        let error = ConfigSchema::parse(&json!({ "commands": { "c": { "variables": variables } } })).unwrap_err();
        let [problem] = &error.problems[..] else { panic!("{variables}: {error}") };
        assert_eq!(problem.pointer, format!("/commands/c/variables{pointer}"), "{variables}");
        assert!(problem.message.contains(message), "{variables}: {}", problem.message);
    }
}
