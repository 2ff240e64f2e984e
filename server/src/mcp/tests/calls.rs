//! Calls of commands: what they answer, what is recorded, what limits them.

use serde_json::{Value, json};

use super::Client;
use super::client::text;
use super::listing::script_connector;
use crate::testing::TestServer;
use crate::testing::types::{CANARY, gate};

#[tokio::test]
async fn a_call_is_one_like_every_other() {
    let server = TestServer::start().await;
    script_connector(&server, "things").await;
    let client = Client::admin(&server);
    let answer = client.tool("things__getThing", json!({ "id": "7" })).await;
    assert_eq!(answer["payload"]["params"]["id"], "7", "{answer}");
    let row = server.newest_row().await;
    assert_eq!((&row["id"], &row["source"]), (&answer["executionId"], &json!("mcp")));
    let by_name = json!({ "connector": "things", "command": "getThing", "params": { "id": "8" } });
    assert_eq!(client.tool("execute_connector_command", by_name).await["payload"]["params"]["id"], "8");
    // Wrong arguments are results, and recorded.
    let text = client.refused("things__getThing", json!({ "id": 5 })).await;
    assert!(text.contains("id"), "{text}");
    let row = server.newest_row().await;
    assert_eq!((&row["source"], &row["status"]), (&json!("mcp"), &json!("failed")));
    for (arguments, why) in [
        (json!({}), "/connector"),
        (json!({ "connector": "things", "comand": "getThing" }), "unknown"),
        (json!({ "connector": "things", "command": "getThing", "variables": {} }), "/variables"),
        (json!({ "connector": "things", "command": "getThing", "timeoutMs": 0 }), "timeoutMs"),
        (json!({ "connector": 5 }), "expected a text"),
        (json!({ "connector": "nothing", "command": "x" }), "no connector nothing"),
        (json!({ "connector": "things", "command": "nothing" }), "Unknown command: nothing"),
        (json!({ "connector": "things" }), "No command given"),
        (json!({ "connector": "things", "command": "getThing", "idempotencyKey": "ü" }), "/idempotencyKey"),
    ] {
        let text = client.refused("execute_connector_command", arguments.clone()).await;
        assert!(text.contains(why), "{arguments}: {text}");
    }
}

#[tokio::test]
async fn numbers_keep_their_text_on_the_way_in_and_out() {
    let server = TestServer::start().await;
    server.connector("safe-one", "safe", json!({ "baseUrl": "https://api.example.com", "apiKey": "k" })).await;
    let client = Client::admin(&server);
    let number = "12345678901234567890.1234500";
    let arguments: Value = serde_json::from_str(&format!("{{\"headers\":{{\"n\":{number}}}}}")).unwrap();
    let result = client.call("safe-one__echo", arguments).await;
    assert!(result["structuredContent"].to_string().contains(number), "{result}");
    assert!(text(&result, 0).contains(number), "{result}");
}

#[tokio::test]
async fn no_secret_leaves() {
    let server = TestServer::start().await;
    server.connector("safe-one", "safe", json!({ "baseUrl": "https://api.example.com", "apiKey": CANARY })).await;
    let client = Client::admin(&server);
    // The command says its secret in every slot of the result.
    let result =
        client.call("safe-one__echo", json!({ "text": "hello", "pin": "second canary pin" })).await.to_string();
    let id = server.newest_row().await["id"].as_str().unwrap().to_owned();
    let record = client.call("get_execution", json!({ "executionId": id })).await.to_string();
    let resource =
        client.result("resources/read", json!({ "uri": format!("floh://executions/{id}") })).await.to_string();
    let connector = client.result("resources/read", json!({ "uri": "floh://connectors/safe-one" })).await.to_string();
    let prompt = json!({ "name": "debug_execution", "arguments": { "executionId": id } });
    let prompt = client.result("prompts/get", prompt).await.to_string();
    for (what, shown) in
        [("result", result), ("record", record), ("resource", resource), ("connector", connector), ("prompt", prompt)]
    {
        for secret in [CANARY, "second canary pin"] {
            assert!(!shown.contains(secret), "{what} shows {secret}: {shown}");
        }
    }
    // The kept answer of a key, too.
    let arguments = json!({ "connector": "safe-one", "command": "echo", "params": { "pin": "second canary pin" }, "idempotencyKey": "one" });
    let first = client.call("execute_connector_command", arguments.clone()).await;
    let again = client.call("execute_connector_command", arguments).await;
    assert_eq!(first["structuredContent"]["executionId"], again["structuredContent"]["executionId"]);
    for shown in [first.to_string(), again.to_string()] {
        assert!(!shown.contains(CANARY) && !shown.contains("second canary pin"), "{shown}");
    }
}

