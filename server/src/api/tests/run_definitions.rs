//! Run definitions over REST: versions, the check when they are written, inputs, secrets, bounds, and what a change of a type
//! breaks.

use serde_json::{Value, json};

use super::run_steps::{ended, server, step};
use crate::testing::TestServer;

const PATH: &str = "/api/run-definitions";

fn report() -> Value {
    json!({
        "name": "report", "description": "Finds and tells.",
        "inputs": { "most": { "type": "number", "default": 5 }, "password": { "type": "string", "secret": true, "required": true } },
        "steps": [
            step("find", "list", json!({ "params": { "limit": "{{most}}" }, "outputKey": "found" })),
            step("tell", "echo", json!({ "params": { "limit": "{{found.total}}", "password": "{{password}}" }, "outputKey": "told" })),
        ],
    })
}

fn change(mut body: Value) -> Value {
    body.as_object_mut().unwrap().remove("name");
    body
}

async fn with_report() -> TestServer {
    let server = server().await;
    server.post(PATH, report()).await.ok(201);
    server
}

#[tokio::test]
async fn each_write_is_a_version_and_an_equal_one_is_none() {
    let server = with_report().await;
    let path = format!("{PATH}/report");
    let first = server.get(&path).await;
    assert_eq!(first.header("etag"), "\"1\"");
    let first = first.ok(200);
    assert_eq!(
        (&first["version"], &first["broken"], &first["checkedAgainst"]),
        (&json!(1), &json!([]), &json!({ "crm": "1.0.0" }))
    );
    assert_eq!((&first["steps"], &first["inputs"]), (&report()["steps"], &report()["inputs"]));
    assert_eq!(server.put(&path, change(report())).await.ok(200)["version"], 1);
    let mut longer = change(report());
    longer["steps"].as_array_mut().unwrap().push(step("more", "echo", json!({})));
    let put = server.call_with("PUT", &path, longer.clone(), "if-match", "\"1\"").await.ok(200);
    assert_eq!(put["version"], 2);
    server.call_with("PUT", &path, change(report()), "if-match", "\"1\"").await.ok(412);
    assert_eq!(server.get(&format!("{path}/versions/1")).await.ok(200)["steps"], report()["steps"]);
    let versions = server.get(&format!("{path}/versions?limit=1")).await.ok(200);
    assert_eq!((&versions["items"][0]["version"], versions["nextCursor"].is_string()), (&json!(2), true));
    for missing in [format!("{path}/versions/3"), format!("{path}/versions/x"), format!("{PATH}/none")] {
        server.get(&missing).await.ok(404);
    }
    let list = server.get(PATH).await.ok(200);
    assert_eq!((&list["items"][0]["name"], &list["items"][0]["stepCount"]), (&json!("report"), &json!(3)));
    assert_eq!(server.post(PATH, report()).await.ok(409)["code"], "name_taken");
    let trail = server.get("/api/audit?subject=run_definition").await.ok(200);
    let actions: Vec<_> =
        trail["items"].as_array().unwrap().iter().map(|entry| entry["action"].as_str().unwrap()).collect();
    assert_eq!(actions, ["changed", "created"]);
    server.call_with("DELETE", &path, Value::Null, "if-match", "\"1\"").await.ok(412);
    assert_eq!(server.call("DELETE", &path, Value::Null).await.status, 204);
    server.get(&path).await.ok(404);
}

#[tokio::test]
async fn a_definition_is_checked_with_its_inputs_before_it_is_started() {
    let server = with_report().await;
    let check = async |body: Value| server.post("/api/runs/check", body).await;
    let good = json!({ "definition": "report", "version": 1, "variables": { "password": "pw-of-a-check" } });
    let checked = check(good).await.ok(200);
    assert_eq!(
        (&checked["errors"], checked["references"].as_array().map(Vec::len)),
        (&json!([]), Some(3)),
        "{checked}"
    );
    assert!(!checked.to_string().contains("pw-of-a-check"), "{checked}");
    for (body, status, pointer) in [
        (json!({ "definition": "report" }), 422, "/variables/password"),
        (json!({ "definition": "report", "strict": true, "variables": { "password": "p" } }), 422, "/strict"),
        (json!({ "definition": "report", "version": 0 }), 422, "/version"),
        (json!({ "definition": "../report" }), 422, "/definition"),
        (json!({ "definition": "x".repeat(64) }), 422, "/definition"),
        (json!({ "definition": "report", "steps": report()["steps"] }), 422, "/definition"),
        (json!({ "steps": report()["steps"], "version": 1 }), 422, "/version"),
        (json!({ "variables": {} }), 422, "/steps"),
    ] {
        let problem = check(body).await.ok(status);
        assert_eq!(problem["errors"][0]["pointer"], pointer, "{problem}");
    }
    for missing in [json!({ "definition": "none" }), json!({ "definition": "report", "version": 2 })] {
        check(missing).await.ok(404);
    }
    // What was saved may be refused by the schemas of now.
    server.call("DELETE", "/api/connectors/crm", Value::Null).await;
    let checked = check(json!({ "definition": "report", "variables": { "password": "p" } })).await.ok(200);
    assert_eq!(checked["errors"][0]["code"], "unknown_connector", "{checked}");
    assert_eq!(server.get("/api/runs").await.ok(200)["items"], json!([]));
}

