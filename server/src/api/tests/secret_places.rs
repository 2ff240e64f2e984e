//! Secrets stay where their owner saw them go: whatever is written to a connector or its type, by whomever.

use std::collections::BTreeMap;

use proptest::prelude::*;
use serde_json::{Value, json};
use url::Url;

use crate::testing::TestServer;

const SECRET: &str = "k3y-of-the-owner";

/// Creates a type with its first connector, of the same name.
async fn made(server: &TestServer, name: &str, model: &str, fields: Value, config: Value) {
    let schema = json!({ "connectionConfig": fields, "commands": { "go": { "params": [] } } });
    let mut body = json!({ "name": name, "type": name, "executionModel": model, "version": "1.0.0",
                           "configSchema": schema, "config": config });
    if model == "external" {
        body["version"] = Value::Null;
    } else {
        body["scriptSource"] = json!(json!({ "go": "echo" }).to_string());
    }
    body.as_object_mut().unwrap().retain(|_, value| !value.is_null());
    server.post("/api/connectors", body).await.ok(201);
}

async fn is_set(server: &TestServer, connector: &str) -> bool {
    let shown = server.get(&format!("/api/connectors/{connector}")).await.ok(200);
    shown["secrets"]["apiKey"]["set"] == true
}

/// Changes a connector, and returns which secrets that cleared.
async fn put(server: &TestServer, connector: &str, body: Value) -> Value {
    server.put(&format!("/api/connectors/{connector}"), body).await.ok(200)["secretsCleared"].clone()
}

fn secret() -> Value {
    json!({ "type": "string", "secret": true })
}

/// A base URL with a variable, as an import makes it.
fn templated(tenant: &str) -> Value {
    json!({ "baseUrl": { "type": "string", "default": "https://{tenant}.example.com/v1" },
            "tenant": { "type": "string", "default": tenant }, "note": { "type": "string" }, "apiKey": secret() })
}

#[tokio::test]
async fn a_variable_of_the_base_url_is_where_secrets_go() {
    let server = TestServer::start().await;
    made(&server, "crm", "script", templated("acme"), json!({ "apiKey": SECRET })).await;
    assert_eq!(put(&server, "crm", json!({ "config": { "note": "x", "tenant": "acme" } })).await, Value::Null);
    assert_eq!(put(&server, "crm", json!({ "config": { "tenant": "evil" } })).await, json!(["apiKey"]));
    assert!(!is_set(&server, "crm").await);
    // Sent again, it goes where its owner says.
    assert_eq!(put(&server, "crm", json!({ "config": { "tenant": "other", "apiKey": SECRET } })).await, Value::Null);
    assert!(is_set(&server, "crm").await);
}

#[tokio::test]
async fn a_default_of_the_type_is_where_secrets_go_and_needs_the_right_to_write_connectors() {
    let mut server = TestServer::start().await;
    made(&server, "crm", "script", templated("acme"), json!({ "apiKey": SECRET })).await;
    let body = |fields: Value| json!({ "configSchema": { "connectionConfig": fields, "commands": { "go": { "params": [] } } }, "autoBump": true });
    let path = "/api/connector-types/crm";
    let admin = server.admin.clone();
    server.admin = server.token(&["types:write", "types:read"]).await;
    for fields in
        [templated("evil"), json!({}), json!({ "apiKey": { "type": "string", "secret": true, "pattern": "^k" } })]
    {
        let refused = server.put(path, body(fields)).await;
        assert_eq!(refused.problem(403), ["/configSchema/connectionConfig"]);
    }
    let mut egress = body(templated("acme"));
    egress["configSchema"]["egress"] = json!(["note"]);
    assert_eq!(server.put(path, egress).await.problem(403), ["/configSchema/egress"]);
    // What the commands say is theirs to write.
    let mut words = body(templated("acme"));
    words["configSchema"]["commands"]["go"]["description"] = json!("Goes.");
    server.put(path, words).await.ok(200);
    server.admin = admin;
    assert!(is_set(&server, "crm").await);
    let done = server.put(path, body(templated("evil"))).await.ok(200);
    assert_eq!(done["secretsCleared"], json!([{ "connector": "crm", "fields": ["apiKey"] }]));
    assert!(!is_set(&server, "crm").await);
}

