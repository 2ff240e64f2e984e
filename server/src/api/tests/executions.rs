//! Recorded executions over REST: found by every filter, deleted, and recorded as far as their connector says.

use axum::body::Body;
use serde_json::{Value, json};

use crate::store::tests::{TestDb, count, on_both};
use crate::testing::types::{CANARY, gate};
use crate::testing::{TestServer, all_types};

on_both!(filters_find_exactly_what_they_name, summaries_and_nothing_keep_what_they_say,);

fn ids(page: &Value) -> Vec<&str> {
    page["items"].as_array().unwrap().iter().map(|item| item["id"].as_str().unwrap()).collect()
}

async fn filters_find_exactly_what_they_name(db: TestDb) {
    let server = TestServer::at(&db.url).await;
    let made = server.connector("first", "odd", json!({})).await;
    server.connector("second", "safe", json!({ "baseUrl": "https://api.example.com/", "apiKey": CANARY })).await;
    let call = async |name: &str, body: Value| server.execute(name, body).await.header("x-execution-id").to_owned();
    let ping = call("first", json!({ "command": "ping", "runId": "r1" })).await;
    let wrong = call("first", json!({ "command": "nothing" })).await;
    let echo = call("second", json!({ "command": "echo" })).await;
    let row = server.get(&format!("/api/executions/{ping}")).await.ok(200);
    assert_eq!((&row["connectorId"], &row["recorded"]), (&made["id"], &json!("full")));
    let token = row["actor"]["tokenId"].as_str().unwrap();
    let at = async |id: &str| {
        let row = server.get(&format!("/api/executions/{id}")).await.ok(200);
        row["startedAt"].as_str().unwrap().to_owned()
    };
    let (began, ended) = (at(&ping).await, at(&echo).await);
    for (query, wanted) in [
        ("", vec![&echo, &wrong, &ping]),
        ("status=failed", vec![&wrong]),
        ("status=failed,succeeded", vec![&echo, &wrong, &ping]),
        ("status=failed&status=succeeded", vec![&echo, &wrong, &ping]),
        ("status=unknown,started,accepted", vec![]),
        ("type=safe", vec![&echo]),
        ("type=none", vec![]),
        ("source=rest", vec![&echo, &wrong, &ping]),
        ("source=mcp", vec![]),
        (&format!("token={token}"), vec![&echo, &wrong, &ping]),
        (&format!("token={}", made["id"].as_str().unwrap()), vec![]),
        (&format!("since={began}"), vec![&echo, &wrong, &ping]),
        (&format!("since={ended}&connector=second"), vec![&echo]),
        (&format!("until={began}"), vec![]),
        (
            &format!(
                "since={began}&until=9999-01-01T00:00:00Z&type=odd&success=true&command=ping&runId=r1&source=rest&token={token}"
            ),
            vec![&ping],
        ),
    ] {
        let page = server.get(&format!("/api/executions?{query}")).await.ok(200);
        assert_eq!(ids(&page), wanted, "{query}");
        assert_eq!(page["nextCursor"], Value::Null);
    }
    for wrong in [
        "status=done",
        "status=",
        "status=failed,,no",
        "source=post",
        "token=mine",
        "since=yesterday",
        "until=1",
        "limit=0",
        "type=a&type=b",
    ] {
        let key = wrong.split('=').next().unwrap();
        assert_eq!(server.get(&format!("/api/executions?{wrong}")).await.problem(422), [format!("?{key}")], "{wrong}");
    }
    // A rename keeps its history, and a name that is used again begins without one.
    server.put("/api/connectors/first", json!({ "name": "renamed" })).await.ok(200);
    let renamed = server.get("/api/executions?connector=renamed").await.ok(200);
    assert_eq!(ids(&renamed), [&wrong, &ping]);
    assert!(renamed["items"].as_array().unwrap().iter().all(|item| item["connectorId"] == made["id"]), "{renamed}");
    assert_eq!(renamed["items"][0]["connector"], "first", "its name at the time");
    server.connector("first", "odd", json!({})).await;
    assert_eq!(ids(&server.get("/api/executions?connector=first").await.ok(200)), [""; 0]);
    server.call("DELETE", "/api/connectors/renamed", Value::Null).await.ok(204);
    assert_eq!(ids(&server.get("/api/executions?connector=renamed").await.ok(200)), [""; 0]);
    let by_id = format!("/api/executions?connector={}", made["id"].as_str().unwrap());
    assert_eq!(ids(&server.get(&by_id).await.ok(200)), [&wrong, &ping]);
    server.app.close().await;
}

