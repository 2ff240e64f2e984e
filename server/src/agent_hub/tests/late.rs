//! Results that come after their calls have ended, and acknowledgements that wait for rows.

use std::time::Duration;

use axum::body::Body;
use futures_util::StreamExt as _;
use jiff::Timestamp;
use serde_json::{Value, json};
use tokio::time::timeout;
use uuid::Uuid;

use super::support::{FakeAgent, registration, token};
use crate::store::HourSums;
use crate::store::tests::{TestDb, on_both};
use crate::testing::{Answer, TestServer};

on_both!(
    a_result_that_comes_too_late_for_its_call_is_recorded_and_answers_the_key,
    what_may_hold_secrets_that_are_forgotten_is_left_out,
    a_result_of_another_connector_changes_nothing,
    a_result_of_unknown_outcome_changes_nothing,
    summaries_say_how_it_ended,
    an_acknowledged_result_is_recorded,
);

/// How long a call may take here.
const HASTY: u64 = 100;
/// Longer than anything that comes takes to come.
const QUIET: Duration = Duration::from_millis(600);

/// Makes a connector that an agent serves.
async fn connector(server: &TestServer, name: &str, more: Value) {
    let schema = json!({ "commands": {
        "list": { "effect": "read" },
        "add": { "effect": "create" },
        "login": { "effect": "create", "params": ["pin"], "paramSchema": { "pin": { "type": "string", "secret": true } } },
    } });
    let mut body =
        json!({ "name": name, "type": name, "executionModel": "external", "version": "1.0.0", "configSchema": schema });
    body.as_object_mut().unwrap().extend(more.as_object().cloned().unwrap());
    server.post("/api/connectors", body).await.ok(201);
}

async fn server(db: &TestDb) -> TestServer {
    let server = TestServer::at(&db.url).await;
    connector(&server, "sap", json!({})).await;
    server
}

async fn keyed(server: &TestServer, key: &str, body: &Value) -> Answer {
    let request = server.request("POST", "/api/connectors/sap/execute", &json!({})).header("idempotency-key", key);
    server.send(request.body(Body::from(body.to_string())).unwrap()).await
}

/// Calls, lets the agent take the command and not answer it in time; returns the command and the answer.
async fn timed_out(server: &TestServer, agent: &mut FakeAgent, body: &Value) -> (Value, Answer) {
    let (command, answer) = tokio::join!(agent.command(), keyed(server, "k", body));
    assert_eq!(answer.json()["success"], false, "{}", answer.text);
    (command, answer)
}

async fn row(server: &TestServer, answer: &Answer) -> Value {
    server.get(&format!("/api/executions/{}", answer.header("x-execution-id"))).await.ok(200)
}

async fn counts(server: &TestServer, row: &Value) -> (u64, u64) {
    let connector: Uuid = row["connectorId"].as_str().unwrap().parse().unwrap();
    let mut total = HourSums::default();
    let hours = server.app.store.hours().of(connector, Timestamp::UNIX_EPOCH, Timestamp::MAX).await.unwrap();
    hours.iter().for_each(|hour| total.merge(&hour.sums));
    (total.calls, total.failed)
}

fn success() -> Value {
    json!({ "success": true, "payload": { "id": 7 }, "variables": { "made": 1 } })
}

async fn a_result_that_comes_too_late_for_its_call_is_recorded_and_answers_the_key(db: TestDb) {
    let server = server(&db).await;
    let mut agent = FakeAgent::register(&server, "a-1", &["sap"]).await;
    let body = json!({ "command": "add", "timeoutMs": HASTY });
    let (command, answer) = timed_out(&server, &mut agent, &body).await;
    assert_eq!(answer.json()["diagnostics"]["outcome"], "unknown");
    assert_eq!(command["commandId"], answer.header("x-execution-id"), "the first command has the id of its execution");
    let before = row(&server, &answer).await;
    assert_eq!((&before["status"], counts(&server, &before).await), (&json!("failed"), (1, 1)));

    agent.respond(&command, success()).await;
    let after = row(&server, &answer).await;
    assert_eq!((&after["status"], &after["result"]), (&json!("succeeded"), &success()));
    for same in ["durationMs", "startedAt", "params", "logs", "actor", "requestId"] {
        assert_eq!(after[same], before[same], "{same}");
    }
    assert_eq!(counts(&server, &after).await, (1, 0));
    let again = keyed(&server, "k", &body).await;
    assert_eq!((again.header("idempotency-replayed"), again.json()), ("true", success()));

    // What comes once more changes nothing, whatever it says.
    agent.respond(&command, json!({ "success": false, "error": "no" })).await;
    assert_eq!(row(&server, &answer).await, after);
    assert_eq!(counts(&server, &after).await, (1, 0));
    server.app.close().await;
}

