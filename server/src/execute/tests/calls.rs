//! One call from the request to the row.

use connector_runtime::connector::Connector as _;
use connector_runtime::descriptor::{CommandSpec, Descriptor};
use connector_runtime::registry::Registry;
use serde_json::{Value, json};

use crate::testing::types::{CANARY, Safe, gate};
use crate::testing::{TestServer, all_types};

fn full() -> Value {
    json!({ "baseUrl": "https://api.example.com/", "apiKey": CANARY, "login": { "user": "me", "password": "nested canary" } })
}

#[tokio::test]
async fn a_call_answers_what_it_did_and_leaves_a_row_without_secrets() {
    let server = TestServer::start().await;
    server.connector("mine", "safe", full()).await;
    let headers = json!({ "Authorization": "Bearer abc", "X-Api-Token": "abc", "accept": "text/plain" });
    let params =
        json!({ "text": format!("say {CANARY}"), "pin": "a secret pin", "headers": headers, "unknown": "kept" });
    let body = json!({ "command": "echo", "params": params, "variables": { "v": 1 }, "stepId": "s1", "runId": "r1" });
    let answer = server.execute("mine", body).await;
    assert!(answer.header("server-timing").contains("command;dur="), "{answer:?}");
    assert_eq!(answer.header("deprecation"), "");
    let row = server.row(&answer).await;
    let result = answer.ok(200);
    // The caller gets the payload unmasked.
    assert_eq!((&result["payload"]["key"], &result["payload"]["pin"]), (&json!(CANARY), &json!("a secret pin")));
    assert_eq!(result["payload"]["login"], "me nested canary");
    assert_eq!((&result["payload"]["limit"], &result["variables"]["key"]), (&json!(30), &json!(CANARY)));
    // The record is masked.
    let shown = row.to_string();
    for secret in [CANARY, "a secret pin", "nested canary", "Bearer abc"] {
        assert!(!shown.contains(secret), "{shown}");
    }
    assert_eq!(
        row["params"],
        json!({ "text": "say [redacted]", "pin": "[redacted]", "unknown": "kept",
            "headers": { "Authorization": "[redacted]", "X-Api-Token": "[redacted]", "accept": "text/plain" } })
    );
    assert_eq!(row["result"]["payload"]["key"], "[redacted]");
    assert_eq!(row["result"]["payload"]["headers"]["Authorization"], "[redacted]");
    assert_eq!(row["result"]["variables"], json!({ "key": "[redacted]" }));
    let logs: Vec<_> = row["logs"].as_array().unwrap().iter().map(|line| (&line["level"], &line["message"])).collect();
    assert_eq!(
        logs,
        [
            (&json!("warn"), &json!("the param unknown is ignored: the command has none of that name")),
            (&json!("info"), &json!("the key is [redacted]")),
        ],
        "debug is below info"
    );
    for (key, value) in [
        ("connector", json!("mine")),
        ("type", json!("safe")),
        ("typeVersion", json!("1.2.0")),
        ("command", json!("echo")),
        ("status", json!("succeeded")),
        ("mocked", json!(false)),
        ("source", json!("rest")),
        ("stepId", json!("s1")),
        ("runId", json!("r1")),
        ("deprecated", json!(false)),
    ] {
        assert_eq!(row[key], value, "{key}");
    }
    assert!(row["durationMs"].is_u64() && row["startedAt"].is_string());
}

#[tokio::test]
async fn a_failure_tells_no_secret_to_anybody() {
    let server = TestServer::start().await;
    server.connector("mine", "safe", full()).await;
    let answer = server.execute("mine", json!({ "command": "leak" })).await;
    let row = server.row(&answer).await;
    let result = answer.ok(200);
    let wanted = json!({ "success": false, "diagnostics": { "sent": { "key": "[redacted]" } }, "error": "wrong key [redacted]" });
    assert_eq!((&result, &row["result"]), (&wanted, &wanted));
}