#[tokio::test]
async fn a_key_makes_one_call() {
    let server = TestServer::start().await;
    script_connector(&server, "things").await;
    let client = Client::admin(&server);
    let call = |id: &str, key: &str| json!({ "connector": "things", "command": "addThing", "params": { "id": id }, "idempotencyKey": key });
    let first = client.tool("execute_connector_command", call("1", "a")).await;
    let again = client.tool("execute_connector_command", call("1", "a")).await;
    assert_eq!(first["executionId"], again["executionId"]);
    let text = client.refused("execute_connector_command", call("2", "a")).await;
    assert!(text.contains("was used for another body"), "{text}");
    // Beside the arguments it is the same key.
    let meta =
        json!({ "name": "things__addThing", "arguments": { "id": "1" }, "_meta": { "floh/idempotencyKey": "a" } });
    let third = client.result("tools/call", meta).await;
    assert_eq!(third["structuredContent"]["executionId"], first["executionId"], "{third}");
    let rest = server
        .call_with(
            "POST",
            "/api/connectors/things/execute",
            json!({ "command": "addThing", "params": { "id": "1" } }),
            "idempotency-key",
            "a",
        )
        .await;
    assert_eq!(rest.header("x-execution-id"), first["executionId"], "and over REST");
}

#[tokio::test]
async fn a_large_result_is_read_in_parts() {
    let server = TestServer::start().await;
    server.connector("safe-one", "safe", json!({ "baseUrl": "https://api.example.com", "apiKey": "k" })).await;
    let client = Client::admin(&server);
    let item = |number: usize| json!({ "number": number, "text": "x".repeat(100) });
    let sent: Vec<Value> = (0..8_000).map(item).collect();
    let result = client.call("safe-one__echo", json!({ "headers": sent })).await;
    let answer = &result["structuredContent"];
    assert!(answer.get("payload").is_none() && answer["truncated"]["bytes"].as_u64().unwrap() > 900_000, "{result}");
    assert!(result.to_string().len() < 64 * 1024);
    assert_eq!(result["content"][1]["type"], "resource_link", "{result}");
    let mut items = Vec::new();
    let mut arguments = json!({ "executionId": answer["executionId"], "path": "payload.headers" });
    loop {
        let part = client.tool("get_execution", arguments.clone()).await;
        assert_eq!(part["total"], 8_000);
        items.extend(part["value"].as_array().unwrap().clone());
        let Some(next) = part.get("nextOffset") else { break };
        arguments["offset"] = next.clone();
    }
    assert_eq!(items.len(), 8_000);
    assert!(items == sent, "whole, whatever --record-limit is");
    // Without that right it is not there.
    let other = Client::with_scopes(&server, &["connectors:execute"]).await;
    let text = other.refused("get_execution", arguments).await;
    assert!(text.contains("execution"), "{text}");
}

