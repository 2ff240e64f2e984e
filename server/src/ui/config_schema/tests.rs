//! The two views of a schema say the same, and every mistake is led to its place in the view that is shown.

use serde_json::{Map, Value, json};

use super::*;
use crate::ui::form::id;

fn sample() -> Value {
    crate::catalog::sample_script().1
}

#[test]
fn a_schema_comes_back_from_the_form_as_it_was() {
    for schema in [
        sample(),
        json!({}),
        json!({ "connectionConfig": {}, "commands": {} }),
        json!({
            "connectionConfig": {
                "url": { "type": "string", "format": "uri", "required": true, "label": "Address", "description": "Where" },
                "key": { "type": "string", "secret": true, "required": false },
                "size": { "type": "number", "integer": true, "default": 12345678901234567890_u64, "minimum": 1 },
                "on": { "type": "boolean", "default": false },
                "none": { "type": "string", "default": null },
                "digits": { "type": "string", "default": "12" },
                "empty": { "type": "string", "default": "" },
                "lines": { "type": "string", "default": "a\nb" },
                "when": { "type": "date", "default": "2026-01-31" },
                "one": { "type": "select", "options": [{ "value": "a" }, { "value": "b" }], "default": "a" },
                "two": { "type": "select", "options": [{ "value": 1, "label": "One" }] },
                "any": { "type": "raw", "default": { "deep": [1, "2"] } },
                "list": { "type": "array", "schema": { "items": { "type": "string" } }, "example": ["x"] }
            },
            "commands": {
                "get": {
                    "description": "Reads", "params": ["id", "free"], "outputs": ["user"], "effect": "read", "idempotent": true,
                    "paramSchema": { "id": { "type": "string", "required": true } },
                    "outputSchema": { "type": "object" }, "deprecated": true, "deprecatedMessage": "Use find"
                },
                "nothing": {},
                "unlisted": { "paramSchema": { "a": { "type": "boolean" } } }
            },
            "defaultCommand": "get",
            "egress": ["url"]
        }),
        // What is wrong is shown too, so that it can be mended.
        json!({ "connectionConfig": { "a b": { "type": "strin", "default": 1, "colour": "red" } }, "commands": { "x": { "more": {} } }, "what": 1 }),
    ] {
        let mut typed = Typed::default();
        fill(&schema, &mut typed);
        assert_eq!(typed.text(VIEW), "form", "{schema}");
        let written = read(&typed).unwrap();
        assert!(convert::is_same(&written.value, &schema), "{schema}\n{}", written.value);
        assert!(edit("view json", &mut typed).unwrap().is_empty());
        assert!(!typed.has_within(FORM) && is_json(&typed));
        assert!(convert::is_same(&read(&typed).unwrap().value, &schema));
        assert!(edit("view form", &mut typed).unwrap().is_empty(), "{schema}");
        assert!(convert::is_same(&read(&typed).unwrap().value, &schema));
    }
}

