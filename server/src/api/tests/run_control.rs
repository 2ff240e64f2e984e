//! Runs over REST: ending them, letting them go on, keys, rights, secrets, lists and restarts.

use std::time::Duration;

use axum::body::Body;
use axum::http::{Request, header};
use serde_json::{Value, json};

use super::run_steps::{ended, prepare, run, server, start, statuses, step};
use crate::store::now;
use crate::store::tests::{TestDb, on_postgres};
use crate::testing::types::gate;
use crate::testing::{Answer, TestServer, all_types};

/// A step that changes something when its gate is opened.
fn held_call(gate: &str) -> Value {
    json!({ "id": "slow", "connector": "gates", "command": "hold", "params": { "gate": gate } })
}

/// A step that waits for long and changes nothing.
fn long_wait() -> Value {
    json!({ "id": "slow", "connector": "pause", "command": "wait", "params": { "delayMs": 60_000 } })
}

/// Waits until a run is in a state.
async fn reaches(server: &TestServer, id: &str, status: &str) -> Value {
    for _ in 0..600 {
        let run = server.get(&format!("/api/runs/{id}?waitMs=50")).await.ok(200);
        if run["status"] == status {
            return run;
        }
    }
    panic!("it does not become {status}");
}

async fn as_token(server: &TestServer, token: &str, method: &str, path: &str, body: Value) -> Answer {
    let request = Request::builder().method(method).uri(path).header(header::AUTHORIZATION, format!("Bearer {token}"));
    let request = request.header(header::CONTENT_TYPE, "application/json");
    let body = if body.is_null() { Body::empty() } else { Body::from(body.to_string()) };
    server.send(request.body(body).unwrap()).await
}

#[tokio::test]
async fn a_call_at_work_is_cut_and_the_rest_is_not_begun() {
    let server = server().await;
    server.connector("gates", "odd", json!({})).await;
    let steps = json!([held_call("a run is cancelled"), step("b", "echo", json!({}))]);
    let id = start(&server, json!({ "steps": steps })).await;
    gate("a run is cancelled").came.acquire().await.unwrap().forget();
    let at_work = reaches(&server, &id, "running").await;
    assert_eq!(statuses(&at_work), ["started"], "{at_work}");
    assert_eq!(at_work["tasks"][0]["attempts"][0]["status"], "started", "its start is recorded: {at_work}");
    let cancel = format!("/api/runs/{id}/cancel");
    server.post(&cancel, json!({})).await.ok(202);
    let run = ended(&server, &id).await;
    assert_eq!((run["status"].as_str(), &run["failure"]["code"]), (Some("cancelled"), &json!("cancelled")), "{run}");
    assert!(run["failure"]["message"].as_str().unwrap().contains("\"test\""), "it says who: {run}");
    // `hold` may have changed something.
    assert_eq!(statuses(&run), ["unknown"]);
    assert_eq!(server.post(&cancel, json!({})).await.ok(409)["code"], "ended");
}

#[tokio::test]
async fn a_wait_at_work_is_cut_and_is_not_unknown() {
    let server = server().await;
    let id = start(&server, json!({ "steps": [long_wait(), step("b", "echo", json!({}))] })).await;
    let at_work = reaches(&server, &id, "running").await;
    assert_eq!(statuses(&at_work), ["started"], "{at_work}");
    server.post(&format!("/api/runs/{id}/cancel"), json!({})).await.ok(202);
    let run = ended(&server, &id).await;
    assert_eq!((run["status"].as_str(), &run["failure"]["code"]), (Some("cancelled"), &json!("cancelled")), "{run}");
    // Waiting changes nothing: whoever resumes the run has nothing to find out.
    assert_eq!(statuses(&run), ["cancelled"], "{run}");
    server.post(&format!("/api/runs/{id}/resume"), json!({})).await.ok(202);
    server.post(&format!("/api/runs/{id}/cancel"), json!({})).await.ok(202);
    assert_eq!(ended(&server, &id).await["status"], "cancelled");
}