#[tokio::test]
async fn what_is_refused_is_recorded_with_its_secrets_masked() {
    let server = TestServer::start().await;
    server.connector("mine", "safe", full()).await;
    let params = json!({ "pin": "a secret pin", "text": CANARY });
    let unknown = server.execute("mine", json!({ "command": CANARY, "params": params, "runId": CANARY })).await;
    let row = server.row(&unknown).await;
    let unknown = unknown.ok(200);
    assert_eq!(unknown["error"], "Unknown command: [redacted] (known commands: echo, leak, hello)");
    assert_eq!(
        (&row["status"], &row["params"]),
        (&json!("failed"), &json!({ "pin": "[redacted]", "text": "[redacted]" }))
    );
    assert!(!row.to_string().contains(CANARY), "{row}");
    let invalid = server.execute("mine", json!({ "params": { "text": 7, "pin": "a secret pin" } })).await;
    let row = server.row(&invalid).await;
    assert_eq!(invalid.ok(200)["error"], "Invalid field(s): text: expected string, got number");
    assert_eq!((&row["command"], &row["params"]["pin"]), (&json!("echo"), &json!("[redacted]")));
    let reserved = server.execute("mine", json!({ "params": { "command": "leak" } })).await;
    assert_eq!(reserved.problem(422), ["/params/command"]);
    server.put("/api/connectors/mine", json!({ "enabled": false })).await.ok(200);
    let disabled = server.execute("mine", json!({ "params": { "pin": "a secret pin" } })).await;
    let row = server.row(&disabled).await;
    assert_eq!(disabled.ok(200), json!({ "success": false, "error": "Connector mine is disabled" }));
    assert_eq!(
        (&row["status"], &row["command"], &row["params"]),
        (&json!("failed"), &json!("echo"), &json!({ "pin": "[redacted]" }))
    );
    let nothing = server.connector("odd", "odd", json!({})).await;
    let answer = server.execute("odd", json!({})).await;
    assert_eq!(server.row(&answer).await["command"], Value::Null);
    assert!(answer.ok(200)["error"].as_str().unwrap().starts_with("No command given"), "{nothing}");
}

#[tokio::test]
async fn a_test_runs_the_command_test_or_says_that_there_is_none() {
    let server = TestServer::start().await;
    server.connector("odd", "odd", json!({})).await;
    server.connector("mine", "safe", full()).await;
    let tested = server.post("/api/connectors/odd/test", Value::Null).await;
    assert_eq!(server.row(&tested).await["command"], "test");
    assert_eq!(tested.ok(200)["payload"], "it works");
    let without = server.post("/api/connectors/mine/test", json!({ "params": { "x": CANARY } })).await;
    let row = server.row(&without).await;
    assert_eq!(without.ok(200), json!({ "success": false, "error": "Connector type safe has no test command" }));
    assert_eq!(
        (&row["status"], &row["command"], &row["params"]),
        (&json!("failed"), &json!("test"), &json!({ "x": "[redacted]" }))
    );
    assert_eq!(server.post("/api/connectors/mine/test", json!({ "command": "echo" })).await.problem(422), ["/command"]);
    server.post("/api/connectors/nothing/test", json!({})).await.problem(404);
}

#[tokio::test]
async fn a_panic_is_a_failure_and_the_server_goes_on() {
    let server = TestServer::start().await;
    server.connector("odd", "odd", json!({})).await;
    let answer = server.execute("odd", json!({ "command": "panic" })).await;
    let row = server.row(&answer).await;
    assert_eq!(answer.ok(200), json!({ "success": false, "error": "Connector panicked" }));
    assert_eq!(row["status"], "failed");
    assert_eq!(server.execute("odd", json!({ "command": "ping" })).await.ok(200)["payload"], "pong");
}

#[tokio::test]
async fn a_deprecated_command_works_and_says_so() {
    let server = TestServer::start().await;
    server.connector("mine", "safe", full()).await;
    let answer = server.execute("mine", json!({ "command": "hello" })).await;
    assert_eq!(answer.header("deprecation"), "true");
    assert_eq!(server.row(&answer).await["deprecated"], true);
    assert_eq!(answer.ok(200), json!({ "success": true, "payload": "hello" }));
    let mocked = server.execute("mine", json!({ "command": "hello", "mockScenario": "none" })).await;
    assert_eq!((mocked.header("deprecation"), &server.row(&mocked).await["deprecated"]), ("true", &json!(true)));
    for _ in 0..2 {
        let body = json!({ "command": "hello" });
        let answer = server.call_with("POST", "/api/connectors/mine/execute", body, "idempotency-key", "once").await;
        assert_eq!(answer.header("deprecation"), "true");
    }
    server.put("/api/connectors/mine", json!({ "config": { "apiKey": null } })).await.ok(200);
    let refused = server.execute("mine", json!({ "command": "hello" })).await;
    assert_eq!((refused.header("deprecation"), &server.row(&refused).await["deprecated"]), ("true", &json!(true)));
    assert_eq!(refused.ok(200)["error"], "Missing required field(s): apiKey");
    server.put("/api/connectors/mine", json!({ "enabled": false })).await.ok(200);
    let refused = server.execute("mine", json!({ "command": "hello" })).await;
    assert_eq!((refused.header("deprecation"), &server.row(&refused).await["deprecated"]), ("true", &json!(true)));
    let other = server.execute("mine", json!({ "command": "echo" })).await;
    assert_eq!((other.header("deprecation"), &server.row(&other).await["deprecated"]), ("", &json!(false)));
}

