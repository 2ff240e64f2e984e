use serde_json::{Value, json};

use super::fixture::{invocation, map, refused, run_scripted, run_with};
use crate::context::{ConnectionConfig, Context, Invocation};
use crate::mock::{MockScript, MockSettings};
use crate::outcome::{BoxFuture, Fail, Failure, Reply};
use crate::result::PayloadText;
use crate::schema::FieldValues;

async fn mocked(settings: Option<Value>, scenario: Option<&str>, config: Value) -> (Value, bool) {
    let settings: Option<MockSettings> = settings.map(|settings| serde_json::from_value(settings).unwrap());
    let call = Invocation {
        mock_scenario: scenario.map(str::to_owned),
        connection: ConnectionConfig::default().into(),
        ..invocation(config)
    };
    let done = run_with(call, settings.as_ref(), None).await;
    (serde_json::to_value(done.reply).unwrap(), done.mocked)
}

fn payload(payload: Value) -> (Value, bool) {
    (json!({ "success": true, "payload": payload }), true)
}

#[tokio::test]
async fn stored_results_come_before_those_of_the_code() {
    let settings = json!({ "enabled": true, "data": { "echo": { "success": true, "payload": "stored" } } });
    assert_eq!(mocked(Some(settings.clone()), None, json!({})).await, payload(json!("stored")));
    assert_eq!(mocked(Some(settings), Some("empty"), json!({ "limit": 3 })).await, payload(json!(3)));
    assert_eq!(mocked(Some(json!({ "enabled": true })), None, json!({})).await, payload(json!("mocked")));
}

#[tokio::test]
async fn a_scenario_named_by_the_call_needs_no_settings_and_gets_defaults() {
    assert_eq!(mocked(None, Some("default"), json!({})).await, payload(json!("mocked")));
    assert_eq!(mocked(None, Some("empty"), json!({})).await, payload(json!(50)));
    let off = json!({ "enabled": false, "data": { "echo": { "empty": { "payload": 1 } } } });
    assert_eq!(mocked(Some(off), Some("empty"), json!({})).await, payload(json!(1)));
}

#[tokio::test]
async fn mocks_that_are_switched_off_do_not_answer() {
    let (answer, mocked) = mocked(Some(json!({ "enabled": false })), None, json!({})).await;
    assert_eq!(answer, refused("Missing required field(s): baseUrl, apiKey"));
    assert!(!mocked);
}

#[tokio::test]
async fn a_mocked_call_checks_its_params() {
    let (answer, _) = mocked(None, Some("default"), json!({ "limit": 0 })).await;
    assert_eq!(answer, refused("Invalid field(s): limit: expected at least 1, got 0"));
    let (answer, _) = mocked(None, Some("default"), json!({ "command": "require" })).await;
    assert_eq!(answer, refused("Missing required field(s): first, second"));
}

#[tokio::test]
async fn what_is_not_found_is_never_the_real_call() {
    let (answer, was_mocked) = mocked(None, Some("nope"), json!({})).await;
    let known = "No mock scenario nope for command echo; known are default, empty, broken";
    assert_eq!((answer, was_mocked), (refused(known), true));
    let settings = json!({ "enabled": true, "data": { "echo": { "empty": {}, "other": {} } } });
    let (answer, _) = mocked(Some(settings), Some("nope"), json!({})).await;
    let known = "No mock scenario nope for command echo; known are empty, other, default, broken";
    assert_eq!(answer, refused(known));
    let (answer, _) = mocked(Some(json!({ "enabled": true })), None, json!({ "command": "old" })).await;
    assert_eq!(answer, refused("No mock scenario default for command old; the command has none"));
}

#[tokio::test]
async fn a_mock_that_panics_is_a_failure() {
    let (answer, was_mocked) = mocked(None, Some("broken"), json!({})).await;
    assert_eq!((answer, was_mocked), (refused("Connector panicked"), true));
    assert_eq!(map(json!({})).len(), 0);
}

/// Answers the scenarios `scripted`, `waits`, `panics` and `busy`, and passes on all others.
#[derive(Debug)]
struct Scripted;

impl MockScript for Scripted {
    fn answer<'a>(
        &'a self,
        _: &'a Context,
        command: &'a str,
        scenario: &'a str,
        params: FieldValues<'a>,
    ) -> BoxFuture<'a, Option<Result<Reply, Failure>>> {
        Box::pin(async move {
            match scenario {
                "scripted" => {
                    let payload = PayloadText::of(&json!([command, params.get("limit")])).unwrap();
                    Some(Ok(Reply { payload: Some(payload), ..Reply::done() }))
                }
                "waits" => std::future::pending().await,
                "panics" => panic!("on purpose"),
                "busy" => Some(Err(Failure::unavailable(Fail::new("try later").diagnostic("class", "busy")))),
                _ => None,
            }
        })
    }
}

#[tokio::test(start_paused = true)]
async fn a_mock_script_stands_between_stored_results_and_the_code() {
    let settings: MockSettings =
        serde_json::from_value(json!({ "enabled": true, "data": { "echo": { "stored": { "payload": "stored" } } } }))
            .unwrap();
    let run = async |scenario: &str| {
        let call = Invocation { mock_scenario: Some(scenario.to_owned()), ..invocation(json!({ "limit": 3 })) };
        let done = run_scripted(call, Some(&settings), Some(&Scripted), Some(40)).await;
        assert!(done.mocked);
        (serde_json::to_value(&done.reply).unwrap(), done.unavailable)
    };
    assert_eq!(run("stored").await.0["payload"], "stored");
    assert_eq!(run("scripted").await.0["payload"], json!(["echo", 3]));
    assert_eq!(run("empty").await.0["payload"], 3, "what the script passes on, the code answers");
    assert_eq!(run("waits").await, (refused("Timed out after 40 ms"), false));
    assert_eq!(run("panics").await, (refused("Connector panicked"), false));
    let (answer, unavailable) = run("busy").await;
    assert!(unavailable);
    assert_eq!(answer["diagnostics"], json!({ "class": "busy" }));
}