#[test]
fn what_the_form_cannot_show_stays_json() {
    for schema in [
        json!([]),
        json!({ "commands": [] }),
        json!({ "connectionConfig": { "a": "string" } }),
        json!({ "connectionConfig": { "a": { "type": "string", "required": "yes" } } }),
        json!({ "commands": { "x": { "params": ["a", 1] } } }),
    ] {
        let mut typed = Typed::default();
        fill(&schema, &mut typed);
        assert!(is_json(&typed), "{schema}");
        let told = edit("view form", &mut typed).unwrap();
        assert!(told.at(SCHEMA).unwrap().contains("stays JSON"), "{schema}");
        assert_eq!(read(&typed).unwrap().value, schema);
    }
    let mut typed = Typed::default();
    typed.set(VIEW, JSON);
    typed.set(SCHEMA, "{\n  \"commands\": }");
    let told = edit("view form", &mut typed).unwrap();
    assert_eq!(told.at(SCHEMA).unwrap(), "line 2, column 15: not JSON: expected value");
    assert_eq!(typed.text(SCHEMA), "{\n  \"commands\": }", "nothing is lost");
    typed.set(SCHEMA, r#"{ "commands": { "a": {}, "a": {} } }"#);
    assert!(read(&typed).unwrap_err().at("/configSchema/commands/a").unwrap().contains("duplicate key"));
}

#[test]
fn names_that_are_missing_or_there_twice_are_told() {
    let mut typed = Typed::default();
    fill(&json!({ "connectionConfig": { "url": { "type": "string" } }, "commands": {} }), &mut typed);
    assert!(edit("add /schema/fields", &mut typed).unwrap().is_empty());
    assert_eq!(read(&typed).unwrap_err().at("/schema/fields/1/name").unwrap(), "enter a name, or remove the item");
    typed.set("/schema/fields/1/name", "url");
    assert_eq!(read(&typed).unwrap_err().at("/schema/fields/1/name").unwrap(), "the name url is there twice");
    assert!(!edit("view json", &mut typed).unwrap().is_empty(), "the view stays until they are mended");
    typed.set("/schema/fields/1/name", "key");
    typed.set("/schema/fields/1/kind", "\"string\"");
    typed.set("/schema/fields/1/more", r#"{ "type": "number" }"#);
    assert_eq!(read(&typed).unwrap_err().at("/schema/fields/1/more").unwrap(), "type has its own field above");
}

#[test]
fn mistakes_are_led_to_the_view_that_is_shown() {
    let schema = json!({
        "connectionConfig": { "first": { "type": "string" }, "key": { "type": "string", "secret": true, "default": "x" } },
        "commands": { "get": { "params": ["a", "id"], "paramSchema": { "id": { "type": "number", "minimum": 2, "maximum": 1 } } } },
        "defaultCommand": "gett"
    });
    let wrong = connector_runtime::schema::ConfigSchema::parse(&schema).unwrap_err();
    let mistakes = wrong.problems.iter().map(|it| Mistake::new(format!("{SCHEMA}{}", it.pointer), it.message.clone()));
    let error = Error::invalid(mistakes.collect());
    let mut typed = Typed::default();
    fill(&schema, &mut typed);
    let written = read(&typed).unwrap();
    let placed = written.placed(&error);
    for at in ["/schema/fields/1/default", "/schema/commands/0/params/1/more", "/schema/defaultCommand"] {
        assert!(placed.at(at).is_some(), "{at}: {placed:?}");
    }
    let lines = placed.lines(&[("", &[spec()])], &typed);
    let labels: Vec<&str> = lines.iter().filter_map(|line| line.label.as_deref()).collect();
    assert_eq!(
        labels,
        ["Schema: Connection fields 2: Default", "Schema: Commands 1: Params 2: More", "Schema: Default command"]
    );
    assert_eq!(lines[0].target.as_deref(), Some(id("/schema/fields/1/default").as_str()));
    let mut typed = Typed::default();
    typed.set(VIEW, JSON);
    typed.set(SCHEMA, serde_json::to_string_pretty(&schema).unwrap());
    let mut placed = read(&typed).unwrap().placed(&error);
    let marks = marks(&typed, &mut placed);
    assert!(placed.is_empty());
    let lines: Vec<_> = marks.iter().map(|mark| mark.line.unwrap()).collect();
    assert_eq!(lines, [9, 21, 27], "{marks:#?}");
    assert!(marks[0].message.starts_with("line 9, column 7: connectionConfig/key/default: a secret takes no default"));
}

#[test]
fn a_large_schema_has_its_limits() {
    let fields = |count: usize| -> Value {
        let fields = (0..count).map(|number| (format!("field{number}"), json!({ "type": "string" })));
        json!({ "connectionConfig": fields.collect::<Map<String, Value>>(), "commands": {} })
    };
    let mut typed = Typed::default();
    fill(&fields(200), &mut typed);
    assert_eq!((typed.text(VIEW), typed.count("/schema/fields")), ("form", 200));
    assert_eq!(read(&typed).unwrap().value, fields(200));
    fill(&fields(401), &mut typed);
    assert!(is_json(&typed), "a longer list is JSON");
    // What no page has sent.
    let mut typed = Typed::default();
    typed.set("/schema/commands~n", "500");
    for number in 0..500 {
        typed.set(format!("/schema/commands/{number}/params~n"), "500");
    }
    assert!(read(&typed).unwrap_err().at(SCHEMA).unwrap().contains("at most 1000"));
    assert!(edit("add /schema/fields", &mut typed).is_err());
}
