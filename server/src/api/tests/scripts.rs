//! Script connectors through REST, with a fake sandbox: what is stored, what is refused, what a call records. The
//! end-to-end tests use the real sandbox.

use serde_json::{Value, json};

use crate::script::Limits;
use crate::store::tests::{TestDb, on_both};
use crate::testing::TestServer;

on_both!(
    a_type_comes_with_its_first_connector,
    a_script_that_is_not_sound_is_refused,
    a_call_sees_everything_and_is_recorded,
    what_cannot_be_taken_now_is_503_and_recorded,
    a_mock_script_stands_between_data_and_code,
    the_sample_is_made_once,
);

const SECRET: &str = "canary-5Kq-of-a-script";

fn schema() -> Value {
    json!({
        "connectionConfig": {
            "baseUrl": { "type": "string", "required": true },
            "apiKey": { "type": "string", "required": true, "secret": true },
        },
        "commands": {
            "echo": { "params": ["limit"], "paramSchema": { "limit": { "type": "number", "default": 50 } }, "effect": "read" },
            "old": { "deprecated": true, "deprecatedMessage": "use echo" },
            "test": {}, "log": {}, "throw": {}, "busy": {}, "nothing": {},
        },
    })
}

fn source() -> Value {
    json!({ "echo": "echo", "old": true, "test": { "success": true }, "log": "log", "throw": "throw", "busy": "busy", "nothing": "undefined" })
}

fn body(name: &str) -> Value {
    json!({
        "name": name, "type": "my-crm", "executionModel": "script", "version": "1.0.0", "description": "A CRM",
        "category": "crm", "tags": ["sales"], "configSchema": schema(), "scriptSource": source().to_string(),
        "config": { "baseUrl": "https://crm.example.com", "apiKey": SECRET },
    })
}

async fn a_type_comes_with_its_first_connector(db: TestDb) {
    let server = TestServer::at(&db.url).await;
    let made = server.post("/api/connectors", body("crm")).await.ok(201);
    assert_eq!(
        (&made["executionModel"], &made["version"], &made["ready"]),
        (&json!("script"), &json!("1.0.0"), &json!(true))
    );
    assert!(!made.to_string().contains(SECRET));
    let stored = server.get("/api/connector-types/my-crm").await.ok(200);
    assert_eq!(stored["scriptSource"], source().to_string());
    assert_eq!(
        (&stored["source"], &stored["category"], &stored["tags"]),
        (&json!("user"), &json!("crm"), &json!(["sales"]))
    );
    // The same request again creates another instance; another script is refused.
    let second = server.post("/api/connectors", body("crm-2")).await.ok(201);
    assert_eq!(second["type"], "my-crm");
    let mut other = body("crm-3");
    other["scriptSource"] = json!("{}");
    assert_eq!(server.post("/api/connectors", other).await.problem(409), ["/scriptSource"]);
    let bare = json!({ "name": "crm-4", "type": "my-crm", "executionModel": "script" });
    assert_eq!(server.post("/api/connectors", bare).await.ok(201)["missing"], json!(["baseUrl", "apiKey"]));
    let capabilities = server.get("/api/connector-types/my-crm/capabilities").await.ok(200);
    assert_eq!(capabilities["commands"][1]["deprecatedMessage"], "use echo");
    let text = server.get("/api/connector-types/my-crm/types.d.ts").await;
    assert_eq!(text.header("content-type"), "application/typescript; charset=utf-8");
    assert!(text.text.contains("readonly \"limit\"?: number;"), "{}", text.text);
    server.get("/api/connector-types/none/types.d.ts").await.problem(404);
    server.app.close().await;
}