#[tokio::test]
async fn a_deprecated_test_command_says_so_too() {
    use crate::testing::types::Odd;

    let commands = Odd::DESCRIPTOR.commands.iter().map(|command| CommandSpec { deprecated: Some(""), ..*command });
    let commands: Vec<CommandSpec> = commands.collect();
    let old = &*Box::leak(Box::new(Descriptor { commands: commands.leak(), ..*Odd::DESCRIPTOR }));
    let server = TestServer::on(tempfile::tempdir().unwrap(), Registry::of([old]).unwrap()).await;
    server.connector("mine", "odd", json!({})).await;
    let answer = server.post("/api/connectors/mine/test", json!({})).await;
    assert_eq!((answer.header("deprecation"), &server.row(&answer).await["deprecated"]), ("true", &json!(true)));
    assert_eq!(answer.ok(200)["payload"], "it works");
}

#[tokio::test]
async fn mocks_answer_in_their_order_and_never_call() {
    let server = TestServer::start().await;
    server.connector("mine", "safe", json!({})).await;
    let call = async |body: Value| {
        let answer = server.execute("mine", body).await;
        let mocked = server.row(&answer).await["mocked"] == true;
        (answer.ok(200), mocked)
    };
    // Mocked by the call: neither connection nor setting is needed; the params are validated all the same.
    let (result, mocked) =
        call(json!({ "command": "echo", "mockScenario": "polite", "params": { "text": "hi" } })).await;
    assert_eq!((result, mocked), (json!({ "success": true, "payload": { "mock": "polite", "text": "hi" } }), true));
    let (result, _) = call(json!({ "command": "echo", "mockScenario": "polite", "params": { "text": 1 } })).await;
    assert_eq!(result["error"], "Invalid field(s): text: expected string, got number");
    let (result, mocked) = call(json!({ "command": "echo", "mockScenario": "rude" })).await;
    assert_eq!(result["error"], "No mock scenario rude for command echo; known are default, polite");
    assert!(mocked);
    let (result, _) = call(json!({ "command": "leak", "mockScenario": "" })).await;
    assert_eq!(result["success"], false);
    // Mocked by the setting: the stored data first, then the code.
    let mock = json!({ "enabled": true, "data": { "echo": { "success": false, "error": "stored", "color": 1 },
        "leak": { "default": { "success": true, "payload": 1 } } } });
    server.put("/api/connectors/mine", json!({ "mock": mock })).await.ok(200);
    assert_eq!(call(json!({ "command": "echo" })).await, (json!({ "success": false, "error": "stored" }), true));
    let (result, _) = call(json!({ "command": "echo", "mockScenario": "polite" })).await;
    assert_eq!(result["payload"]["mock"], "polite");
    assert_eq!(call(json!({ "command": "leak" })).await.0, json!({ "success": true, "payload": 1 }));
    let worse = json!({ "data": { "leak": { "worse": { "data": {}, "success": true } }, "ehco": {} }, "enbled": true });
    let refused = server.put("/api/connectors/mine", json!({ "mock": worse })).await;
    assert_eq!(refused.problem(422), ["/mock/data/leak/worse", "/mock/data/ehco", "/mock/enbled"]);
    let body = refused.json();
    let message = |index: usize| body["errors"][index]["message"].as_str().unwrap();
    assert!(message(0).contains("rename data to payload"), "{body}");
    assert_eq!(message(1), "unknown command ehco; did you mean echo?");
    assert_eq!(message(2), "unknown key enbled; did you mean enabled?");
    let (result, mocked) = call(json!({ "command": "hello" })).await;
    assert_eq!(
        (&result["error"], mocked),
        (&json!("No mock scenario default for command hello; the command has none"), true)
    );
}