#[tokio::test]
async fn an_agent_gets_the_secrets_of_a_name() {
    let server = TestServer::start().await;
    let fields = json!({ "apiKey": secret() });
    let made = json!({ "name": "hr", "type": "hr", "executionModel": "external", "version": "1.0.0",
        "configSchema": { "connectionConfig": fields, "commands": { "go": { "params": [] } } },
        "config": { "apiKey": SECRET } });
    server.post("/api/connectors", made).await.ok(201);
    assert_eq!(put(&server, "hr", json!({ "description": "x" })).await, Value::Null);
    assert_eq!(put(&server, "hr", json!({ "name": "payroll" })).await, json!(["apiKey"]));
    assert!(!is_set(&server, "payroll").await);
}

#[tokio::test]
async fn a_first_place_is_a_move_and_so_is_a_secret_nested_or_raw_one() {
    let server = TestServer::start().await;
    let url = json!({ "type": "string", "format": "uri" });
    let nested = json!({ "type": "object", "schema": { "properties": { "tokenUrl": { "type": "string" } } } });
    let fields = json!({ "apiKey": secret(), "baseUrl": url, "hookUrl": { "type": "string", "secret": true },
                         "login": nested, "any": { "type": "raw" } });
    made(&server, "crm", "script", fields, json!({})).await;
    for (first, second) in [
        (json!({ "baseUrl": "https://a.example" }), json!({ "baseUrl": "https://b.example" })),
        (json!({ "hookUrl": "https://a.example/x" }), json!({ "hookUrl": "https://b.example/x" })),
        (
            json!({ "login": { "tokenUrl": "https://a.example" } }),
            json!({ "login": { "tokenUrl": "https://b.example" } }),
        ),
        (json!({ "any": { "host": "a.example" } }), json!({ "any": { "host": "b.example" } })),
        (json!({ "any": [{ "x": { "endpoint": "a" } }] }), json!({ "any": [{ "x": { "endpoint": "b" } }] })),
    ] {
        put(&server, "crm", json!({ "config": { "apiKey": SECRET } })).await;
        let cleared = put(&server, "crm", json!({ "config": first })).await;
        assert!(
            cleared.as_array().is_some_and(|names| names.contains(&json!("apiKey"))),
            "none before {first}: {cleared}"
        );
        put(&server, "crm", json!({ "config": { "apiKey": SECRET } })).await;
        let cleared = put(&server, "crm", json!({ "config": second })).await;
        assert!(cleared.as_array().is_some_and(|names| names.contains(&json!("apiKey"))), "{second}: {cleared}");
    }
    // A secret place that is cleared with the others is not left behind.
    let shown = server.get("/api/connectors/crm").await.ok(200);
    assert_eq!(shown["secrets"].as_object().unwrap().values().filter(|secret| secret["set"] == true).count(), 0);
}

#[tokio::test]
async fn a_service_without_a_schema_goes_by_the_names_of_its_values() {
    let server = TestServer::start().await;
    let made = json!({ "name": "far", "type": "far", "executionModel": "external", "version": "1.0.0",
                       "config": { "apiKey": SECRET, "host": "a.example", "limit": 1 } });
    server.post("/api/connectors", made).await.ok(201);
    assert_eq!(put(&server, "far", json!({ "config": { "limit": 2 } })).await, Value::Null);
    assert_eq!(put(&server, "far", json!({ "config": { "host": "b.example" } })).await, json!(["apiKey", "limit"]));
}

/// A pattern that a stored secret does not match told its characters, one call at a time.
#[tokio::test]
async fn a_pattern_tells_nothing_of_a_stored_secret() {
    let server = TestServer::start().await;
    made(&server, "crm", "script", json!({ "apiKey": secret() }), json!({ "apiKey": SECRET })).await;
    let mut seen = Vec::new();
    for (pattern, length) in [("^k", 1), ("^x", 1), ("^k3y", 1_000), ("^$", 1)] {
        let field = json!({ "type": "string", "secret": true, "pattern": pattern, "minLength": length });
        let schema = json!({ "connectionConfig": { "apiKey": field }, "commands": { "go": { "params": [] } } });
        let body = json!({ "configSchema": schema, "autoBump": true });
        let told = server.post("/api/connector-types/crm/diff", body.clone()).await.ok(200);
        server.put("/api/connector-types/crm", body).await.ok(200);
        let called = server.execute("crm", json!({ "command": "go" })).await.ok(200);
        let shown = server.get("/api/connectors/crm").await.ok(200);
        seen.push((told["change"]["affected"].clone(), called["success"].clone(), shown["missing"].clone()));
    }
    assert!(seen.iter().all(|(_, success, missing)| *success == true && *missing == json!([])), "{seen:?}");
}