#[tokio::test]
async fn what_the_check_refuses_is_not_written() {
    let server = server().await;
    let mut wrong = report();
    wrong["strict"] = json!(true);
    wrong["steps"][1]["params"]["limit"] = json!("{{foud.total}}");
    let problem = server.post(PATH, wrong).await.ok(422);
    let item = &problem["errors"][0];
    assert_eq!(
        (&item["pointer"], &item["suggestion"]),
        (&json!("/steps/1/params/limit"), &json!("found")),
        "{problem}"
    );
    assert_eq!(item["code"], "unknown_root");
    let mut malformed = report();
    malformed["inputs"] = json!({ "run": { "type": "number" } });
    malformed["steps"][0]["colour"] = json!(1);
    let problem = server.post(PATH, malformed).await.ok(422);
    let pointers: Vec<_> =
        problem["errors"].as_array().unwrap().iter().map(|item| item["pointer"].as_str().unwrap()).collect();
    assert_eq!(pointers, ["/steps/0/colour", "/inputs/run"], "{problem}");
    for literal in ["hunter22", "{{password ?? \"hunter22\"}}"] {
        let mut secret = report();
        secret["steps"][1]["params"]["password"] = json!(literal);
        let problem = server.post(PATH, secret).await.ok(422);
        assert_eq!(problem["errors"][0]["pointer"], "/steps/1/params/password");
        assert!(!problem.to_string().contains("hunter22"));
    }
    assert_eq!(server.get(PATH).await.ok(200)["items"], json!([]));
}

#[tokio::test]
async fn a_run_of_a_definition_gets_its_inputs() {
    let server = with_report().await;
    let start = |variables: Value| json!({ "definition": "report", "variables": variables });
    let started = server.post("/api/runs", start(json!({ "password": "canary-input-1" }))).await.ok(202);
    let run = ended(&server, started["id"].as_str().unwrap()).await;
    assert_eq!(
        (&run["status"], &run["definition"], &run["version"]),
        (&json!("succeeded"), &json!("report"), &json!(1)),
        "{run}"
    );
    assert_eq!((&run["variables"]["most"], &run["variables"]["password"]), (&json!(5), &json!("[redacted]")));
    assert!(!run.to_string().contains("canary"), "{run}");
    assert_eq!(server.get("/api/runs?definition=report").await.ok(200)["items"].as_array().unwrap().len(), 1);
    for (variables, pointer) in [
        (json!({}), "/variables/password"),
        (json!({ "password": "x", "more": 1 }), "/variables/more"),
        (json!({ "password": "x", "most": "5" }), "/variables/most"),
    ] {
        let problem = server.post("/api/runs", start(variables)).await.ok(422);
        assert_eq!(problem["errors"][0]["pointer"], pointer, "{problem}");
    }
    server.post("/api/runs", json!({ "definition": "report", "version": 2, "variables": {} })).await.ok(404);
    server.post("/api/runs", json!({ "definition": "none" })).await.ok(404);
}

