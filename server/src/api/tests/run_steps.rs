//! Runs over REST: what steps do with the variables, when they are taken, tried again, and how runs end.

use serde_json::{Value, json};

use crate::testing::TestServer;

/// A server with a script connector, `crm`, whose commands answer what they are given here, and `pause`, which waits.
pub(super) async fn server() -> TestServer {
    let server = TestServer::start().await;
    prepare(&server).await;
    server
}

pub(super) async fn prepare(server: &TestServer) {
    let answers = json!({
        "list": { "success": true, "payload": { "total": 2, "items": ["{{n}}", "b"] }, "variables": { "count": 2, "raw": "{{n}}" } },
        "echo": "echo",
        "fail": { "success": false, "error": "no luck", "variables": { "seen": true }, "diagnostics": { "secretish": "d1agnostic" } },
        "lost": { "success": false, "error": "gone", "diagnostics": { "outcome": "unknown" } },
        "nothing": "undefined",
    });
    let command = |effect: Option<&str>, idempotent: bool| {
        let mut command = json!({ "params": ["limit", "text", "password"], "paramSchema": {
            "limit": { "type": "number" }, "text": { "type": "string" }, "password": { "type": "string", "secret": true } } });
        if let Some(effect) = effect {
            command["effect"] = effect.into();
        }
        if idempotent {
            command["idempotent"] = true.into();
        }
        command
    };
    let crm = json!({
        "name": "crm", "type": "crm", "executionModel": "script", "version": "1.0.0", "scriptSource": answers.to_string(),
        "configSchema": { "commands": {
            "list": command(Some("read"), false), "echo": command(Some("read"), false), "fail": command(Some("update"), true),
            "lost": command(Some("update"), false), "nothing": command(Some("update"), false) } },
    });
    server.post("/api/connectors", crm).await.ok(201);
    server.connector("pause", "delay", json!({})).await;
}

pub(super) fn step(id: &str, command: &str, more: Value) -> Value {
    let mut step = json!({ "id": id, "connector": "crm", "command": command });
    if let (Value::Object(step), Value::Object(more)) = (&mut step, more) {
        step.extend(more);
    }
    step
}

pub(super) async fn start(server: &TestServer, body: Value) -> String {
    let started = server.post("/api/runs", body).await.ok(202);
    assert_eq!(started["status"], "queued");
    started["id"].as_str().unwrap().to_owned()
}

pub(super) async fn ended(server: &TestServer, id: &str) -> Value {
    let run = server.get(&format!("/api/runs/{id}?waitMs=30000")).await.ok(200);
    assert!(run["finishedAt"].is_string(), "it has not ended: {run}");
    run
}

pub(super) async fn run(server: &TestServer, body: Value) -> Value {
    let id = start(server, body).await;
    ended(server, &id).await
}

#[track_caller]
pub(super) fn statuses(run: &Value) -> Vec<&str> {
    run["tasks"].as_array().unwrap().iter().map(|task| task["status"].as_str().unwrap()).collect()
}

