use connector_runtime::schema::{ConfigSchema, Effect, FieldKind};
use connector_runtime::version::diff;
use floh_client::answers::{ConnectorDraft, Verdict};
use indexmap::IndexMap;
use serde_json::{Map, Value, json};

use super::super::{Options, import_value, script_schemes, script_table};
use super::{codes, imported, paths};

/// A body of so many properties, each with a deep schema of its own.
fn wide(count: usize) -> Value {
    let deep = |n: usize| {
        json!({ "type": "object", "properties": { "a": { "type": "object", "additionalProperties": false,
        "properties": { format!("x{n}"): { "type": "string" }, "y": { "type": "array", "items": { "type": "integer" } } } } } })
    };
    let properties: Map<String, Value> = (0..count).map(|n| (format!("p{n}"), deep(n))).collect();
    json!({ "type": "object", "properties": properties, "required": ["p1"], "additionalProperties": false })
}

fn post(id: &str, schema: &Value) -> Value {
    json!({ "post": { "operationId": id, "requestBody": { "required": true, "content": { "application/json": { "schema": schema } } } } })
}

/// Many operations, so that each has a small budget.
fn many(schema: &Value) -> Value {
    let mut all: Map<String, Value> = (0..4000).map(|n| (format!("/n{n}"), json!({ "get": {} }))).collect();
    all.insert("/wide".to_owned(), post("wide", schema));
    json!({ "openapi": "3.0.0", "paths": all })
}

#[test]
fn every_name_of_a_body_is_a_param_whatever_the_budget() {
    for schema in [
        wide(300),
        json!({ "allOf": [{ "allOf": [wide(150)] }, { "type": "object", "properties": { "last": { "type": "string" } } }] }),
    ] {
        let document = many(&schema);
        let draft = import_value(&document, &Options::default()).unwrap();
        let params = &draft.config_schema.commands["wide"].params;
        let operation = draft.operations.iter().find(|one| one.name == "wide").unwrap();
        assert_eq!(operation.verdict, Verdict::Degraded);
        assert!(operation.reasons.iter().any(|reason| reason.message.contains("too long")), "{:?}", operation.reasons);
        assert_eq!(params.len(), if schema.get("allOf").is_some() { 151 } else { 300 });
        // What was cut takes what the service takes.
        for field in params.values().filter(|field| field.kind == FieldKind::Object) {
            field.check(&json!({ "a": { "y": [1] } })).unwrap();
        }
        let alone = Options { include: Some(vec!["wide".to_owned()]), ..Options::default() };
        let draft = import_value(&document, &alone).unwrap();
        assert_eq!(draft.operations[0].verdict, Verdict::Exact, "{:?}", draft.operations[0].reasons);
    }
}

#[test]
fn a_closed_object_that_was_cut_is_opened() {
    let inner: Map<String, Value> = (0..200).map(|n| (format!("x{n}"), json!({ "type": "string" }))).collect();
    let schema = json!({ "type": "object", "properties": { "in": { "type": "object", "properties": inner, "additionalProperties": false } } });
    let draft = import_value(&many(&schema), &Options::default()).unwrap();
    let field = &draft.config_schema.commands["wide"].params["in"];
    field.check(&json!({ "x0": "a", "x199": "b" })).unwrap();
    assert_eq!(draft.operations.iter().find(|one| one.name == "wide").unwrap().verdict, Verdict::Degraded);
}

#[test]
fn an_all_of_that_repeats_itself_stays_bounded() {
    let mut schemas = Map::new();
    for n in 0..60 {
        let next = json!({ "$ref": format!("#/components/schemas/S{}", n + 1) });
        schemas.insert(
            format!("S{n}"),
            json!({ "allOf": [next, next], "properties": { format!("p{n}"): { "type": "string" } } }),
        );
    }
    schemas.insert("S60".to_owned(), json!({ "type": "object", "properties": { "last": {} } }));
    let document = json!({ "openapi": "3.0.0", "components": { "schemas": schemas },
        "paths": { "/a": post("a", &json!({ "$ref": "#/components/schemas/S0" })) } });
    let draft = import_value(&document, &Options::default()).unwrap();
    assert!(draft.config_schema.commands["a"].params.len() > 20);
}

