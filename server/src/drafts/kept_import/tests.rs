//! Imports in two calls: what is shown, who may use a draft, for how long, how often.

use connector_runtime::egress::Policy;
use futures_util::future::join_all;
use serde_json::json;
use test_support::Upstream;

use super::*;
use crate::auth::RequestId;
use crate::store::ExecutionSource;
use crate::store::tests::{TestDb, count, on_both};
use crate::testing::TestServer;

async fn holder(server: &TestServer, scopes: &[&str]) -> OpContext {
    let identity = server.app.auth.authenticate(&server.token(scopes).await).await.unwrap();
    OpContext::of_token(identity, ExecutionSource::Mcp, RequestId::new())
}

fn document() -> Value {
    json!({
        "openapi": "3.0.3", "info": { "title": "Pet Store", "version": "1.2" }, "servers": [{ "url": "https://pets.example.com/v1" }],
        "components": { "securitySchemes": { "key": { "type": "apiKey", "in": "header", "name": "X-Key", "description": "Ask\u{202e} the\u{e0041} owner" } } },
        "security": [{ "key": [] }],
        "paths": { "/pets": { "get": { "operationId": "listPets", "summary": "All\u{200b} pets\nnow", "deprecated": true }, "trace": {} } },
    })
}

fn of_spec(spec: Value) -> ParseWish {
    ParseWish { spec: Some(spec), ..ParseWish::default() }
}

fn named(name: &str) -> Map<String, Value> {
    json!({ "name": name }).as_object().unwrap().clone()
}

fn code<T: std::fmt::Debug>(outcome: Result<T, Error>) -> (&'static str, String) {
    let error = outcome.unwrap_err();
    (error.code(), error.detail().to_owned())
}

on_both!(
    a_document_is_kept_and_made_a_connector,
    two_at_once_make_one_connector,
    a_draft_that_makes_nothing_stays,
    a_draft_ends,
    a_token_keeps_so_many,
);

async fn a_document_is_kept_and_made_a_connector(db: TestDb) {
    let server = TestServer::at(&db.url).await;
    let (own, app) = (holder(&server, &["connectors:write"]).await, &server.app);
    let before = store::now();
    let kept = parse_and_keep(&own, app, of_spec(document())).await.unwrap();
    let left = kept.expires_at.duration_since(before);
    assert!(left >= KEPT_IMPORT_LIFE && left < KEPT_IMPORT_LIFE + SignedDuration::from_mins(5), "{left}");
    let mut shown = serde_json::to_value(&kept).unwrap();
    let keys = shown.as_object_mut().unwrap();
    let (draft, _) = (keys.remove("draft").unwrap(), keys.remove("expiresAt").unwrap());
    let fields = keys.remove("connectionFields").unwrap();
    let warnings = keys.remove("warnings").unwrap();
    assert_eq!((warnings[0]["code"].as_str(), warnings.as_array().unwrap().len()), (Some("method_refused"), 1));
    assert_eq!(
        shown,
        json!({
            "name": "pet-store", "version": "1.2.0",
            "operations": [
                { "name": "listPets", "method": "GET", "path": "/pets", "summary": "All pets now", "deprecated": true, "verdict": "exact" },
                { "name": "tracePets", "method": "TRACE", "path": "/pets", "summary": null, "deprecated": false, "verdict": "refused" },
            ],
            "totals": { "operations": 2, "exact": 1, "degraded": 0, "refused": 1 },
        })
    );
    let secrets: Vec<&Value> = fields.as_array().unwrap().iter().filter(|field| field["secret"] == true).collect();
    let [secret] = secrets[..] else { panic!("{fields}") };
    assert_eq!(secret["required"], true);
    assert!(!fields.to_string().chars().any(crate::plain_text::is_invisible), "{fields}");
    // The same from a text, with a name and fewer operations.
    let text = ParseWish {
        name: Some("mine".to_owned()),
        include: Some(vec!["listPets".to_owned()]),
        ..of_spec(json!(document().to_string()))
    };
    let other = parse_and_keep(&own, app, text).await.unwrap();
    assert_eq!((other.name.as_str(), other.totals.operations), ("mine", 1));

    let draft = draft.as_str().unwrap();
    let overrides = json!({ "name": "pets", "description": "Ours", "tags": ["a"] }).as_object().unwrap().clone();
    let view = create(&own, app, draft, overrides).await.unwrap();
    assert_eq!((view.name.as_str(), view.type_name.as_str(), view.description.as_str()), ("pets", "pet-store", "Ours"));
    assert!(!view.missing.is_empty(), "its secret is still to be entered");
    let stored = server.get("/api/connector-types/pet-store").await.ok(200);
    assert_eq!(stored["configSchema"]["commands"].as_object().unwrap().len(), 2);
    let (used, why) = code(create(&own, app, draft, named("again")).await);
    assert_eq!((used, why.contains("made the connector pets")), ("draft_used", true), "{why}");
    create(&own, app, &other.draft.to_string(), Map::new()).await.unwrap();
    server.get("/api/connectors/mine").await.ok(200);
    server.app.close().await;
}

