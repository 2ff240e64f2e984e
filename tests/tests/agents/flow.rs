//! The guide's flow, and where the secrets are in it.

use std::path::Path;

use serde_json::{Value, json};
use test_support::agent::token;
use test_support::{Gate, Setup, Site, eventually};

use crate::fixture::{
    AGENT, KEY, arrived, calls, connector, crm, execute, executing, forwards, listed, listed_as, service,
};

#[tokio::test]
async fn the_guides_agent_works_as_printed() {
    let gate = Gate::shut();
    let service = service(&gate).await;
    let floh = Setup::default().start().await;
    let client = floh.admin();
    let made = client.post("/api/connectors", &connector("internal-api")).await.expect(201);
    assert_eq!(made["executionModel"], "external", "{made}");
    let call = json!({ "command": "listUsers", "params": { "limit": 3 } });
    let nobody = execute(&client, "internal-api", &call).await;
    assert_eq!(nobody["error"], "No agent is connected for internal-api", "{nobody}");

    let (_, secret) = token(&floh, AGENT, &["internal-api", "sap-hr"]).await;
    let mut agent = Site::new(&floh, &secret, &forwards("internal-api", &service)).start().await;
    let line =
        format!("agent {AGENT} registered at ws://{}/api/connectors/agents/ws, serving internal-api", floh.address());
    assert_eq!(agent.logs().lines().find(|line| line.contains("registered at")), Some(&*line));
    let result = execute(&client, "internal-api", &call).await;
    let expected = json!({ "success": true, "payload": { "users": [0, 1, 2] }, "variables": { "userCount": 3 } });
    assert_eq!(result, expected);
    let sent = &calls(&service, "listUsers")[0];
    assert_eq!((&sent["config"]["apiKey"], &sent["protocolVersion"]), (&json!(KEY), &json!("2.0")));
    assert_eq!(sent["params"], json!({ "limit": 3, "wait": false }), "defaults are filled in");

    let shown = listed_as(&floh, "measured", |agent| agent["latencyMs"].is_number()).await;
    assert_eq!((&shown["agentId"], &shown["agentName"]), (&json!(AGENT), &json!("Production Agent")));
    assert_eq!((&shown["state"], &shown["inFlight"]), (&json!("connected"), &json!(0)));
    assert_eq!((&shown["connectorNames"], &shown["maxConcurrent"]), (&json!(["internal-api"]), &json!(128)));
    assert!(shown["agentVersion"].is_string() && shown.get("refused").is_none(), "{shown}");
    let waiting =
        executing(&floh, "internal-api", json!({ "command": "addUser", "params": { "name": "a", "wait": true } }));
    arrived(&service, "addUser", 1).await;
    assert_eq!(listed(&floh).await["inFlight"], 1);

    // What is at work when the agent is asked to stop is finished; nothing more is taken.
    agent.terminate();
    gate.open();
    let done = waiting.await.unwrap();
    assert_eq!(done, json!({ "success": true, "payload": { "name": "a" } }));
    assert!(agent.exit().await.success(), "{}", agent.logs());
    let gone = listed_as(&floh, "gone", |agent| agent["state"] == "lost").await;
    assert!(gone["lastError"].as_str().unwrap().contains("the agent stops"), "{gone}");
    let nobody = execute(&client, "internal-api", &call).await;
    assert_eq!(nobody["error"], "No agent is connected for internal-api", "{nobody}");
}

#[tokio::test]
async fn a_config_on_the_agent_never_reaches_the_server() {
    const LOCAL: &str = "canary-of-the-local-key";
    let service = service(&Gate::shut()).await;
    let mut floh = Setup::default().start().await;
    let client = floh.admin();
    let mut body = connector("crm");
    body.as_object_mut().unwrap().remove("config");
    client.post("/api/connectors", &body).await.expect(201);
    let (_, secret) = token(&floh, AGENT, &["crm"]).await;
    let toml = format!("config = \"agent\"\n{}config.apiKey = {{ file = \"api.key\" }}\n", forwards("crm", &service));
    let agent = Site::new(&floh, &secret, &toml).file("api.key", LOCAL).start().await;

    let mut seen = String::new();
    for (command, success) in [("listUsers", true), ("refuse", false)] {
        let result = execute(&client, "crm", &json!({ "command": command })).await;
        assert_eq!(result["success"], success, "{result}");
        seen.push_str(&result.to_string());
        assert_eq!(calls(&service, command)[0]["config"], json!({ "apiKey": LOCAL }), "the service gets it");
    }
    assert!(seen.contains("the key [redacted] is not taken"), "{seen}");
    for path in ["/api/connectors/crm", "/api/connectors/agents", "/api/executions", "/api/connector-types/crm"] {
        seen.push_str(&client.get(path).await.expect(200).to_string());
    }
    seen.push_str(&agent.logs());
    floh.terminate();
    floh.exit().await;
    seen.push_str(&floh.logs());
    seen.push_str(&folder(&floh.setup().data_dir()));
    assert!(seen.contains("listUsers"), "what is looked through has the executions in it");
    assert!(!seen.contains("canary-of"), "{:.2000}", &seen[seen.find("canary-of").unwrap_or_default()..]);
}

fn folder(path: &Path) -> String {
    let files = std::fs::read_dir(path).unwrap().map(|entry| entry.unwrap().path()).filter(|path| path.is_file());
    files.map(|path| String::from_utf8_lossy(&std::fs::read(path).unwrap()).into_owned()).collect()
}

#[tokio::test]
async fn a_suspended_agent_is_a_timeout_and_its_late_result_is_recorded() {
    let service = service(&Gate::shut()).await;
    let (floh, site) = crm(&service).await;
    let client = floh.admin();
    let agent = site.start().await;
    agent.suspend();
    let late = json!({ "command": "addUser", "params": { "name": "late" }, "timeoutMs": 300 });
    let result = execute(&client, "crm", &late).await;
    assert_eq!(result["error"], "Timed out after 300 ms", "{result}");
    assert_eq!(result["diagnostics"]["outcome"], "unknown", "it had left: {result}");
    assert_eq!(calls(&service, "addUser"), Vec::<Value>::new());

    agent.resume();
    let recorded = || async {
        let page = client.get("/api/executions?connector=crm").await.expect(200);
        let row = page["items"].as_array().unwrap().iter().find(|row| row["status"] == "succeeded").cloned();
        Some(client.get(&format!("/api/executions/{}", row?["id"].as_str().unwrap())).await.expect(200))
    };
    let row = eventually("the late result", recorded).await;
    assert_eq!(row["result"], json!({ "success": true, "payload": { "name": "late" } }), "{row}");
    let logged = "an execution whose outcome was unknown has its result now";
    let line = floh.logs().lines().find(|line| line.contains(logged)).map(str::to_owned).unwrap();
    assert!(line.contains(AGENT) && !line.contains("canary-of"), "{line}");
    let next = execute(&client, "crm", &json!({ "command": "addUser", "params": { "name": "next" } })).await;
    assert_eq!(next, json!({ "success": true, "payload": { "name": "next" } }));
    let names: Vec<_> = calls(&service, "addUser").iter().map(|call| call["params"]["name"].clone()).collect();
    assert_eq!(names, ["late", "next"], "each once");
    assert_eq!(agent.registrations(), 1, "the connection held");
}