#[test]
fn a_choice_of_servers_takes_any_url_and_operations_follow_it() {
    let draft = imported(json!({ "openapi": "3.0.0",
        "servers": [{ "url": "https://eu.example/v1" }, { "url": "https://us.example/v1", "description": "US" }],
        "paths": { "/a": { "get": { "operationId": "a", "servers": [{ "url": "https://eu.example/v2" }] } },
            "/b": { "get": { "operationId": "b", "servers": [{ "url": "https://other.example" }] } } } }));
    let base = &draft.config_schema.connection["baseUrl"];
    assert_eq!((base.kind, base.options.len()), (FieldKind::Select, 2));
    for (url, fits) in
        [("https://us.example/v1", true), ("https://mine.example:8443/x", true), ("ftp://x", false), ("x", false)]
    {
        assert_eq!(base.check(&json!(url)).is_ok(), fits, "{url}");
    }
    let table = script_table(&draft.script_source).unwrap();
    assert_eq!(table["a"].server.as_deref(), Some("/v2"));
    assert_eq!(table["b"].server.as_deref(), Some("https://other.example"));
    assert_eq!(draft.operations.iter().map(|one| one.verdict).collect::<Vec<_>>(), [Verdict::Exact, Verdict::Degraded]);
}

#[test]
fn names_judge_what_a_command_does() {
    let effect = |method: &str, path: &str, id: Option<&str>| {
        let mut operation = json!({});
        if let Some(id) = id {
            operation["operationId"] = id.into();
        }
        let draft = paths(json!({ path: { method: operation } }));
        draft.config_schema.commands[0].effect
    };
    for (method, path, id, expected) in [
        ("post", "/pets", None, Some(Effect::Create)),
        ("post", "/pets", Some("addPet"), Some(Effect::Create)),
        ("post", "/pets", Some("deletePets"), Some(Effect::Delete)),
        ("post", "/pets/{id}/delete", None, Some(Effect::Delete)),
        ("post", "/x", Some("Users_bulkDestroy"), Some(Effect::Delete)),
        ("post", "/x", Some("remove-users"), Some(Effect::Delete)),
        ("post", "/x", Some("undoThings"), None),
        ("post", "/pets/search", Some("searchPets"), None),
        ("post", "/orders/{id}/ship", None, None),
        ("post", "/x", Some("updateX"), Some(Effect::Update)),
        ("get", "/x", Some("deleteX"), None),
        ("get", "/x", Some("listDeletedThings"), Some(Effect::Read)),
        ("put", "/x", None, Some(Effect::Update)),
        ("patch", "/x", Some("x.delete"), Some(Effect::Delete)),
        ("delete", "/x", Some("getX"), Some(Effect::Delete)),
    ] {
        assert_eq!(effect(method, path, id), expected, "{method} {path} {id:?}");
    }
}

#[test]
fn credentials_are_secrets_by_their_names() {
    let draft = paths(json!({ "/a": { "post": { "operationId": "a",
        "parameters": [{ "name": "access_token", "in": "query", "schema": { "type": "string" } }, { "name": "page_token", "in": "query", "schema": { "type": "string" } }],
        "requestBody": { "content": { "application/json": { "schema": { "type": "object", "properties": {
            "password": { "type": "string", "example": "p" }, "clientSecret": { "type": "string" }, "passwordPolicy": { "type": "string" },
            "password_expires": { "type": "boolean" },
            "user": { "type": "object", "properties": { "newPassword": { "type": ["string", "null"] } } } } } } } } } } }));
    let params = &draft.config_schema.commands["a"].params;
    let secret: Vec<&str> =
        params.iter().filter(|(_, field)| field.holds_secret()).map(|(name, _)| name.as_str()).collect();
    assert_eq!(secret, ["access_token", "password", "clientSecret", "user"]);
    assert!(params["password"].example.is_none());
    assert_eq!(draft.operations[0].verdict, Verdict::Exact);
}