async fn two_at_once_make_one_connector(db: TestDb) {
    let server = TestServer::at(&db.url).await;
    let (own, app) = (holder(&server, &["connectors:write"]).await, &server.app);
    let draft = parse_and_keep(&own, app, of_spec(document())).await.unwrap().draft.to_string();
    let made = join_all((0..6).map(|number| create(&own, app, &draft, named(&format!("pets-{number}"))))).await;
    let (made, refused): (Vec<_>, Vec<_>) = made.into_iter().partition(Result::is_ok);
    assert_eq!((made.len(), count(&app.store, "connector").await), (1, 1));
    let name = made.into_iter().next().unwrap().unwrap().name;
    for refused in refused {
        let (code, why) = code(refused);
        assert_eq!((code, why.contains(&name)), ("draft_used", true), "{why}");
    }
    server.app.close().await;
}

async fn a_draft_that_makes_nothing_stays(db: TestDb) {
    let server = TestServer::at(&db.url).await;
    let (own, app) = (holder(&server, &["connectors:write"]).await, &server.app);
    let draft = parse_and_keep(&own, app, of_spec(document())).await.unwrap().draft.to_string();
    server.connector("taken", "odd", json!({})).await;
    assert_eq!(code(create(&own, app, &draft, named("taken")).await).0, "name_taken");
    let wrong = json!({ "nmae": "x" }).as_object().unwrap().clone();
    let error = create(&own, app, &draft, wrong).await.unwrap_err();
    assert_eq!(error.mistakes()[0].pointer, "/nmae");
    // Another token's, a draft of the pages, and what is none, are all unknown.
    let other = holder(&server, &["admin"]).await;
    let of_pages = make_draft(&own, app, "connector", Zeroizing::new(b"{}".to_vec())).await.unwrap().id.to_string();
    for (ctx, draft) in [
        (&other, draft.as_str()),
        (&own, of_pages.as_str()),
        (&own, "x"),
        (&own, ""),
        (&own, "00000000-0000-7000-8000-000000000000"),
    ] {
        let (code, why) = code(create(ctx, app, draft, Map::new()).await);
        assert_eq!((code, why.starts_with("unknown draft")), ("not_found", true), "{draft}: {why}");
    }
    let weak = holder(&server, &["connectors:read", "types:write"]).await;
    assert_eq!(code(create(&weak, app, &draft, Map::new()).await).0, "forbidden");
    assert_eq!(code(parse_and_keep(&weak, app, of_spec(document())).await).0, "forbidden");
    assert_eq!(code(parse_and_keep(&OpContext::system(), app, of_spec(document())).await).0, "forbidden");
    create(&own, app, &draft, Map::new()).await.unwrap();
    server.app.close().await;
}