async fn what_may_hold_secrets_that_are_forgotten_is_left_out(db: TestDb) {
    const PIN: &str = "canary-of-the-pin";
    let server = server(&db).await;
    let mut agent = FakeAgent::register(&server, "a-1", &["sap"]).await;
    let echo = json!({ "success": true, "payload": { "echo": PIN }, "variables": { "pin": PIN } });
    let body = json!({ "command": "login", "params": { "pin": PIN }, "timeoutMs": HASTY });
    let (command, answer) = timed_out(&server, &mut agent, &body).await;
    agent.respond(&command, echo.clone()).await;
    let recorded = row(&server, &answer).await;
    assert_eq!((&recorded["status"], &recorded["result"]["success"]), (&json!("succeeded"), &json!(true)));
    assert!(!recorded.to_string().contains(PIN), "{recorded}");
    assert_eq!((recorded["result"].get("payload"), recorded["result"].get("variables")), (None, None));
    let why = recorded["result"]["diagnostics"]["leftOut"].as_str().unwrap();
    assert!(why.contains("secret params"), "{why}");
    // The caller knows the secret, and gets what it would have got in time.
    assert_eq!(keyed(&server, "k", &body).await.json(), echo);

    for (body, why) in [
        (json!({ "command": "login", "params": { "pin": PIN }, "timeoutMs": HASTY }), "secret params"),
        (json!({ "command": "add", "runId": "run-1", "timeoutMs": HASTY }), "of its run"),
    ] {
        let (command, answer) = tokio::join!(agent.command(), server.execute("sap", body));
        let failure =
            json!({ "success": false, "error": PIN, "diagnostics": { "echo": PIN }, "variables": { "pin": PIN } });
        agent.respond(&command, failure).await;
        let recorded = row(&server, &answer).await;
        assert_eq!(recorded["status"], "failed");
        assert!(!recorded.to_string().contains(PIN), "{recorded}");
        let result = &recorded["result"];
        assert!(result["diagnostics"]["leftOut"].as_str().unwrap().contains(why), "{result}");
        assert!(result["diagnostics"].get("outcome").is_none() && result["error"].is_string(), "{result}");
    }
    server.app.close().await;
}

async fn a_result_of_another_connector_changes_nothing(db: TestDb) {
    let server = server(&db).await;
    let mut other = FakeAgent::register(&server, "a-2", &["ldap"]).await;
    let mut agent = FakeAgent::register(&server, "a-1", &["sap"]).await;
    let (command, answer) = timed_out(&server, &mut agent, &json!({ "command": "add", "timeoutMs": HASTY })).await;
    let before = row(&server, &answer).await;
    other.respond(&command, json!({ "success": true, "payload": "forged" })).await;
    assert_eq!(row(&server, &answer).await, before);
    agent.respond(&command, success()).await;
    assert_eq!(row(&server, &answer).await["result"], success());
    server.app.close().await;
}

async fn a_result_of_unknown_outcome_changes_nothing(db: TestDb) {
    let server = server(&db).await;
    let mut agent = FakeAgent::register(&server, "a-1", &["sap"]).await;
    let (command, answer) = timed_out(&server, &mut agent, &json!({ "command": "add", "timeoutMs": HASTY })).await;
    let before = row(&server, &answer).await;
    for nothing in
        [json!({ "success": false, "diagnostics": { "outcome": "unknown" } }), json!("no result"), json!({ "data": 1 })]
    {
        agent.respond(&command, nothing).await;
        assert_eq!(row(&server, &answer).await, before);
    }
    agent.respond(&command, json!({ "success": false, "error": "taken", "diagnostics": { "code": "exists" } })).await;
    let after = row(&server, &answer).await;
    assert_eq!((&after["status"], &after["result"]["diagnostics"]), (&json!("failed"), &json!({ "code": "exists" })));
    // A read that timed out has failed, and leaves nothing unknown.
    let (command, answer) =
        tokio::join!(agent.command(), server.execute("sap", json!({ "command": "list", "timeoutMs": HASTY })));
    let before = row(&server, &answer).await;
    agent.respond(&command, success()).await;
    assert_eq!(row(&server, &answer).await, before);
    server.app.close().await;
}

