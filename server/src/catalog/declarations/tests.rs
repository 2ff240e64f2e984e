use connector_runtime::schema::ConfigSchema;
use serde_json::{Value, json};

use super::declarations;

fn written(schema: &Value) -> String {
    declarations("my-crm", "1.2.0", &ConfigSchema::parse(schema).unwrap())
}

#[test]
fn fields_are_typed_and_optional_where_they_may_be_absent() {
    let text = written(&json!({
        "connectionConfig": {
            "baseUrl": { "type": "string", "required": true, "description": "Where it is" },
            "tries": { "type": "number", "default": 3 },
            "since": { "type": "date" },
        },
        "commands": {
            "list": {
                "params": ["limit", "state", "any"], "outputs": ["items"],
                "paramSchema": {
                    "limit": { "type": "number", "default": 50 },
                    "state": { "type": "select", "options": [{ "value": "on" }, { "value": 2 }], "required": true },
                },
            },
            "add": {
                "params": ["limit", "who"],
                "paramSchema": {
                    "limit": { "type": "string", "default": "x" },
                    "who": { "type": "object", "required": true, "schema": {
                        "type": "object", "required": ["id"], "additionalProperties": false,
                        "properties": { "id": { "type": "integer" }, "my-tags": { "type": "array", "items": { "type": ["string", "null"] } } },
                    } },
                },
            },
        },
    }));
    for line in [
        "  /** Where it is */\n  readonly \"baseUrl\": string;",
        "  readonly \"tries\": number;",
        "  readonly \"since\"?: string | null;",
        "  readonly command: \"list\" | \"add\";",
        "  readonly \"limit\": number | string;",
        "  readonly \"state\"?: \"on\" | 2;",
        "  readonly \"any\"?: any | null;",
        "      readonly \"who\": { \"id\": number; \"my-tags\"?: Array<null | string>; };",
        "    payload: { \"items\"?: any; [name: string]: any };",
    ] {
        assert!(text.contains(line), "{line} is missing in {text}");
    }
}

#[test]
fn variables_are_those_that_a_command_declares() {
    let text = written(&json!({ "commands": {
        "count": { "variables": {
            "user-count": { "type": "number", "required": true, "description": "How many" },
            "lastName": { "type": "string" },
            "tags": { "type": "array", "schema": { "type": "array", "items": { "type": "string" } } },
        } },
        "none": { "variables": {} },
        "any": {},
    } }));
    for part in [
        "    variables: {\n      /** How many */\n      readonly \"user-count\": number;\n      readonly \"lastName\"?: string | null;\n      \
         readonly \"tags\"?: Array<string> | null;\n    };\n",
        "    variables: {};\n",
        "    variables: { [name: string]: any };\n",
    ] {
        assert_eq!(text.matches(part).count(), 1, "{part} is not there once in {text}");
    }
}

#[test]
fn texts_of_the_schema_stay_in_their_places() {
    let hostile = "ends */ declare const evil: 1; /* \u{1}\n*/ @evil `${1}`\r\n// \u{2028} x";
    let text = written(&json!({
        "connectionConfig": { "a": { "type": "string", "description": hostile } },
        "commands": { "b": {
            "description": hostile, "deprecated": true, "deprecatedMessage": hostile,
            "params": ["c"],
            "paramSchema": { "c": { "type": "object", "description": hostile, "schema": {
                "type": "object", "properties": { "\"; }\n declare const evil: 2; //": { "const": "\"*/\n" } },
            } } },
        } },
    }));
    let mut rest = text.as_str();
    let mut code = String::new();
    while let Some((before, comment)) = rest.split_once("/*") {
        code.push_str(before);
        rest = comment.split_once("*/").expect("every comment ends").1;
    }
    code.push_str(rest);
    for line in code.lines().filter(|line| line.contains("evil")) {
        assert!(line.contains(r#"\"; }\n declare const evil: 2; //"#), "{line}");
    }
    assert!(!text.contains('\u{1}'));
}

#[test]
fn a_schema_that_has_no_end_is_cut_off() {
    let tree = json!({ "type": "object", "properties": {
        "left": { "$ref": "#" }, "right": { "$ref": "#" }, "middle": { "$ref": "#" },
    } });
    let text = written(&json!({ "commands": { "a": {
        "params": ["tree"], "paramSchema": { "tree": { "type": "object", "schema": tree } },
    } } }));
    assert!(text.len() < 200_000, "{}", text.len());
}