#[test]
fn a_pattern_that_cannot_be_run_is_told() {
    let draft = paths(
        json!({ "/a": { "get": { "parameters": [{ "name": "q", "in": "query", "schema": { "type": "string", "pattern": "^(?=a)b" } }] } } }),
    );
    assert!(codes(&draft).contains(&"pattern_left_out"), "{:?}", draft.warnings);
}

/// A draft as it is stored and read back.
fn stored(draft: &ConnectorDraft) -> ConfigSchema {
    ConfigSchema::parse(&serde_json::from_str(&draft.config_schema.to_value().to_string()).unwrap()).unwrap()
}

/// The options of a re-import.
fn again(draft: &ConnectorDraft, old: &ConfigSchema) -> Options {
    let known = old.commands.iter().filter_map(|(name, command)| Some((command.source.clone()?, name.clone())));
    Options {
        name: Some(draft.name.clone()),
        known: known.collect(),
        schemes: script_schemes(&draft.script_source),
        ..Options::default()
    }
}

#[test]
fn an_unchanged_document_changes_nothing() {
    let document = json!({ "openapi": "3.0.0",
        "servers": [{ "url": "https://{region}.example/v1", "variables": { "region": { "default": "eu", "enum": ["eu", "us"] } } }, { "url": "https://b.example" }],
        "components": { "securitySchemes": { "k": { "type": "apiKey", "in": "header", "name": "X-Key" }, "b": { "type": "http", "scheme": "basic" }, "o": { "type": "oauth2", "flows": { "clientCredentials": { "tokenUrl": "https://a.example/t", "scopes": {} } } } } },
        "security": [{ "k": [] }, { "b": [] }, { "o": ["s"] }],
        "paths": {
            "/a/{id}": { "post": { "operationId": "APIKeysList", "parameters": [
                { "name": "id", "in": "path", "required": true, "schema": { "type": "string" } },
                { "name": "n", "in": "query", "required": true, "schema": { "type": "number", "minimum": 0.0, "maximum": 1e3, "default": 5 } },
                { "name": "big", "in": "query", "schema": { "type": "integer", "minimum": 9007199254740993_i64, "example": 1.50 } } ],
                "requestBody": { "required": true, "content": { "multipart/form-data": { "schema": { "type": "object", "required": ["f", "t"], "properties": {
                    "f": { "type": "string", "format": "binary" }, "fs": { "type": "array", "items": { "type": "string", "format": "binary" } }, "t": { "type": "string" }, "e": { "enum": ["a", 1, null] } } } } } },
                "responses": { "200": { "description": "", "headers": { "ETag": {} }, "content": { "application/json": { "schema": { "type": "object", "properties": { "x": { "type": "string", "nullable": true } } } } } } } } },
            "/b": post("b", &wide(40)), "/c": post("c", &json!({ "oneOf": [{ "type": "string" }, { "type": "object", "properties": { "a": { "$ref": "#/components/schemas/None" } } }] })),
        } });
    let draft = imported(document.clone());
    let old = stored(&draft);
    let changes = diff(&old, &draft.config_schema);
    assert!(changes.is_empty(), "{:?}", changes.items);
    let second = import_value(&document, &again(&draft, &old)).unwrap();
    assert!(diff(&old, &second.config_schema).is_empty());
    assert_eq!(second.script_source, draft.script_source);
    // The command line sends the document as it was read, which is no other one.
    let text = super::super::Spec::read(document.to_string().as_bytes()).unwrap();
    let sent: Value = serde_json::from_str(&text.value().to_string()).unwrap();
    assert_eq!(import_value(&sent, &again(&draft, &old)).unwrap().script_source, draft.script_source);
}