#[tokio::test]
async fn a_waiting_run_ends_at_once() {
    let server = server().await;
    let id = start(&server, json!({ "steps": [{ "id": "w", "wait": { "forMs": 600_000 } }] })).await;
    let waiting = reaches(&server, &id, "waiting").await;
    assert!(waiting["dueAt"].is_string() && waiting["tasks"][0]["retryAt"].is_string(), "{waiting}");
    let cancelled = server.post(&format!("/api/runs/{id}/cancel"), json!({})).await.ok(202);
    assert_eq!(cancelled["status"], "cancelled");
    let run = ended(&server, &id).await;
    assert_eq!((run["status"].as_str(), statuses(&run)), (Some("cancelled"), vec!["cancelled"]));
    assert_eq!(server.app.run_queue.unfinished(), 0);
}

#[tokio::test]
async fn a_failed_run_goes_on_where_it_failed() {
    let server = server().await;
    let steps = json!([
        step("a", "list", json!({ "outputKey": "out" })),
        step("b", "fail", json!({})),
        step("c", "echo", json!({}))
    ]);
    let id = start(&server, json!({ "steps": steps })).await;
    let failed = ended(&server, &id).await;
    assert_eq!(statuses(&failed), ["succeeded", "failed"]);
    let resume = format!("/api/runs/{id}/resume");
    server.post(&resume, json!({})).await.ok(202);
    let again = ended(&server, &id).await;
    assert_eq!(
        (&again["status"], &again["resumes"], statuses(&again)),
        (&json!("failed"), &json!(1), vec!["succeeded", "failed"])
    );
    assert_eq!(again["tasks"][1]["attempts"].as_array().unwrap().len(), 2, "{again}");
    assert_eq!(again["tasks"][0], failed["tasks"][0], "what succeeded is not called again");
    // The type is mended: the run goes on with what it has.
    let current = server.get("/api/connector-types/crm").await.ok(200);
    let source = current["scriptSource"]
        .as_str()
        .unwrap()
        .replace("\"success\":false,\"error\":\"no luck\"", "\"success\":true");
    let source = source.replace("\"error\":\"no luck\",\"success\":false", "\"success\":true");
    let mended = json!({ "scriptSource": source, "configSchema": current["configSchema"], "autoBump": true });
    server.put("/api/connector-types/crm", mended).await.ok(200);
    server.post(&resume, json!({})).await.ok(202);
    let run = ended(&server, &id).await;
    assert_eq!((run["status"].as_str(), statuses(&run)), (Some("succeeded"), vec!["succeeded"; 3]), "{run}");
    assert_eq!((&run["variables"]["out"]["total"], &run["resumes"]), (&json!(2), &json!(2)));
    assert_eq!(server.post(&resume, json!({})).await.ok(409)["code"], "not_resumable");
}

#[tokio::test]
async fn an_unknown_outcome_needs_the_callers_word() {
    let server = server().await;
    let lost = json!([
        step("a", "lost", json!({})),
        step("b", "echo", json!({ "params": { "text": "{{\"\"}}{{steps.a.success}}" }, "outputKey": "out" }))
    ]);
    let id = start(&server, json!({ "steps": lost })).await;
    ended(&server, &id).await;
    let resume = format!("/api/runs/{id}/resume");
    assert_eq!(server.post(&resume, json!({})).await.ok(409)["code"], "outcome_unknown");
    server.post(&resume, json!({ "unknown": "maybe" })).await.ok(422);
    server.post(&resume, json!({ "unknown": "retry" })).await.ok(202);
    let again = ended(&server, &id).await;
    assert_eq!(
        (statuses(&again), again["tasks"][0]["attempts"].as_array().unwrap().len()),
        (vec!["unknown"], 2),
        "{again}"
    );
    server.post(&resume, json!({ "unknown": "skip" })).await.ok(202);
    let run = ended(&server, &id).await;
    assert_eq!((run["status"].as_str(), statuses(&run)), (Some("succeeded"), vec!["skipped", "succeeded"]), "{run}");
    assert_eq!(run["variables"]["out"]["params"]["text"], "false");
    // It may be the last step.
    let id = start(&server, json!({ "steps": [step("a", "lost", json!({}))] })).await;
    ended(&server, &id).await;
    server.post(&format!("/api/runs/{id}/resume"), json!({ "unknown": "skip" })).await.ok(202);
    assert_eq!(ended(&server, &id).await["status"], "succeeded");
}