async fn a_draft_ends(db: TestDb) {
    let server = TestServer::at(&db.url).await;
    let (own, other, app) =
        (holder(&server, &["connectors:write"]).await, holder(&server, &["admin"]).await, &server.app);
    let draft = parse_and_keep(&own, app, of_spec(document())).await.unwrap().draft.to_string();
    let of_pages = make_draft(&own, app, "connector", Zeroizing::new(b"{}".to_vec())).await.unwrap().id;
    db.set_all_numbers("ui_draft", "updated_at", latest_end().as_millisecond()).await;
    let says = async |ctx: &OpContext| code(create(ctx, app, &draft, Map::new()).await);
    assert_eq!(says(&own).await.0, "draft_expired", "before it is wiped, too");
    assert_eq!(app.background().run_now(crate::background::SESSIONS).await.unwrap().outcome, Ok(()));
    let (code, why) = says(&own).await;
    assert_eq!((code, why.contains("kept for 60 minutes")), ("draft_expired", true), "{why}");
    assert_eq!(says(&other).await.0, "not_found");
    let row = app.store.drafts().get(own.token_id().unwrap(), draft.parse().unwrap(), oldest()).await.unwrap();
    assert_eq!((row.sealed.as_str(), row.head.bytes), ("", 0));
    // Drafts of the pages live on.
    assert!(crate::drafts::read_draft(&own, app, of_pages).await.unwrap().content.is_some());
    db.set_all_numbers("ui_draft", "updated_at", oldest().as_millisecond()).await;
    assert_eq!(says(&own).await.0, "not_found", "a day later nobody knows it");
    server.app.close().await;
}

async fn a_token_keeps_so_many(db: TestDb) {
    let server = TestServer::at(&db.url).await;
    let (own, app) = (holder(&server, &["connectors:write"]).await, &server.app);
    let small = || of_spec(json!({ "openapi": "3.0.0", "info": { "title": "a" }, "paths": { "/a": { "get": {} } } }));
    for _ in 0..MAX_KEPT_IMPORTS {
        parse_and_keep(&own, app, small()).await.unwrap();
    }
    let (refused, why) = code(parse_and_keep(&own, app, small()).await);
    assert_eq!((refused, why.contains("ends 60 minutes after it was made")), ("too_many_drafts", true), "{why}");
    parse_and_keep(&holder(&server, &["admin"]).await, app, small()).await.unwrap();
    // What has ended makes room.
    db.set_all_numbers("ui_draft", "updated_at", latest_end().as_millisecond()).await;
    parse_and_keep(&own, app, small()).await.unwrap();
    server.app.close().await;
}

/// Creates the connector of a kept import.
async fn create(
    ctx: &OpContext,
    services: &Services,
    draft: &str,
    overrides: Map<String, Value>,
) -> Result<ConnectorView, Error> {
    let kept = read_kept(ctx, services, draft, overrides).await?;
    create_from_kept(ctx, services, kept).await
}

