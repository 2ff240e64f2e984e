use proptest::collection::{btree_map, vec};
use proptest::option;
use proptest::prelude::*;
use serde_json::{Value, json};

use crate::{
    Choice, Command, ConfigSchema, Effect, Field, FieldKind, NestedSchema, Pattern, Source, is_command_name,
    is_connector_name,
};

/// Everything that is wrong with a schema, as `pointer: message`.
fn problems(schema: &Value) -> Vec<String> {
    let error = ConfigSchema::parse(schema).expect_err("the schema is wrong");
    error.problems.into_iter().map(|problem| format!("{}: {}", problem.pointer, problem.message)).collect()
}

fn field(field: &Value) -> Vec<String> {
    problems(&json!({ "connectionConfig": { "f": field } }))
}

fn command(command: &Value) -> Vec<String> {
    problems(&json!({ "commands": { "c": command } }))
}

#[test]
fn an_empty_schema_is_one() {
    assert_eq!(ConfigSchema::parse(&json!({})).unwrap(), ConfigSchema::default());
}

#[test]
fn unknown_keys_are_refused_at_every_level() {
    let schema = json!({
        "extra": 1,
        "connectionConfig": { "a": { "type": "select", "kind": 1, "options": [{ "value": 1, "text": "x" }] } },
        "commands": { "c": { "parameters": [], "paramSchema": { "p": { "type": "raw", "nullable": true } },
                             "source": { "method": "GET", "path": "/", "operation": "x" } } }
    });
    let found = problems(&schema);
    let pointers: Vec<&str> = found.iter().filter_map(|problem| problem.split_once(": ")).map(|(at, _)| at).collect();
    assert_eq!(
        pointers,
        [
            "/extra",
            "/connectionConfig/a/kind",
            "/connectionConfig/a/options/0/text",
            "/commands/c/parameters",
            "/commands/c/paramSchema/p/nullable",
            "/commands/c/source/operation",
        ]
    );
    assert_eq!(found[0], "/extra: unknown key; known here are connectionConfig, commands, defaultCommand, egress");
}

#[test]
fn what_is_no_object_is_refused_where_it_stands() {
    assert_eq!(problems(&json!([])), [": expected an object, got array"]);
    assert_eq!(problems(&json!({ "connectionConfig": 1 })), ["/connectionConfig: expected an object, got number"]);
    assert_eq!(problems(&json!({ "commands": null })), ["/commands: expected an object, got null"]);
    assert_eq!(field(&json!("string")), ["/connectionConfig/f: expected an object, got string"]);
    assert_eq!(command(&json!(true)), ["/commands/c: expected an object, got boolean"]);
}

#[test]
fn pointers_are_escaped() {
    let found = problems(&json!({ "connectionConfig": { "a/b~c": { "type": "string" } } }));
    assert!(found[0].starts_with("/connectionConfig/a~1b~0c: not a name: \"a/b~c\""), "{found:?}");
}

#[test]
fn fields_of_the_wrong_form_are_refused() {
    let cases = [
        (json!({}), "/type: missing"),
        (
            json!({ "type": "text" }),
            "/type: expected one of string, number, boolean, date, select, raw, array, object, got \"text\"",
        ),
        (json!({ "type": "string", "required": "yes" }), "/required: expected true or false, got string"),
        (json!({ "type": "string", "label": 1 }), "/label: expected a string, got number"),
        (json!({ "type": "string", "maxLength": -1 }), "/maxLength: expected a whole number of characters, got number"),
        (json!({ "type": "number", "minimum": "1" }), "/minimum: expected a number, got string"),
        (json!({ "type": "select" }), "/options: a select needs at least one option"),
        (json!({ "type": "select", "options": [{ "label": "x" }] }), "/options/0/value: missing"),
        (
            json!({ "type": "select", "options": [{ "value": null }] }),
            "/options/0/value: expected a string, a number or a boolean, got null",
        ),
        (
            json!({ "type": "select", "options": [{ "value": "a" }, { "value": "a" }] }),
            "/options/1/value: \"a\" is listed twice",
        ),
        (
            json!({ "type": "array", "schema": 1 }),
            "/schema: expected a JSON Schema (an object or a boolean), got number",
        ),
    ];
    for (schema, expected) in cases {
        assert_eq!(field(&schema), [format!("/connectionConfig/f{expected}")], "{schema}");
    }
}

