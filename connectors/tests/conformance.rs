//! What holds for every connector that is shipped: a person who knows one of them knows what the next one does.
//!
//! The rules are docs/connectors/README.md. What does not keep one is named here, with the reason.

#![allow(clippy::unwrap_used, reason = "a test")]

use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;

use connector_runtime::code::Code;
use connector_runtime::context::{ConnectionConfig, Invocation};
use connector_runtime::descriptor::{CommandSpec, Descriptor};
use connector_runtime::egress::{Client, Policy};
use connector_runtime::log::LogLevel;
use connector_runtime::registry::{Entry, Registry};
use connector_runtime::schema::{Command, ConfigSchema, Effect, Field, FieldKind};
use connector_runtime::testing::{self, Answer, Upstream};
use serde_json::{Map, Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;

/// Connectors of the first days, which speak for nobody: they have no system with rules of its own.
const PLAIN: &[&str] = &["delay", "http"];
/// Commands whose effect is what the call says.
const ANY_EFFECT: &[(&str, &str)] = &[("http", "request"), ("postgresql", "execute"), ("postgresql", "transaction")];
/// Commands that send the same once more: nothing tells whether it was so already.
const NO_CHANGED: &[(&str, &str)] =
    &[("google-workspace", "signOut"), ("ldap", "setPassword"), ("ldap", "authenticate")];

fn each(mut look: impl FnMut(&'static Descriptor, &ConfigSchema)) {
    connectors::link();
    let registry = Registry::collect().unwrap();
    let mut seen = 0;
    for entry in registry.iter() {
        look(entry.descriptor(), entry.schema());
        seen += 1;
    }
    assert!(seen >= 5, "{seen} connectors");
}

fn each_command(mut look: impl FnMut(&'static Descriptor, &'static CommandSpec, &Command)) {
    each(|descriptor, schema| {
        for spec in descriptor.commands {
            look(descriptor, spec, &schema.commands[spec.name]);
        }
    });
}

fn is_one_of(list: &[(&str, &str)], connector: &str, command: &str) -> bool {
    list.contains(&(connector, command)) || (list == ANY_EFFECT && command == "call")
}

/// Clippy reads one file: that of the connectors repeats what holds for the workspace, and adds that nothing here dials.
#[test]
fn the_lints_of_the_workspace_hold_here_and_nothing_dials() {
    let read = |path: &str| std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(path)).unwrap();
    let (workspace, own) = (read("../clippy.toml"), read("clippy.toml"));
    for line in workspace.lines().filter(|line| !line.trim().is_empty()) {
        assert!(own.lines().any(|own| own == line), "connectors/clippy.toml lacks: {line}");
    }
    let dialling = ["tokio::net::TcpStream::connect", "tokio::net::lookup_host", "std::net::TcpStream::connect"];
    let libraries = ["ldap3::LdapConnAsync::new", "tokio_postgres::Config::connect", "AsyncSmtpTransport"];
    for function in dialling.into_iter().chain(libraries) {
        assert!(own.contains(function), "connectors/clippy.toml does not forbid {function}");
    }
}

#[test]
fn every_command_says_what_it_does_to_the_other_system() {
    each_command(|descriptor, spec, command| {
        let place = format!("{}.{}", descriptor.name, spec.name);
        if is_one_of(ANY_EFFECT, descriptor.name, spec.name) {
            assert_eq!(command.effect, None, "{place}");
            return;
        }
        assert!(command.effect.is_some(), "{place} declares no effect");
        if command.effect == Some(Effect::Read) && spec.name == "test" {
            assert!(command.params.is_empty(), "{place} takes params");
        }
    });
}

#[test]
fn every_connector_can_be_tested_and_read_about() {
    each(|descriptor, schema| {
        let name = descriptor.name;
        let page = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("../docs/connectors/{name}.md"));
        assert!(page.exists() || name == "delay", "{name} has no page: {}", page.display());
        if let Ok(text) = std::fs::read_to_string(&page) {
            for command in schema.commands.keys() {
                assert!(text.contains(&format!("`{command}`")), "{} does not tell of {command}", page.display());
            }
            for field in schema.connection.keys() {
                assert!(text.contains(&format!("`{field}`")), "{} does not tell of {field}", page.display());
            }
        }
        assert!(descriptor.category.is_some_and(|category| !category.is_empty()), "{name} has no category");
        assert!(!descriptor.tags.is_empty(), "{name} has no tags");
        if !PLAIN.contains(&name) {
            assert_eq!(schema.commands["test"].effect, Some(Effect::Read), "{name}.test");
        }
    });
}