async fn a_script_that_is_not_sound_is_refused(db: TestDb) {
    let server = TestServer::at(&db.url).await;
    let refused = |change: Value| {
        let mut sent = body("crm");
        for (key, value) in change.as_object().unwrap() {
            sent[key] = value.clone();
        }
        server.post("/api/connectors", sent)
    };
    let answer = refused(json!({ "scriptSource": "function" })).await;
    assert_eq!(answer.problem(422), ["/scriptSource"]);
    let error = &answer.json()["errors"][0];
    assert_eq!(error["message"], "line 2, column 7: unexpected token");
    assert_eq!((&error["line"], &error["column"]), (&json!(2), &json!(7)));
    let answer = refused(json!({ "scriptSource": json!({ "echo": 1, "old": 1 }).to_string() })).await;
    assert_eq!(answer.problem(422), vec!["/scriptSource"; 5]);
    let long = format!("{{\"echo\":\"{}\"}}", "x".repeat(Limits::default().source));
    assert_eq!(refused(json!({ "scriptSource": long })).await.problem(422), ["/scriptSource"]);
    let answer = refused(json!({ "scriptSource": null, "version": null, "configSchema": null })).await;
    assert_eq!(answer.problem(422), ["/version", "/configSchema", "/scriptSource"]);
    assert_eq!(refused(json!({ "version": "one" })).await.problem(422), ["/version"]);
    assert_eq!(refused(json!({ "type": "My CRM" })).await.problem(422), ["/type"]);
    let wrong = json!({ "commands": { "a": { "prams": [] } } });
    assert_eq!(refused(json!({ "configSchema": wrong })).await.problem(422), ["/configSchema/commands/a/prams"]);
    assert_eq!(refused(json!({ "mock": { "script": "function" } })).await.problem(422), ["/mock/script"]);
    server.get("/api/connector-types/my-crm").await.problem(404);

    server.post("/api/connectors", body("crm")).await.ok(201);
    let path = "/api/connector-types/my-crm";
    for (method, path) in [("PUT", path.to_owned()), ("POST", format!("{path}/diff"))] {
        let answer = server.call(method, &path, json!({ "scriptSource": "function" })).await;
        assert_eq!(answer.problem(422), ["/scriptSource"]);
        let mut more = schema();
        more["commands"]["more"] = json!({});
        let answer = server.call(method, &path, json!({ "configSchema": more, "autoBump": true })).await;
        assert_eq!(answer.problem(422), ["/scriptSource"], "the script has no function for it");
    }
    let mut changed = source();
    changed["old"] = json!("changed");
    let answer = server.put(path, json!({ "scriptSource": changed.to_string() })).await.ok(200);
    assert_eq!((&answer["version"], &answer["change"]["level"]), (&json!("1.0.1"), &json!("patch")));
    let answer = server.put("/api/connectors/crm", json!({ "mock": { "script": "function" } })).await;
    assert_eq!(answer.problem(422), ["/mock/script"]);
    server.app.close().await;
}

async fn a_call_sees_everything_and_is_recorded(db: TestDb) {
    let server = TestServer::at(&db.url).await;
    let id = server.post("/api/connectors", body("crm")).await.ok(201)["id"].clone();
    let call = json!({ "command": "echo", "params": { "unknown": [1] }, "variables": { "project": 7 } });
    let answer = server.execute("crm", call).await;
    let row = server.row(&answer).await;
    let payload = answer.ok(200)["payload"].clone();
    assert_eq!(payload["params"], json!({ "command": "echo", "unknown": [1], "limit": 50 }));
    assert_eq!(payload["config"], json!({ "baseUrl": "https://crm.example.com", "apiKey": SECRET }));
    assert_eq!((&payload["variables"], &payload["connector"]), (&json!({ "project": 7 }), &id));
    assert_eq!((&row["status"], &row["typeVersion"]), (&json!("succeeded"), &json!("1.0.0")));
    assert!(!row.to_string().contains(SECRET), "{row}");
    for command in ["log", "throw"] {
        let answer = server.execute("crm", json!({ "command": command })).await;
        let row = server.row(&answer).await;
        assert!(!answer.text.contains(SECRET) && !row.to_string().contains(SECRET), "{row}");
        assert!(format!("{row} {}", answer.text).contains("[redacted]"), "{row}");
    }
    let old = server.execute("crm", json!({ "command": "old" })).await;
    assert_eq!(old.header("deprecation"), "true");
    assert_eq!(old.ok(200), json!({ "success": true }));
    assert_eq!(server.post("/api/connectors/crm/test", json!({})).await.ok(200), json!({ "success": true }));
    assert_eq!(server.execute("crm", json!({ "command": "nothing" })).await.ok(200), json!({ "success": true }));
    server.app.close().await;
}

async fn what_cannot_be_taken_now_is_503_and_recorded(db: TestDb) {
    let server = TestServer::at(&db.url).await;
    server.post("/api/connectors", body("crm")).await.ok(201);
    for _ in 0..2 {
        let busy = json!({ "command": "busy" });
        let answer = server.call_with("POST", "/api/connectors/crm/execute", busy, "idempotency-key", "once").await;
        answer.problem(503);
        assert_eq!((answer.header("retry-after"), answer.header("idempotency-replayed")), ("1", ""));
        let row = server.row(&answer).await;
        assert_eq!((&row["status"], &row["result"]["diagnostics"]["class"]), (&json!("failed"), &json!("busy")));
    }
    server.app.close().await;
}

