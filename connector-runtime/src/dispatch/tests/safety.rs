use std::sync::Arc;

use futures_util::FutureExt;
use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;

use super::fixture::{KEY, TOKENS, answer, invocation, map, refused, run_with};
use crate::context::Invocation;
use crate::egress::testing::Events;
use crate::log::{LogLevel, LogRate};
use crate::redact::MASK;

/// Runs a call and returns its answer with what was logged meanwhile.
async fn watched(config: Value) -> (Value, Vec<String>) {
    let events = Events::default();
    let guard = tracing::subscriber::set_default(events.clone());
    let answer = answer(config).await;
    drop(guard);
    (answer, events.lines())
}

#[tokio::test]
async fn panics_are_failures_and_logged_without_secrets() {
    for (command, message) in [("panicNow", "message=a connector panicked"), ("panicLater", "later")] {
        let (answer, lines) = watched(json!({ "command": command })).await;
        assert_eq!(answer, refused("Connector panicked"));
        let line = lines.iter().find(|line| line.starts_with("ERROR")).unwrap();
        assert!(line.contains(message) && line.contains("dispatch/tests/fixture.rs:"), "{line}");
        assert!(line.contains("backtrace=") && !line.contains(KEY), "{line}");
    }
}

#[tokio::test]
async fn a_panic_in_the_error_map_is_a_failure() {
    let thrown = crate::outcome::Failure::from(super::fixture::Teapot(500));
    assert_eq!(thrown.to_string(), "teapot 500");
    let (answer, _) = watched(json!({ "command": "throw", "how": "panic-in-map" })).await;
    assert_eq!(answer, refused("Connector panicked"));
}

#[tokio::test(start_paused = true)]
async fn the_deadline_is_that_of_the_call_then_the_connector_then_the_command() {
    let hang = || invocation(json!({ "command": "hang" }));
    let error = async |call: Invocation, connector: Option<u64>| run_with(call, None, connector).await.reply.error;
    assert_eq!(error(hang(), None).await.as_deref(), Some("Timed out after 40 ms"));
    assert_eq!(error(hang(), Some(30)).await.as_deref(), Some("Timed out after 30 ms"));
    let call = Invocation { timeout_ms: Some(20), ..hang() };
    assert_eq!(error(call, Some(30)).await.as_deref(), Some("Timed out after 20 ms"));
    let call = Invocation { timeout_ms: Some(u64::MAX), ..hang() };
    assert_eq!(error(call, None).await.as_deref(), Some("Timed out after 300000 ms"));
}

#[tokio::test(start_paused = true)]
async fn a_call_is_cut_when_the_process_must_end() {
    let stop = CancellationToken::new();
    let call = Invocation { stop: Some(stop.clone()), ..invocation(json!({ "command": "hang" })) };
    let mut running = Box::pin(run_with(call, None, Some(60_000)));
    assert!((&mut running).now_or_never().is_none());
    stop.cancel();
    let reply = running.await.reply;
    assert_eq!(reply.error.as_deref(), Some("The server stopped before the command ended"));
    assert_eq!(reply.diagnostics.as_deref(), Some(&json!({ "outcome": "unknown" })), "it may have had an effect");
}

#[tokio::test(start_paused = true)]
async fn a_deadline_may_come_from_the_params() {
    let payload =
        |wait: u64| async move { answer(json!({ "command": "patient", "wait": wait })).await["payload"].clone() };
    assert_eq!(payload(10_000).await, 15);
    assert_eq!(payload(400_000).await, 300);
}

#[tokio::test(start_paused = true)]
async fn work_elsewhere_is_told_when_the_call_is_over() {
    let call = Invocation { variables: map(json!({ "slot": 77 })), ..invocation(json!({ "command": "hang" })) };
    run_with(call, None, None).await;
    let tokens = TOKENS.lock().unwrap();
    let (_, token) = tokens.iter().find(|(slot, _)| *slot == 77).unwrap();
    assert!(token.is_cancelled());
}

#[tokio::test]
async fn work_elsewhere_is_told_when_nobody_waits_any_more() {
    let call = Invocation { variables: map(json!({ "slot": 78 })), ..invocation(json!({ "command": "hang" })) };
    let mut running = Box::pin(run_with(call, None, Some(60_000)));
    assert!((&mut running).now_or_never().is_none());
    drop(running);
    let tokens = TOKENS.lock().unwrap();
    let (_, token) = tokens.iter().find(|(slot, _)| *slot == 78).unwrap();
    assert!(token.is_cancelled());
}

#[tokio::test]
async fn a_deprecated_command_works_and_warns_once() {
    let (answer, lines) = watched(json!({ "command": "old" })).await;
    assert_eq!(answer, json!({ "success": true }));
    let warnings: Vec<&String> = lines.iter().filter(|line| line.contains("deprecated_command")).collect();
    assert_eq!(warnings.len(), 1, "{lines:?}");
    for part in ["WARN", "event=\"deprecated_command\"", "connector=\"lab\"", "command=\"old\"", "instead=\"use echo\""]
    {
        assert!(warnings[0].contains(part), "{part}: {}", warnings[0]);
    }
    let done = run_with(invocation(json!({ "command": "old" })), None, None).await;
    assert_eq!(done.deprecated, Some(Some("use echo".to_owned())));
    let (_, lines) = watched(json!({ "command": "echo" })).await;
    assert!(lines.iter().all(|line| !line.contains("deprecated_command")), "{lines:?}");
}

