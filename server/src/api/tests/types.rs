//! Connector types over REST.

use serde_json::{Value, json};

use crate::store::tests::new_type;
use crate::store::{ConnectorFields, TypeChoice, new_id};
use crate::testing::TestServer;

#[tokio::test]
async fn a_type_is_read_by_id_and_by_name() {
    let server = TestServer::start().await;
    server.connector("mine", "safe", json!({})).await;
    let shown = server.get("/api/connector-types/safe").await.ok(200);
    assert_eq!(server.get(&format!("/api/connector-types/{}", shown["id"].as_str().unwrap())).await.ok(200), shown);
    for (key, value) in [
        ("version", json!("1.2.0")),
        ("executionModel", json!("built_in")),
        ("source", json!("code")),
        ("available", json!(true)),
        ("instances", json!(1)),
        ("category", json!("test")),
        ("tags", json!(["one", "two"])),
    ] {
        assert_eq!(shown[key], value, "{key}");
    }
    assert_eq!(shown["configSchema"]["connectionConfig"]["apiKey"]["secret"], true);
    for name in ["http", "delay"] {
        assert_eq!(server.get(&format!("/api/connector-types/{name}")).await.ok(200)["configSchema"], json!({}));
    }
}

#[tokio::test]
async fn only_a_users_type_without_connectors_can_be_deleted() {
    let server = TestServer::start().await;
    let answer = server.call("DELETE", "/api/connector-types/safe", Value::Null).await;
    answer.problem(409);
    assert_eq!(answer.json()["code"], "type_is_code");
    let id = new_id();
    let made = TypeChoice::New(new_type("theirs"));
    server.app.store.connectors().create(id, ConnectorFields::named("one"), made, Vec::new()).await.unwrap();
    let answer = server.call("DELETE", "/api/connector-types/theirs", Value::Null).await;
    answer.problem(409);
    assert_eq!(answer.json()["code"], "type_in_use");
    server.call("DELETE", "/api/connectors/one", Value::Null).await.ok(204);
    server.call("DELETE", "/api/connector-types/theirs", Value::Null).await.ok(204);
    server.call("DELETE", "/api/connector-types/theirs", Value::Null).await.problem(404);
}

#[tokio::test]
async fn capabilities_follow_the_schema() {
    let server = TestServer::start().await;
    let shown = server.get("/api/connector-types/safe/capabilities").await.ok(200);
    assert_eq!(
        (&shown["name"], &shown["version"], &shown["defaultCommand"]),
        (&json!("safe"), &json!("1.2.0"), &json!("echo"))
    );
    let commands = shown["commands"].as_array().unwrap();
    let names: Vec<&str> = commands.iter().map(|command| command["name"].as_str().unwrap()).collect();
    assert_eq!(names, ["echo", "leak", "hello"]);
    let echo = &commands[0];
    let params: Vec<&str> =
        echo["params"].as_array().unwrap().iter().map(|param| param["name"].as_str().unwrap()).collect();
    assert_eq!(params, ["text", "pin", "headers"]);
    assert_eq!((&echo["params"][1]["secret"], &echo["params"][1]["type"]), (&json!(true), &json!("string")));
    assert_eq!(echo["mockScenarios"], json!(["default", "polite"]));
    assert_eq!(
        (&echo["effect"], &echo["idempotent"], &echo["deprecated"]),
        (&json!("read"), &json!(false), &json!(false))
    );
    assert_eq!((&commands[2]["deprecated"], &commands[2]["deprecatedMessage"]), (&json!(true), &json!("use echo")));
    let http = server.get("/api/connector-types/http/capabilities").await.ok(200);
    assert_eq!(http["defaultCommand"], "request");
    assert!(
        http["commands"][0]["params"].as_array().unwrap().len() > 5,
        "the row shows an empty schema, this does not"
    );
}

#[tokio::test]
async fn the_json_schema_is_one_and_says_what_calls_obey() {
    let server = TestServer::start().await;
    let types = server.get("/api/connector-types?limit=500").await.ok(200);
    for shown in types["items"].as_array().unwrap() {
        let name = shown["name"].as_str().unwrap();
        let document = server.get(&format!("/api/connector-types/{name}/json-schema")).await.ok(200);
        assert_eq!(document["name"], name);
        let commands = document["commands"].as_object().unwrap();
        let parts = commands.values().flat_map(|command| [&command["params"], &command["outputs"]]);
        for schema in parts.chain([&document["connection"]]).filter(|schema| !schema.is_null()) {
            assert_eq!(schema["$schema"], "https://json-schema.org/draft/2020-12/schema", "{name}: {schema}");
            assert!(schema.is_object());
        }
    }
    let safe = server.get("/api/connector-types/safe/json-schema").await.ok(200);
    assert_eq!(safe["connection"]["required"], json!(["baseUrl", "apiKey"]));
    let key = &safe["connection"]["properties"]["apiKey"];
    assert_eq!((&key["writeOnly"], &key["format"]), (&json!(true), &json!("password")));
}
