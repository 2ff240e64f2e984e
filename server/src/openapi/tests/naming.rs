use connector_runtime::schema::Source;
use serde_json::{Value, json};

use floh_client::answers::{ConnectorDraft, Verdict};

use super::super::{Options, import_value, script_table};
use super::{codes, imported, paths};

fn names(draft: &ConnectorDraft) -> Vec<(String, String)> {
    let mut names: Vec<_> =
        draft.operations.iter().map(|one| (format!("{} {}", one.method, one.path), one.name.clone())).collect();
    names.sort();
    names
}

fn name_of(draft: &ConnectorDraft, place: &str) -> String {
    names(draft).into_iter().find(|(known, _)| known == place).unwrap().1
}

#[test]
fn ids_become_identifiers_and_paths_stand_in_for_them() {
    let draft = paths(json!({
        "/a": { "get": { "operationId": "list-all users.v2" }, "post": { "operationId": "GetThing" } },
        "/users/{userId}/posts/{id}": { "get": {}, "delete": { "operationId": "" } },
        "/2fa": { "get": { "operationId": "2fa/enable" } },
        "/": { "get": {} },
    }));
    assert_eq!(name_of(&draft, "GET /a"), "listAllUsersV2");
    assert_eq!(name_of(&draft, "POST /a"), "getThing");
    assert_eq!(name_of(&draft, "GET /users/{userId}/posts/{id}"), "getUsersByUserIdPostsById");
    assert_eq!(name_of(&draft, "DELETE /users/{userId}/posts/{id}"), "deleteUsersByUserIdPostsById");
    assert_eq!(name_of(&draft, "GET /2fa"), "_2faEnable");
    // `get` has a meaning in the script.
    assert_eq!(name_of(&draft, "GET /"), "getOperation");
}

#[test]
fn clashes_go_by_method_then_tag_then_number_whatever_the_order() {
    let forward = json!({
        "/a": { "get": { "operationId": "list" }, "post": { "operationId": "List" } },
        "/b": { "get": { "operationId": "list", "tags": ["blue things"] } },
        "/c": { "get": { "operationId": "list", "tags": ["red"] } },
        "/d": { "get": { "operationId": "list", "tags": ["red"] } },
        "/e": { "get": { "operationId": "list2" } },
    });
    let mut backward = serde_json::Map::new();
    for (path, item) in forward.as_object().unwrap().iter().rev() {
        backward.insert(path.clone(), item.clone());
    }
    let draft = paths(forward);
    assert_eq!(names(&draft), names(&paths(Value::Object(backward))));
    assert_eq!(name_of(&draft, "GET /a"), "list");
    assert_eq!(name_of(&draft, "POST /a"), "listPost");
    assert_eq!(name_of(&draft, "GET /b"), "listBlueThings");
    // Both have the tag `red`, so they are numbered; `list2` is the id of another operation.
    assert_eq!((name_of(&draft, "GET /c"), name_of(&draft, "GET /d")), ("list3".to_owned(), "list4".to_owned()));
    assert_eq!(name_of(&draft, "GET /e"), "list2");
    assert!(codes(&draft).contains(&"operationId_duplicate"));
}

#[test]
fn names_that_mean_something_else_are_avoided() {
    let draft = paths(json!({
        "/a": { "get": { "operationId": "delete" }, "put": { "operationId": "__proto__" }, "post": { "operationId": "floh" } },
        "/b": { "get": { "operationId": "operations" }, "put": { "operationId": "JSON" } },
    }));
    for (_, name) in names(&draft) {
        assert!(name.ends_with("Operation") || name == "jSON", "{name}");
    }
    assert!(codes(&draft).contains(&"reserved_name"));
}

