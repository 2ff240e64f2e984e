//! The import of an OpenAPI document as a whole process with its output, beside a process that only parses the same text.

use std::fs;
use std::path::Path;
use std::process::ExitCode;

use measure::process::peak_kb;
use serde_json::{Map, Value, json};

use crate::counted::instructions;
use crate::{Ratio, cpu_of_runs};

/// Processes whose CPU time is told, one after the other: the system's clock has steps of 10 ms.
const IMPORTS: u32 = 4;
const PARSES: u32 = 12;
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

/// Measures both. Their CPU time is told alone.
pub(crate) fn measure(floh: &Path) -> Vec<Ratio> {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let path = folder.path().join("document.json");
    fs::write(&path, document()).expect("written");
    let path = path.to_str().expect("a path in UTF-8");
    let own = std::env::current_exe().expect("the path of this program");
    let (import, parse) = (["import", "--dry-run", "--json", path], ["parse", path]);
    let ms = |times, program, arguments| cpu_of_runs(times, program, arguments).as_secs_f64() * 1e3;
    println!("{:<28} {:>8.1} ms of CPU, a parse {:.1}", "import", ms(IMPORTS, floh, &import), ms(PARSES, &own, &parse));
    let (floor, each) = (instructions(&own, &parse), instructions(floh, &import));
    println!("{:<28} {each:>8} instructions, a parse {floor}", "import");
    let peak = Ratio::new("import_peak_mb", peak_kb(floh, &import) / 1e3);
    println!("{:<28} {:>8.1}", peak.name, peak.value);
    vec![Ratio::new("import", each as f64 / floor as f64), peak]
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
