//! Random calls, compared with what an independent program says that they must send.
//!
//! `random_calls.py` makes values of a document's schemas and writes the requests by the standards; it knows nothing of
//! this server but the names of its params. A folder that `FLOH_OAS_CASES` named at compile time is gone through as well;
//! `FLOH_RANDOM_CALLS` sets how many calls are made of each document, `FLOH_RANDOM_SEED` which ones.

use std::io::Read as _;
use std::path::Path;
use std::process::Command;

use connector_runtime::schema::Field;
use serde_json::{Map, Value, json};
use server::openapi::{Options, import};
use server::operations::{OperationExecutor, OperationTable};
use test_support::{Received, Reply};

use super::service::Service;
use super::{bodies, params, values};

const SCRIPT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/openapi/random_calls.py");
/// How many calls are made of a document unless somebody asks for more.
const CALLS: &str = "150";

#[allow(clippy::disallowed_methods, reason = "these are settings of this test, not of the server")]
fn setting(name: &str, usual: &str) -> String {
    std::env::var(name).unwrap_or_else(|_| usual.to_owned())
}

/// The source without credentials: which ones are sent is another test's.
fn without_credentials(source: &str) -> (String, Map<String, Value>) {
    let mut table = Map::new();
    let mut line = |line: &str| {
        let entry = line.strip_prefix("  \"").and_then(|rest| rest.split_once("\": "))?;
        let mut read: Value = serde_json::from_str(entry.1.trim_end_matches(',')).ok()?;
        read.as_object_mut()?.remove("auth");
        let written = format!("  \"{}\": {read},", entry.0);
        table.insert(entry.0.to_owned(), read);
        Some(written)
    };
    let lines: Vec<String> = source.lines().map(|text| line(text).unwrap_or_else(|| text.to_owned())).collect();
    (lines.join("\n") + "\n", table)
}

fn calls(document: &Value, table: &Map<String, Value>) -> Option<Vec<Value>> {
    let folder = tempfile::tempdir().unwrap();
    let file = |name: &str, value: &str| {
        let path = folder.path().join(name);
        std::fs::write(&path, value).unwrap();
        path
    };
    let document = file("document.json", &document.to_string());
    let table = file("table.json", &Value::from(table.clone()).to_string());
    let output = Command::new("python3")
        .arg(SCRIPT)
        .args([document, table])
        .args([setting("FLOH_RANDOM_SEED", "1"), setting("FLOH_RANDOM_CALLS", CALLS)])
        .output();
    let output = match output {
        Ok(output) => output,
        Err(error) => {
            test_support::skipped(&format!("python3 does not start: {error}"));
            return None;
        }
    };
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let text = String::from_utf8(output.stdout).unwrap();
    Some(text.lines().map(|line| serde_json::from_str(line).unwrap()).collect())
}

/// Says how a request differs from what was expected.
fn difference(sent: &Received, expected: &Value) -> Option<String> {
    let differs = |what: &str, was: &dyn std::fmt::Debug, is: &dyn std::fmt::Debug| {
        Some(format!("{what}: sent {is:?}, expected {was:?}"))
    };
    let target = expected["target"].as_str().unwrap();
    if sent.target != target {
        return differs("target", &target, &sent.target);
    }
    for (name, value) in expected["headers"].as_object().unwrap() {
        if sent.header(name) != value.as_str() {
            return differs(name, value, &sent.header(name));
        }
    }
    let cookies: Vec<&str> =
        expected["cookies"].as_array().unwrap().iter().map(|pair| pair.as_str().unwrap()).collect();
    if sent.header("cookie").unwrap_or_default() != cookies.join("; ") {
        return differs("cookie", &cookies, &sent.header("cookie"));
    }
    let body = &expected["body"];
    if body.is_null() {
        return if sent.bytes.is_empty() { None } else { differs("body", &"nothing", &sent.body) };
    }
    let media = body["type"].as_str().unwrap();
    let is = sent.header("content-type").unwrap_or_default();
    if !is.starts_with(media) {
        return differs("content-type", &media, &is);
    }
    if let Some(text) = body.get("text") {
        return (sent.body != text.as_str().unwrap()).then(|| differs("body", text, &sent.body)).flatten();
    }
    if let Some(base64) = body.get("base64") {
        let is = base64::Engine::encode(&base64::prelude::BASE64_STANDARD, &sent.bytes);
        return (is != base64.as_str().unwrap()).then(|| differs("body", base64, &is)).flatten();
    }
    let is = if body.get("pairs").is_some() {
        let pairs = url::form_urlencoded::parse(&sent.bytes);
        json!(pairs.map(|(name, value)| json!([name, value])).collect::<Vec<_>>())
    } else if body.get("parts").is_some() {
        parts(sent)
    } else {
        serde_json::from_slice(&sent.bytes).unwrap_or(Value::Null)
    };
    let was = ["pairs", "parts", "json"].iter().find_map(|key| body.get(key)).unwrap();
    if is == *was { None } else { Some(format!("body: sent {is}, expected {was}")) }
}

