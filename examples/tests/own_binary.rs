//! The program of a few lines is `floh` with one more connector type.
#![allow(clippy::unwrap_used, reason = "a test: what goes wrong here fails it")]

use std::process::{Command, Output};

use serde_json::{Value, json};

fn floh_with_widget(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_floh_with_widget")).args(arguments).output().unwrap()
}

#[test]
fn a_program_of_a_few_lines_has_its_own_connectors_and_those_of_floh() {
    let types = String::from_utf8(floh_with_widget(&["types"]).stdout).unwrap();
    for name in ["widget", "http", "delay"] {
        assert!(types.lines().any(|line| line.split_whitespace().next() == Some(name)), "{name}: {types}");
    }
}

#[test]
fn its_command_line_calls_them() {
    let called = floh_with_widget(&["call", "widget", "listWidgets", "--mock", "empty", "--param", "state=active"]);
    let result: Value = serde_json::from_slice(&called.stdout).unwrap();
    assert_eq!(result["payload"], json!({ "widgets": [], "total": 1 }), "{called:?}");
    assert_eq!(result["variables"], json!({ "widgetCount": 0 }));
}
