//! What an import costs: CPU time and memory from text to draft, beside reading the same text into a
//! `serde_json::Value`, on a generated document of 1,000 operations and 10 MB.
//!
//! `cargo bench -p server --bench openapi`. The bounds are 3.5 times the CPU and 3 times the memory.

use std::hint::black_box;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use rustix::time::{ClockId, clock_gettime};
use serde_json::{Map, Value, json};
use server::openapi::{Options, cut_script, import};

/// The binary's allocator.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

const ROUNDS: usize = 7;
const OPERATIONS: usize = 1000;
const BYTES: usize = 10 << 20;

fn schema(number: usize, words: &str) -> Value {
    let mut properties = Map::new();
    for field in 0..40 {
        let value = match field % 5 {
            0 => {
                json!({ "type": "string", "description": words, "maxLength": 200, "example": format!("value {field}") })
            }
            1 => json!({ "type": "integer", "minimum": 0, "description": words }),
            2 => json!({ "type": "string", "enum": ["active", "on_hold", "closed"], "description": words }),
            3 => json!({ "type": "array", "items": { "type": "string", "format": "uuid" } }),
            _ => json!({ "$ref": format!("#/components/schemas/S{}", (number * 7 + field) % 200) }),
        };
        properties.insert(format!("field{field}"), value);
    }
    json!({ "type": "object", "required": ["field0", "field1"], "properties": properties })
}

/// A document as generators write it: shared schemas, and long descriptions in the operations.
fn document() -> String {
    let words = "Says what the value is for, in a sentence or two. ";
    let schemas: Map<String, Value> =
        (0..200).map(|number| (format!("S{number}"), schema(number, &words.repeat(1 + number % 3)))).collect();
    let mut paths = Map::new();
    for number in 0..OPERATIONS / 2 {
        let content = |extra: usize| {
            let inline = schema(number + extra, words);
            json!({ "application/json": { "schema": inline, "examples": { "one": { "value": { "id": number, "name": words } } } } })
        };
        let parameters = json!([
            { "name": "id", "in": "path", "required": true, "schema": { "type": "string" }, "description": words },
            { "name": "limit", "in": "query", "schema": { "type": "integer", "default": 50 }, "description": words },
        ]);
        paths.insert(format!("/things{number}/{{id}}"), json!({
            "get": { "operationId": format!("getThing{number}"), "summary": words, "description": words.repeat(10), "tags": ["things"],
                "parameters": parameters,
                "responses": { "200": { "description": "ok", "content": content(1) }, "404": { "description": words } } },
            "put": { "operationId": format!("putThing{number}"), "summary": words, "parameters": [parameters[0]],
                "requestBody": { "required": true, "content": content(2) },
                "responses": { "200": { "description": "ok", "content": { "application/json": { "schema": { "$ref": format!("#/components/schemas/S{}", number % 200) } } } } } },
        }));
    }
    let mut document = json!({ "openapi": "3.0.3", "info": { "title": "Generated", "version": "1.0.0", "description": "" },
        "servers": [{ "url": "https://api.example.com" }], "paths": paths, "components": { "schemas": schemas } });
    let length = document.to_string().len();
    let missing = BYTES.saturating_sub(length) / OPERATIONS;
    for item in document["paths"].as_object_mut().into_iter().flatten() {
        for operation in item.1.as_object_mut().into_iter().flatten() {
            operation.1["responses"]["500"] = json!({ "description": words.repeat(missing / words.len() + 1) });
        }
    }
    document.to_string()
}

fn cpu() -> Duration {
    let now = clock_gettime(ClockId::ProcessCPUTime);
    Duration::new(now.tv_sec.unsigned_abs(), u32::try_from(now.tv_nsec).unwrap_or_default())
}

/// The least CPU time of several rounds.
fn least<T>(mut work: impl FnMut() -> T) -> Duration {
    let round = |work: &mut dyn FnMut() -> T| {
        let began = cpu();
        let result = black_box(work());
        let took = cpu() - began;
        drop(result);
        took
    };
    (0..ROUNDS).map(|_| round(&mut work)).min().unwrap_or_default()
}

/// The most memory that this process has held, in KiB.
fn peak() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    line.and_then(|line| line.trim().trim_end_matches(" kB").parse().ok()).unwrap_or_default()
}

/// Does one piece of work in a process of its own, and answers how much memory it took beyond the text.
fn memory(what: &str, path: &Path) -> u64 {
    let program = std::env::current_exe().expect("a running program has a path");
    let output = Command::new(program).args([what.as_ref(), path.as_os_str()]).output().expect("it starts once more");
    String::from_utf8_lossy(&output.stdout).trim().parse().unwrap_or_default()
}

fn child(what: &str, path: &str) {
    let text = std::fs::read_to_string(path).unwrap_or_default();
    let before = peak();
    if what == "value" {
        black_box(serde_json::from_str::<Value>(&text).expect("a sound document"));
    } else {
        black_box(import(text.as_bytes(), &Options::default()).expect("a sound document"));
    }
    println!("{}", peak() - before);
}

fn main() {
    let arguments: Vec<String> = std::env::args().collect();
    if let [_, what, path] = arguments.as_slice()
        && matches!(what.as_str(), "value" | "draft")
    {
        return child(what, path);
    }
    let given = arguments.get(1).filter(|argument| !argument.starts_with('-'));
    let text = given.and_then(|path| std::fs::read_to_string(path).ok()).unwrap_or_else(document);
    let value = least(|| serde_json::from_str::<Value>(&text).expect("a sound document"));
    let whole = least(|| import(text.as_bytes(), &Options::default()).expect("a sound document"));
    let draft = import(text.as_bytes(), &Options::default()).expect("a sound document");
    let json = least(|| serde_json::to_vec(&draft).expect("a draft is JSON"));
    let command = draft.operations.last().map_or("", |operation| operation.name.as_str());
    let part = least(|| cut_script(&draft.script_source, command).len());
    let share = |many: f64, one: f64| many / one.max(1e-9);
    println!("document     {:9.1} KB, {} operations", text.len() as f64 / 1024.0, draft.operations.len());
    println!("to a value   {:9.1} ms of CPU", value.as_secs_f64() * 1e3);
    println!(
        "to a draft   {:9.1} ms of CPU, {:.2} times",
        whole.as_secs_f64() * 1e3,
        share(whole.as_secs_f64(), value.as_secs_f64())
    );
    println!("draft to JSON{:9.1} ms of CPU", json.as_secs_f64() * 1e3);
    println!(
        "script       {:9.1} KB, one command {:.1} KB",
        draft.script_source.len() as f64 / 1024.0,
        cut_script(&draft.script_source, command).len() as f64 / 1024.0
    );
    println!("cutting      {:9.1} us of CPU", part.as_secs_f64() * 1e6);
    let folder = tempfile::tempdir().expect("a folder for the document");
    let path = folder.path().join("document.json");
    std::fs::write(&path, &text).expect("the document fits");
    let (plain, all) = (memory("value", &path), memory("draft", &path));
    println!("memory       {plain} KiB as a value, {all} KiB as a draft, {:.2} times", share(all as f64, plain as f64));
}