#[tokio::test]
async fn no_door_takes_a_secret_default_or_a_url_with_credentials() {
    let server = TestServer::start().await;
    let body = |field: Value| {
        let schema = json!({ "connectionConfig": { "f": field }, "commands": {} });
        json!({ "name": "crm", "type": "crm", "executionModel": "script", "version": "1.0.0", "configSchema": schema,
                "scriptSource": "{}" })
    };
    let url = |default: &str| json!({ "type": "string", "format": "uri", "default": default });
    for field in [
        json!({ "type": "string", "secret": true, "default": "s3cret" }),
        url("https://ada:pass@a.example"),
        url("file:///etc/passwd"),
        url("javascript:alert(1)"),
    ] {
        let refused = server.post("/api/connectors", body(field.clone())).await;
        assert!(!refused.text.contains("s3cret") && !refused.text.contains("pass@"), "{}", refused.text);
        assert_eq!(refused.problem(422), ["/configSchema/connectionConfig/f/default"], "{field}");
    }
    server.post("/api/connectors", body(json!({ "type": "string", "format": "uri" }))).await.ok(201);
    for value in ["https://ada:pass@a.example", "ftp://a.example", "https://ada@a.example"] {
        let refused = server.put("/api/connectors/crm", json!({ "config": { "f": value } })).await;
        assert!(!refused.text.contains("ada"), "{}", refused.text);
        assert_eq!(refused.problem(422), ["/config/f"], "{value}");
    }
    let refused = server.put(
        "/api/connector-types/crm",
        json!({ "configSchema": body(url("https://a:b@c.example"))["configSchema"], "autoBump": true }),
    );
    assert_eq!(refused.await.problem(422), ["/configSchema/connectionConfig/f/default"]);
}

/// A mock script is anybody's who may write connectors: it sees no secret, and what is mocked opens none.
#[tokio::test]
async fn a_mock_sees_no_secret_and_opens_none() {
    let server = TestServer::start().await;
    let fields = json!({ "apiKey": secret(), "region": { "type": "string" } });
    made(&server, "crm", "script", fields, json!({ "apiKey": SECRET, "region": "eu" })).await;
    let mock = json!({ "mock": { "script": json!({ "go": "echo" }).to_string() } });
    server.put("/api/connectors/crm", mock).await.ok(200);
    // A ciphertext that cannot be opened shows that nothing opens it.
    let connectors = server.app.store.connectors();
    let row = connectors.get("crm").await.unwrap();
    let damaged = crate::store::SealedSecret { field: "apiKey".to_owned(), ciphertext: "fl1.damaged".to_owned() };
    let changes = crate::store::SecretChanges { put: vec![damaged], remove: Vec::new() };
    connectors.update(row.id, row.revision, row.fields, changes).await.unwrap();
    let call = json!({ "command": "go", "mockScenario": "default" });
    let answer = server.execute("crm", call).await.ok(200);
    let config = &answer["payload"]["config"];
    assert_eq!((&config["apiKey"], &config["region"]), (&json!("[mock]"), &json!("eu")), "{answer}");
    let real = server.execute("crm", json!({ "command": "go" })).await;
    assert_eq!(real.status, 500, "the real call needs it: {}", real.text);
}