#[test]
fn keys_that_do_not_fit_the_type_are_refused() {
    let cases = [
        ("secret", json!(true), "string", "number"),
        ("options", json!([{ "value": 1 }]), "select", "string"),
        ("integer", json!(true), "number", "string"),
        ("minimum", json!(1), "number", "string"),
        ("maximum", json!(1), "number", "date"),
        ("minLength", json!(1), "string", "number"),
        ("maxLength", json!(1), "string", "boolean"),
        ("pattern", json!("a"), "string", "number"),
        ("schema", json!({}), "array or object or raw", "string"),
    ];
    for (key, value, fits, kind) in cases {
        let found = field(&json!({ "type": kind, key: value }));
        let expected = format!("/connectionConfig/f/{key}: only for a field of type {fits}, this one is {kind}");
        assert_eq!(found, [expected]);
    }
    assert!(
        ConfigSchema::parse(&json!({ "connectionConfig": { "f": { "type": "number", "secret": false } } })).is_ok()
    );
}

#[test]
fn contradictions_are_refused() {
    let cases = [
        (json!({ "type": "number", "minimum": 2, "maximum": 1 }), "minimum: 2 is above the maximum 1"),
        (json!({ "type": "string", "minLength": 2, "maxLength": 1 }), "minLength: 2 is above the maxLength 1"),
        (json!({ "type": "number", "default": "1" }), "default: expected number, got string"),
        (json!({ "type": "number", "maximum": 3, "default": 4 }), "default: expected at most 3, got 4"),
        (
            json!({ "type": "select", "options": [{ "value": "a" }], "default": "b" }),
            "default: expected one of a, got \"b\"",
        ),
    ];
    for (schema, expected) in cases {
        assert_eq!(field(&schema), [format!("/connectionConfig/f/{expected}")]);
    }
}

#[test]
fn patterns_and_schemas_must_compile() {
    let found = field(&json!({ "type": "string", "pattern": "(" }));
    assert!(found[0].starts_with("/connectionConfig/f/pattern: not a regular expression"), "{found:?}");
    let found = field(&json!({ "type": "object", "schema": { "type": "thing" } }));
    assert!(found[0].starts_with("/connectionConfig/f/schema: the schema cannot be used: "), "{found:?}");
    let remote = json!({ "type": "object", "schema": { "$ref": "https://example.com/schema.json" } });
    assert!(field(&remote)[0].starts_with("/connectionConfig/f/schema: the schema cannot be used: "));
    let file = json!({ "type": "object", "schema": { "$ref": "file:///etc/passwd" } });
    assert!(field(&file)[0].starts_with("/connectionConfig/f/schema: the schema cannot be used: "));
}

