//! Mocks, and what is refused before anything is dialled.

use connector_runtime::connector::Connector as _;
use connector_runtime::descriptor::Descriptor;
use connector_runtime::testing::{self, TestCall};

use super::super::*;

const DESCRIPTOR: &Descriptor = Postgresql::DESCRIPTOR;

fn call(command: &str) -> TestCall {
    let call = testing::call::<Postgresql>(command).config("host", "db.invalid").config("database", "hr");
    call.config("user", "floh").config("password", "s3cret-word")
}

/// Params that each command takes.
fn with_params(command: &str) -> TestCall {
    let call = call(command);
    match command {
        "query" | "execute" => call.param("sql", "SELECT 1"),
        "insert" => call.param("table", "t").param("rows", json!([{ "a": 1 }])),
        "update" => call.param("table", "t").param("set", json!({ "a": 1 })).param("where", json!({ "id": 1 })),
        "delete" => call.param("table", "t").param("where", json!({ "id": 1 })),
        "transaction" => call.param("statements", json!([{ "sql": "SELECT 1" }])),
        "call" => call.param("name", "f"),
        _ => call,
    }
}

#[tokio::test]
async fn every_command_has_mocks_of_success_and_of_failure() {
    for command in DESCRIPTOR.commands {
        let scenarios: Vec<&str> = command.mocks.iter().map(|mock| mock.scenario).collect();
        assert!(scenarios.contains(&"default"), "{}", command.name);
        let mut failures = 0;
        for scenario in &scenarios {
            let result = with_params(command.name).mock(scenario).run().await;
            if result.success {
                assert!(result.payload.is_some());
            } else {
                failures += 1;
                assert!(result.diagnostics.unwrap()["code"].is_string(), "{} {scenario}", command.name);
            }
        }
        assert!(failures > 0, "{} has no scenario of a failure", command.name);
    }
}

#[tokio::test]
async fn what_is_wrong_is_refused_before_anything_is_dialled() {
    let cases = [
        (with_params("delete").param("where", json!({})), "every row"),
        (with_params("update").param("set", json!({})), "set is empty"),
        (with_params("query").param("values", "x"), "must be a list"),
        (with_params("transaction").param("statements", json!([])), "1 to 1000 statements"),
        (with_params("transaction").param("statements", json!([{ "sql": "commit" }])), "begins and ends"),
        (with_params("insert").param("rows", vec![json!({}); 10_001]), "at most 10000 rows"),
        (with_params("insert").param("table", "t\u{0}"), "NUL"),
        (with_params("query").config("timeZone", "x'; DROP TABLE t"), "timeZone"),
        (with_params("query").param("limit", 10_001), "limit"),
        (with_params("query").param("limit", 0), "limit"),
        (with_params("query").config("caCertificate", "x"), "caCertificate"),
    ];
    for (call, text) in cases {
        let result = call.run().await;
        let error = result.error.unwrap();
        assert!(error.contains(text), "{error}");
    }
    // The name leads nowhere: the step is told, and the password is not.
    let done = call("test").done().await;
    let whole = format!("{done:?}");
    assert!(!whole.contains("s3cret-word"), "{whole}");
    assert_eq!(done.reply.into_result().diagnostics.unwrap()["step"], "dial");
}

#[test]
fn effects_are_declared() {
    let effects = DESCRIPTOR.commands.iter().map(|command| (command.name, format!("{:?}", command.effect)));
    let expected = [
        ("test", "Some(Read)"),
        ("query", "Some(Read)"),
        ("execute", "None"),
        ("insert", "Some(Create)"),
        ("update", "Some(Update)"),
        ("delete", "Some(Delete)"),
        ("transaction", "None"),
        ("call", "None"),
    ];
    assert_eq!(effects.collect::<Vec<_>>(), expected.map(|(name, effect)| (name, effect.to_owned())));
}

#[test]
fn a_debug_print_shows_no_password() {
    let secret = Postgresql {
        host: "h".to_owned(),
        port: 5432,
        database: "d".to_owned(),
        user: "u".to_owned(),
        password: "s3cret-word".into(),
        ssl_mode: SslMode::VerifyFull,
        ca_certificate: None,
        timeout_secs: 30,
        time_zone: "UTC".to_owned(),
    };
    assert!(!format!("{secret:?}").contains("s3cret-word"));
}
