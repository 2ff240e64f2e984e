use serde_json::{Value, json};

use super::fixture::{KEY, answer, invocation, map, refused, run_with};
use crate::context::{ConnectionConfig, Invocation};

const KNOWN: &str =
    "known commands: echo, require, throw, panicNow, panicLater, hang, patient, old, declares, talk, context";

#[tokio::test]
async fn a_command_gets_its_params_and_defaults() {
    let payload = |limit: u32, text: Value| {
        json!({ "success": true, "payload":
        { "limit": limit, "text": text, "baseUrl": "https://a.example" } })
    };
    assert_eq!(answer(json!({ "command": "echo", "limit": 7, "text": "x", "extra": 1 })).await, payload(7, json!("x")));
    assert_eq!(answer(json!({ "command": "echo", "limit": null, "text": null })).await, payload(50, json!(null)));
}

#[tokio::test]
async fn the_default_command_runs_when_none_is_named() {
    for config in [json!({}), json!({ "command": null }), json!({ "command": "" })] {
        assert_eq!(answer(config.clone()).await["payload"]["limit"], 50, "{config}");
    }
}

#[tokio::test]
async fn unknown_commands_name_the_known_ones() {
    assert_eq!(answer(json!({ "command": "Echo" })).await, refused(&format!("Unknown command: Echo ({KNOWN})")));
    let done = run_with(invocation(json!({ "command": "Echo" })), None, None).await;
    assert_eq!(done.command.as_deref(), Some("Echo"), "the record names what was asked for in vain");
}

#[tokio::test]
async fn no_command_given_says_so() {
    let schema = crate::schema::ConfigSchema::parse(&json!({ "commands": { "a": {}, "b": {} } })).unwrap();
    let empty = crate::schema::ConfigSchema::default();
    let registry = crate::testing::registry_of::<super::fixture::Lab>();
    let executor = registry.get("dispatch-lab").unwrap().executor();
    for (schema, error) in
        [(&schema, "No command given (known commands: a, b)"), (&empty, "No command given (this type has no commands)")]
    {
        let target = crate::dispatch::Target {
            connector: "x",
            schema,
            executor: &executor,
            mock: None,
            mock_script: None,
            timeout_ms: None,
        };
        let done = crate::dispatch::dispatch(target, Invocation::default()).await;
        assert_eq!(done.reply.error.as_deref(), Some(error));
    }
}

#[tokio::test]
async fn what_is_missing_is_told_of_connection_and_params_at_once() {
    let mut call = invocation(json!({ "command": "require", "first": "" }));
    call.connection = ConnectionConfig::new(map(json!({ "apiKey": null }))).into();
    let done = run_with(call, None, None).await;
    let error = "Missing required field(s): baseUrl, apiKey, first, second";
    assert_eq!(done.reply.error.as_deref(), Some(error));
    assert_eq!((done.command.as_deref(), done.mocked), (Some("require"), false));
}

#[tokio::test]
async fn what_is_invalid_is_told_of_connection_and_params_at_once() {
    let mut call = invocation(json!({ "command": "require", "first": 1, "second": -1 }));
    call.connection = ConnectionConfig::new(map(json!({ "baseUrl": 1, "apiKey": KEY }))).into();
    let done = run_with(call, None, None).await;
    let error = "Invalid field(s): baseUrl: expected string, got number; first: expected string, got number; \
                 second: expected at least 0, got -1";
    assert_eq!(done.reply.error.as_deref(), Some(error));
    let beyond = answer(json!({ "command": "require", "first": "a", "second": 4_294_967_296_u64 })).await;
    let error = "Invalid field(s): second: expected an integer from 0 to 4294967295, got 4294967296";
    assert_eq!(beyond, refused(error));
}

#[tokio::test]
async fn thrown_errors_go_through_the_error_map() {
    let throw = |how: &str| answer(json!({ "command": "throw", "how": how }));
    let mapped = |status: u16| {
        json!({ "success": false, "error": format!("Teapot says {status}"),
        "diagnostics": { "status": status } })
    };
    assert_eq!(throw("teapot").await, mapped(418));
    assert_eq!(throw("wrapped").await, mapped(419), "found among the sources");
    assert_eq!(throw("plain").await, refused("plain error"), "the map knows it not");
    assert_eq!(throw("fail").await, refused("teapot 418, on purpose"), "failing is not throwing");
}

#[tokio::test]
async fn the_context_has_the_five_values_of_the_guide() {
    let call = Invocation {
        variables: map(json!({ "a": 1 })),
        step_id: Some("s".to_owned()),
        run_id: Some("r".to_owned()),
        idempotency_key: Some("k".to_owned()),
        ..invocation(json!({ "command": "context", "extra": [1] }))
    };
    let payload = run_with(call, None, None).await.reply.into_result().payload.unwrap();
    assert_eq!(payload["config"], json!({ "command": "context", "extra": [1] }));
    assert_eq!(payload["fields"], json!(["baseUrl", "apiKey"]));
    let ids = ["variables", "step", "run", "key"].map(|name| payload[name].clone());
    assert_eq!(ids, [json!({ "a": 1 }), json!("s"), json!("r"), json!("k")]);
    let debug = payload["debug"].as_str().unwrap();
    assert!(debug.contains("apiKey") && !debug.contains(KEY), "{debug}");
}