#[test]
fn regular_expressions_are_bounded() {
    let found = field(&json!({ "type": "string", "pattern": "a{1000}{1000}{1000}" }));
    assert!(found[0].contains("exceeds size limit"), "{found:?}");
    let found = field(&json!({ "type": "string", "pattern": "a".repeat(4097) }));
    assert_eq!(found, ["/connectionConfig/f/pattern: expected at most 4096 bytes, got 4097"]);
    // In a nested schema it is compiled when a value is checked first, and refuses what it cannot judge.
    let nested = NestedSchema::new(json!({ "pattern": "\\w{1000}{100}" }));
    assert!(nested.compile().is_err() || nested.check(&json!("a")).is_err());
    let many = |count: usize, pattern: &str| -> Value {
        let field = |n: usize| (format!("f{n}"), json!({ "type": "string", "pattern": pattern }));
        json!({ "connectionConfig": (0..count).map(field).collect::<serde_json::Map<_, _>>() })
    };
    assert!(ConfigSchema::parse(&many(50_000, "^a$")).is_ok());
    let too_many = "pattern: one pattern too many: a config schema may have 50000, and 10000 different ones";
    assert_eq!(problems(&many(50_001, "^a$")), [format!("/connectionConfig/f50000/{too_many}")]);
    let field_of = |n: usize| (format!("f{n}"), json!({ "type": "string", "pattern": n.to_string() }));
    let different: serde_json::Map<String, Value> = (0..10_002).map(field_of).collect();
    assert_eq!(problems(&json!({ "connectionConfig": different })), [format!("/connectionConfig/f10001/{too_many}")]);
    let found = problems(&many(51, "^\\w{1,12}$"));
    assert_eq!(found, ["/connectionConfig/f50/pattern: one large pattern too many: a config schema may have 50"]);
    let nested: Vec<Value> = (0..201).map(|n| json!({ "pattern": format!("a{n}") })).collect();
    let found = field(&json!({ "type": "raw", "schema": { "anyOf": nested } }));
    assert_eq!(found, ["/connectionConfig/f/schema: holds 201 patterns; a schema may have 200"]);
    let named: serde_json::Map<String, Value> = (0..201).map(|n| (format!("^a{n}"), json!({}))).collect();
    let found = field(&json!({ "type": "raw", "schema": { "patternProperties": named } }));
    assert_eq!(found, ["/connectionConfig/f/schema: holds 201 patterns; a schema may have 200"]);
}

#[test]
fn a_large_document_takes_time_linear_in_its_size() {
    // Quadratic, each of these would take minutes.
    let names: Vec<String> = (0..50_000).map(|n| format!("p{n}")).collect();
    let described: serde_json::Map<String, Value> =
        names.iter().map(|name| (name.clone(), json!({ "type": "raw" }))).collect();
    let options: Vec<Value> = (0..50_000).map(|n| json!({ "value": n })).collect();
    let schema = ConfigSchema::parse(&json!({
        "connectionConfig": { "s": { "type": "select", "options": options } },
        "commands": { "c": { "params": names, "paramSchema": described, "outputs": names } },
    }));
    let schema = schema.unwrap();
    assert_eq!(schema.commands["c"].params.keys().collect::<Vec<_>>(), names.iter().collect::<Vec<_>>());
    let wrong: serde_json::Map<String, Value> = (0..50_000).map(|n| (format!("x{n}"), json!(1))).collect();
    let error = ConfigSchema::parse(&Value::Object(wrong)).unwrap_err();
    assert_eq!((error.problems.len(), error.problems[0].pointer.as_str()), (1_000, "/x0"));
}

#[test]
fn commands_of_the_wrong_form_are_refused() {
    let cases = [
        (json!({ "params": "a" }), "params: expected a list of names, got string"),
        (json!({ "params": ["a", "a"] }), "params/1: a is listed twice"),
        (json!({ "params": [1] }), "params/0: expected a string, got number"),
        (json!({ "params": [], "paramSchema": { "p": { "type": "raw" } } }), "paramSchema/p: not listed in params"),
        (
            json!({ "params": ["command"] }),
            "params: a param may not be called command: the name is reserved for choosing the command",
        ),
        (json!({ "outputs": [true] }), "outputs/0: expected a string, got boolean"),
        (json!({ "effect": "write" }), "effect: expected one of read, create, update, delete, got \"write\""),
        (json!({ "idempotent": 1 }), "idempotent: expected true or false, got number"),
        (json!({ "source": { "path": "/" } }), "source/method: missing"),
    ];
    for (schema, expected) in cases {
        assert_eq!(command(&schema), [format!("/commands/c/{expected}")], "{schema}");
    }
    let found = command(&json!({ "addedInVersion": "1" }));
    assert!(found[0].starts_with("/commands/c/addedInVersion: not a semantic version such as 1.2.0: "), "{found:?}");
}

