//! `floh import`, as a person or a program calls it.

use std::io::Write;
use std::process::{Command, Output, Stdio};

use serde_json::{Value, json};

fn floh(arguments: &[&str], input: &str) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_floh"));
    command.arg("import").args(arguments).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    child.stdin.take().unwrap().write_all(input.as_bytes()).unwrap();
    child.wait_with_output().unwrap()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).unwrap()
}

const YAML: &str = "openapi: 3.1.0\ninfo: {title: Pets, version: 1.0.0}\npaths: {/pets: {get: {}, trace: {}}}\n";

#[test]
fn many_documents_give_a_line_each_whatever_is_wrong_with_one() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    std::fs::write(path("old.json"), r#"{"swagger":"1.2"}"#).unwrap();
    std::fs::write(path("pets.yaml"), YAML).unwrap();
    let (old, pets, none) = (path("old.json"), path("pets.yaml"), path("none.json"));
    let output = floh(&["--dry-run", "--json", &old, &pets, &none, "-"], "{}");
    assert_eq!(output.status.code(), Some(1));
    let lines: Vec<Value> = text(&output.stdout).lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let told: Vec<(&Value, &Value)> = lines.iter().map(|line| (&line["file"], &line["error"]["code"])).collect();
    let code = |code: &str| json!(code);
    assert_eq!(
        told,
        [
            (&json!(old), &code("unsupported_version")),
            (&json!(pets), &Value::Null),
            (&json!(none), &code("unreadable")),
            (&json!("-"), &code("missing_version")),
        ]
    );
    assert_eq!(lines[0]["error"]["pointer"], "/swagger");
    assert_eq!(
        (lines[1]["name"].as_str(), lines[1]["operations"][0]["name"].as_str()),
        (Some("pets"), Some("getPets"))
    );
}

#[test]
fn a_person_sees_a_table() {
    let output = floh(&["--dry-run", "-"], YAML);
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    let shown = text(&output.stdout);
    assert!(
        shown.starts_with(
            "-: pets 1.0.0, 2 commands\n  exact     getPets    GET /pets\n  refused   tracePets  TRACE /pets\n"
        ),
        "{shown}"
    );
    assert!(shown.contains("connection: baseUrl*"), "{shown}");
    let output = floh(&["--dry-run", "-"], "paths: [\n");
    assert_eq!((output.status.code(), output.stdout.len()), (Some(1), 0));
    assert!(text(&output.stderr).contains("not valid YAML"), "{output:?}");
}