#[tokio::test]
async fn a_record_is_deleted_by_an_admin_and_the_trail_says_so() {
    let server = TestServer::start().await;
    server.connector("mine", "odd", json!({})).await;
    let id = server.execute("mine", json!({ "command": "ping" })).await.header("x-execution-id").to_owned();
    let path = format!("/api/executions/{id}");
    for scopes in [&["audit:read"][..], &["connectors:write", "connectors:execute", "types:write", "tokens:write"]] {
        let token = server.token(scopes).await;
        let weak = TestServer {
            admin: token,
            app: server.app.clone(),
            router: server.router.clone(),
            folder: tempfile::tempdir().unwrap(),
        };
        weak.call("DELETE", &path, Value::Null).await.problem(403);
    }
    server.call("DELETE", &path, Value::Null).await.ok(204);
    server.call("DELETE", &path, Value::Null).await.problem(404);
    server.get(&path).await.problem(404);
    server.call("DELETE", "/api/executions/mine", Value::Null).await.problem(404);
    let trail = server.get("/api/audit?subject=execution&action=deleted").await.ok(200);
    let entry = &trail["items"][0];
    assert_eq!(
        (&entry["subjectId"], &entry["subjectName"], &entry["actor"]["name"]),
        (&json!(id), &json!("mine"), &json!("test"))
    );
    assert_eq!((&entry["before"]["command"], &entry["before"]["status"]), (&json!("ping"), &json!("succeeded")));
    // One that is at work stays.
    let gate = gate("deleted");
    let (router, request) = (server.router.clone(), server.request("POST", "/api/connectors/mine/execute", &json!({})));
    let body = json!({ "command": "hold", "params": { "gate": "deleted" } }).to_string();
    let call = tokio::spawn(tower::ServiceExt::oneshot(router, request.body(Body::from(body)).unwrap()));
    gate.came.acquire().await.unwrap().forget();
    let page = server.get("/api/executions?status=started").await.ok(200);
    let path = format!("/api/executions/{}", page["items"][0]["id"].as_str().unwrap());
    let refused = server.call("DELETE", &path, Value::Null).await;
    refused.problem(409);
    assert_eq!(refused.json()["code"], "unfinished");
    gate.open.add_permits(1);
    assert_eq!(call.await.unwrap().unwrap().status(), 200);
    server.call("DELETE", &path, Value::Null).await.ok(204);
}

