//! How much of a call is recorded, listed and logged.

use connector_runtime::log::{MAX_LOG_BURST, MAX_LOG_LINES};
use serde_json::{Value, json};

use crate::execute::MAX_RECORDED;
use crate::testing::TestServer;
use crate::testing::log::Log;
use crate::testing::types::CANARY;

#[tokio::test]
async fn what_is_long_is_recorded_in_part_and_says_so() {
    let server = TestServer::start().await;
    server.connector("mine", "safe", json!({ "baseUrl": "https://api.example.com/", "apiKey": CANARY })).await;
    let text = "long text ".repeat(200_000);
    let params = json!({ "text": text, "pin": "a secret pin" });
    let answer = server.execute("mine", json!({ "command": "echo", "params": params })).await;
    let row = server.row(&answer).await;
    let result = answer.ok(200);
    assert_eq!(result["payload"]["text"], text, "the caller gets the whole answer");
    let recorded = row["params"]["text"].as_str().unwrap();
    let kept = recorded.strip_suffix("…[truncated]").unwrap();
    assert!(text.starts_with(kept) && row["params"].to_string().len() > MAX_RECORDED - 100, "{}", recorded.len());
    assert!(row["params"].to_string().len() <= MAX_RECORDED && row["result"].to_string().len() <= MAX_RECORDED);
    assert_eq!(
        (&row["result"]["success"], &row["result"]["variables"]),
        (&json!(true), &json!({ "key": "[redacted]" }))
    );
    let bytes = |part: &str| row["truncated"][part]["bytes"].as_u64().unwrap();
    assert_eq!(bytes("params"), json!({ "text": text, "pin": "[redacted]" }).to_string().len() as u64);
    assert!(bytes("result") > text.len() as u64, "{}", row["truncated"]);
    assert_eq!(row["truncated"].get("diagnostics"), None);
    assert!(!row.to_string().contains("canary"));
    // What is short is not marked.
    let answer = server.execute("mine", json!({ "command": "echo" })).await;
    assert_eq!(server.row(&answer).await["truncated"], Value::Null);
}

#[tokio::test]
async fn refused_and_failed_calls_are_recorded_in_part_too() {
    let server = TestServer::start().await;
    server.connector("mine", "safe", json!({ "baseUrl": "https://api.example.com/", "apiKey": CANARY })).await;
    let long: Vec<u32> = (0..99_000).collect();
    let answer = server.execute("mine", json!({ "command": "nothing", "params": { "list": long } })).await;
    let row = server.row(&answer).await;
    assert_eq!(row["status"], "failed");
    assert!(row["truncated"]["params"]["bytes"].as_u64().unwrap() > 500_000, "{}", row["truncated"]);
    let list = row["params"]["list"].as_array().unwrap();
    assert!(list.len() > 10_000 && list.len() < long.len());
    assert!(list.iter().zip(&long).all(|(kept, given)| kept == given));
}

#[tokio::test]
async fn a_list_of_long_executions_is_light() {
    let server = TestServer::start().await;
    server.connector("mine", "safe", json!({ "baseUrl": "https://api.example.com/", "apiKey": CANARY })).await;
    let body = json!({ "command": "echo", "params": { "text": "x".repeat(300_000) }, "stepId": "s1" });
    for _ in 0..20 {
        server.execute("mine", body.clone()).await.ok(200);
    }
    let list = server.get("/api/executions?limit=500").await;
    assert!(list.text.len() < 20 * 1024, "{}", list.text.len());
    let list = list.ok(200);
    let items = list["items"].as_array().unwrap();
    assert_eq!(items.len(), 20);
    for key in ["params", "result", "logs", "truncated"] {
        assert_eq!(items[0].get(key), None, "{key}");
    }
    assert_eq!((&items[0]["stepId"], &items[0]["status"]), (&json!("s1"), &json!("succeeded")));
}

#[tokio::test]
async fn a_chatty_connector_leaves_the_log_to_the_others() {
    let server = TestServer::start().await;
    for name in ["chatty", "quiet"] {
        server.connector(name, "odd", json!({})).await;
    }
    let log = Log::keep("info");
    for _ in 0..40 {
        let answer = server.execute("chatty", json!({ "command": "babble" })).await;
        assert_eq!(server.row(&answer).await["logs"].as_array().unwrap().len(), MAX_LOG_LINES + 1);
    }
    // A write reloads the connector; its limit stays.
    server.put("/api/connectors/chatty", json!({ "description": "another" })).await.ok(200);
    server.execute("chatty", json!({ "command": "babble" })).await.ok(200);
    server.execute("quiet", json!({ "command": "chatter" })).await.ok(200);
    let of = |name: &str| -> Vec<Value> {
        log.lines().into_iter().filter(|line| line["connector"] == name && line["target"] == "connector").collect()
    };
    let written = of("chatty").len();
    // What is refilled while this runs is far from what 41 calls log.
    assert!((1000..3 * MAX_LOG_BURST as usize).contains(&written), "{written}");
    assert!(of("quiet").len() > 50, "{}", of("quiet").len());
    let reports = log.lines();
    let report = reports.iter().find(|line| line["connector"] == "chatty" && line["dropped"].is_u64()).unwrap();
    assert!(report["message"].as_str().unwrap().contains("were dropped here"), "{report}");
}

#[tokio::test]
async fn each_call_that_ended_has_one_line() {
    let server = TestServer::start().await;
    server.connector("mine", "safe", json!({ "baseUrl": "https://api.example.com/", "apiKey": CANARY })).await;
    let log = Log::keep("info");
    let unknown = "no such command";
    let calls = [
        json!({ "command": "echo" }),
        json!({ "command": unknown }),
        json!({ "command": "echo", "mockScenario": "none" }),
    ];
    let mut ids = Vec::new();
    for call in calls {
        let answer = server.execute("mine", call).await;
        ids.push(answer.header("x-execution-id").to_owned());
    }
    let lines: Vec<Value> = log.lines().into_iter().filter(|line| line["event"] == "execution").collect();
    let told: Vec<&str> = lines.iter().filter_map(|line| line["execution_id"].as_str()).collect();
    assert_eq!(told, ids);
    let (first, second) = (&lines[0], &lines[1]);
    assert_eq!((&first["connector"], &first["command"]), (&json!("mine"), &json!("echo")), "{first}");
    assert_eq!((&first["status"], &first["source"]), (&json!("succeeded"), &json!("rest")));
    assert!(first["ms"].is_u64() && first["actor"].is_string() && first["token_id"].is_string(), "{first}");
    assert!(first["span"]["request_id"].is_string() && first.get("error").is_none(), "{first}");
    assert_eq!(second["status"], "failed");
    assert!(second["error"].as_str().unwrap().starts_with("Unknown command: "), "{second}");
    assert_eq!(second["command"], unknown);
}

#[tokio::test]
async fn what_a_handler_logs_names_its_call() {
    let server = TestServer::start().await;
    server.connector("odd", "odd", json!({})).await;
    let log = Log::keep("info");
    let answer = server.execute("odd", json!({ "command": "panic" })).await;
    let lines = log.lines();
    let line = lines.iter().find(|line| line["message"] == "a connector panicked").expect("it is logged");
    assert_eq!(line["span"]["execution_id"], answer.header("x-execution-id"), "{line}");
    assert_eq!((&line["span"]["connector"], &line["span"]["command"]), (&json!("odd"), &json!("panic")));
    assert!(line["span"]["request_id"].is_string(), "{line}");
}