#[tokio::test]
async fn payload_and_variables_feed_the_next_step_with_their_types() {
    let server = server().await;
    let second = step(
        "second",
        "echo",
        json!({ "params": {
        "limit": "{{widgets.total}}", "text": "{{count}} of {{widgets.items}}" }, "outputKey": "out" }),
    );
    let steps = json!([step("first", "list", json!({ "outputKey": "widgets" })), second]);
    let run = run(&server, json!({ "steps": steps, "variables": { "n": 7 } })).await;
    assert_eq!(run["status"], "succeeded", "{run}");
    let params = &run["variables"]["out"]["params"];
    assert_eq!(params["limit"], 2);
    // What data holds is never read as a reference.
    assert_eq!(params["text"], r#"2 of ["{{n}}","b"]"#);
    assert_eq!(run["variables"]["raw"], "{{n}}");
    assert_eq!(run["variables"]["out"]["variables"]["widgets"]["total"], 2, "the command sees the variables");
    let id = run["id"].as_str().unwrap();
    assert_eq!(run["variables"]["out"]["key"], format!("{id}/second"));
    let rows = server.get(&format!("/api/executions?runId={id}")).await.ok(200);
    let rows: Vec<_> = rows["items"].as_array().unwrap().iter().map(|row| (&row["stepId"], &row["source"])).collect();
    assert_eq!(rows, [(&json!("second"), &json!("run")), (&json!("first"), &json!("run"))]);
    let attempt = &run["tasks"][1]["attempts"][0];
    assert_eq!((&attempt["status"], run["tasks"][1]["params"]["limit"].clone()), (&json!("succeeded"), json!(2)));
    assert_eq!((&run["position"], &run["stepCount"], &run["resumes"]), (&json!(2), &json!(2), &json!(0)));
}

#[tokio::test]
async fn a_failure_merges_its_variables_and_never_its_diagnostics() {
    let server = server().await;
    let steps = json!([
        step("first", "fail", json!({ "continueOnError": true, "outputKey": "out" })),
        step(
            "second",
            "echo",
            json!({ "params": { "text": "{{seen}} {{steps.first.success}} {{steps.first.error}}" }, "outputKey": "out2" })
        ),
    ]);
    let run = run(&server, json!({ "steps": steps })).await;
    assert_eq!((run["status"].as_str(), statuses(&run)), (Some("succeeded"), vec!["failed", "succeeded"]), "{run}");
    assert_eq!(run["variables"]["out2"]["params"]["text"], "true false no luck");
    assert!(run["variables"].get("out").is_none());
    assert_eq!(run["tasks"][0]["result"]["diagnostics"]["secretish"], "d1agnostic");
    assert!(
        !run["variables"].to_string().contains("d1agnostic") && !run["tasks"][1].to_string().contains("d1agnostic")
    );
}

#[tokio::test]
async fn a_failing_step_ends_the_run_and_the_rest_is_not_begun() {
    let server = server().await;
    let run = run(&server, json!({ "steps": [step("a", "fail", json!({})), step("b", "echo", json!({}))] })).await;
    assert_eq!((run["status"].as_str(), statuses(&run)), (Some("failed"), vec!["failed"]));
    assert_eq!(run["failure"], json!({ "step": "a", "code": "step_failed", "message": "no luck" }));
    assert_eq!(run["tasks"][0]["error"], "no luck");
}

#[tokio::test]
async fn a_reference_that_leads_nowhere_fails_its_step_before_anything_is_called() {
    let server = server().await;
    let steps = json!([
        step("a", "list", json!({ "outputKey": "users" })),
        step("b", "echo", json!({ "params": { "limit": "{{users.totl}}" }, "retry": { "attempts": 3 } })),
    ]);
    let run = run(&server, json!({ "steps": steps })).await;
    let failure = &run["failure"];
    assert_eq!((&failure["code"], &failure["step"]), (&json!("reference"), &json!("b")), "{run}");
    let message = failure["message"].as_str().unwrap();
    let wanted = "Unknown reference users.totl at /params/limit: users has total, items; did you mean total?";
    assert_eq!(message, wanted);
    assert_eq!((&run["tasks"][1]["attempts"], &run["tasks"][1]["error"]), (&json!([]), &json!(wanted)));
    let rows = server.get(&format!("/api/executions?runId={}", run["id"].as_str().unwrap())).await.ok(200);
    assert_eq!(rows["items"].as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn a_step_whose_condition_is_false_is_skipped_and_calls_nothing() {
    let server = server().await;
    let steps = json!([
        step("a", "list", json!({ "when": { "value": "{{n}}", "is": "less", "to": 3 }, "outputKey": "out" })),
        step("b", "echo", json!({ "when": "{{steps.a.success}}" })),
        step("c", "echo", json!({ "when": { "not": { "any": [{ "value": "{{n}}", "is": "equal", "to": "7" }, "{{steps.b.success}}"] } } })),
        { "id": "w", "when": { "value": "{{out ?? null}}", "is": "exists" }, "wait": { "forMs": 60000 } },
    ]);
    let run = run(&server, json!({ "steps": steps, "variables": { "n": 7 } })).await;
    assert_eq!(
        (run["status"].as_str(), statuses(&run)),
        (Some("succeeded"), vec!["skipped", "skipped", "succeeded", "skipped"]),
        "{run}"
    );
    let rows = server.get(&format!("/api/executions?runId={}", run["id"].as_str().unwrap())).await.ok(200);
    assert_eq!(rows["items"].as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn a_condition_of_two_types_fails_its_step() {
    let server = server().await;
    let steps = json!([step("a", "list", json!({ "when": { "value": "{{n}}", "is": "less", "to": "3" } }))]);
    let run = run(&server, json!({ "steps": steps, "variables": { "n": 7 } })).await;
    assert_eq!((&run["status"], &run["failure"]["code"]), (&json!("failed"), &json!("step_failed")), "{run}");
}

#[tokio::test]
async fn a_failed_call_is_tried_again_in_growing_pauses() {
    let server = server().await;
    let retry = json!({ "attempts": 3, "backoffMs": 200, "factor": 2 });
    let run = run(&server, json!({ "steps": [step("a", "fail", json!({ "retry": retry }))] })).await;
    let attempts = run["tasks"][0]["attempts"].as_array().unwrap();
    assert_eq!((attempts.len(), &run["status"]), (3, &json!("failed")), "{run}");
    let at = |index: usize| attempts[index]["startedAt"].as_str().unwrap().parse::<jiff::Timestamp>().unwrap();
    let pauses = [at(1).duration_since(at(0)).as_millis(), at(2).duration_since(at(1)).as_millis()];
    assert!(pauses[0] >= 200 && pauses[1] >= 400, "{pauses:?}");
    assert!(attempts.iter().all(|attempt| attempt["error"] == "no luck"));
}

#[tokio::test]
async fn what_is_refused_and_what_may_have_happened_is_not_tried_again() {
    let server = server().await;
    let retry = json!({ "attempts": 5, "backoffMs": 1 });
    let lost = run(&server, json!({ "steps": [step("a", "lost", json!({ "retry": retry }))] })).await;
    assert_eq!((&lost["failure"]["code"], statuses(&lost)), (&json!("outcome_unknown"), vec!["unknown"]), "{lost}");
    assert_eq!(lost["tasks"][0]["attempts"].as_array().unwrap().len(), 1);
    // The text is no number, which the check cannot know.
    let steps = json!([
        step("a", "list", json!({ "outputKey": "out" })),
        step("b", "echo", json!({ "params": { "limit": "{{out.items}}" }, "retry": retry }))
    ]);
    let refused = run(&server, json!({ "steps": steps })).await;
    assert_eq!(refused["tasks"][1]["attempts"].as_array().unwrap().len(), 1, "{refused}");
    assert_eq!(refused["status"], "failed");
}

#[tokio::test]
async fn a_wait_lets_time_pass_and_holds_no_worker() {
    let server = server().await;
    let id = start(&server, json!({ "steps": [{ "id": "w", "wait": { "forMs": "{{ms}}" } }, step("b", "echo", json!({}))], "variables": { "ms": 300 } })).await;
    let run = ended(&server, &id).await;
    assert_eq!((run["status"].as_str(), statuses(&run)), (Some("succeeded"), vec!["succeeded", "succeeded"]), "{run}");
    let time = |value: &Value| value.as_str().unwrap().parse::<jiff::Timestamp>().unwrap();
    let waited = time(&run["tasks"][0]["finishedAt"]).duration_since(time(&run["tasks"][0]["startedAt"])).as_millis();
    assert!((300..5_000).contains(&waited), "{waited}");
    let far = json!({ "id": "w", "wait": { "until": "2999-01-01T00:00:00Z" } });
    let refused = super::run_steps::run(&server, json!({ "steps": [far] })).await;
    assert!(refused["failure"]["message"].as_str().unwrap().contains("30 days"), "{refused}");
}

#[tokio::test]
async fn a_step_that_would_fill_the_variables_fails_and_merges_nothing() {
    let server = server().await;
    let text = "x".repeat(3 << 20);
    let steps = json!([step("a", "echo", json!({ "params": { "text": "{{text}}" }, "outputKey": "out" }))]);
    let run = run(&server, json!({ "steps": steps, "variables": { "text": text } })).await;
    assert_eq!(run["failure"]["code"], "bag_too_large", "{}", run["failure"]);
    assert!(run["variables"].get("out").is_none());
}

#[tokio::test]
async fn what_the_check_refuses_starts_nothing() {
    let server = server().await;
    let steps = json!([step("a", "echo", json!({ "params": { "limit": "{{nope}}" } })), step("b", "nope", json!({}))]);
    let refused = server.post("/api/runs", json!({ "steps": steps })).await;
    let problem = refused.ok(422);
    let pointers: Vec<_> =
        problem["errors"].as_array().unwrap().iter().map(|item| item["pointer"].as_str().unwrap()).collect();
    assert_eq!(pointers, ["/steps/0/params/limit", "/steps/1/command"], "{problem}");
    for body in [
        json!({}),
        json!({ "steps": [], "definition": "d" }),
        json!({ "steps": [step("a", "echo", json!({}))], "version": 1 }),
    ] {
        server.post("/api/runs", body).await.ok(422);
    }
    assert_eq!(server.get("/api/runs").await.ok(200)["items"], json!([]));
}
