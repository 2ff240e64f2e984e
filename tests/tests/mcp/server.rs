//! The server that the clients call: a connector of each kind, and commands of each effect.

use serde_json::{Map, Value, json};
use test_support::{ADMIN_TOKEN, Floh, Received, Reply, Setup, Upstream};

/// A secret that must be seen nowhere.
pub(crate) const CANARY: &str = "canary+of/the=door 4711";

/// A server and the system behind its connectors.
pub(crate) struct Server {
    pub(crate) floh: Floh,
    pub(crate) upstream: Upstream,
}

/// Commands of all four effects; each sends one request.
const EFFECTS: &str = r#"
function look() { return { success: true, payload: floh.http.get(floh.config.baseUrl + "/look").body }; }
function make() { return { success: true, payload: floh.http.post(floh.config.baseUrl + "/make", {}).body }; }
function alter() { return { success: true, payload: floh.http.put(floh.config.baseUrl + "/alter", {}).body }; }
function wipe() { return { success: true, payload: floh.http.delete(floh.config.baseUrl + "/wipe/" + floh.params.what).body }; }
function linger() { return { success: true, payload: floh.http.get(floh.config.baseUrl + "/linger").body }; }
function big() { return { success: true, payload: floh.http.get(floh.config.baseUrl + "/big").body }; }
"#;

impl Server {
    /// Starts a server whose upstream answers with what it was asked.
    pub(crate) async fn start() -> Self {
        Self::of(Setup::default(), Upstream::start(echo).await).await
    }

    pub(crate) async fn of(setup: Setup, upstream: Upstream) -> Self {
        let floh = setup.allow(upstream.address()).start().await;
        let server = Self { floh, upstream };
        server.make("page", "http", json!({ "baseUrl": server.upstream.url("/"), "token": CANARY })).await;
        server.make("wait", "delay", json!({})).await;
        server.make_effects("effects").await;
        server
    }

    /// Makes a connector of a built-in type.
    pub(crate) async fn make(&self, name: &str, type_name: &str, config: Value) {
        let body = json!({ "name": name, "type": type_name, "executionModel": "built_in", "config": config });
        self.floh.admin().post("/api/connectors", &body).await.expect(201);
    }

    /// Makes a connector with commands of all four effects, and its type.
    pub(crate) async fn make_effects(&self, name: &str) {
        let command = |effect: &str, params: Value| {
            let names: Vec<_> = params.as_object().unwrap().keys().cloned().collect();
            json!({ "effect": effect, "params": names, "paramSchema": params })
        };
        let what = json!({ "what": { "type": "string", "required": true, "description": "What to wipe." } });
        let schema = json!({
            "connectionConfig": {
                "baseUrl": { "type": "string", "format": "uri", "required": true },
                "apiKey": { "type": "string", "secret": true },
            },
            "commands": {
                "look": command("read", json!({})), "make": command("create", json!({})),
                "alter": command("update", json!({})), "wipe": command("delete", what),
                "linger": command("create", json!({})), "big": command("read", json!({})),
            },
        });
        let body = json!({
            "name": name, "type": name, "executionModel": "script", "version": "1.0.0", "configSchema": schema,
            "scriptSource": EFFECTS, "config": { "baseUrl": self.upstream.url(""), "apiKey": CANARY },
        });
        self.floh.admin().post("/api/connectors", &body).await.expect(201);
    }

    /// Imports a document with this many operations.
    pub(crate) async fn import(&self, operations: usize) {
        let paths: Map<String, Value> = (0..operations)
            .map(|number| {
                let schema = json!({ "type": "string", "description": "Which one." });
                let param = json!({ "name": "which", "in": "query", "schema": schema });
                let id = format!("readThing{number:04}");
                (format!("/things/{number}"), json!({ "get": { "operationId": id, "summary": format!("Thing {number}"), "parameters": [param] } }))
            })
            .collect();
        let spec = json!({ "openapi": "3.1.0", "info": { "title": "Many Things", "version": "1.0.0" },
            "servers": [{ "url": self.upstream.url("") }], "paths": paths });
        let admin = self.floh.admin();
        let draft =
            admin.post("/api/connectors/parse-oas", &json!({ "spec": spec, "name": "things" })).await.expect(200);
        admin.post("/api/connectors", &draft).await.expect(201);
    }

    /// Returns a token with some scopes.
    pub(crate) async fn token(&self, scopes: &[&str]) -> String {
        let body = json!({ "name": "mcp-test", "kind": "api", "scopes": scopes });
        let made = self.floh.admin().post("/api/tokens", &body).await.expect(201);
        made["token"].as_str().unwrap().to_owned()
    }

    /// Returns what a client connects to over HTTP, as the admin.
    pub(crate) fn http(&self) -> Value {
        json!({ "url": format!("http://{}/mcp", self.floh.address()), "token": ADMIN_TOKEN })
    }

    /// Returns what a client connects to by starting `floh mcp`, as the admin.
    pub(crate) fn stdio(&self) -> Value {
        json!({
            "command": [self.floh.setup().program(), "mcp"],
            "env": { "FLOH_SERVER": format!("http://{}", self.floh.address()), "FLOH_TOKEN": ADMIN_TOKEN, "FLOH_LOG": "trace" },
        })
    }

    /// Returns the newest execution of a connector.
    pub(crate) async fn last_execution(&self, connector: &str) -> Value {
        let admin = self.floh.admin();
        let list = admin.get(&format!("/api/executions?connector={connector}&limit=1")).await.expect(200);
        let id = list["items"][0]["id"].as_str().unwrap_or_else(|| panic!("no execution of {connector}: {list}"));
        admin.get(&format!("/api/executions/{id}")).await.expect(200)
    }
}

/// Answers with what was asked.
pub(crate) fn echo(request: &Received) -> Reply {
    if request.path() == "/big" {
        let items: Vec<Value> =
            (0..20_000).map(|number| json!({ "id": number, "name": format!("thing {number:08}") })).collect();
        return Reply::json(200, &json!({ "items": items }));
    }
    Reply::json(200, &json!({ "method": request.method, "target": request.target }))
}

/// Adds keys to an object.
pub(crate) fn with(mut object: Value, more: &Value) -> Value {
    for (key, value) in more.as_object().unwrap() {
        object[key] = value.clone();
    }
    object
}
