//! What an import costs: CPU time and memory from text to draft, beside reading the same text into a
//! `serde_json::Value`, on a generated document of 1,000 operations and 10 MB; what `floh import` costs as a process with
//! its output; and what comparing the schemas of a changed type costs.
//!
//! `cargo bench -p server --bench openapi`. The bounds are 3.5 times the CPU and 3 times the memory of the value, and 10 ms
//! for a comparison of 1,000 commands with 20 params each.
//!
//! `cargo bench -p server --bench openapi -- PATH` measures the process with a document, or with each document of a folder.
//! The targets are 15 ms of CPU for each MB of text, and 300 ms and 150 MB for GitHub's document (docs/performance.md#an-import).

use std::hint::black_box;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode, Stdio};
use std::time::Duration;

use connector_runtime::schema::ConfigSchema;
use connector_runtime::version::diff;
use rustix::time::{ClockId, clock_gettime};
use serde_json::{Map, Value, json};
use server::openapi::{Options, cut_script, import, read_value, text};

/// The binary's allocator.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

const ROUNDS: usize = 7;
const OPERATIONS: usize = 1000;
const BYTES: usize = 10 << 20;
/// The commands of a type that is changed, and the params of each.
const COMMANDS: usize = 1000;
const PARAMS: usize = 20;

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

/// What one `floh import --dry-run --json` has cost.
struct Whole {
    cpu: Duration,
    /// In KiB.
    peak: u64,
}

/// Imports a document as the program does; the last line of standard error says what it cost.
fn whole_child() -> ExitCode {
    let code = server::main();
    eprintln!("\n{} {}", cpu().as_micros(), peak());
    code
}

/// Imports a document in processes of their own; `None` if it is refused.
fn whole(path: &Path) -> Option<Whole> {
    let program = std::env::current_exe().expect("a running program has a path");
    let mut least: Option<Whole> = None;
    for _ in 0..ROUNDS {
        let mut command = Command::new(&program);
        command.args(["import", "--dry-run", "--json"]).arg(path).stdout(Stdio::null());
        let output = command.output().expect("it starts once more");
        let told = String::from_utf8_lossy(&output.stderr);
        let (cpu, peak) = told.trim_end().rsplit('\n').next()?.split_once(' ')?;
        let (cpu, peak) = (Duration::from_micros(cpu.parse().ok()?), peak.parse().ok()?);
        if !output.status.success() {
            return None;
        }
        least = match least {
            Some(known) => Some(Whole { cpu: known.cpu.min(cpu), peak: known.peak.max(peak) }),
            None => Some(Whole { cpu, peak }),
        };
    }
    least
}

/// The documents of a folder, or the one document.
fn documents(path: &Path) -> Vec<PathBuf> {
    let Ok(folder) = std::fs::read_dir(path) else { return vec![path.to_owned()] };
    let mut all: Vec<PathBuf> = folder.flatten().map(|entry| entry.path()).filter(|path| path.is_file()).collect();
    all.sort();
    all
}

fn milliseconds(time: Duration) -> f64 {
    time.as_secs_f64() * 1e3
}

/// Measures the process with each document, and what reading the document alone takes of that.
fn processes(path: &Path) {
    let folder = tempfile::tempdir().expect("a folder for a document");
    let empty = folder.path().join("empty.json");
    std::fs::write(&empty, json!({ "openapi": "3.0.0", "paths": {} }).to_string()).expect("the document fits");
    let start = whole(&empty).map_or(Duration::ZERO, |whole| whole.cpu);
    println!("process      {:9.1} ms of CPU for a document of nothing", milliseconds(start));
    let (mut bytes, mut spent, mut reading) = (0, Duration::ZERO, Duration::ZERO);
    for path in documents(path) {
        let document = std::fs::read(&path).expect("the document can be read");
        let (Ok(text), Some(Whole { cpu, peak })) = (text(&document), whole(&path)) else { continue };
        let read = least(|| read_value(&document));
        let size = text.len() as f64 / 1e6;
        println!(
            "{:40} {size:6.2} MB {:8.1} ms of CPU, {:6.1} ms a MB, {:4.0} % of it reading; {:6} KiB",
            path.file_name().unwrap_or_default().to_string_lossy(),
            milliseconds(cpu),
            milliseconds(cpu) / size,
            read.as_secs_f64() / cpu.as_secs_f64() * 100.0,
            peak
        );
        (bytes, spent, reading) = (bytes + text.len(), spent + cpu.saturating_sub(start), reading + read);
    }
    let size = bytes as f64 / 1e6;
    println!(
        "all          {size:9.2} MB, {:.1} ms of CPU a MB beyond the process, {:.1} of it reading",
        milliseconds(spent) / size,
        milliseconds(reading) / size
    );
}

/// A schema as one is sent for a type, and one that differs in every param for another bound.
fn sent_schema(most: u32) -> Value {
    let params: Vec<String> = (0..PARAMS).map(|param| format!("param{param}")).collect();
    let field = |index: usize| match index % 4 {
        0 => json!({ "type": "object", "description": "Filter.", "schema": { "type": "object",
            "properties": { "a": { "type": "string", "maxLength": most }, "b": { "type": "integer" } } } }),
        _ => json!({ "type": "number", "description": "Number.", "default": 5, "minimum": 1, "maximum": most }),
    };
    let fields: Map<String, Value> =
        params.iter().enumerate().map(|(index, name)| (name.clone(), field(index))).collect();
    let command = json!({ "description": "Lists.", "params": params, "paramSchema": fields, "outputs": ["a", "b"] });
    let commands: Map<String, Value> =
        (0..COMMANDS).map(|number| (format!("command{number}"), command.clone())).collect();
    json!({ "connectionConfig": {}, "commands": commands })
}

/// What a changed type costs: its schema read, compared with the stored one, and written.
fn changes() {
    let parse = |value: &Value| ConfigSchema::parse(value).expect("a sound schema");
    let sent = sent_schema(400);
    let (old, same, other) = (parse(&sent_schema(500)), parse(&sent_schema(500)), parse(&sent));
    assert_eq!(diff(&old, &other).items.len(), COMMANDS * PARAMS, "every param has changed");
    println!("change       {COMMANDS} commands with {PARAMS} params each");
    println!("  compared   {:9.1} ms of CPU where nothing differs", milliseconds(least(|| diff(&old, &same))));
    println!("  compared   {:9.1} ms of CPU where every param differs", milliseconds(least(|| diff(&old, &other))));
    println!("  checked    {:9.1} ms of CPU as it is sent", milliseconds(least(|| parse(&sent))));
    println!("  written    {:9.1} ms of CPU", milliseconds(least(|| other.to_text())));
}

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().collect();
    match arguments.get(1).map(String::as_str) {
        Some("import") => return whole_child(),
        Some(what @ ("value" | "draft")) => child(what, arguments.get(2).map_or("", String::as_str)),
        Some(path) if !path.starts_with('-') => processes(Path::new(path)),
        _ => {
            generated();
            changes();
        }
    }
    ExitCode::SUCCESS
}

/// Measures the generated document.
fn generated() {
    let text = document();
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
    processes(&path);
}