#[tokio::test]
async fn a_key_starts_one_run() {
    let server = server().await;
    let body = json!({ "steps": [step("a", "echo", json!({}))] });
    let calls = (0..50).map(|_| server.call_with("POST", "/api/runs", body.clone(), "idempotency-key", "k-1"));
    let answers = futures_util::future::join_all(calls).await;
    let accepted: Vec<_> = answers.iter().filter(|answer| answer.status == 202).collect();
    assert!(!accepted.is_empty() && answers.iter().all(|answer| matches!(answer.status, 202 | 409)));
    let again = server.call_with("POST", "/api/runs", body.clone(), "idempotency-key", "k-1").await;
    assert_eq!((again.status, again.header("idempotency-replayed")), (202, "true"));
    let id = |answer: &Answer| serde_json::from_str::<Value>(&answer.text).unwrap()["id"].clone();
    assert!(accepted.iter().all(|answer| id(answer) == id(&again)));
    assert_eq!(server.get("/api/runs").await.ok(200)["items"].as_array().unwrap().len(), 1);
    let other = json!({ "steps": [step("b", "echo", json!({}))] });
    server.call_with("POST", "/api/runs", other, "idempotency-key", "k-1").await.ok(422);
    // What the check refuses uses no key up.
    let wrong = json!({ "steps": [step("a", "nope", json!({}))] });
    server.call_with("POST", "/api/runs", wrong, "idempotency-key", "k-2").await.ok(422);
    server.call_with("POST", "/api/runs", body, "idempotency-key", "k-2").await.ok(202);
}

#[tokio::test]
async fn scopes_and_bounds_hold() {
    let server = server().await;
    let reads = json!({ "steps": [step("a", "list", json!({}))] });
    let writes = json!({ "steps": [step("a", "nothing", json!({}))] });
    let id = start(&server, writes.clone()).await;
    let paths = ["/api/runs".to_owned(), format!("/api/runs/{id}")];
    let none = server.token(&["connectors:execute"]).await;
    for path in &paths {
        as_token(&server, &none, "GET", path, Value::Null).await.ok(403);
    }
    as_token(&server, &none, "POST", "/api/runs", reads.clone()).await.ok(403);
    let starts_only = server.token(&["runs:write"]).await;
    as_token(&server, &starts_only, "POST", "/api/runs", reads.clone()).await.ok(403);
    let reader = server.token(&["runs:*", "connectors:execute:read"]).await;
    let started = as_token(&server, &reader, "POST", "/api/runs", reads.clone()).await.ok(202);
    let run = ended(&server, started["id"].as_str().unwrap()).await;
    assert_eq!(run["status"], "succeeded", "{run}");
    let refused = as_token(&server, &reader, "POST", "/api/runs", writes.clone()).await.ok(403);
    assert_eq!(refused["errors"][0]["pointer"], "/steps/0", "{refused}");
    let new =
        json!({ "name": "bound", "kind": "api", "scopes": ["runs:*", "connectors:*"], "connectorNames": ["pause"] });
    let bound = server.post("/api/tokens", new).await.ok(201)["token"].as_str().unwrap().to_owned();
    let other = [
        ("GET", paths[1].clone(), Value::Null),
        ("POST", format!("/api/runs/{id}/cancel"), json!({})),
        ("POST", format!("/api/runs/{id}/resume"), json!({})),
    ];
    for (method, path, body) in other {
        as_token(&server, &bound, method, &path, body).await.ok(404);
    }
    assert_eq!(as_token(&server, &bound, "GET", "/api/runs", Value::Null).await.ok(200)["items"], json!([]));
    let refused = as_token(&server, &bound, "POST", "/api/runs", reads).await.ok(422);
    assert!(refused["errors"][0]["message"].as_str().unwrap().contains("crm"), "{refused}");
}

