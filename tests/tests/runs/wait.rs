//! A step that only waits, and the death of its server.

use std::time::{Duration, Instant};

use serde_json::json;
use test_support::{Floh, eventually};

use super::get_run;

/// How long the step waits.
const WAIT: Duration = Duration::from_secs(4);

#[tokio::test(flavor = "multi_thread")]
async fn a_wait_whose_server_is_killed_is_waited_again() {
    let mut floh = Floh::start([]).await;
    let admin = floh.admin();
    let pause = json!({ "name": "pause", "type": "delay", "executionModel": "built_in" });
    admin.post("/api/connectors", &pause).await.expect(201);
    let run = json!({ "steps": [{ "id": "w", "connector": "pause", "command": "wait", "outputKey": "waited",
        "params": { "delayMs": u64::try_from(WAIT.as_millis()).unwrap() } }] });
    let id = admin.post("/api/runs", &run).await.expect(202)["id"].as_str().unwrap().to_owned();
    eventually("the wait", async || (get_run(&admin, &id).await["status"] == "running").then_some(())).await;
    let calls = format!("/api/executions?runId={id}");
    assert_eq!(admin.get(&calls).await.expect(200)["items"], json!([]), "it has no row before its end");
    floh.kill_9().await;
    let killed = Instant::now();
    floh.restart().await;

    let admin = floh.admin();
    admin.get(&format!("/api/runs/{id}?waitMs=30000")).await.expect(200);
    let run = get_run(&admin, &id).await;
    assert_eq!((&run["status"], run["tasks"].as_array().unwrap().len()), (&json!("succeeded"), 1), "{run}");
    assert!(killed.elapsed() >= WAIT, "the wait begins anew: {:?}", killed.elapsed());
    assert_eq!(run["variables"]["waited"]["delayed"], 4_000, "{run}");
    // Nothing of the first time is left that would have to be found out.
    let attempts = run["tasks"][0]["attempts"].as_array().unwrap();
    assert_eq!((attempts.len(), &attempts[0]["status"]), (1, &json!("succeeded")), "{run}");
    let rows = admin.get(&calls).await.expect(200);
    let rows: Vec<_> = rows["items"].as_array().unwrap().iter().map(|row| &row["status"]).collect();
    assert_eq!(rows, ["succeeded"]);
}