#[tokio::test]
async fn whoever_may_call_reads_its_own_calls() {
    let server = TestServer::start().await;
    script_connector(&server, "things").await;
    let client = Client::with_scopes(&server, &["connectors:execute"]).await;
    let own = client.tool("things__getThing", json!({ "id": "1" })).await;
    let read =
        client.tool("get_execution", json!({ "executionId": own["executionId"], "path": "payload.params.id" })).await;
    assert_eq!(
        (&read["value"], &read["status"], &read["command"]),
        (&json!("1"), &json!("succeeded"), &json!("getThing"))
    );
    let text = client
        .refused("get_execution", json!({ "executionId": own["executionId"], "path": "payload.params.idd" }))
        .await;
    assert!(text.contains("there is no idd in payload.params; it has"), "{text}");
    for id in ["nonsense", "0195c4e0-0000-7000-8000-000000000000"] {
        let text = client.refused("get_execution", json!({ "executionId": id })).await;
        assert!(text.contains("no execution"), "{text}");
    }
}

#[tokio::test]
async fn a_token_makes_so_many_calls() {
    let server = TestServer::start().await;
    script_connector(&server, "things").await;
    let client = Client::with_scopes(&server, &["connectors:read"]).await;
    let mut last = Value::Null;
    for _ in 0..40 {
        last = client.call("search_connector_commands", json!({})).await;
        if last["isError"] == true {
            break;
        }
    }
    assert!(last["structuredContent"]["retryAfterMs"].as_u64().is_some_and(|wait| wait > 0), "{last}");
    assert!(text(&last, 0).contains("120 calls a minute"), "{last}");
    // Another one goes on, and lists are no calls.
    Client::admin(&server).tool("things__getThing", json!({ "id": "1" })).await;
    assert_eq!(client.names().await, ["search_connector_commands"]);
}

/// Waits until the newest call has ended.
async fn ended(server: &TestServer) -> Value {
    loop {
        let row = server.newest_row().await;
        if row["status"] != "started" {
            return row;
        }
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn a_call_that_nobody_waits_for_is_cut() {
    let server = TestServer::start().await;
    server.connector("gates", "odd", json!({})).await;
    let client = Client::admin(&server);
    for (command, outcome) in [("hold", json!("unknown")), ("peek", Value::Null)] {
        let name = format!("mcp cancels {command}");
        let gate = gate(&name);
        let arguments = json!({ "name": format!("gates__{command}"), "arguments": { "gate": name } });
        tokio::select! {
            answer = client.send(client.request("tools/call", arguments)) => panic!("the gate is shut: {answer:?}"),
            came = gate.came.acquire() => came.unwrap().forget(),
        }
        // The client has gone with its request.
        let row = if command == "hold" {
            ended(&server).await
        } else {
            // What only reads has no row before its end.
            loop {
                let row = server.newest_row().await;
                if row["command"] == command {
                    break row;
                }
                tokio::task::yield_now().await;
            }
        };
        assert_eq!(
            (&row["status"], &row["result"]["error"]),
            (&json!("failed"), &json!("Cancelled by the caller")),
            "{row}"
        );
        assert_eq!(row["result"]["diagnostics"]["outcome"], outcome, "{row}");
    }
}

#[tokio::test]
async fn so_many_calls_of_a_token_run_at_a_time() {
    let server = TestServer::start().await;
    server.connector("gates", "odd", json!({})).await;
    let client = Client::admin(&server);
    let gate = gate("mcp concurrency");
    let call = || client.call("gates__peek", json!({ "gate": "mcp concurrency" }));
    let mut running = Box::pin(futures_util::future::join_all((0..8).map(|_| call())));
    for _ in 0..8 {
        tokio::select! {
            answers = &mut running => panic!("the gate is shut: {answers:?}"),
            came = gate.came.acquire() => came.unwrap().forget(),
        }
    }
    let refused = tokio::select! {
        answers = &mut running => panic!("the gate is shut: {answers:?}"),
        refused = call() => refused,
    };
    gate.open.add_permits(8);
    let answers = running.await;
    assert!(answers.iter().all(|answer| answer["isError"] == false), "{answers:?}");
    assert!(text(&refused, 0).contains("8 calls of this token are running"), "{refused}");
}