#[tokio::test]
async fn the_nearest_deadline_counts() {
    let server = TestServer::start().await;
    server.connector("odd", "odd", json!({})).await;
    let peek = |timeout: Value| json!({ "command": "peek", "params": { "gate": "never" }, "timeoutMs": timeout });
    assert_eq!(server.execute("odd", peek(Value::Null)).await.ok(200)["error"], "Timed out after 60 ms");
    server.put("/api/connectors/odd", json!({ "timeoutMs": 30 })).await.ok(200);
    assert_eq!(server.execute("odd", peek(Value::Null)).await.ok(200)["error"], "Timed out after 30 ms");
    assert_eq!(server.execute("odd", peek(json!(20))).await.ok(200)["error"], "Timed out after 20 ms");
    for bad in [json!(0), json!(300_001), json!(-5), json!(u64::MAX), json!(1e300), json!(1.5)] {
        assert_eq!(server.execute("odd", peek(bad)).await.problem(422), ["/timeoutMs"]);
    }
}

#[tokio::test]
async fn a_log_has_a_limit() {
    let server = TestServer::start().await;
    server.connector("odd", "odd", json!({})).await;
    let answer = server.execute("odd", json!({ "command": "chatter" })).await;
    let logs = server.row(&answer).await["logs"].clone();
    let lines = logs.as_array().unwrap();
    assert!(lines.len() < 70 && logs.to_string().len() < 80 * 1024, "{} lines", lines.len());
    assert!(lines.last().unwrap()["message"].as_str().unwrap().contains("dropped"));
}