fn parts(sent: &Received) -> Value {
    let kind = sent.header("content-type").unwrap();
    let boundary = format!("--{}", kind.split_once("boundary=").unwrap().1);
    let parts = sent.body.split(&boundary).skip(1).take_while(|part| !part.starts_with("--"));
    let part = |part: &str| {
        let (head, text) = part.split_once("\r\n\r\n").unwrap();
        let name = head.split_once("name=\"").unwrap().1.split('"').next().unwrap();
        let kind = head.lines().find_map(|line| line.strip_prefix("Content-Type: "));
        json!({ "name": name, "text": text.strip_suffix("\r\n").unwrap(), "type": kind })
    };
    parts.map(part).collect()
}

fn answer(_: &Received, _: &str) -> Reply {
    Reply::text(204, "")
}

/// Makes calls of a document; answers how many there were, and what was wrong with which ones.
async fn judge(name: &str, document: &Value) -> Option<(usize, Vec<String>)> {
    let mut document = document.clone();
    // All is sent to the service of this test.
    document.as_object_mut().unwrap().shift_remove("servers");
    let document = &document;
    let service = Service::start(&document.to_string(), answer).await;
    let (source, mut table) = without_credentials(&service.draft.script_source);
    // What is degraded says so; the others are promised.
    let exact =
        |operation: &str| service.draft.operations.iter().any(|own| own.name == operation && own.reasons.is_empty());
    table.retain(|name, _| exact(name));
    let operations = OperationTable::of(&source).unwrap().unwrap();
    let executor = OperationExecutor::new(operations, service.schema(), service.script_executor(&source));
    let needed = service.draft.config_schema.connection.iter().filter(|(_, field)| field.required);
    let any = |field: &Field| if field.format.is_some() { "https://login.example.com/" } else { "x" };
    let config: Map<String, Value> = needed.map(|(name, field)| (name.clone(), json!(any(field)))).collect();
    let mut config = Value::from(config);
    config["baseUrl"] = json!(service.base);
    let calls = calls(document, &table)?;
    let mut wrong = Vec::new();
    for call in &calls {
        let command = call["command"].as_str().unwrap();
        if let Some(why) = call.get("wrong") {
            wrong.push(format!("{name} {command}: {why}"));
            continue;
        }
        let (result, sent) = service.run_at(&executor, command, &config, &call["params"]).await;
        let found = match sent.as_slice() {
            [sent] => difference(sent, &call["expected"]),
            many => Some(format!("{} requests: {result}", many.len())),
        };
        if let Some(found) = found {
            wrong.push(format!("{name} {command} {}: {found}", call["params"]));
        }
    }
    Some((calls.len(), wrong))
}

#[tokio::test]
async fn random_calls_become_the_requests_that_the_standards_ask_for() {
    let mut documents: Vec<(String, Value)> = [params::document(), bodies::document(), values::document()]
        .into_iter()
        .enumerate()
        .map(|(number, text)| (format!("own {number}"), serde_json::from_str(&text).unwrap()))
        .collect();
    if let Some(folder) = option_env!("FLOH_OAS_CASES") {
        let mut files: Vec<_> =
            std::fs::read_dir(Path::new(folder).join("dev")).unwrap().map(|file| file.unwrap().path()).collect();
        files.sort();
        for file in files {
            let name = file.file_name().unwrap().to_string_lossy().into_owned();
            let mut bytes = std::fs::read(&file).unwrap();
            if name.ends_with(".gz") {
                let mut plain = Vec::new();
                flate2::read::GzDecoder::new(&*bytes).read_to_end(&mut plain).unwrap();
                bytes = plain;
            }
            let text = String::from_utf8(bytes).unwrap();
            let document: Value = serde_json::from_str(&text).or_else(|_| yaml_serde::from_str(&text)).unwrap();
            if document.get("openapi").is_some() && import(text.as_bytes(), &Options::default()).is_ok() {
                documents.push((name, document));
            }
        }
    }
    let (mut all, mut wrong) = (0, Vec::new());
    for (name, document) in documents {
        let Some((calls, found)) = judge(&name, &document).await else { return };
        println!("{name}: {calls} calls, {} wrong", found.len());
        all += calls;
        wrong.extend(found);
    }
    assert!(all >= 100, "only {all} calls were made");
    let shown: Vec<String> = wrong.iter().take(400).map(|text| text.chars().take(400).collect()).collect();
    assert!(wrong.is_empty(), "{} of {all} calls are wrong:\n{}", wrong.len(), shown.join("\n"));
}