#[test]
fn the_default_command_must_be_one() {
    let found = problems(&json!({ "commands": { "a": {}, "b": {} }, "defaultCommand": "c" }));
    assert_eq!(found, ["/defaultCommand: no such command: c; known are a, b"]);
}

#[test]
fn a_param_without_a_schema_is_optional_raw_and_order_is_that_of_params() {
    let schema = json!({ "commands": { "c": { "params": ["b", "a"], "paramSchema": { "a": { "type": "number" } } } } });
    let schema = ConfigSchema::parse(&schema).unwrap();
    let params = &schema.commands["c"].params;
    assert_eq!(params.keys().collect::<Vec<_>>(), ["b", "a"]);
    assert_eq!(params["b"], Field::new(FieldKind::Raw));
    let schema = json!({ "commands": { "c": { "paramSchema": { "z": { "type": "raw" }, "y": { "type": "raw" } } } } });
    let schema = ConfigSchema::parse(&schema).unwrap();
    assert_eq!(schema.commands["c"].params.keys().collect::<Vec<_>>(), ["z", "y"]);
}

#[test]
fn the_error_lists_everything() {
    let error = ConfigSchema::parse(&json!({ "a": 1, "b": 2 })).unwrap_err();
    let text = error.to_string();
    assert!(text.starts_with("invalid config schema; /a: unknown key"), "{text}");
    assert!(text.contains("; /b: unknown key"), "{text}");
}

#[test]
fn names_are_those_of_the_contract() {
    for name in ["a", "a-1", "0-0"] {
        assert!(is_connector_name(name), "{name}");
    }
    let long = "a".repeat(64);
    for name in ["", "A", "a_b", "-a", "a--b", "agents", "parse-oas", "01234567-89ab-cdef-0123-456789abcdef", &long] {
        assert!(!is_connector_name(name), "{name}");
    }
    assert!(is_command_name("_aB9") && !is_command_name("9a") && !is_command_name("") && !is_command_name("a-b"));
}

fn name() -> impl Strategy<Value = String> {
    "[A-Za-z_][A-Za-z0-9_]{0,9}".prop_filter("reserved", |name| name != "command")
}

fn text() -> impl Strategy<Value = String> {
    "\\PC{0,12}"
}

fn any_field() -> impl Strategy<Value = Field> {
    let texts = (option::of(text()), option::of(text()), option::of(text()));
    (0..FieldKind::ALL.len(), any::<(bool, bool)>(), texts, any::<(i32, u16, u8, u8)>()).prop_map(
        |(kind, (flag, other), (description, label, format), (low, more, shortest, longer))| {
            let kind = FieldKind::ALL[kind].1;
            let mut field = Field { description, label, format, required: flag, ..Field::new(kind) };
            // `date` and `uri` would make the default subject to the format.
            field.format = field.format.map(|format| format!("x-{format}"));
            match kind {
                FieldKind::String => {
                    field.secret = other;
                    field.min_length = Some(shortest.into());
                    field.max_length = Some(u64::from(shortest) + u64::from(longer));
                    field.pattern = flag.then(|| Pattern::parse("^[a-z]*$").unwrap());
                    field.placeholder = Some("...".to_owned());
                }
                FieldKind::Number => {
                    field.integer = other;
                    field.minimum = Some(low.into());
                    field.maximum = Some((i64::from(low) + i64::from(more)).into());
                    field.default = Some(low.into());
                }
                FieldKind::Select => {
                    let label = other.then(|| "Label".to_owned());
                    field.options =
                        vec![Choice { value: json!("a"), label }, Choice { value: json!(low), label: None }];
                    field.default = Some(json!("a"));
                }
                FieldKind::Boolean => field.default = Some(json!(other)),
                FieldKind::Date => field.default = other.then(|| json!(null)),
                FieldKind::Raw | FieldKind::Object => {
                    field.example = Some(json!({ "a": [low] }));
                    field.schema = other.then(|| NestedSchema::new(json!({ "type": "object" })));
                }
                FieldKind::Array => field.schema = Some(NestedSchema::new(json!({ "items": { "minimum": low } }))),
            }
            field
        },
    )
}