#[tokio::test]
async fn secrets_are_nowhere_but_in_the_call() {
    let server = server().await;
    let steps = json!([
        step("a", "echo", json!({ "params": { "password": "{{password}}", "text": "x" }, "outputKey": "out" })),
        step(
            "b",
            "echo",
            json!({ "params": { "password": "canary-literal-1", "text": "{{out.params.password}}" }, "outputKey": "out2" })
        ),
    ]);
    let body = json!({ "steps": steps, "variables": { "password": "canary-variable-2" } });
    let run = run(&server, body).await;
    assert_eq!(run["status"], "succeeded", "{run}");
    let text = run.to_string();
    assert!(!text.contains("canary"), "{text}");
    assert_eq!(run["steps"][0]["params"]["password"], "{{password}}", "references are shown");
    let id = run["id"].as_str().unwrap();
    for path in ["/api/runs".to_owned(), format!("/api/executions?runId={id}")] {
        assert!(!server.get(&path).await.text.contains("canary"), "{path}");
    }
    server.app.store.checkpoint().await.unwrap();
    let file = std::fs::read(server.folder.path().join("floh.db")).unwrap();
    assert!(!file.windows(6).any(|bytes| bytes == b"canary"), "the database has no secret in the clear");
}

#[tokio::test]
async fn runs_are_listed_by_what_they_are() {
    let server = server().await;
    let good = start(&server, json!({ "steps": [step("a", "echo", json!({}))] })).await;
    let bad = start(&server, json!({ "steps": [step("a", "fail", json!({}))] })).await;
    let waits = start(&server, json!({ "steps": [{ "id": "w", "wait": { "forMs": 600_000 } }] })).await;
    ended(&server, &good).await;
    ended(&server, &bad).await;
    reaches(&server, &waits, "waiting").await;
    let ids = |list: &Value| -> Vec<String> {
        list["items"].as_array().unwrap().iter().map(|run| run["id"].as_str().unwrap().to_owned()).collect()
    };
    for (query, wanted) in [
        ("", vec![&waits, &bad, &good]),
        ("?status=failed", vec![&bad]),
        ("?status=failed,succeeded", vec![&bad, &good]),
        ("?connector=crm", vec![&bad, &good]),
        ("?connector=crm&status=succeeded", vec![&good]),
        ("?connector=none", vec![]),
        ("?definition=none", vec![]),
        ("?until=2020-01-01T00:00:00Z", vec![]),
        ("?since=2020-01-01T00:00:00Z", vec![&waits, &bad, &good]),
    ] {
        let list = server.get(&format!("/api/runs{query}")).await.ok(200);
        assert_eq!(ids(&list), wanted.into_iter().cloned().collect::<Vec<_>>(), "{query}");
    }
    let first = server.get("/api/runs?limit=2").await.ok(200);
    let next = first["nextCursor"].as_str().unwrap();
    let second = server.get(&format!("/api/runs?limit=2&cursor={next}")).await.ok(200);
    assert_eq!((ids(&second), &second["nextCursor"]), (vec![good], &Value::Null));
    for wrong in ["?status=done", "?cursor=x", "?what=1"] {
        server.get(&format!("/api/runs{wrong}")).await.ok(422);
    }
    server.get(&format!("/api/runs/{bad}?waitMs=60001")).await.ok(422);
    server.get("/api/runs/none").await.ok(404);
}

#[tokio::test]
async fn a_run_goes_on_after_a_restart() {
    let server = server().await;
    let id =
        start(&server, json!({ "steps": [{ "id": "w", "wait": { "forMs": 700 } }, step("b", "echo", json!({}))] }))
            .await;
    reaches(&server, &id, "waiting").await;
    server.app.begin_stop();
    let server = server.restart(all_types()).await;
    let run = ended(&server, &id).await;
    assert_eq!((run["status"].as_str(), statuses(&run)), (Some("succeeded"), vec!["succeeded"; 2]), "{run}");
}

