//! Client certificates (mutual TLS) of connectors: built-in, script and imported ones against servers that ask for one, here
//! and on an agent, through the real binary.
#![allow(clippy::unwrap_used, reason = "a test: what goes wrong here fails it")]

use std::path::Path;

use serde_json::{Value, json};
use test_support::agent::token;
use test_support::certificates::Authority;
use test_support::{Client, Floh, Reply, Setup, Site, Upstream};

/// A server that lets nobody in without a certificate, and one that only asks for it.
struct World {
    authority: Authority,
    home: Upstream,
    away: Upstream,
    floh: Floh,
    _folder: tempfile::TempDir,
    ca: String,
}

impl World {
    async fn start() -> Self {
        let authority = Authority::new();
        let away =
            Upstream::tls(authority.sign_for_all_clients(&["127.0.0.1"]), |_| Reply::json(200, &json!("away"))).await;
        let there = format!("https://{}/landed", away.address());
        let home =
            Upstream::tls(authority.sign_for_known_clients(&["127.0.0.1"]), move |request| match request.path() {
                "/away" => Reply::text(307, "").with_header("location", &there),
                "/echo" => Reply::text(500, &request.body),
                _ => Reply::json(200, &json!("home")),
            })
            .await;
        let folder = tempfile::tempdir().unwrap();
        let ca = authority.write(folder.path()).to_str().unwrap().to_owned();
        let setup = Setup::default().allow(home.address()).allow(away.address()).env("SSL_CERT_FILE", &ca);
        let floh = setup.start().await;
        Self { authority, home, away, floh, _folder: folder, ca }
    }

    fn base(&self) -> String {
        format!("https://{}/", self.home.address())
    }

    /// Returns a certificate and its key.
    fn own(&self) -> (String, String) {
        self.authority.client(&["floh.example"])
    }

    fn config(&self, own: &(String, String)) -> Value {
        json!({ "baseUrl": self.base(), "clientCertificate": own.0, "clientKey": own.1 })
    }
}

async fn make(client: &Client, name: &str, config: &Value) -> Value {
    let body =
        json!({ "name": name, "type": "http", "executionModel": "built_in", "logLevel": "trace", "config": config });
    client.post("/api/connectors", &body).await.expect(201)
}

async fn put(client: &Client, name: &str, config: Value) -> Value {
    client.put(&format!("/api/connectors/{name}"), &json!({ "config": config })).await.expect(200)
}

async fn call(client: &Client, name: &str, body: Value) -> Value {
    client.post(&format!("/api/connectors/{name}/execute"), &body).await.expect(200)
}

async fn get(client: &Client, name: &str, url: &str) -> Value {
    call(client, name, json!({ "params": { "url": url } })).await
}

/// Returns whether a text holds a line of a key.
fn holds(text: &str, key: &str) -> bool {
    let mut lines = key.lines().filter(|line| line.len() > 15 && !line.starts_with('-'));
    lines.any(|line| text.contains(line))
}

fn folder(path: &Path) -> String {
    let files = std::fs::read_dir(path).unwrap().map(|entry| entry.unwrap().path()).filter(|path| path.is_file());
    files.map(|path| String::from_utf8_lossy(&std::fs::read(path).unwrap()).into_owned()).collect()
}