#[test]
fn every_list_has_a_limit_and_says_whether_it_is_whole() {
    let mut lists = 0;
    each_command(|descriptor, spec, command| {
        let place = format!("{}.{}", descriptor.name, spec.name);
        let is_list = command.effect == Some(Effect::Read)
            && ["list", "search", "query", "paginate"].iter().any(|word| spec.name.starts_with(word));
        if !is_list {
            return;
        }
        lists += 1;
        let limit = command.params.get("limit").unwrap_or_else(|| panic!("{place} has no limit"));
        assert!(limit.default.is_some() && limit.maximum.is_some(), "{place}: limit has no default or no maximum");
        for output in ["count", "truncated"] {
            assert!(command.outputs.iter().any(|name| name == output), "{place} does not answer {output}");
        }
        assert!(spec.mocks.iter().any(|mock| mock.scenario == "empty"), "{place} has no mock of an empty list");
    });
    assert!(lists >= 4, "{lists} lists");
}

#[test]
fn what_is_so_already_is_told_as_unchanged() {
    each_command(|descriptor, spec, command| {
        let changes = matches!(command.effect, Some(Effect::Update | Effect::Delete)) && command.idempotent;
        if !changes || is_one_of(NO_CHANGED, descriptor.name, spec.name) {
            return;
        }
        let told = ["changed", "deleted", "affected", "unchanged", "user", "member"];
        let tells = command.outputs.iter().any(|name| told.contains(&name.as_str()));
        assert!(
            tells,
            "{}.{} does not tell whether something changed: {:?}",
            descriptor.name, spec.name, command.outputs
        );
    });
}

#[tokio::test]
async fn every_command_can_be_tried_without_its_system() {
    let codes: BTreeSet<&str> = Code::ALL.iter().map(|code| code.name()).collect();
    connectors::link();
    for entry in Registry::collect().unwrap().iter() {
        let (descriptor, schema) = (entry.descriptor(), entry.schema());
        let mut failures = 0;
        for spec in descriptor.commands {
            let place = format!("{}.{}", descriptor.name, spec.name);
            assert!(spec.mocks.iter().any(|mock| mock.scenario == "default"), "{place} has no default mock");
            for mock in spec.mocks {
                let call = filled(testing::call_descriptor(descriptor, spec.name), &schema.commands[spec.name]);
                let result = call.mock(mock.scenario).run().await;
                let place = format!("{place} as {}", mock.scenario);
                assert!(result.success || mock.scenario != "default", "{place} fails: {result:?}");
                if result.success {
                    continue;
                }
                failures += 1;
                let told = result.diagnostics.clone().unwrap_or_default();
                let code = told["code"].as_str().unwrap_or_default();
                assert!(codes.contains(code) || PLAIN.contains(&descriptor.name), "{place}: {result:?}");
            }
        }
        assert!(failures > 0 || descriptor.name == "delay", "{} has no mock that fails", descriptor.name);
    }
}

fn filled(call: testing::TestCall, command: &Command) -> testing::TestCall {
    let required = command.params.iter().filter(|(_, field)| field.required);
    required.fold(call, |call, (name, field)| call.param(name, sample(name, field)))
}

/// Returns a value that a field takes.
fn sample(name: &str, field: &Field) -> Value {
    if field.secret {
        return json!(format!("canary-{name}"));
    }
    if let Some(example) = &field.example {
        return example.clone();
    }
    match field.kind {
        FieldKind::Select => field.options[0].value.clone(),
        FieldKind::Number => field.minimum.clone().map_or_else(|| json!(1), Value::Number),
        FieldKind::Boolean => json!(true),
        FieldKind::Array => json!([item(field)]),
        FieldKind::Object => json!({ "a": "b" }),
        _ => {
            let shortest = field.min_length.and_then(|length| usize::try_from(length).ok()).unwrap_or(1);
            json!("a".repeat(shortest.max(1)))
        }
    }
}

fn item(field: &Field) -> Value {
    let document = field.schema.as_ref().map(|schema| schema.document().clone()).unwrap_or_default();
    sample_of(&document, &document["items"])
}

/// Returns a value that a JSON Schema takes.
fn sample_of(document: &Value, schema: &Value) -> Value {
    if let Some(at) = schema["$ref"].as_str().and_then(|at| at.strip_prefix('#')) {
        return sample_of(document, document.pointer(at).unwrap());
    }
    if let Some(first) = schema["oneOf"].get(0).or_else(|| schema["anyOf"].get(0)) {
        return first.get("const").cloned().unwrap_or_else(|| sample_of(document, first));
    }
    let kind = match &schema["type"] {
        Value::Array(kinds) => kinds[0].as_str(),
        kind => kind.as_str(),
    };
    match kind {
        Some("object") => {
            let names = schema["required"].as_array().cloned().unwrap_or_default();
            let names = names.iter().map(|name| name.as_str().unwrap());
            names.map(|name| (name.to_owned(), sample_of(document, &schema["properties"][name]))).collect()
        }
        Some("array") => json!([]),
        Some("integer" | "number") => json!(1),
        Some("boolean") => json!(true),
        _ => {
            let shortest = schema["minLength"].as_u64().and_then(|length| usize::try_from(length).ok()).unwrap_or(1);
            schema["enum"].get(0).cloned().unwrap_or_else(|| json!("a".repeat(shortest)))
        }
    }
}