async fn a_mock_script_stands_between_data_and_code(db: TestDb) {
    let server = TestServer::at(&db.url).await;
    let made = json!({ "name": "mine", "type": "safe", "executionModel": "built_in" });
    server.post("/api/connectors", made).await.ok(201);
    let mock = json!({ "enabled": true, "data": { "echo": { "stored": { "payload": "data" } } }, "script": json!({ "echo": "echo" }).to_string() });
    server.put("/api/connectors/mine", json!({ "mock": mock })).await.ok(200);
    let run = async |scenario: &str| {
        let answer = server.execute("mine", json!({ "mockScenario": scenario, "variables": { "a": 1 } })).await;
        assert_eq!(server.row(&answer).await["mocked"], true);
        answer.ok(200)
    };
    assert_eq!(run("stored").await["payload"], "data");
    let scripted = run("other").await["payload"].clone();
    assert_eq!((&scripted["scenario"], &scripted["variables"]), (&json!("other"), &json!({ "a": 1 })));
    for passes_on in [json!({ "echo": "undefined" }), json!({})] {
        server.put("/api/connectors/mine", json!({ "mock": { "script": passes_on.to_string() } })).await.ok(200);
        let error = run("other").await["error"].as_str().unwrap().to_owned();
        assert!(error.starts_with("No mock scenario other for command echo; known are stored"), "{error}");
    }
    server.put("/api/connectors/mine", json!({ "mock": { "script": null, "enabled": false } })).await.ok(200);
    assert_eq!(server.execute("mine", json!({})).await.ok(200)["success"], false, "the connection is missing");
    server.app.close().await;
}

async fn the_sample_is_made_once(db: TestDb) {
    let server = TestServer::with_samples(&db.url, tempfile::tempdir().unwrap()).await;
    let sample = server.get("/api/connector-types/sample-script").await.ok(200);
    assert_eq!(
        (&sample["source"], &sample["executionModel"], &sample["version"]),
        (&json!("code"), &json!("script"), &json!("1.0.0"))
    );
    let made = server.get("/api/connectors/sample-script").await.ok(200);
    assert_eq!((&made["ready"], &made["missing"]), (&json!(true), &json!([])));
    let names: Vec<&String> = sample["configSchema"]["commands"].as_object().unwrap().keys().collect();
    assert_eq!(names, ["test", "lookupEmployee", "listEmployees", "createEmployee", "echo"]);
    server.app.close().await;
    let server = TestServer::with_samples(&db.url, server.folder).await;
    assert_eq!(server.get("/api/connectors/sample-script").await.ok(200)["id"], made["id"], "left as it is");
    server.call("DELETE", "/api/connectors/sample-script", Value::Null).await.ok(204);
    server.app.close().await;
    let server = TestServer::with_samples(&db.url, server.folder).await;
    server.get("/api/connectors/sample-script").await.problem(404);
    server.app.close().await;
}

#[test]
fn an_imported_command_is_served_with_its_part_alone() {
    use crate::script::CommandScripts;

    let source = "var shared;\nvar operations = {\n  \"a\": {\"x\":1},\n  \"b\": {\"x\":2},\n};\n\n//# a\nfunction a() {}\n\n//# b\nfunction b() {}\n";
    let scripts = CommandScripts::cut(source);
    let script = scripts.of("b");
    assert!(script.source().contains("shared") && script.source().contains("function b"), "{}", script.source());
    assert!(!script.source().contains("function a") && !script.source().contains("\"a\""), "{}", script.source());
    assert_eq!(scripts.of("b"), script);
    assert_eq!(CommandScripts::whole(source).of("b").source(), source);
}

#[test]
fn the_sample_changes_with_its_version_alone() {
    use crate::script::{Script, sample};

    let text = format!("{}{}", sample::SOURCE, sample::schema().unwrap().to_value());
    let hash: String = Script::new(text).hash().iter().take(8).map(|byte| format!("{byte:02x}")).collect();
    assert_eq!(
        (sample::VERSION, hash.as_str()),
        ("1.0.0", "ac1c43258c259423"),
        "the sample has changed: raise its version"
    );
}