#[tokio::test]
async fn a_connector_shows_its_certificate_and_changes_it_while_the_server_runs() {
    let world = World::start().await;
    let client = world.floh.admin();
    make(&client, "crm", &json!({ "baseUrl": world.base() })).await;
    let none = call(&client, "crm", json!({ "params": { "url": "x", "method": "POST" } })).await;
    let error = none["error"].as_str().unwrap();
    assert!(error.contains("CertificateRequired") && error.contains("clientCertificate"), "{none}");
    assert_eq!(
        (&none["diagnostics"]["code"], &none["diagnostics"]["outcome"]),
        (&json!("tls"), &Value::Null),
        "{none}"
    );

    let (one, two) = (world.own(), world.own());
    put(&client, "crm", world.config(&one)).await;
    assert_eq!(get(&client, "crm", "x").await["payload"]["body"], "home");
    assert_eq!(get(&client, "crm", "y").await["payload"]["body"], "home");
    let first = world.home.take();
    assert!(first.len() == 2 && first[0].client_certificate().is_some());

    // A rotation takes effect at the next call; so does a certificate that was renewed for the same key.
    put(&client, "crm", json!({ "clientCertificate": two.0, "clientKey": two.1 })).await;
    assert_eq!(get(&client, "crm", "x").await["success"], true);
    let second = world.home.take();
    assert_ne!(second[0].client_certificate(), first[0].client_certificate());
    assert!(second[0].client_certificate().is_some());

    // What belongs to another authority is refused by the service, and said by the alert.
    let stranger = Authority::new().client(&["floh.example"]);
    put(&client, "crm", json!({ "clientCertificate": stranger.0, "clientKey": stranger.1 })).await;
    let refused = get(&client, "crm", "x").await;
    let error = refused["error"].as_str().unwrap();
    assert!(error.contains("refused the certificate of this connection ("), "{refused}");

    put(&client, "crm", json!({ "clientCertificate": null, "clientKey": null })).await;
    assert!(get(&client, "crm", "x").await["error"].as_str().unwrap().contains("CertificateRequired"));
    assert_eq!(world.home.take().len(), 0);
}

#[tokio::test]
async fn nobody_else_is_shown_the_certificate() {
    let world = World::start().await;
    let client = world.floh.admin();
    make(&client, "crm", &world.config(&world.own())).await;
    let away = format!("https://{}/direct", world.away.address());
    for (url, auth, body) in [
        ("away", Value::Null, "away"),
        (&*away, Value::Null, "away"),
        (&*away, json!({ "type": "bearer", "token": "of-the-call" }), "away"),
        ("home", json!({ "type": "bearer", "token": "of-the-call" }), "home"),
    ] {
        let result = call(&client, "crm", json!({ "params": { "url": url, "auth": auth } })).await;
        assert_eq!(result["payload"]["body"], body, "{url} {result}");
    }
    let (home, away) = (world.home.take(), world.away.take());
    assert!(home.len() == 2 && home.iter().all(|request| request.client_certificate().is_some()));
    assert!(away.len() == 3 && away.iter().all(|request| request.client_certificate().is_none()));
    // Another connector to the same place is somebody else.
    make(&client, "other", &json!({ "baseUrl": world.base() })).await;
    assert!(get(&client, "other", "x").await["error"].as_str().unwrap().contains("CertificateRequired"));
}

