//! The import of an OpenAPI document as a whole process with its output, beside a process that only parses the same text.

use std::fs;
use std::path::Path;
use std::process::{Command, ExitCode, Stdio};
use std::time::Duration;

use measure::process::cpu_of_ended_children;
use serde_json::{Map, Value, json};

use crate::Ratio;

const ROUNDS: usize = 4;
/// Processes of a round, one after the other: the system's clock has steps of 10 ms.
const IMPORTS: usize = 4;
const PARSES: usize = 12;
/// Paths of the document, each with two operations.
const PATHS: usize = 600;
const SCHEMAS: usize = 150;

/// Parses a document and forgets it.
pub(crate) fn parse(path: &Path) -> ExitCode {
    let text = fs::read_to_string(path).expect("a document");
    let value: Value = serde_json::from_str(&text).expect("JSON");
    println!("{}", value.as_object().map_or(0, Map::len));
    ExitCode::SUCCESS
}

/// Measures both.
pub(crate) fn measure(floh: &Path) -> Vec<Ratio> {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let path = folder.path().join("document.json");
    fs::write(&path, document()).expect("written");
    let path = path.to_str().expect("a path in UTF-8");
    let own = std::env::current_exe().expect("the path of this program");
    let (mut import, mut parse) = (Duration::MAX, Duration::MAX);
    for _ in 0..ROUNDS {
        parse = parse.min(cpu(PARSES, Command::new(&own).args(["parse", path])));
        import = import.min(cpu(IMPORTS, Command::new(floh).args(["import", "--dry-run", "--json", path])));
    }
    println!(
        "{:<28} {:>8.1} ms of CPU, a parse {:.1}",
        "import",
        import.as_secs_f64() * 1e3,
        parse.as_secs_f64() * 1e3
    );
    vec![Ratio::new("import", import.as_secs_f64() / parse.as_secs_f64())]
}

/// Runs a program to its end, several times; returns the CPU time of each.
fn cpu(times: usize, command: &mut Command) -> Duration {
    let before = cpu_of_ended_children(None);
    for _ in 0..times {
        let status = command.stdout(Stdio::null()).status().expect("starts");
        assert!(status.success(), "{command:?}: {status}");
    }
    (cpu_of_ended_children(None) - before) / u32::try_from(times).expect("a few")
}

/// A document as generators write it: shared schemas, descriptions, parameters and bodies. About 8 MB.
fn document() -> String {
    let words = "Says what the value is for, in a sentence or two. ";
    let schemas: Map<String, Value> =
        (0..SCHEMAS).map(|number| (format!("S{number}"), schema(number, words))).collect();
    let mut paths = Map::new();
    for number in 0..PATHS {
        let body = |extra: usize| json!({ "application/json": { "schema": schema(number + extra, words) } });
        let id = json!({ "name": "id", "in": "path", "required": true, "schema": { "type": "string" }, "description": words });
        let limit = json!({ "name": "limit", "in": "query", "schema": { "type": "integer", "default": 50 } });
        let get = json!({ "operationId": format!("getThing{number}"), "summary": words, "parameters": [id, limit],
            "responses": { "200": { "description": "ok", "content": body(1) } } });
        let put = json!({ "operationId": format!("putThing{number}"), "summary": words, "parameters": [id],
            "requestBody": { "required": true, "content": body(2) }, "responses": { "200": { "description": "ok" } } });
        paths.insert(format!("/things{number}/{{id}}"), json!({ "get": get, "put": put }));
    }
    let info = json!({ "title": "Generated", "version": "1.0.0", "description": words });
    json!({ "openapi": "3.0.3", "info": info, "servers": [{ "url": "https://api.example.com" }], "paths": paths,
        "components": { "schemas": schemas } })
    .to_string()
}

fn schema(number: usize, words: &str) -> Value {
    let properties: Map<String, Value> = (0..30)
        .map(|field| {
            let value = match field % 4 {
                0 => json!({ "type": "string", "description": words, "maxLength": 200 }),
                1 => json!({ "type": "integer", "minimum": 0, "description": words }),
                2 => json!({ "type": "array", "items": { "type": "string", "format": "uuid" } }),
                _ => json!({ "$ref": format!("#/components/schemas/S{}", (number * 7 + field) % SCHEMAS) }),
            };
            (format!("field{field}"), value)
        })
        .collect();
    json!({ "type": "object", "required": ["field0"], "properties": properties })
}