#[tokio::test]
async fn a_result_that_sets_what_its_command_does_not_declare_works_and_warns_once() {
    let others: Vec<String> = (0..10).map(|number| format!("other{number}")).collect();
    let (answer, lines) = watched(json!({ "command": "declares", "others": others })).await;
    assert_eq!(answer["variables"].as_object().map(|variables| variables.len()), Some(11), "{answer}");
    let warnings: Vec<&String> = lines.iter().filter(|line| line.contains("undeclared_variable")).collect();
    assert_eq!(warnings.len(), 1, "{lines:?}");
    for part in ["WARN", "connector=\"lab\"", "command=\"declares\"", "other0, other1", "and 2 more"] {
        assert!(warnings[0].contains(part), "{part}: {}", warnings[0]);
    }
    assert!(!warnings[0].contains("widgetCount"), "{}", warnings[0]);
    let (answer, lines) = watched(json!({ "command": "declares", "others": [] })).await;
    assert_eq!(answer["variables"], json!({ "widgetCount": 1 }));
    assert!(lines.iter().all(|line| !line.contains("undeclared_variable")), "{lines:?}");
}

#[tokio::test]
async fn what_the_runtime_says_about_a_connector_is_limited_too() {
    for command in ["old", "panicNow"] {
        let events = Events::default();
        let _guard = tracing::subscriber::set_default(events.clone());
        let rate = Arc::new(LogRate::default());
        // These lines draw on the same units as those that the connector writes itself.
        while rate.passes("lab", 0) {}
        for _ in 0..200 {
            let invocation = invocation(json!({ "command": command }));
            run_with(Invocation { log_rate: Some(Arc::clone(&rate)), ..invocation }, None, None).await;
        }
        let all = events.lines();
        let lines = all.iter().filter(|line| line.contains(command)).count();
        assert!(lines < 190, "{command}: {lines}");
        assert!(all.iter().any(|line| line.contains("line(s) were dropped")), "{command}: {all:?}");
    }
}

#[tokio::test]
async fn secrets_leave_neither_in_errors_nor_in_diagnostics_nor_in_logs() {
    let thrown = answer(json!({ "command": "throw", "how": "leak" })).await;
    assert_eq!(thrown, refused(&format!("the key is {MASK}")));
    let done = run_with(invocation(json!({ "command": "talk" })), None, None).await;
    let logged: Vec<(LogLevel, &str)> = done.logs.iter().map(|line| (line.level, line.message.as_str())).collect();
    assert_eq!(logged, [(LogLevel::Info, "key [redacted]")]);
    let answer = serde_json::to_value(&done.reply).unwrap();
    assert_eq!(answer["diagnostics"], json!({ "key": MASK }));
    assert_eq!(answer["variables"], json!({ "key": KEY }), "what the caller gets is as it is");
}

#[tokio::test]
async fn a_secret_param_of_a_refused_call_is_not_told_back() {
    let config = json!({ "command": "echo-token-1234", "auth": { "token": "echo-token-1234" } });
    let error = answer(config).await["error"].as_str().map(str::to_owned).unwrap();
    assert!(error.starts_with(&format!("Unknown command: {MASK} (")), "{error}");
    let config = json!({ "command": "echo", "auth": { "token": ["nested-token"] } });
    let error = answer(config).await["error"].as_str().map(str::to_owned).unwrap();
    assert!(error.starts_with("Invalid field(s): auth: ") && !error.contains("nested-token"), "{error}");
}

#[tokio::test]
async fn logs_keep_to_the_connectors_level() {
    let call = Invocation { log_level: LogLevel::Debug, ..invocation(json!({ "command": "talk" })) };
    assert_eq!(run_with(call, None, None).await.logs.len(), 2);
    let call = Invocation { log_level: LogLevel::Warn, ..invocation(json!({ "command": "talk" })) };
    assert!(run_with(call, None, None).await.logs.is_empty());
}

#[tokio::test]
async fn a_param_that_nobody_knows_is_named_in_the_log() {
    let done = run_with(invocation(json!({ "command": "echo", "txet": "secret value", "color": 1 })), None, None).await;
    assert!(done.reply.success);
    let logged: Vec<(LogLevel, &str)> = done.logs.iter().map(|line| (line.level, line.message.as_str())).collect();
    assert_eq!(
        logged,
        [
            (LogLevel::Warn, "the param txet is ignored: the command has none of that name; did you mean text?"),
            (LogLevel::Warn, "the param color is ignored: the command has none of that name"),
        ]
    );
    let many: serde_json::Map<_, _> = (0..1_000).map(|n| (format!("unknown{n}"), json!(n))).collect();
    let done = run_with(invocation(json!(many)), None, None).await;
    assert_eq!(done.logs.len(), 9);
    assert_eq!(done.logs[8].message, "992 more params are ignored: the command has none of these names");
}
