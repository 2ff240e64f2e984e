//! Makes a connector of a service's OpenAPI document: `cargo run -p examples --bin openapi_import`.
//!
//! Starts a pet service and a Floh server on this machine, and does over REST what a person would do: makes a
//! draft of the document, makes the connector, calls it, and imports a later document into it. Prints:
//! `draft:   listPets (exact), addPet (exact)`, `made:    pet-shop 1.0.0`, what `listPets` and `addPet` answered,
//! a failure with what the service said, `diff:    minor, 1.1.0 needed: /commands/removePet`, and `changed: 1.1.0
//! listPets, addPet, removePet`: the later document calls `addPet` another name, and the command keeps its own.

use std::error::Error;
use std::process::ExitCode;
use std::sync::Arc;

use axum::http::{HeaderMap, StatusCode, Uri};
use axum::routing::get;
use axum::{Json, Router};
use connector_runtime::Secret;
use connector_runtime::egress::{Client, Policy};
use serde_json::{Value, json};
use server::app::{App, Options};
use server::background::Retention;
use server::execute::MAX_RECORDED;
use server::script::{Limits, Pool, PoolSettings, Scripts, worker};
use server::seed::SeedOptions;
use server::work::WorkLimits;
use tokio::net::TcpListener;

const DOCUMENT: &str = include_str!("../pets.yaml");
const TOKEN: &str = "example-admin-token-0123456789abcdef";

fn main() -> ExitCode {
    // Scripts run in processes of their own; they are this program, started as a worker.
    if worker::is_worker() {
        return worker::main();
    }
    connectors::link();
    let done = tokio::runtime::Runtime::new().map_err(Into::into).and_then(|runtime| runtime.block_on(story()));
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}

async fn story() -> Result<(), Box<dyn Error>> {
    let service = TcpListener::bind("127.0.0.1:0").await?;
    let pets = service.local_addr()?.to_string();
    tokio::spawn(async move { axum::serve(service, Router::new().route("/pets", get(list).post(add))).await });
    let folder = tempfile::tempdir()?;
    let data_dir = folder.path().join("data");
    let database = format!("sqlite:{}", data_dir.join("floh.db").display());
    let app = App::start(Options {
        data_dir: &data_dir,
        database_url: &database,
        master_key: None,
        // This machine is closed to connectors unless an operator opens an address.
        policy: Policy::parse(&[pets.as_str()], &[])?,
        scripts: Scripts { sandbox: Arc::new(Pool::new(PoolSettings::default())?), limits: Limits::default() },
        seed: SeedOptions::default(),
        retention: Retention::default(),
        record_limit: MAX_RECORDED,
        run_workers: server::run_queue::DEFAULT_RUN_WORKERS,
        work: WorkLimits::new(1 << 30),
        on_loss: server::store::OnLoss::Refuse,
        public_url: None,
        nats: None,
    })
    .await?;
    app.auth.ensure_admin(Some(&Secret::from(TOKEN.to_owned()))).await?;
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let floh = Floh::at(&listener.local_addr()?.to_string())?;
    let router = server::api::router(&app, None);
    tokio::spawn(async move { axum::serve(listener, router).await });

    let mut draft = floh.ask("POST", "connectors/parse-oas", json!({ "spec": DOCUMENT })).await?;
    let operations = draft["operations"].as_array().into_iter().flatten();
    let told: Vec<String> =
        operations.map(|one| format!("{} ({})", text(&one["name"]), text(&one["verdict"]))).collect();
    println!("draft:   {}", told.join(", "));

    draft["config"] = json!({ "baseUrl": format!("http://{pets}"), "shopKey": "key-123456" });
    let made = floh.ask("POST", "connectors", draft).await?;
    println!("made:    {} {}", text(&made["name"]), text(&made["version"]));

    let call = |command: &str, params: Value| json!({ "command": command, "params": params });
    let cats = call("listPets", json!({ "kind": ["cat", "fish"] }));
    println!("list:    {}", floh.ask("POST", "connectors/pet-shop/execute", cats).await?);
    let rex = call("addPet", json!({ "name": "Rex", "kind": "dog" }));
    println!("add:     {}", floh.ask("POST", "connectors/pet-shop/execute", rex).await?);
    floh.ask("PUT", "connectors/pet-shop", json!({ "config": { "shopKey": "another-key" } })).await?;
    let refused = floh.ask("POST", "connectors/pet-shop/execute", call("listPets", json!({}))).await?;
    println!("refused: {refused}");

    let later = DOCUMENT.replace("operationId: addPet", "operationId: createPet")
        + "    delete: { operationId: removePet, summary: Give the pets away }\n";
    let diff = floh.ask("POST", "connector-types/pet-shop/diff", json!({ "spec": later })).await?;
    let changes = diff["change"]["changes"].as_array().into_iter().flatten();
    let changes: Vec<&str> =
        changes.filter(|change| change["level"] != "patch").map(|change| text(&change["pointer"])).collect();
    let (level, version) = (text(&diff["change"]["level"]), text(&diff["change"]["suggestedVersion"]));
    println!("diff:    {level}, {version} needed: {}", changes.join(", "));
    let changed = floh.ask("PUT", "connector-types/pet-shop", json!({ "spec": later, "autoBump": true })).await?;
    let commands = changed["configSchema"]["commands"].as_object().into_iter().flat_map(serde_json::Map::keys);
    let commands: Vec<&str> = commands.map(String::as_str).collect();
    println!("changed: {} {}", text(&changed["version"]), commands.join(", "));
    app.close().await;
    Ok(())
}

/// The server's REST interface.
struct Floh {
    client: Client,
    base: String,
    token: Secret,
}

impl Floh {
    fn at(address: &str) -> Result<Self, Box<dyn Error>> {
        let client = Client::new(Policy::parse(&[address], &[])?);
        Ok(Self { client, base: format!("http://{address}/api"), token: Secret::from(TOKEN.to_owned()) })
    }

    async fn ask(&self, method: &str, path: &str, body: Value) -> Result<Value, Box<dyn Error>> {
        let url = format!("{}/{path}", self.base);
        let answer = self.client.request(method, url.as_str()).bearer(&self.token).json(&body).send().await?;
        let told: Value = answer.json()?;
        if answer.is_success() { Ok(told) } else { Err(format!("{method} {path}: {told}").into()) }
    }
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}

/// The pet service: `GET /pets`.
async fn list(headers: HeaderMap, uri: Uri) -> (StatusCode, Json<Value>) {
    let kinds = uri.query().and_then(|query| query.strip_prefix("kind=")).unwrap_or_default().split(',');
    let pets: Vec<Value> = kinds.map(|kind| json!({ "name": "Mia", "kind": kind })).collect();
    behind_key(&headers, json!({ "pets": pets }))
}

/// The pet service: `POST /pets`.
async fn add(headers: HeaderMap, Json(pet): Json<Value>) -> (StatusCode, Json<Value>) {
    behind_key(&headers, json!({ "added": pet }))
}

fn behind_key(headers: &HeaderMap, answer: Value) -> (StatusCode, Json<Value>) {
    if headers.get("x-shop-key").is_some_and(|key| key == "key-123456") {
        return (StatusCode::OK, Json(answer));
    }
    (StatusCode::UNAUTHORIZED, Json(json!({ "message": "the shop does not know this key" })))
}