/// What a write in the property changes: a value of the connector, or a default of its type.
#[derive(Debug, Clone)]
enum Write {
    Value(&'static str, Option<&'static str>),
    Default(&'static str, Option<&'static str>),
    SendAgain,
    Rename(&'static str),
}

const TEMPLATES: [&str; 3] = ["https://{tenant}.example/{path}", "https://a.example/{tenant}", "{scheme}://x.example"];
const WORDS: [&str; 3] = ["a", "b", "c"];

fn write() -> impl Strategy<Value = Write> {
    let word = || prop::option::of(prop::sample::select(&WORDS[..]));
    let variable = || prop::sample::select(&["tenant", "path"][..]);
    let template = || prop::option::of(prop::sample::select(&TEMPLATES[..]));
    let scheme = || prop::option::of(prop::sample::select(&["http", "https"][..]));
    prop_oneof![
        (variable(), word()).prop_map(|(name, value)| Write::Value(name, value)),
        (variable(), word()).prop_map(|(name, value)| Write::Default(name, value)),
        template().prop_map(|value| Write::Value("baseUrl", value)),
        template().prop_map(|value| Write::Default("baseUrl", value)),
        scheme().prop_map(|value| Write::Value("scheme", value)),
        scheme().prop_map(|value| Write::Default("scheme", value)),
        Just(Write::SendAgain),
        prop::sample::select(&["one", "two"][..]).prop_map(Write::Rename),
    ]
}

type Values = BTreeMap<&'static str, &'static str>;

/// Where requests go, worked out by hand: the origin of the base URL with its variables filled in.
fn goes_to(defaults: &Values, values: &Values) -> Option<String> {
    let of = |name: &str| values.get(name).or_else(|| defaults.get(name)).copied();
    let filled = ["tenant", "path", "scheme"].into_iter().fold(of("baseUrl")?.to_owned(), |url, name| {
        of(name).map_or(url.clone(), |value| url.replace(&format!("{{{name}}}"), value))
    });
    Url::parse(&filled).ok().map(|url| url.origin().ascii_serialization())
}

fn schema(defaults: &Values) -> Value {
    let field = |name: &str| {
        let mut field = json!({ "type": "string" });
        if let Some(default) = defaults.get(name) {
            field["default"] = json!(default);
        }
        field
    };
    let mut fields = json!({ "apiKey": secret() });
    for name in ["baseUrl", "tenant", "path", "scheme"] {
        fields[name] = field(name);
    }
    json!({ "connectionConfig": fields, "commands": { "go": { "params": [] } }, "egress": ["baseUrl"] })
}

async fn a_secret_goes_where_its_owner_saw_it_go(server: &TestServer, number: usize, writes: Vec<Write>) {
    let (mut defaults, mut values): (Values, Values) = (BTreeMap::new(), BTreeMap::new());
    let type_name = format!("type-{number}");
    let mut name = format!("connector-{number}");
    let made = json!({ "name": name, "type": type_name, "executionModel": "script", "version": "1.0.0",
        "configSchema": schema(&defaults), "scriptSource": r#"{ "go": "echo" }"#, "config": { "apiKey": SECRET } });
    server.post("/api/connectors", made).await.ok(201);
    let mut seen = goes_to(&defaults, &values);
    let mut history = Vec::new();
    for write in writes {
        history.push(format!("{write:?}"));
        let path = format!("/api/connectors/{name}");
        let answer = match write {
            Write::Value(field, value) => {
                match value {
                    Some(value) => values.insert(field, value),
                    None => values.remove(field),
                };
                server.put(&path, json!({ "config": { field: value } })).await
            }
            Write::Default(field, value) => {
                match value {
                    Some(value) => defaults.insert(field, value),
                    None => defaults.remove(field),
                };
                let body = json!({ "configSchema": schema(&defaults), "autoBump": true });
                server.put(&format!("/api/connector-types/{type_name}"), body).await
            }
            Write::SendAgain => server.put(&path, json!({ "config": { "apiKey": SECRET } })).await,
            Write::Rename(end) => {
                name = format!("connector-{number}-{end}");
                server.put(&path, json!({ "name": name })).await
            }
        };
        let sent_again = history.last().is_some_and(|write| write == "SendAgain");
        answer.ok(200);
        let goes_to = goes_to(&defaults, &values);
        if sent_again {
            seen = goes_to.clone();
        }
        if is_set(server, &name).await {
            assert_eq!(goes_to, seen, "after {history:?}");
        } else {
            seen = None;
        }
    }
}

#[test]
fn whatever_is_written_a_secret_goes_where_its_owner_saw_it_go() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let server = runtime.block_on(TestServer::start());
    let number = std::cell::Cell::new(0);
    let config = ProptestConfig { cases: 40, ..ProptestConfig::default() };
    proptest!(config, |(writes in prop::collection::vec(write(), 1..10))| {
        number.set(number.get() + 1);
        runtime.block_on(a_secret_goes_where_its_owner_saw_it_go(&server, number.get(), writes));
    });
    runtime.block_on(server.app.close());
}