/// Each secret of a connection and of a call is a canary; the system repeats everything that it gets in its errors.
#[tokio::test]
async fn no_secret_is_in_anything_that_a_call_leaves_behind() {
    connectors::link();
    let upstream = Upstream::start().await;
    let repeater = repeater("").await;
    let greeter = self::repeater("220 greeting\r\n").await;
    for status in [400, 401, 403, 500] {
        let echo = move |seen: &testing::Seen| {
            let headers: Vec<String> =
                seen.headers().iter().map(|(name, value)| format!("{name}: {value:?}")).collect();
            let said = format!("{} {} {}", seen.line(), headers.join(" "), seen.text());
            Answer::json(json!({ "error": said, "error_description": said, "detail": said, "message": said }))
                .status(status)
        };
        upstream.otherwise(echo);
        for entry in Registry::collect().unwrap().iter() {
            let name = entry.descriptor().name;
            let place = match name {
                "smtp" => greeter,
                "ldap" | "postgresql" => repeater,
                _ => upstream.address(),
            };
            // What speaks no HTTP does not see the status.
            if place == upstream.address() || status == 400 {
                check_commands(entry, place).await;
            }
        }
    }
    assert!(upstream.seen().len() > 4, "{} requests", upstream.seen().len());
}

/// Runs every command of a connector against a place, and looks for canaries in what is left.
async fn check_commands(entry: &Entry, place: SocketAddr) {
    let (descriptor, schema) = (entry.descriptor(), entry.schema());
    let connection = connection(descriptor.name, schema, place);
    for (name, command) in &schema.commands {
        let wanted = command.params.iter().filter(|(_, field)| field.required || field.secret);
        let params = wanted.map(|(param, field)| match param.as_str() {
            "url" => (param.clone(), json!("items")),
            _ => (param.clone(), sample(param, field)),
        });
        let invocation = Invocation {
            command: Some(name.clone()),
            params: params.collect(),
            connection: Arc::new(ConnectionConfig::new(connection.clone())),
            log_level: LogLevel::Trace,
            timeout_ms: Some(2_000),
            http: Client::new(Policy::parse(&[place.to_string()], &[]).unwrap()),
            ..Invocation::default()
        };
        let finished = testing::execute(descriptor, invocation).await;
        let logs = format!("{:?}", finished.logs);
        let told = format!("{:?}", finished.reply.into_result());
        for left in [logs, told] {
            assert!(!left.contains("canary"), "{}.{name}: {left}", descriptor.name);
        }
    }
}

/// Starts a system that speaks nothing: it repeats what it hears, after a number that means a refusal in some protocols.
async fn repeater(greeting: &'static str) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            tokio::spawn(async move {
                stream.write_all(greeting.as_bytes()).await?;
                let mut heard = [0; 4096];
                loop {
                    let count = stream.read(&mut heard).await?;
                    if count == 0 {
                        return Ok::<_, std::io::Error>(());
                    }
                    stream.write_all(&[b"550 ", &heard[..count], b"\r\n"].concat()).await?;
                }
            });
        }
    });
    address
}

/// A connection whose every secret is a canary, to a system that is none.
fn connection(name: &str, schema: &ConfigSchema, place: SocketAddr) -> Map<String, Value> {
    let mut values = Map::new();
    for (field_name, field) in &schema.connection {
        let is_url = field.format.as_deref() == Some("uri") || field_name.to_ascii_lowercase().ends_with("url");
        if field.secret {
            values.insert(field_name.clone(), json!(format!("canary-secret-of-{field_name}")));
        } else if is_url {
            values.insert(field_name.clone(), json!(format!("http://{place}")));
        } else if field.required && field.default.is_none() {
            values.insert(field_name.clone(), sample(field_name, field));
        }
    }
    let more = match name {
        "http" => json!({ "authType": "bearer", "clientKey": null }),
        "ldap" => json!({
            "url": format!("ldap://{place}"), "startTls": false, "allowPlaintext": true, "bindDn": "cn=x",
        }),
        "smtp" => json!({
            "host": "127.0.0.1", "port": place.port(), "security": "none", "from": "a@example.com", "username": "ada",
        }),
        "postgresql" => json!({ "host": "127.0.0.1", "port": place.port(), "sslMode": "disable" }),
        _ => json!({}),
    };
    values.extend(more.as_object().unwrap().clone());
    values
}
