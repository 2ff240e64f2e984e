//! `floh-client` against the real server: every method of it, as a program of a user would call them.
#![allow(clippy::unwrap_used, reason = "a test: what goes wrong here fails it")]

use floh_client::answers::{RemoteState, Verdict};
use floh_client::bodies::{Call, ConnectorPatch, Import, NewConnector, NewToken, Test, TypeChange, TypeRefresh};
use floh_client::words::{ExecutionModel, ExecutionSource, ExecutionStatus, TokenKind, TypeSource, VersionSource};
use floh_client::{Client, ClientError, ConnectorFilter, ExecutionFilter};
use serde_json::{Map, Value, json};
use test_support::{ADMIN_TOKEN, Floh, Reply, Upstream};

fn client(floh: &Floh, token: &str) -> Client {
    Client::new(&format!("http://{}", floh.address()), &token.into()).unwrap()
}

fn object(value: Value) -> Map<String, Value> {
    serde_json::from_value(value).unwrap()
}

fn http(name: &str, upstream: &Upstream) -> NewConnector {
    NewConnector {
        name: name.to_owned(),
        type_name: "http".to_owned(),
        execution_model: ExecutionModel::BuiltIn,
        config: Some(object(json!({ "baseUrl": upstream.url("/v2"), "token": "canary-4711" }))),
        ..NewConnector::default()
    }
}

fn call(params: Value) -> Call {
    Call { params: Some(object(params)), ..Call::default() }
}