#[tokio::test]
async fn beyond_what_may_run_at_once_calls_are_turned_away() {
    let server = TestServer::start().await;
    server.connector("odd", "odd", json!({})).await;
    server.connector("other", "odd", json!({})).await;
    let ping = || json!({ "command": "ping" });
    let instance = server.app.instances.get("odd", false).await.unwrap();
    let all = u32::try_from(instance.permits.available_permits()).unwrap();
    let taken = instance.permits.acquire_many(all).await.unwrap();
    let busy = server.call_with("POST", "/api/connectors/odd/execute", ping(), "idempotency-key", "k").await;
    busy.problem(503);
    assert_eq!(busy.header("retry-after"), "1");
    assert!(busy.text.contains("connector odd"), "{}", busy.text);
    server.execute("other", ping()).await.ok(200);
    // Writing to the connector does not reset the limit.
    server.put("/api/connectors/odd", json!({ "description": "new" })).await.ok(200);
    server.execute("odd", ping()).await.problem(503);
    drop(taken);
    let again = server.call_with("POST", "/api/connectors/odd/execute", ping(), "idempotency-key", "k").await;
    assert_eq!(again.header("idempotency-replayed"), "");
    again.ok(200);
    let all = u32::try_from(server.app.permits.available_permits()).unwrap();
    let taken = server.app.permits.acquire_many(all).await.unwrap();
    server.execute("other", ping()).await.problem(503);
    drop(taken);
    server.execute("other", ping()).await.ok(200);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_caller_who_hangs_up_does_not_stop_the_call() {
    let server = std::sync::Arc::new(TestServer::start().await);
    server.connector("odd", "odd", json!({})).await;
    let caller = server.clone();
    let call = tokio::spawn(async move {
        caller.execute("odd", json!({ "command": "hold", "params": { "gate": "hang-up" } })).await
    });
    let gate = gate("hang-up");
    gate.came.acquire().await.unwrap().forget();
    let row = server.newest_row().await;
    assert_eq!((&row["status"], &row["result"], &row["durationMs"]), (&json!("started"), &Value::Null, &Value::Null));
    call.abort();
    assert!(call.await.unwrap_err().is_cancelled());
    gate.open.add_permits(1);
    server.app.calls.close();
    server.app.calls.wait().await;
    let row = server.newest_row().await;
    assert_eq!((&row["status"], &row["result"]["payload"]), (&json!("succeeded"), &json!({ "passed": "hang-up" })));
}

#[tokio::test]
async fn a_wait_has_no_row_before_its_end() {
    let server = TestServer::start().await;
    server.connector("pause", "delay", json!({})).await;
    let mut looks = 0;
    // On a busy machine the call may have ended before the first look.
    while looks == 0 {
        let mut call = std::pin::pin!(server.execute("pause", json!({ "params": { "delayMs": 300 } })));
        let answer = loop {
            tokio::select! {
                answer = &mut call => break answer,
                page = server.get("/api/executions?status=started,accepted") => {
                    assert_eq!(page.ok(200)["items"], json!([]), "waiting changes nothing that a crash could make unknown");
                    looks += 1;
                }
            }
        };
        assert_eq!(server.row(&answer).await["status"], "succeeded");
    }
}

#[tokio::test]
async fn a_write_is_seen_by_the_next_call() {
    let server = TestServer::start().await;
    server.connector("mine", "safe", full()).await;
    for (limit, tenant) in [(1, "a"), (2, "b")] {
        let config = json!({ "limit": limit, "tenant": tenant });
        server.put("/api/connectors/mine", json!({ "config": config })).await.ok(200);
        let payload = server.execute("mine", json!({})).await.ok(200)["payload"].clone();
        assert_eq!((&payload["limit"], &payload["tenant"]), (&json!(limit), &json!(tenant)));
    }
    server.put("/api/connectors/mine", json!({ "name": "yours" })).await.ok(200);
    server.execute("mine", json!({})).await.problem(404);
    server.execute("yours", json!({})).await.ok(200);
    server.call("DELETE", "/api/connectors/yours", Value::Null).await.ok(204);
    server.execute("yours", json!({})).await.problem(404);
}

#[tokio::test]
async fn executions_are_found_by_what_is_asked() {
    let server = TestServer::start().await;
    server.connector("odd", "odd", json!({})).await;
    server.connector("mine", "safe", json!({})).await;
    server.execute("odd", json!({ "command": "ping", "runId": "r1" })).await.ok(200);
    server.execute("odd", json!({ "command": "panic", "runId": "r1" })).await.ok(200);
    server.execute("mine", json!({ "runId": "r2" })).await.ok(200);
    server.put("/api/connectors/odd", json!({ "name": "even" })).await.ok(200);
    let id = server.get("/api/connectors/even").await.ok(200)["id"].as_str().unwrap().to_owned();
    for (query, wanted) in [
        ("", vec!["echo", "panic", "ping"]),
        ("connector=odd", vec![]),
        ("connector=even", vec!["panic", "ping"]),
        (&format!("connector={id}"), vec!["panic", "ping"]),
        ("success=true", vec!["ping"]),
        ("success=false", vec!["echo", "panic"]),
        ("runId=r1&success=false", vec!["panic"]),
        ("command=ping", vec!["ping"]),
        ("runId=r3", vec![]),
        ("connector=nothing", vec![]),
    ] {
        let page = server.get(&format!("/api/executions?{query}")).await.ok(200);
        let commands: Vec<&str> =
            page["items"].as_array().unwrap().iter().map(|row| row["command"].as_str().unwrap()).collect();
        assert_eq!(commands, wanted, "{query}");
    }
}

#[tokio::test]
async fn a_type_without_its_code_keeps_its_connectors_and_their_secrets() {
    let server = TestServer::start().await;
    server.connector("web", "http", json!({ "baseUrl": "http://127.0.0.1:9/", "token": CANARY })).await;
    let server = server.restart(Registry::of([Safe::DESCRIPTOR]).unwrap()).await;
    let shown = server.get("/api/connectors/web").await.ok(200);
    assert_eq!((&shown["ready"], &shown["secrets"]["token"]["set"]), (&json!(false), &json!(true)));
    let params = json!({ "url": "/x", "auth": { "type": "bearer", "token": "another canary" } });
    let answer = server.execute("web", json!({ "params": params, "stepId": CANARY })).await;
    let row = server.row(&answer).await;
    assert_eq!(answer.ok(200)["error"], "Connector type http is not part of this server any more");
    assert!(!row.to_string().contains("canary"), "{row}");
    assert_eq!(row["status"], "failed");
    let gone = server.get("/api/connector-types/http").await.ok(200);
    assert_eq!((&gone["available"], &gone["instances"], &gone["source"]), (&json!(false), &json!(1), &json!("code")));
    let body = json!({ "name": "new", "type": "http", "executionModel": "built_in" });
    assert_eq!(server.post("/api/connectors", body).await.problem(422), ["/type"]);
    server.put("/api/connectors/web", json!({ "config": { "username": "me" } })).await.ok(200);
    let server = server.restart(all_types()).await;
    assert_eq!(server.get("/api/connectors/web").await.ok(200)["ready"], true);
    assert_eq!(server.get("/api/connector-types/http").await.ok(200)["available"], true);
    let answer = server.execute("web", json!({ "params": { "url": "/x" }, "mockScenario": "none" })).await.ok(200);
    assert!(answer["error"].as_str().unwrap().starts_with("No mock scenario"), "{answer}");
}