fn any_command() -> impl Strategy<Value = Command> {
    let plain = (option::of(text()), option::of(text()), any::<(bool, bool)>(), 0..5_usize, any::<(u64, u8)>());
    let variables = option::of(btree_map("v[A-Za-z0-9_-]{0,8}", any_field(), 0..3));
    (btree_map(name(), any_field(), 0..4), variables, vec(name(), 0..4), plain).prop_map(
        |(
            params,
            variables,
            mut outputs,
            (description, deprecated_message, (deprecated, idempotent), effect, (major, minor)),
        )| {
            outputs.sort();
            outputs.dedup();
            Command {
                description,
                params: params.into_iter().collect(),
                outputs,
                output_schema: deprecated.then(|| json!({ "type": "object" })),
                deprecated,
                deprecated_message,
                added_in_version: idempotent.then(|| semver::Version::new(major, minor.into(), 0)),
                effect: Effect::ALL.get(effect).map(|(_, effect)| *effect),
                idempotent,
                variables: variables
                    .map(|variables| variables.into_iter().filter(|(_, field)| !field.holds_secret()).collect()),
                source: idempotent.then(|| Source {
                    method: "GET".to_owned(),
                    path: "/a/{b}".to_owned(),
                    operation_id: deprecated.then(|| "list".to_owned()),
                }),
            }
        },
    )
}

fn any_schema() -> impl Strategy<Value = ConfigSchema> {
    let commands = btree_map(name(), any_command(), 0..4);
    (btree_map(name(), any_field(), 0..5), commands, any::<prop::sample::Index>(), any::<bool>()).prop_map(
        |(connection, commands, chosen, named)| {
            let default_command =
                (named && !commands.is_empty()).then(|| chosen.get(&commands.keys().collect::<Vec<_>>()).to_string());
            ConfigSchema {
                connection: connection.into_iter().collect(),
                commands: commands.into_iter().collect(),
                default_command,
                egress: None,
                open: false,
            }
        },
    )
}

proptest! {
    #[test]
    fn parsing_what_was_printed_gives_the_same_schema(schema in any_schema()) {
        let printed = schema.to_value();
        let parsed = ConfigSchema::parse(&printed).map_err(|error| TestCaseError::fail(error.to_string()))?;
        prop_assert_eq!(&parsed, &schema);
        prop_assert_eq!(parsed.to_value().to_string(), printed.to_string());
    }
}

#[test]
fn a_secret_takes_no_default_and_what_was_stored_stays_readable() {
    let why = "a secret takes no default: whoever reads the type would read it; set the value in each connector";
    let text = json!({ "type": "string", "secret": true, "default": "s3cret-value" });
    assert_eq!(field(&text), [format!("/connectionConfig/f/default: {why}")]);
    let password = json!({ "type": "string", "writeOnly": true, "format": "password", "default": "s3cret-value" });
    let nested = json!({ "type": "object", "schema": {
        "properties": { "default": password, "plain": { "type": "string", "default": "x" } },
        "default": { "default": "s3cret-value" } } });
    let at = |place: &str| format!("/connectionConfig/f/schema{place}: {why}");
    assert_eq!(field(&nested), [at("/properties/default/default"), at("/default")]);
    let stored = |field: Value| ConfigSchema::parse_stored(&json!({ "connectionConfig": { "f": field } })).unwrap();
    assert_eq!(stored(text).connection["f"].default, None);
    assert_eq!(stored(nested).connection["f"].default, None);
    let url = json!({ "type": "string", "format": "uri", "default": "https://ada:pass@a.example" });
    assert_eq!(field(&url).len(), 1);
    assert_eq!(stored(url).connection["f"].default, Some(json!("https://ada:pass@a.example")));
}