fn code(error: &ClientError) -> (u16, &str) {
    let problem = error.problem().unwrap_or_else(|| panic!("{error:?}"));
    (problem.status, &problem.code)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_connector_lives_through_the_client() {
    let upstream = Upstream::fixed(json!({ "users": [] })).await;
    let floh = Floh::start([&upstream]).await;
    let admin = client(&floh, ADMIN_TOKEN);

    let made = admin.create_connector(&http("crm", &upstream)).await.unwrap();
    assert!(made.ready && made.secrets["token"].set && !made.config.contains_key("token"), "{made:?}");
    let seen = admin.get_connector("crm").await.unwrap();
    assert_eq!((&seen, seen.revision.is_some()), (&made, true));
    assert_eq!(admin.get_connector(&made.id.to_string()).await.unwrap(), made);
    let taken = admin.create_connector(&http("crm", &upstream)).await.unwrap_err();
    assert_eq!(code(&taken).0, 409);

    // Whoever has seen an older revision changes nothing.
    let patch = ConnectorPatch { category: Some(Some("sales".to_owned())), ..ConnectorPatch::default() };
    let changed = admin.update_connector("crm", &patch, seen.revision).await.unwrap();
    assert_eq!(changed.category.as_deref(), Some("sales"));
    let stale = admin.update_connector("crm", &patch, seen.revision).await.unwrap_err();
    assert_eq!(code(&stale), (412, "stale"));
    let cleared = ConnectorPatch { category: Some(None), ..ConnectorPatch::default() };
    assert_eq!(admin.update_connector("crm", &cleared, None).await.unwrap().category, None);

    let done = admin.execute("crm", &call(json!({ "url": "users" }))).await.unwrap();
    assert_eq!(done.result.payload.unwrap()["body"], json!({ "users": [] }));
    assert!(done.took.is_some() && !done.replayed && !done.deprecated);
    let once = call(json!({ "url": "once" }));
    let first = admin.execute_once("crm", &once, "order 1").await.unwrap();
    let again = admin.execute_once("crm", &once, "order 1").await.unwrap();
    assert_eq!((again.replayed, again.execution_id, &again.result), (true, first.execution_id, &first.result));
    let other = admin.execute_once("crm", &call(json!({ "url": "two" })), "order 1").await.unwrap_err();
    assert_eq!(code(&other).0, 422);
    let tested = admin.test_connector("crm", &Test::default()).await.unwrap();
    assert!(tested.result.error.unwrap().contains("no test command"));

    let row = admin.get_execution(first.execution_id.unwrap()).await.unwrap();
    assert_eq!((row.status, row.source), (ExecutionStatus::Succeeded, ExecutionSource::Rest));
    assert_eq!(row.read_result().unwrap(), Some(first.result));
    assert!(row.read_logs().unwrap().is_empty() && row.actor.is_some() && row.request_id.is_some());
    let filter =
        ExecutionFilter { connector: Some("crm".to_owned()), success: Some(true), ..ExecutionFilter::default() };
    let rows = admin.list_executions(&filter).collect(10).await.unwrap();
    assert_eq!(rows.iter().filter(|row| row.id == first.execution_id.unwrap()).count(), 1);
    assert_eq!(rows.len(), 2, "the replay is no execution, and the test failed");

    admin.delete_connector("crm", changed.revision).await.unwrap_err();
    admin.delete_connector("crm", None).await.unwrap();
    assert!(admin.get_connector("crm").await.unwrap_err().is_not_found());
    assert!(!floh.logs().contains("canary-4711"));
}

#[tokio::test(flavor = "multi_thread")]
async fn lists_are_read_page_by_page() {
    let upstream = Upstream::fixed(json!({})).await;
    let floh = Floh::start([&upstream]).await;
    let admin = client(&floh, ADMIN_TOKEN);
    for number in 0..5 {
        admin.create_connector(&http(&format!("crm-{number}"), &upstream)).await.unwrap();
    }
    let filter = ConnectorFilter { execution_model: Some(ExecutionModel::BuiltIn), ..ConnectorFilter::default() };
    let mut pages = admin.list_connectors(&filter).limit(2);
    let mut names = Vec::new();
    while let Some(page) = pages.next_page().await.unwrap() {
        assert!(page.items.len() <= 2);
        names.extend(page.items.into_iter().map(|connector| connector.name));
    }
    assert_eq!(names, ["crm-4", "crm-3", "crm-2", "crm-1", "crm-0"]);
    assert_eq!(admin.list_connectors(&filter).limit(2).collect(5).await.unwrap().len(), 5);
    assert!(matches!(admin.list_connectors(&filter).collect(4).await, Err(ClientError::TooLarge(_))));
    let found = ConnectorFilter { q: Some("crm-3".to_owned()), ..filter };
    assert_eq!(admin.list_connectors(&found).collect(9).await.unwrap().len(), 1);
    let wrong = admin.list_connectors(&ConnectorFilter::default()).limit(501).next_page().await.unwrap_err();
    assert_eq!(wrong.problem().unwrap().errors[0].pointer, "?limit");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_type_lives_through_the_client() {
    let floh = Floh::start([]).await;
    let admin = client(&floh, ADMIN_TOKEN);
    let spec = json!({ "openapi": "3.1.0", "info": { "title": "Pets", "version": "1.0.0" },
        "servers": [{ "url": "https://pets.example" }],
        "paths": { "/pets": { "get": { "operationId": "listPets" }, "post": { "operationId": "addPet" } } } });
    let import = Import { spec, include: Some(vec!["listPets".to_owned()]), ..Import::default() };
    let draft = admin.parse_oas(&import).await.unwrap();
    assert_eq!((draft.name.as_str(), draft.operations[0].verdict), ("pets", Verdict::Exact));
    admin.create_connector(&NewConnector::from(&draft)).await.unwrap();

    let seen = admin.get_type("pets").await.unwrap();
    assert_eq!((seen.source, seen.execution_model), (TypeSource::User, ExecutionModel::OasDerived));
    assert!(seen.instances == 1 && seen.revision.is_some() && seen.script_source.is_some());
    let names: Vec<String> =
        admin.list_types().limit(1).collect(50).await.unwrap().into_iter().map(|view| view.name).collect();
    assert!(names.is_sorted() && names.contains(&"pets".to_owned()) && names.contains(&"http".to_owned()));
    let capabilities = admin.capabilities("pets").await.unwrap();
    assert_eq!(capabilities.commands[0].name, "listPets");
    assert!(admin.json_schema("pets").await.unwrap()["commands"]["listPets"].is_object());
    assert!(admin.declarations("pets").await.unwrap().contains("floh"));

    // A document with one more operation is a minor change.
    let more = TypeChange { spec: Some(import.spec), auto_bump: Some(true), ..TypeChange::default() };
    let diff = admin.diff_type("pets", &more).await.unwrap();
    assert_eq!((diff.version.as_deref(), diff.change.level.as_str()), (Some("1.1.0"), "minor"));
    let changed = admin.update_type("pets", &more, seen.revision).await.unwrap();
    assert_eq!((changed.view.version.as_str(), changed.imported.operations.unwrap().len()), ("1.1.0", 2));
    assert!(changed.view.revision > seen.revision);
    let stale = TypeChange { description: Some("x".to_owned()), ..TypeChange::default() };
    assert_eq!(code(&admin.update_type("pets", &stale, seen.revision).await.unwrap_err()), (412, "stale"));

    // A breaking change with too low a version is refused with what it is.
    let breaking =
        TypeChange { config_schema: Some(json!({ "connectionConfig": {}, "commands": {} })), ..TypeChange::default() };
    let refused = admin.update_type("pets", &breaking, None).await.unwrap_err();
    let change = refused.problem().unwrap().change.as_deref().unwrap();
    assert_eq!((change.level.as_str(), change.suggested_version.to_string().as_str()), ("major", "2.0.0"));
    assert!(change.changes.iter().any(|change| change.rule == "command_removed"), "{change:?}");

    let versions = admin.list_versions("pets").collect(10).await.unwrap();
    let sources: Vec<_> = versions.iter().map(|version| (version.version.as_str(), version.source)).collect();
    assert_eq!(sources, [("1.1.0", VersionSource::Put), ("1.0.0", VersionSource::Create)]);
    assert!(versions[0].change.changes.iter().any(|change| change.rule == "command_added"), "{versions:?}");
    let old = admin.get_version("pets", "1.0.0").await.unwrap();
    assert_eq!((old.config_schema, old.script_source), (seen.config_schema, seen.script_source));

    let used = admin.delete_type("pets").await.unwrap_err();
    assert_eq!(code(&used).0, 409);
    admin.delete_connector("pets", None).await.unwrap();
    admin.delete_type("pets").await.unwrap();
    assert!(admin.get_type("pets").await.unwrap_err().is_not_found());
}

#[tokio::test(flavor = "multi_thread")]
async fn an_external_type_is_refreshed_and_its_service_is_shown() {
    let service = Upstream::start(|request| match request.path() {
        "/schema" => Reply::json(
            200,
            &json!({ "name": "crm", "version": "1.2.0",
            "configSchema": { "connectionConfig": {}, "commands": { "list": {} } } }),
        ),
        "/health" => Reply::json(200, &json!({})),
        _ => Reply::json(200, &json!({ "success": true })),
    })
    .await;
    let floh = Floh::start([&service]).await;
    let admin = client(&floh, ADMIN_TOKEN);
    let new = NewConnector {
        name: "crm".to_owned(),
        type_name: "crm".to_owned(),
        execution_model: ExecutionModel::External,
        endpoint_url: Some(service.url("/")),
        signing_secret: Some("canary-signs".to_owned()),
        ..NewConnector::default()
    };
    admin.create_connector(&new).await.unwrap();
    let refreshed = admin.refresh_type("crm", &TypeRefresh::default()).await.unwrap();
    assert_eq!((refreshed.view.version.as_str(), refreshed.change.level.as_str()), ("1.2.0", "none"));
    assert!(admin.test_connector("crm", &Test::default()).await.unwrap().result.success);
    let Some(RemoteState::Service(state)) = admin.get_connector("crm").await.unwrap().state else {
        panic!("a service")
    };
    assert!(state.health.unwrap().ok);
    let built_in = admin.refresh_type("http", &TypeRefresh::default()).await.unwrap_err();
    assert_eq!(code(&built_in), (422, "invalid"));
}

#[tokio::test(flavor = "multi_thread")]
async fn tokens_and_the_server_itself() {
    let floh = Floh::start([]).await;
    let admin = client(&floh, ADMIN_TOKEN);
    let new = NewToken { name: "reader".to_owned(), scopes: vec!["connectors:read".to_owned()], ..NewToken::default() };
    let made = admin.create_token(&new).await.unwrap();
    let text = made.token.clone().unwrap();
    assert!(!format!("{made:?}").contains(text.expose()));
    assert_eq!(made.kind, TokenKind::Api);

    let reader = client(&floh, text.expose());
    assert!(reader.list_connectors(&ConnectorFilter::default()).collect(9).await.is_ok());
    assert!(reader.list_agents().collect(1).await.unwrap().is_empty());
    assert_eq!(code(&reader.list_tokens().collect(9).await.unwrap_err()), (403, "forbidden"));
    let listed = admin.list_tokens().collect(9).await.unwrap();
    assert!(listed.iter().any(|token| token.id == made.id) && listed.iter().all(|token| token.token.is_none()));
    admin.revoke_token(made.id).await.unwrap();
    assert_eq!(code(&reader.openapi().await.unwrap_err()), (401, "unauthorized"));

    let anyone = Client::without_token(&format!("http://{}", floh.address())).unwrap();
    assert_eq!(
        (anyone.healthz().await.unwrap().status, anyone.readyz().await.unwrap().status),
        ("ok".into(), "ready".into())
    );
    assert_eq!(code(&anyone.metrics().await.unwrap_err()).0, 401);
    assert!(admin.metrics().await.unwrap().contains("floh_"));
    let status = admin.status().await.unwrap();
    assert_eq!((status.problems.len(), status.servers.len()), (0, 1), "{status:?}");
    assert!(admin.openapi().await.unwrap()["openapi"].as_str().unwrap().starts_with("3.1"));
}
