//! OpenAPI documents over REST.

use serde_json::{Value, json};

use crate::testing::TestServer;

const PATH: &str = "/api/connectors/parse-oas";

#[tokio::test]
async fn a_document_becomes_a_draft() {
    let server = TestServer::start().await;
    let spec = json!({ "openapi": "3.0.3", "info": { "title": "Pet Store", "version": "1.2" },
        "servers": [{ "url": "https://pets.example.com/v1" }],
        "paths": { "/pets": { "get": { "operationId": "list pets", "summary": "All pets", "tags": [7, " Pets ", "b"] }, "trace": {} } } });
    let draft = server.post(PATH, json!({ "spec": spec })).await.ok(200);
    assert_eq!((draft["name"].as_str(), draft["type"].as_str()), (Some("pet-store"), Some("pet-store")));
    assert_eq!((draft["executionModel"].as_str(), draft["version"].as_str()), (Some("oas_derived"), Some("1.2.0")));
    assert_eq!(draft["configSchema"]["connectionConfig"]["baseUrl"]["default"], "https://pets.example.com/v1");
    assert!(draft["scriptSource"].as_str().unwrap().contains("function listPets()"));
    let one = json!({ "name": "listPets", "method": "GET", "path": "/pets", "summary": "All pets", "tag": "Pets", "deprecated": false,
        "verdict": "exact", "reasons": [] });
    assert_eq!(draft["operations"][0], one);
    assert_eq!((&draft["operations"][1]["verdict"], draft["operations"][1].get("tag")), (&json!("refused"), None));
    assert_eq!(draft["operations"][1]["reasons"][0]["pointer"], "/paths/~1pets/trace");
    let yaml = "openapi: 3.1.0\npaths: {/a: {get: {}, put: {}}}";
    let body = json!({ "spec": yaml, "include": ["putA"], "name": "mine" });
    let draft = server.post(PATH, body).await.ok(200);
    assert_eq!((draft["name"].as_str(), draft["operations"].as_array().map(Vec::len)), (Some("mine"), Some(1)));
}

#[tokio::test]
async fn what_cannot_be_imported_says_where() {
    let server = TestServer::start().await;
    let sound = json!({ "openapi": "3.0.0", "paths": {} });
    for (body, code, pointer) in [
        (json!({ "spec": { "swagger": "1.2" } }), "unsupported_version", "/spec/swagger"),
        (json!({ "spec": "[" }), "invalid_syntax", "/spec"),
        (json!({ "spec": { "openapi": "3.0.0", "paths": [] } }), "invalid_paths", "/spec/paths"),
        (json!({ "spec": sound, "name": "No Name" }), "invalid_name", "/name"),
        (json!({ "spec": sound, "include": ["none"] }), "unknown_operation", "/include/0"),
        (json!({}), "invalid", "/spec"),
        (json!({ "spec": sound, "include": "all" }), "invalid", "/include"),
        (json!({ "spec": sound, "more": 1 }), "invalid", "/more"),
    ] {
        let answer = server.post(PATH, body).await;
        let told = answer.json();
        assert_eq!(
            (told["code"].as_str(), told["errors"][0]["pointer"].as_str()),
            (Some(code), Some(pointer)),
            "{told}"
        );
        answer.problem(422);
    }
}

/// A text has lines; so a mistake in it says where it is, for an editor.
#[tokio::test]
async fn mistakes_in_texts_have_their_line_and_column() {
    let server = TestServer::start().await;
    let at = |told: &Value| (told["errors"][0]["line"].as_u64(), told["errors"][0]["column"].as_u64());
    for (spec, line) in [
        ("{\n  \"openapi\": \"3.0.0\",\n  \"paths\": {{ }\n}", Some(3)),
        ("openapi: 3.0.0\npaths:\n  /a: [\n", None),
        ("openapi: 3.0.0\npaths:\n  /a: {get: {}}\n /b: {}\n", Some(4)),
        ("openapi: 3.0.0\npaths: !ref {}\n", Some(2)),
    ] {
        let told = server.post(PATH, json!({ "spec": spec })).await;
        let found = at(&told.json());
        assert!(found.0.is_some() && found.1.is_some(), "{spec}: {}", told.text);
        assert!(line.is_none() || found.0 == line, "{spec}: {}", told.text);
        told.problem(422);
    }
    let told = server.post(PATH, json!({ "spec": { "openapi": "3.0.0", "paths": [] } })).await;
    assert_eq!(at(&told.json()), (None, None), "what was sent as an object has no lines");
    for (body, place) in [("{\n \"a\": 1,\n}", (Some(3), Some(1))), ("{ \"a\" 1 }", (Some(1), Some(7)))] {
        let request = server.request("POST", "/api/connectors", &json!({})).body(body.into()).unwrap();
        let told = server.send(request).await;
        assert_eq!(at(&told.json()), place, "{}", told.text);
        told.problem(422);
    }
}