async fn summaries_say_how_it_ended(db: TestDb) {
    let server = server(&db).await;
    server.put("/api/connectors/sap", json!({ "record": "summary" })).await.ok(200);
    let mut agent = FakeAgent::register(&server, "a-1", &["sap"]).await;
    let (command, answer) = timed_out(&server, &mut agent, &json!({ "command": "add", "timeoutMs": HASTY })).await;
    assert_eq!(row(&server, &answer).await["status"], "failed");
    agent.respond(&command, success()).await;
    let after = row(&server, &answer).await;
    assert_eq!((&after["status"], &after["result"], &after["logs"]), (&json!("succeeded"), &Value::Null, &Value::Null));
    let (command, answer) =
        tokio::join!(agent.command(), server.execute("sap", json!({ "command": "list", "timeoutMs": HASTY })));
    agent.respond(&command, success()).await;
    assert_eq!(row(&server, &answer).await["status"], "failed", "a read is over");
    server.app.close().await;
}

async fn an_acknowledged_result_is_recorded(db: TestDb) {
    let server = server(&db).await;
    let mut agent = FakeAgent::register(&server, "a-1", &["sap"]).await;
    for record in ["full", "summary", "none"] {
        server.put("/api/connectors/sap", json!({ "record": record })).await.ok(200);
        for _ in 0..10 {
            let answering = async {
                let command = agent.command().await;
                agent.respond(&command, success()).await;
                // Asked as soon as the acknowledgement is there, whatever the caller has heard.
                server.get(&format!("/api/executions/{}", command["commandId"].as_str().unwrap())).await
            };
            let (kept, answer) = tokio::join!(answering, server.execute("sap", json!({ "command": "add" })));
            assert_eq!(answer.json(), success());
            match record {
                "none" => assert_eq!(kept.status, 404),
                _ => assert_eq!(kept.ok(200)["status"], "succeeded"),
            }
        }
    }
    assert_eq!(server.app.agents.in_flight.unacknowledged.len(), 0);
    server.app.close().await;
}

const REFUSE: &str = "CREATE TRIGGER refuse BEFORE UPDATE ON execution WHEN new.status = 'succeeded' \
     BEGIN SELECT RAISE(ABORT, 'the disk is full'); END";

/// Sends a response that is not acknowledged for a while.
async fn unacknowledged(agent: &mut FakeAgent, command: &Value) {
    agent.send(json!({ "type": "response", "commandId": command["commandId"], "result": success() })).await;
    let silence = async {
        while let Some(Ok(frame)) = agent.socket.next().await {
            assert!(!frame.is_text(), "{frame}");
        }
    };
    assert!(timeout(QUIET, silence).await.is_err());
}

#[tokio::test]
async fn a_result_that_cannot_be_written_is_not_acknowledged() {
    let db = TestDb::sqlite().await;
    let server = server(&db).await;
    let token = token(&server, "a-1", &["sap"]).await;
    let mut agent = FakeAgent::register_as(&server, registration("a-1", &["sap"], &token)).await;
    // One that comes too late is tried again.
    let (command, answer) = timed_out(&server, &mut agent, &json!({ "command": "add", "timeoutMs": HASTY })).await;
    db.execute(REFUSE).await;
    unacknowledged(&mut agent, &command).await;
    assert_eq!(row(&server, &answer).await["status"], "failed");
    db.execute("DROP TRIGGER refuse").await;
    let ack = json!({ "type": "ack", "commandId": command["commandId"] });
    assert_eq!(agent.next().await, ack);
    assert_eq!(row(&server, &answer).await["result"], success());

    // One that came in time is left to the agent, which sends it again when it comes back.
    db.execute(REFUSE).await;
    let answering = async {
        let command = agent.command().await;
        unacknowledged(&mut agent, &command).await;
        command
    };
    let (command, answer) = tokio::join!(answering, server.execute("sap", json!({ "command": "add" })));
    assert_eq!(answer.status, 503, "{}", answer.text);
    let path = format!("/api/executions/{}", command["commandId"].as_str().unwrap());
    assert_eq!(server.get(&path).await.ok(200)["status"], "started");
    db.execute("DROP TRIGGER refuse").await;
    agent.break_off().await;
    let mut agent = FakeAgent::register_as(&server, registration("a-1", &["sap"], &token)).await;
    agent.respond(&command, success()).await;
    let kept = server.get(&path).await.ok(200);
    assert_eq!((&kept["status"], &kept["result"]), (&json!("succeeded"), &success()));
    server.app.close().await;
}