#[tokio::test]
async fn a_run_whose_connector_has_changed_calls_nothing_more() {
    let server = server().await;
    let steps =
        json!([{ "id": "w", "wait": { "forMs": 600_000 } }, step("b", "list", json!({ "params": { "limit": 1 } }))]);
    let id = start(&server, json!({ "steps": steps })).await;
    reaches(&server, &id, "waiting").await;
    let current = server.get("/api/connector-types/crm").await.ok(200);
    let mut schema = current["configSchema"].clone();
    schema["commands"].as_object_mut().unwrap().remove("list");
    let body = json!({ "scriptSource": current["scriptSource"], "configSchema": schema, "version": "2.0.0" });
    server.put("/api/connector-types/crm", body).await.ok(200);
    // Its time has come.
    server.app.store.runs().expire_waits().await.unwrap();
    server.app.run_queue.wake();
    let run = ended(&server, &id).await;
    assert_eq!((&run["failure"]["code"], &run["failure"]["step"]), (&json!("schema_changed"), &json!("b")), "{run}");
    let rows = server.get(&format!("/api/executions?runId={id}")).await.ok(200);
    assert_eq!(rows["items"], json!([]));
    let refused = server.post(&format!("/api/runs/{id}/resume"), json!({})).await.ok(422);
    assert_eq!(refused["errors"][0]["pointer"], "/steps/1/command");
}

#[tokio::test]
async fn variables_are_dropped_a_day_after_the_end() {
    let server = server().await;
    let id = start(&server, json!({ "steps": [step("a", "fail", json!({}))], "variables": { "n": 1 } })).await;
    assert_eq!(ended(&server, &id).await["variables"]["n"], 1);
    let runs = server.app.store.runs();
    assert_eq!(runs.drop_bags(now() - Duration::from_secs(60), 10).await.unwrap(), 0);
    assert_eq!(runs.drop_bags(now() + Duration::from_secs(60), 10).await.unwrap(), 1);
    let run = server.get(&format!("/api/runs/{id}")).await.ok(200);
    assert!(run.get("variables").is_none(), "{run}");
    server.post(&format!("/api/runs/{id}/resume"), json!({})).await.ok(410);
    assert_eq!(runs.load(id.parse().unwrap()).await.unwrap().plan, None);
}

#[tokio::test]
async fn no_more_runs_are_accepted_than_there_may_be() {
    let server = server().await;
    server.app.run_queue.count(crate::run_queue::MAX_UNFINISHED);
    let body = json!({ "steps": [step("a", "echo", json!({}))] });
    let refused = server.call_with("POST", "/api/runs", body.clone(), "idempotency-key", "k").await.ok(503);
    assert!(refused["detail"].as_str().unwrap().contains("100000 runs"), "{refused}");
    server.app.run_queue.count(0);
    server.call_with("POST", "/api/runs", body, "idempotency-key", "k").await.ok(202);
}

#[test]
fn postgres_runs_the_same() {
    on_postgres(&[("runs", |db| Box::pin(runs_on(db)))]);
}

async fn runs_on(db: TestDb) {
    let server = TestServer::at(&db.url).await;
    prepare(&server).await;
    let steps = json!([
        step("a", "list", json!({ "outputKey": "out" })),
        { "id": "w", "wait": { "forMs": 100 } },
        step("b", "fail", json!({ "retry": { "attempts": 2, "backoffMs": 50 }, "continueOnError": true })),
        step("c", "echo", json!({ "params": { "limit": "{{out.total}}" } })),
    ]);
    let done = run(&server, json!({ "steps": steps })).await;
    let wanted = vec!["succeeded", "succeeded", "failed", "succeeded"];
    assert_eq!((done["status"].as_str(), statuses(&done)), (Some("succeeded"), wanted), "{done}");
    let id = start(&server, json!({ "steps": [{ "id": "w", "wait": { "forMs": 600_000 } }] })).await;
    reaches(&server, &id, "waiting").await;
    server.post(&format!("/api/runs/{id}/cancel"), json!({})).await.ok(202);
    server.post(&format!("/api/runs/{id}/resume"), json!({})).await.ok(202);
    reaches(&server, &id, "waiting").await;
    assert_eq!(server.get("/api/runs?connector=crm&status=succeeded").await.ok(200)["items"][0]["id"], done["id"]);
    server.app.begin_stop();
    server.app.close().await;
}