const TYPE: &str = "/api/connector-types/pets";

#[allow(clippy::needless_pass_by_value, reason = "shorter calls")]
fn pets(paths: Value) -> Value {
    json!({ "openapi": "3.1.0", "info": { "title": "Pets", "version": "1.0.0" },
        "servers": [{ "url": "https://pets.example.com" }], "paths": paths })
}

fn operation(id: &str) -> Value {
    json!({ "operationId": id })
}

/// Creates a type from a document.
async fn imported(server: &TestServer, spec: Value) {
    let draft = server.post(PATH, json!({ "spec": spec })).await.ok(200);
    server.post("/api/connectors", draft).await.ok(201);
}

fn rules(answer: &Value) -> Vec<(&str, &str)> {
    let changes = answer["change"]["changes"].as_array().unwrap().iter();
    changes.map(|change| (change["rule"].as_str().unwrap(), change["pointer"].as_str().unwrap())).collect()
}

#[tokio::test]
async fn a_document_imported_anew_keeps_the_names_of_commands() {
    let server = TestServer::start().await;
    let first = pets(json!({ "/pets": { "get": operation("listPets"), "post": operation("addPet") },
        "/pets/{id}": { "get": operation("getPet"), "delete": operation("dropPet") } }));
    imported(&server, first.clone()).await;
    let same = server.put(TYPE, json!({ "spec": first.to_string() })).await.ok(200);
    assert_eq!((same["change"]["level"].as_str(), same["version"].as_str()), (Some("none"), Some("1.0.0")));
    assert_eq!(same["operations"].as_array().map(Vec::len), Some(4));
    // Another id of the same method and path, another path of the same id; one operation is gone, one is new.
    let second = pets(json!({ "/animals": { "get": operation("listPets") },
        "/pets": { "post": operation("createPet") }, "/pets/{id}": { "get": operation("getPet") },
        "/owners": { "get": operation("listOwners") } }));
    let wanted = [("command_removed", "/commands/dropPet"), ("command_added", "/commands/listOwners")];
    let dry = server.post(&format!("{TYPE}/diff"), json!({ "spec": second })).await.ok(200);
    for rule in wanted {
        assert!(rules(&dry).contains(&rule), "{dry}");
    }
    assert_eq!((dry["version"].as_str(), dry["errors"][0]["pointer"].as_str()), (None, Some("/version")));
    assert_eq!(dry["change"]["suggestedVersion"], "2.0.0");
    assert_eq!(dry["operations"].as_array().map(Vec::len), Some(4));
    let refused = server.put(TYPE, json!({ "spec": second })).await;
    assert_eq!(refused.json()["change"], dry["change"]);
    refused.problem(422);
    let done = server.put(TYPE, json!({ "spec": second, "autoBump": true })).await.ok(200);
    assert_eq!((done["version"].as_str(), &done["change"]), (Some("2.0.0"), &dry["change"]));
    let commands: Vec<&String> = done["configSchema"]["commands"].as_object().unwrap().keys().collect();
    assert_eq!(commands, ["listPets", "addPet", "getPet", "listOwners"]);
    assert_eq!(done["configSchema"]["commands"]["addPet"]["source"]["operationId"], "createPet");
    assert!(done["scriptSource"].as_str().unwrap().contains(r#""addPet": {"method":"POST","path":"/pets"}"#));
    // Names of the type and new ones may be chosen.
    let include = json!({ "spec": second, "include": ["addPet", "listOwners"], "version": "3.0.0" });
    let fewer = server.put(TYPE, include).await.ok(200);
    assert_eq!(
        rules(&fewer)[..2],
        [("command_removed", "/commands/listPets"), ("command_removed", "/commands/getPet")]
    );
    assert_eq!(fewer["operations"].as_array().map(Vec::len), Some(2));
}

#[tokio::test]
async fn a_document_imported_anew_says_what_it_cannot() {
    let server = TestServer::start().await;
    let spec = pets(json!({ "/pets": { "get": operation("listPets") } }));
    imported(&server, spec.clone()).await;
    for (body, code, pointer) in [
        (json!({ "spec": { "swagger": "1.2" } }), "unsupported_version", "/spec/swagger"),
        (json!({ "spec": "a: [" }), "invalid_syntax", "/spec"),
        (json!({ "spec": spec, "include": ["none"] }), "unknown_operation", "/include/0"),
        (json!({ "spec": spec, "include": 1 }), "invalid", "/include"),
        (json!({ "include": ["listPets"] }), "invalid", "/include"),
        (json!({ "spec": spec, "scriptSource": "" }), "invalid", "/spec"),
        (json!({ "spec": spec, "configSchema": {} }), "invalid", "/spec"),
    ] {
        for answer in [server.put(TYPE, body.clone()).await, server.post(&format!("{TYPE}/diff"), body.clone()).await] {
            let told = answer.json();
            assert_eq!(
                (told["code"].as_str(), told["errors"][0]["pointer"].as_str()),
                (Some(code), Some(pointer)),
                "{told}"
            );
            answer.problem(422);
        }
    }
    let other = server.put("/api/connector-types/http", json!({ "spec": spec })).await;
    assert!(other.json()["detail"].as_str().unwrap().contains("this one is built_in"), "{}", other.json());
    assert_eq!(other.problem(422), ["/spec"]);
}

#[tokio::test]
async fn a_table_that_cannot_be_read_is_refused() {
    let server = TestServer::start().await;
    imported(&server, pets(json!({ "/pets": { "get": operation("listPets") } }))).await;
    let written = server.call("GET", TYPE, Value::Null).await.ok(200)["scriptSource"].as_str().unwrap().to_owned();
    for (from, to, told) in [
        ("\"method\":\"GET\"", "method: \"GET\"", "`operations` of the imported script cannot be read as JSON"),
        ("\"method\":\"GET\"", "\"method\":1", "the entry of listPets in the table of operations cannot be read"),
        ("  \"listPets\": ", "  \"getPets\": ", "the table of operations has no entry listPets"),
    ] {
        let answer = server.put(TYPE, json!({ "scriptSource": written.replace(from, to) })).await;
        assert!(answer.json().to_string().contains(told.replace('"', "\\\"").as_str()), "{}", answer.json());
        assert_eq!(answer.problem(422), ["/scriptSource"]);
    }
}

#[tokio::test]
async fn what_was_changed_by_hand_is_named_when_it_is_replaced() {
    let server = TestServer::start().await;
    let spec = pets(json!({ "/pets": { "get": operation("listPets"), "post": operation("addPet") } }));
    imported(&server, spec.clone()).await;
    let written = server.call("GET", TYPE, Value::Null).await.ok(200)["scriptSource"].as_str().unwrap().to_owned();
    let own = written.replace("return floh.operation(\"addPet\");", "return { success: true };");
    server.put(TYPE, json!({ "scriptSource": own })).await.ok(200);
    let done = server.put(TYPE, json!({ "spec": spec })).await.ok(200);
    assert_eq!((done["scriptSource"].as_str(), done["version"].as_str()), (Some(written.as_str()), Some("1.0.2")));
    let warnings = done["warnings"].as_array().unwrap();
    assert_eq!(warnings.iter().filter(|warning| warning["code"] == "changed_by_hand").count(), 1, "{warnings:?}");
}

#[tokio::test]
async fn a_document_that_is_nested_too_deeply_says_so_in_either_form() {
    let server = TestServer::start().await;
    let deep = format!("{{\"openapi\":\"3.1.0\",\"x\":{}{}}}", "[".repeat(500), "]".repeat(500));
    let text = json!({ "spec": deep }).to_string();
    for body in [format!("{{\"spec\":{deep}}}"), text] {
        let request = server.request("POST", PATH, &json!({})).body(body.into()).unwrap();
        let answer = server.send(request).await;
        assert_eq!(answer.json()["code"], "too_deep", "{}", answer.json());
        answer.problem(422);
    }
}