#[tokio::test]
async fn what_cannot_be_used_is_refused_where_it_is_saved_and_half_of_it_is_not_ready() {
    let world = World::start().await;
    let client = world.floh.admin();
    let (own, other) = (world.own(), world.own());
    let half = make(&client, "crm", &json!({ "baseUrl": world.base(), "clientCertificate": own.0 })).await;
    assert_eq!((&half["ready"], &half["missing"]), (&json!(false), &json!(["clientKey"])), "{half}");
    let refused = get(&client, "crm", "x").await;
    assert_eq!(refused["error"], "Missing required field(s): clientKey", "{refused}");
    let both = format!("{}{}", own.0, own.1);
    for (config, pointer, words) in [
        (json!({ "clientKey": other.1 }), "/config/clientKey", "belong together"),
        (json!({ "clientKey": "words" }), "/config/clientKey", "BEGIN PRIVATE KEY"),
        (json!({ "clientKey": own.0 }), "/config/clientKey", "no key"),
        (json!({ "clientCertificate": both }), "/config/clientCertificate", "the key belongs in clientKey"),
        (json!({ "clientCertificate": "words", "clientKey": own.1 }), "/config/clientCertificate", "no certificate"),
        (json!({ "clientCertificate": null, "clientKey": "words" }), "/config/clientKey", "no private key"),
    ] {
        let body = json!({ "config": config });
        let refused = client.put("/api/connectors/crm", &body).await.expect(422);
        assert_eq!(refused["errors"][0]["pointer"], pointer, "{refused}");
        let text = refused.to_string();
        assert!(text.contains(words) && !holds(&text, &own.1) && !holds(&text, &other.1), "{text}");
        let new = json!({ "name": "new", "type": "http", "executionModel": "built_in", "config": {
            "clientCertificate": config.get("clientCertificate").unwrap_or(&json!(own.0)), "clientKey": config.get("clientKey"),
        } });
        let refused = client.post("/api/connectors", &new).await.expect(422);
        assert_eq!(refused["errors"][0]["pointer"], pointer, "{refused}");
    }
    assert_eq!(put(&client, "crm", json!({ "clientKey": own.1 })).await["ready"], true);
    assert_eq!(get(&client, "crm", "x").await["success"], true);

    // Who moves the place does not take the key along.
    let moved = put(&client, "crm", json!({ "baseUrl": format!("https://{}/", world.away.address()) })).await;
    assert_eq!(moved["secretsCleared"], json!(["clientKey"]), "{moved}");
    assert_eq!((&moved["ready"], &moved["missing"]), (&json!(false), &json!(["clientKey"])), "{moved}");
    assert!(get(&client, "crm", "x").await["error"].as_str().unwrap().contains("clientKey"));
    // Without an https URL there is nowhere to show it to.
    put(&client, "crm", json!({ "baseUrl": null, "clientKey": own.1 })).await;
    let nowhere = get(&client, "crm", &world.base()).await;
    assert!(nowhere["error"].as_str().unwrap().contains("set baseUrl to an https URL"), "{nowhere}");
    assert_eq!(world.away.take().len(), 0);
}

const SOURCE: &str = r#"
function ask() {
  return { success: true, payload: { body: floh.http.get(floh.config.baseUrl + "x").body } };
}
function leak() {
  const key = floh.config.clientKey;
  const lines = key.split("\n").filter((line) => line.length > 15 && !line.startsWith("-"));
  floh.log.info(key);
  floh.log.info(lines.join(""));
  lines.forEach((line) => floh.log.warn("line " + line));
  floh.log.info(JSON.stringify({ key }) + encodeURIComponent(key) + key.replaceAll("\n", "\r\n"));
  const answer = floh.http.post(floh.config.baseUrl + "echo", lines.join(" "));
  return { success: false, error: "got " + answer.body, diagnostics: { key, lines, joined: lines.join("") } };
}
"#;

