//! A script that loops, in a run.

use std::time::{Duration, Instant};

use serde_json::json;
use test_support::Floh;

use super::get_run;

#[tokio::test(flavor = "multi_thread")]
async fn a_script_without_end_is_cut_at_the_time_of_its_step_and_the_run_goes_on() {
    let floh = Floh::start([]).await;
    let admin = floh.admin();
    let source = "function loop() { for (;;) {} }\nfunction say() { return { success: true, payload: { said: 1 } }; }";
    let kind = json!({
        "name": "odd", "type": "odd", "executionModel": "script", "version": "1.0.0", "scriptSource": source,
        "configSchema": { "commands": { "loop": {}, "say": {} } },
    });
    admin.post("/api/connectors", &kind).await.expect(201);
    let run = json!({ "steps": [
        { "id": "first", "connector": "odd", "command": "loop", "timeoutMs": 300, "continueOnError": true },
        { "id": "then", "connector": "odd", "command": "say", "outputKey": "told",
          "when": { "not": "{{steps.first.success}}" } },
    ] });
    let began = Instant::now();
    let id = admin.post("/api/runs", &run).await.expect(202)["id"].as_str().unwrap().to_owned();
    admin.get(&format!("/api/runs/{id}?waitMs=30000")).await.expect(200);
    let run = get_run(&admin, &id).await;
    assert!(began.elapsed() < Duration::from_secs(10), "{:?}: {run}", began.elapsed());
    assert_eq!((&run["status"], &run["variables"]["told"]["said"]), (&json!("succeeded"), &json!(1)), "{run}");
    let first = &run["tasks"][0];
    assert!(first["status"] == "failed" && first["error"].as_str().unwrap().contains("300"), "{first}");
}