/// A run whose second step calls a command, as a server left it that died there.
async fn left_dead(server: &TestServer, command: &str, in_flight: bool, claims: i64) -> String {
    let steps = json!([{ "id": "w", "wait": { "forMs": 600_000 } }, step("b", command, json!({})), step("c", "echo", json!({}))]);
    let id = start(server, json!({ "steps": steps })).await;
    reaches(server, &id, "waiting").await;
    let execution = in_flight.then(crate::store::new_id);
    server.app.store.runs().leave_dead(id.parse().unwrap(), 1, execution, claims).await.unwrap();
    id
}

async fn taken_up(server: &TestServer, id: &str) -> Value {
    server.app.run_queue.wake();
    ended(server, id).await
}

#[tokio::test]
async fn what_may_have_happened_is_known_even_if_the_connector_has_changed() {
    let server = server().await;
    let id = left_dead(&server, "nothing", true, 1).await;
    let current = server.get("/api/connector-types/crm").await.ok(200);
    let mut schema = current["configSchema"].clone();
    schema["commands"].as_object_mut().unwrap().remove("nothing");
    let body = json!({ "scriptSource": current["scriptSource"], "configSchema": schema, "version": "2.0.0" });
    server.put("/api/connector-types/crm", body).await.ok(200);
    let run = taken_up(&server, &id).await;
    assert_eq!(run["failure"]["code"], "outcome_unknown", "{run}");
    let task = run["tasks"].as_array().unwrap().iter().find(|task| task["stepId"] == "b").unwrap();
    assert_eq!((&task["status"], task["attempts"].as_array().unwrap().len()), (&json!("unknown"), 1));
}

#[tokio::test]
async fn a_call_that_may_be_repeated_is_repeated_after_a_death() {
    let server = server().await;
    let id = left_dead(&server, "fail", true, 1).await;
    let run = taken_up(&server, &id).await;
    let task = run["tasks"].as_array().unwrap().iter().find(|task| task["stepId"] == "b").unwrap();
    let attempts: Vec<_> =
        task["attempts"].as_array().unwrap().iter().map(|attempt| attempt["status"].clone()).collect();
    assert_eq!(attempts, [json!("unknown"), json!("failed")], "{run}");
}

#[tokio::test]
async fn a_step_in_which_servers_die_ends_its_run() {
    let server = server().await;
    // The claim of this server is one more.
    let id = left_dead(&server, "echo", false, 9).await;
    assert_eq!(taken_up(&server, &id).await["status"], "succeeded");
    for command in ["echo", "fail"] {
        let id = left_dead(&server, command, command == "fail", 10).await;
        let run = taken_up(&server, &id).await;
        assert!(run["failure"]["message"].as_str().unwrap().contains("10 times"), "{command}: {run}");
        let calls = server.get(&format!("/api/executions?runId={id}")).await.ok(200);
        assert_eq!(calls["items"], json!([]), "{command}");
    }
}

#[tokio::test]
async fn a_run_that_rests_in_a_call_says_when_it_is_ended_that_it_may_have_happened() {
    let server = server().await;
    let steps = json!([{ "id": "w", "wait": { "forMs": 600_000 } }, step("b", "nothing", json!({}))]);
    let id = start(&server, json!({ "steps": steps })).await;
    reaches(&server, &id, "waiting").await;
    let runs = server.app.store.runs();
    runs.leave_resting(id.parse().unwrap(), 1, crate::store::new_id()).await.unwrap();
    server.post(&format!("/api/runs/{id}/cancel"), json!({})).await.ok(202);
    let run = taken_up(&server, &id).await;
    assert_eq!(run["status"], "cancelled", "{run}");
    let task = run["tasks"].as_array().unwrap().iter().find(|task| task["stepId"] == "b").unwrap();
    assert_eq!(task["status"], "unknown");
    assert_eq!(server.post(&format!("/api/runs/{id}/resume"), json!({})).await.ok(409)["code"], "outcome_unknown");
}