#[tokio::test]
async fn a_change_of_a_type_tells_which_definitions_it_breaks() {
    let server = with_report().await;
    let path = "/api/connector-types/crm";
    let current = server.get(path).await.ok(200);
    let change =
        |schema: Value| json!({ "scriptSource": current["scriptSource"], "configSchema": schema, "autoBump": true });
    let mut wider = current["configSchema"].clone();
    wider["commands"]["list"]["paramSchema"]["more"] = json!({ "type": "string" });
    wider["commands"]["list"]["params"].as_array_mut().unwrap().push(json!("more"));
    let harmless = server.post(&format!("{path}/diff"), change(wider)).await.ok(200);
    assert_eq!(harmless["change"]["affected"], json!([]), "{harmless}");
    let mut narrower = current["configSchema"].clone();
    narrower["commands"].as_object_mut().unwrap().remove("echo");
    let diff = server.post(&format!("{path}/diff"), change(narrower.clone())).await.ok(200);
    let affected = diff["change"]["affected"].as_array().unwrap();
    let broken = affected.iter().find(|item| item["definition"] == "report").unwrap_or_else(|| panic!("{diff}"));
    assert_eq!((&broken["version"], &broken["pointer"]), (&json!(1), &json!("/steps/1/command")));
    assert!(broken["message"].as_str().unwrap().contains("echo"));
    let changed = server.put(path, change(narrower)).await.ok(200);
    assert!(changed["change"]["affected"].as_array().unwrap().contains(broken), "{changed}");
    let definition = server.get("/api/run-definitions/report").await.ok(200);
    assert_eq!(definition["broken"][0]["code"], "unknown_command");
    let refused =
        server.post("/api/runs", json!({ "definition": "report", "variables": { "password": "x" } })).await.ok(422);
    assert_eq!(refused["errors"][0]["pointer"], "/steps/1/command");
    assert_eq!(server.get("/api/executions").await.ok(200)["items"], json!([]), "nothing was called");
}

#[tokio::test]
async fn an_output_that_is_removed_breaks_what_reads_it() {
    let server = server().await;
    let path = "/api/connector-types/crm";
    let current = server.get(path).await.ok(200);
    let change =
        |schema: &Value| json!({ "scriptSource": current["scriptSource"], "configSchema": schema, "autoBump": true });
    let mut schema = current["configSchema"].clone();
    schema["commands"]["list"]["outputs"] = json!(["total", "items"]);
    schema["commands"]["list"]["outputSchema"] = json!({ "type": "object", "additionalProperties": false,
        "properties": { "total": { "type": "integer" }, "items": { "type": "array" } }, "required": ["total", "items"] });
    server.put(path, change(&schema)).await.ok(200);
    let mut definition = report();
    definition["strict"] = json!(true);
    server.post(PATH, definition).await.ok(201);
    let affected = async |schema: &Value| {
        server.post(&format!("{path}/diff"), change(schema)).await.ok(200)["change"]["affected"].clone()
    };
    let output = &mut schema["commands"]["list"]["outputSchema"];
    output["properties"]["more"] = json!({ "type": "string" });
    assert_eq!(affected(&schema).await, json!([]), "one more breaks nothing");
    schema["commands"]["list"]["outputs"] = json!(["items"]);
    let output = &mut schema["commands"]["list"]["outputSchema"];
    output["properties"].as_object_mut().unwrap().remove("total");
    output["required"] = json!(["items"]);
    let broken = affected(&schema).await;
    let named = broken.as_array().unwrap().iter().find(|item| item["definition"] == "report");
    let named = named.unwrap_or_else(|| panic!("{broken}"));
    assert_eq!((&named["version"], &named["pointer"]), (&json!(1), &json!("/steps/1/params/limit")), "{broken}");
    assert!(named["message"].as_str().unwrap().contains("total"), "{broken}");
}

#[tokio::test]
async fn definitions_of_others_are_not_there() {
    let server = with_report().await;
    let new =
        json!({ "name": "bound", "kind": "api", "scopes": ["runs:*", "connectors:*"], "connectorNames": ["pause"] });
    let bound = server.post("/api/tokens", new).await.ok(201)["token"].as_str().unwrap().to_owned();
    let server = TestServer { admin: bound, ..server };
    assert_eq!(server.get(PATH).await.ok(200)["items"], json!([]));
    let path = format!("{PATH}/report");
    for path in [path.clone(), format!("{path}/versions"), format!("{path}/versions/1")] {
        server.get(&path).await.ok(404);
    }
    server.put(&path, change(report())).await.ok(404);
    server.call("DELETE", &path, Value::Null).await.ok(404);
    server.post("/api/runs", json!({ "definition": "report", "variables": { "password": "x" } })).await.ok(404);
    let mut mine = report();
    mine["name"] = json!("mine");
    server.post(PATH, mine).await.ok(422);
}