async fn summaries_and_nothing_keep_what_they_say(db: TestDb) {
    let server = TestServer::at(&db.url).await;
    let config = json!({ "baseUrl": "https://api.example.com/", "apiKey": CANARY });
    for record in ["full", "summary", "none"] {
        let body =
            json!({ "name": record, "type": "safe", "executionModel": "built_in", "config": config, "record": record });
        assert_eq!(server.post("/api/connectors", body).await.ok(201)["record"], record);
        let body =
            json!({ "name": format!("odd-{record}"), "type": "odd", "executionModel": "built_in", "record": record });
        server.post("/api/connectors", body).await.ok(201);
    }
    let refused = server.put("/api/connectors/full", json!({ "record": "some" })).await;
    assert_eq!(refused.problem(422), ["/record"]);
    assert_eq!(server.connector("usual", "odd", json!({})).await["record"], "full");
    let person = "Erika Mustermann";
    let body = json!({ "command": "echo", "params": { "text": person } });
    let answer = server.execute("full", body.clone()).await;
    assert!(server.row(&answer).await.to_string().contains(person));
    let answer = server.execute("summary", body.clone()).await;
    let row = server.row(&answer).await;
    assert_eq!(
        (&row["recorded"], &row["status"], &row["command"]),
        (&json!("summary"), &json!("succeeded"), &json!("echo"))
    );
    for part in ["params", "result", "logs", "truncated"] {
        assert_eq!(row[part], Value::Null, "{part}");
    }
    assert!(row["actor"]["name"] == "test" && row["durationMs"].is_u64() && row["requestId"].is_string(), "{row}");
    assert_eq!(answer.ok(200)["payload"]["text"], person, "the answer is whole");
    // What is long is not said to be cut, and what fails says no more.
    let long = json!({ "command": "echo", "params": { "text": "x".repeat(300_000) } });
    assert_eq!(server.row(&server.execute("summary", long).await).await["truncated"], Value::Null);
    for (body, status) in
        [(json!({ "command": "leak" }), "failed"), (json!({ "command": "Erika", "params": { "a": person } }), "failed")]
    {
        let row = server.row(&server.execute("summary", body).await).await;
        assert_eq!((&row["status"], &row["result"]), (&json!(status), &Value::Null));
        assert!(!row.to_string().contains(person));
    }
    let before = count(&server.app.store, "execution").await;
    for body in [
        body.clone(),
        json!({ "command": "leak" }),
        json!({ "command": "nothing" }),
        json!({ "command": "echo", "mockScenario": "polite" }),
    ] {
        let answer = server.execute("none", body).await;
        server.get(&format!("/api/executions/{}", answer.header("x-execution-id"))).await.problem(404);
        assert_eq!(answer.status, 200);
    }
    server.post("/api/connectors/odd-none/test", json!({})).await.ok(200);
    assert_eq!(count(&server.app.store, "execution").await, before);
    // A key works in all three, for what reads and for what has an effect.
    for (connector, command) in
        ["full", "summary", "none"].into_iter().flat_map(|name| [(name, "echo"), (name, "leak")])
    {
        let path = format!("/api/connectors/{connector}/execute");
        let body = json!({ "command": command });
        let send = || server.call_with("POST", &path, body.clone(), "idempotency-key", command);
        let (first, second) = (send().await, send().await);
        assert_eq!(second.header("idempotency-replayed"), "true", "{connector} {command}: {second:?}");
        assert_eq!((first.header("x-execution-id"), &first.text), (second.header("x-execution-id"), &second.text));
        server.call_with("POST", &path, json!({ "command": "hello" }), "idempotency-key", command).await.problem(422);
    }
    // Changing it holds from the next call on, and is in the trail.
    server.put("/api/connectors/none", json!({ "record": "summary" })).await.ok(200);
    let row = server.row(&server.execute("none", body).await).await;
    assert_eq!(row["recorded"], "summary");
    let trail = server.get("/api/audit?connector=none&action=changed").await.ok(200);
    assert_eq!(trail["items"][0]["after"]["record"], "summary");
    server.app.close().await;
}

/// A call that keeps no row has one while it is at work: after a crash it says that the outcome is unknown.
#[tokio::test]
async fn a_call_without_a_record_is_unknown_after_a_crash() {
    let server = TestServer::start().await;
    let body = json!({ "name": "quiet", "type": "odd", "executionModel": "built_in", "record": "none" });
    server.post("/api/connectors", body).await.ok(201);
    let gate = gate("crash without record");
    let body = json!({ "command": "hold", "params": { "gate": "crash without record" } });
    let request = server.request("POST", "/api/connectors/quiet/execute", &body).header("idempotency-key", "k");
    let call = tokio::spawn(tower::ServiceExt::oneshot(
        server.router.clone(),
        request.body(Body::from(body.to_string())).unwrap(),
    ));
    gate.came.acquire().await.unwrap().forget();
    let page = server.get("/api/executions?status=started").await.ok(200);
    let id = page["items"][0]["id"].as_str().unwrap().to_owned();
    let row = server.get(&format!("/api/executions/{id}")).await.ok(200);
    assert_eq!((&row["recorded"], &row["params"], &row["logs"]), (&json!("none"), &Value::Null, &Value::Null));
    let (folder, admin) = (tempfile::tempdir().unwrap(), server.admin.clone());
    for entry in std::fs::read_dir(server.folder.path()).unwrap().flatten() {
        if entry.path().is_file() && !entry.file_name().to_string_lossy().starts_with("floh.db") {
            std::fs::copy(entry.path(), folder.path().join(entry.file_name())).unwrap();
        }
    }
    crate::store::tests::copy_as_killed(&server.app.store, &folder.path().join("floh.db")).await;
    let mut killed = TestServer::on(folder, all_types()).await;
    killed.admin = admin;
    let row = killed.get(&format!("/api/executions/{id}")).await.ok(200);
    assert_eq!((&row["status"], &row["recorded"]), (&json!("unknown"), &json!("none")));
    let again = killed.call_with("POST", "/api/connectors/quiet/execute", body, "idempotency-key", "k").await;
    assert_eq!(again.ok(200)["diagnostics"]["outcome"], "unknown", "it is not executed again");
    // In the process that was not killed, the row leaves when the call ends.
    gate.open.add_permits(1);
    assert_eq!(call.await.unwrap().unwrap().status(), 200);
    server.get(&format!("/api/executions/{id}")).await.problem(404);
}