#[tokio::test]
async fn a_url_is_fetched_under_the_egress_rules() {
    let upstream = Upstream::fixed(document()).await;
    let url = format!("http://{}/openapi.json", upstream.address());
    let server = TestServer::with_policy(Policy::parse(&["127.0.0.1"], &[]).unwrap()).await;
    let (own, app) = (holder(&server, &["connectors:write"]).await, &server.app);
    let of_url = |url: &str| ParseWish { url: Some(url.to_owned()), ..ParseWish::default() };
    let wished = ParseWish { name: Some("fetched".to_owned()), ..of_url(&url) };
    let kept = parse_and_keep(&own, app, wished).await.unwrap();
    assert_eq!((kept.name.as_str(), kept.totals.operations), ("fetched", 2));
    create(&own, app, &kept.draft.to_string(), Map::new()).await.unwrap();
    let asked = upstream.received().len();
    for wrong in [
        "http://169.254.169.254/latest/meta-data/",
        "http://[fd00:ec2::254]/",
        "file:///etc/passwd",
        "http://a:b@127.0.0.1/",
        "x",
    ] {
        let error = parse_and_keep(&own, app, of_url(wrong)).await.unwrap_err();
        assert_eq!((error.code(), error.mistakes()[0].pointer.as_str()), ("invalid", "/url"), "{wrong}: {error}");
    }
    let both = ParseWish { spec: Some(document()), ..of_url(&url) };
    assert_eq!(parse_and_keep(&own, app, both).await.unwrap_err().mistakes()[0].pointer, "/url");
    let none = ParseWish::default();
    assert_eq!(parse_and_keep(&own, app, none).await.unwrap_err().mistakes()[0].pointer, "/spec");
    assert_eq!(parse_and_keep(&own, app, of_spec(json!(7))).await.unwrap_err().mistakes()[0].pointer, "/spec");
    assert_eq!(upstream.received().len(), asked, "none of these was sent");
    let closed = TestServer::start().await;
    let own = holder(&closed, &["connectors:write"]).await;
    assert_eq!(parse_and_keep(&own, &closed.app, of_url(&url)).await.unwrap_err().mistakes()[0].pointer, "/url");
    assert_eq!(count(&closed.app.store, "ui_draft").await, 0);
    closed.app.close().await;
    server.app.close().await;
}

/// A document of 13 MB with 2,000 operations, each of its texts as long and as odd as it can be.
#[tokio::test]
async fn the_answer_for_a_large_document_is_short() {
    let server = TestServer::start().await;
    let (own, app) = (holder(&server, &["connectors:write"]).await, &server.app);
    let long = "\"\\🚀\u{202e}".repeat(500);
    let paths: Map<String, Value> = (0..2_000)
        .map(|number| {
            let path = format!("/{}/{number}/{}", "ä".repeat(100), "segment-".repeat(20));
            let get = json!({ "operationId": format!("operation{number}{}", "Long".repeat(30)), "summary": long.as_str(), "description": long.as_str() });
            (path, json!({ "get": get }))
        })
        .collect();
    let schemes: Map<String, Value> = (0..100)
        .map(|number| (format!("key{number}"), json!({ "type": "apiKey", "in": "header", "name": format!("X-Key-{number}"), "description": long.as_str() })))
        .collect();
    let security: Vec<Value> = schemes.keys().map(|name| json!({ name.as_str(): [] })).collect();
    let document = json!({ "openapi": "3.0.3", "info": { "title": long.as_str(), "version": long.as_str() }, "paths": paths, "components": { "securitySchemes": schemes }, "security": security });
    let text = document.to_string();
    assert!(text.len() > 13 << 20, "{}", text.len());
    let free = app.work.memory.free();
    let kept = parse_and_keep(&own, app, of_spec(Value::String(text))).await.unwrap();
    assert_eq!(app.work.memory.free(), free, "memory is given back");
    let shown = serde_json::to_string(&kept).unwrap();
    assert!(shown.len() <= MAX_ANSWER_BYTES, "{}", shown.len());
    let twice = json!({ "structuredContent": kept, "content": [{ "type": "text", "text": shown }] }).to_string();
    assert!(twice.len() < 64 << 10, "{}", twice.len());
    assert_eq!(kept.totals.operations, 2_000);
    assert!(!kept.operations.is_empty() && kept.operations.len() <= MAX_SHOWN_OPERATIONS, "{}", kept.operations.len());
    let left = kept.warnings.last().unwrap();
    let wanted = format!("{} of 2000 operations", 2_000 - kept.operations.len());
    assert!(left.code == "left_out" && left.message.contains(&wanted), "{left:?}");
    assert!(!shown.contains('\u{202e}'));
    create(&own, app, &kept.draft.to_string(), named("large")).await.unwrap();
    assert_eq!(app.work.memory.free(), free);
    server.app.close().await;
}