#[test]
fn a_renamed_scheme_keeps_its_field() {
    let document = |schemes: Value| {
        let security: Vec<Value> = schemes.as_object().unwrap().keys().map(|name| json!({ name: [] })).collect();
        json!({ "openapi": "3.0.0", "components": { "securitySchemes": schemes }, "security": security, "paths": { "/a": { "get": { "operationId": "a" } } } })
    };
    let key = |name: &str, place: &str| json!({ "type": "apiKey", "in": place, "name": name });
    let first = imported(document(
        json!({ "api_key": key("X-Api-Key", "header"), "login": { "type": "http", "scheme": "basic" } }),
    ));
    let old = stored(&first);
    let second = import_value(
        &document(json!({ "ApiKeyAuth": key("x-api-key", "header"), "Basic": { "type": "http", "scheme": "basic" } })),
        &again(&first, &old),
    )
    .unwrap();
    assert!(diff(&old, &second.config_schema).is_empty(), "{:?}", diff(&old, &second.config_schema).items);
    assert!(codes(&second).contains(&"scheme_renamed"));
    // Another place, or two that are alike, is another secret.
    for other in [
        json!({ "new": key("X-Api-Key", "query") }),
        json!({ "one": key("X-Api-Key", "header"), "two": key("X-Api-Key", "header") }),
    ] {
        let other = import_value(&document(other), &again(&first, &old)).unwrap();
        assert!(!other.config_schema.connection.contains_key("apiKey"), "{:?}", other.config_schema.connection.keys());
    }
    let nothing: IndexMap<String, super::super::Scheme> = script_schemes("no script");
    assert!(nothing.is_empty());
}

#[test]
fn renamed_and_moved_operations_are_told() {
    let first = paths(json!({ "/a": { "get": { "operationId": "one" } }, "/b": { "get": { "operationId": "two" } } }));
    let old = stored(&first);
    let document = json!({ "openapi": "3.1.0", "info": { "title": "T", "version": "1.0.0" },
        "paths": { "/a": { "get": { "operationId": "uno" } }, "/c": { "get": { "operationId": "two" } } } });
    let second = import_value(&document, &again(&first, &old)).unwrap();
    let names: Vec<&str> = second.operations.iter().map(|one| one.name.as_str()).collect();
    assert_eq!(names, ["one", "two"]);
    assert!(codes(&second).contains(&"operation_renamed") && codes(&second).contains(&"operation_moved"));
}

#[test]
fn names_are_written_as_people_write_them() {
    let name = |id: &str| paths(json!({ "/a": { "get": { "operationId": id } } })).operations[0].name.clone();
    for (id, expected) in [
        ("APIKeysList", "apiKeysList"),
        ("HTMLClean", "htmlClean"),
        ("URLsList", "urlsList"),
        ("listURLs", "listURLs"),
        ("GetThing", "getThing"),
        ("IDs", "ids"),
        ("X", "x"),
        ("list_all", "listAll"),
    ] {
        assert_eq!(name(id), expected, "{id}");
    }
    let long = name(
        "/v2/companies/{companyId}/connections/{connectionId}/expenses/transactions/{transactionId}/attachments_GET",
    );
    assert!(long.len() + 3 <= 64 && long.ends_with("AttachmentsGET"), "{long}");
    let long = name("getOrganizationsRepositoriesDependabotSecretsSelectedRepositoriesByRepositoryIdentifier");
    assert!(long.starts_with("get") && long.ends_with("RepositoryIdentifier") && long.len() <= 61, "{long}");
}

#[test]
fn what_is_drafted_can_be_stored() {
    let many: Map<String, Value> = (0..120)
        .map(|n| (format!("p{n}"), json!({ "type": "string", "pattern": format!("^(a{{1,{}}}|b){{1,40}}$", n + 50) })))
        .collect();
    let long = "a|".repeat(5350);
    let odd = json!({ "type": "object", "properties": {
        "long": { "type": "string", "pattern": long }, "nulls": { "type": ["null", "null"] }, "none": { "enum": [null] },
        "in": { "type": "object", "properties": { "long": { "type": "string", "pattern": long }, "nulls": { "type": ["null", "null"], "enum": [null, null] } } },
        "bounds": { "type": "integer", "minimum": 5, "maximum": 1, "minLength": -1 }, "s": { "type": "string", "minLength": 5, "maxLength": 2 },
        "d": { "type": "string", "format": "date", "default": "never" }, "e": { "type": "string", "enum": ["a", "a"], "default": "b" } } });
    let draft =
        paths(json!({ "/a": post("a", &json!({ "type": "object", "properties": many })), "/b": post("b", &odd) }));
    let old = stored(&draft);
    assert!(diff(&old, &draft.config_schema).is_empty());
    assert_eq!(old.commands["a"].params.len(), 120);
}