#[tokio::test]
async fn scripts_and_imports_show_it_and_the_key_is_redacted_with_its_lines_and_without() {
    let world = World::start().await;
    let client = world.floh.admin();
    let own = world.own();
    let fields = json!({ "baseUrl": { "type": "string", "format": "uri" }, "clientCertificate": { "type": "string" },
                         "clientKey": { "type": "string", "secret": true } });
    let body = json!({ "name": "script", "type": "script", "executionModel": "script", "version": "1.0.0", "logLevel": "trace",
        "configSchema": { "connectionConfig": fields, "commands": { "ask": {}, "leak": {} } }, "scriptSource": SOURCE,
        "config": world.config(&own) });
    client.post("/api/connectors", &body).await.expect(201);
    let asked = call(&client, "script", json!({ "command": "ask" })).await;
    assert_eq!(asked["payload"]["body"], "home", "{asked}");
    let leaked = call(&client, "script", json!({ "command": "leak" })).await;
    assert_eq!(leaked["success"], false);

    let spec = json!({ "openapi": "3.1.0", "info": { "title": "Bank", "version": "1.0.0" },
        "servers": [{ "url": world.base() }], "security": [{ "cert": [] }],
        "components": { "securitySchemes": { "cert": { "type": "mutualTLS" } } },
        "paths": { "/accounts": { "get": { "operationId": "listAccounts", "responses": { "200": { "description": "" } } } } } });
    let mut draft = client.post("/api/connectors/parse-oas", &json!({ "spec": spec })).await.expect(200);
    assert_eq!(draft["operations"][0]["verdict"], "exact", "{draft}");
    let object = draft.as_object_mut().unwrap();
    object.insert("config".to_owned(), json!({ "clientCertificate": own.0, "clientKey": own.1 }));
    let made = client.post("/api/connectors", &draft).await.expect(201);
    assert_eq!(made["ready"], true, "{made}");
    let listed = call(&client, "bank", json!({ "command": "listAccounts" })).await;
    assert_eq!(listed["success"], true, "{listed}");
    assert!(world.home.take().iter().all(|request| request.client_certificate().is_some()));
    put(&client, "bank", json!({ "clientCertificate": null, "clientKey": null })).await;
    let without = call(&client, "bank", json!({ "command": "listAccounts" })).await;
    assert_eq!(without["error"], "Missing required field(s): clientCertificate, clientKey", "{without}");

    let mut seen = leaked.to_string();
    for path in ["/api/connectors/script", "/api/executions", "/api/audit", "/api/connector-types/bank"] {
        seen.push_str(&client.get(path).await.expect(200).to_string());
    }
    let rows = client.get("/api/executions?connector=script").await.expect(200);
    for row in rows["items"].as_array().unwrap() {
        let row = client.get(&format!("/api/executions/{}", row["id"].as_str().unwrap())).await.expect(200);
        seen.push_str(&row.to_string());
    }
    let mut floh = world.floh;
    floh.terminate();
    floh.exit().await;
    seen.push_str(&floh.logs());
    seen.push_str(&folder(&floh.setup().data_dir()));
    assert!(seen.contains("[redacted]") && seen.contains("listAccounts"));
    for line in own.1.lines().filter(|line| line.len() > 15 && !line.starts_with('-')) {
        assert!(!seen.contains(line), "{:.3000}", &seen[seen.find(line).unwrap_or_default().saturating_sub(500)..]);
    }
}

#[tokio::test]
async fn an_agent_shows_it_too_whoever_keeps_it() {
    let world = World::start().await;
    let client = world.floh.admin();
    let (one, two) = (world.own(), world.own());
    for (name, config) in [("kept-here", world.config(&one)), ("kept-there", json!({}))] {
        let body = json!({ "name": name, "type": "http", "executionModel": "external", "config": config });
        client.post("/api/connectors", &body).await.expect(201);
    }
    let head =
        |id: &str| format!("id = {id:?}\nallow = [\"{}\", \"{}\"]\n", world.home.address(), world.away.address());
    let (_, secret) = token(&world.floh, "agent-a", &["kept-here"]).await;
    let toml = format!("{}[connectors.kept-here]\ntype = \"http\"\n", head("agent-a"));
    let _a = Site::new(&world.floh, &secret, &toml).env("SSL_CERT_FILE", &world.ca).start().await;
    let (_, secret) = token(&world.floh, "agent-b", &["kept-there"]).await;
    let toml = format!(
        "{}config = \"agent\"\n[connectors.kept-there]\ntype = \"http\"\nconfig.baseUrl = {:?}\nconfig.clientCertificate = {:?}\n\
         config.clientKey = {{ file = \"own.key\" }}\n",
        head("agent-b"),
        world.base(),
        two.0,
    );
    let b = Site::new(&world.floh, &secret, &toml).file("own.key", &two.1).env("SSL_CERT_FILE", &world.ca);
    let _b = b.start().await;
    for name in ["kept-here", "kept-there"] {
        for url in ["x", "away"] {
            let result = get(&client, name, url).await;
            assert_eq!(result["success"], true, "{name} {result}");
        }
    }
    let (home, away) = (world.home.take(), world.away.take());
    assert!(home.len() == 4 && home.iter().all(|request| request.client_certificate().is_some()));
    assert!(home[0].client_certificate() != home[3].client_certificate());
    assert!(away.len() == 2 && away.iter().all(|request| request.client_certificate().is_none()));
    // What the server keeps is changed there.
    put(&client, "kept-here", json!({ "clientCertificate": two.0, "clientKey": two.1 })).await;
    assert_eq!(get(&client, "kept-here", "x").await["success"], true);
    assert_eq!(world.home.take()[0].client_certificate(), home[3].client_certificate());
}