#[test]
fn an_earlier_import_keeps_its_names() {
    let known = |method: &str, path: &str, id: Option<&str>| Source {
        method: method.to_owned(),
        path: path.to_owned(),
        operation_id: id.map(str::to_owned),
    };
    let options = Options {
        known: vec![
            (known("GET", "/b", Some("list")), "list".to_owned()),
            (known("GET", "/moved", Some("moved")), "oldName".to_owned()),
        ],
        ..Options::default()
    };
    let document = json!({ "openapi": "3.0.0", "paths": {
        "/a": { "get": { "operationId": "list" } }, "/b": { "get": { "operationId": "list" } },
        "/new": { "get": { "operationId": "moved" } },
    } });
    let draft = import_value(&document, &options).unwrap();
    assert_eq!((name_of(&draft, "GET /b"), name_of(&draft, "GET /a")), ("list".to_owned(), "list2".to_owned()));
    assert_eq!(name_of(&draft, "GET /new"), "oldName");
    let source = draft.config_schema.commands["list"].source.clone().unwrap();
    assert_eq!(source, known("GET", "/b", Some("list")));
}

#[test]
fn params_of_one_name_are_told_apart_by_their_place() {
    let draft = paths(json!({ "/a/{id}": { "post": { "operationId": "x",
        "parameters": [
            { "name": "id", "in": "header", "schema": { "type": "string" } },
            { "name": "id", "in": "path", "schema": { "type": "integer" } },
            { "name": "command", "in": "query" }, { "name": "filter[a]", "in": "query", "required": true },
        ],
        "requestBody": { "required": true, "content": { "application/json": { "schema": {
            "type": "object", "required": ["id", "name"],
            "properties": { "id": { "type": "string", "readOnly": true }, "name": { "type": "string" }, "command": {} } } } } },
    } } }));
    let keys: Vec<&String> = draft.config_schema.commands["x"].params.keys().collect();
    assert_eq!(keys, ["id", "queryCommand", "filterA", "headerId", "name", "bodyCommand"]);
    let entry = &script_table(&draft.script_source).unwrap()["x"];
    let wires: Vec<(&str, &str)> = entry.params.iter().map(|one| (one.location.as_str(), one.name.as_str())).collect();
    assert_eq!(wires, [("path", "id"), ("query", "command"), ("query", "filter[a]"), ("header", "id")]);
    assert!(codes(&draft).contains(&"parameter_renamed"));
    assert_eq!(draft.operations[0].verdict, Verdict::Exact);
}

#[test]
fn a_choice_of_operations_changes_no_name() {
    let document = json!({ "openapi": "3.0.0", "paths": {
        "/a": { "get": { "operationId": "list", "tags": ["x"] } }, "/b": { "get": { "operationId": "list" } } } });
    let options = |include: &[&str], tag: Option<&str>| Options {
        include: (!include.is_empty()).then(|| include.iter().map(|one| (*one).to_owned()).collect()),
        tag: tag.map(str::to_owned),
        ..Options::default()
    };
    let draft = import_value(&document, &options(&["list2"], None)).unwrap();
    assert_eq!(names(&draft), [("GET /b".to_owned(), "list2".to_owned())]);
    let draft = import_value(&document, &options(&[], Some("x"))).unwrap();
    assert_eq!(names(&draft), [("GET /a".to_owned(), "list".to_owned())]);
    let error = import_value(&document, &options(&["list", "none"], None)).unwrap_err();
    assert_eq!((error.code, error.pointer.as_deref()), ("unknown_operation", Some("/include/1")));
    assert_eq!(import_value(&document, &options(&[], Some("none"))).unwrap_err().code, "unknown_tag_filter");
}

#[test]
fn names_and_versions_of_the_type() {
    let named = |title: &str, version: &str| {
        let draft = imported(json!({ "openapi": "3.0.0", "info": { "title": title, "version": version } }));
        (draft.name, draft.version)
    };
    let pair = |name: &str, version: &str| (name.to_owned(), version.to_owned());
    assert_eq!(named("My API (v2)!", "v2.1"), pair("my-api-v2", "2.1.0"));
    assert_eq!(named("parse-oas", "2024-06-01"), pair("imported-api", "2024.6.1"));
    assert_eq!(named("Ünïcode", "1.2.3-rc.1"), pair("n-code", "1.2.3"));
    assert_eq!(named("", "latest"), pair("imported-api", "1.0.0"));
}
