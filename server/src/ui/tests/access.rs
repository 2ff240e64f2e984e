//! Who sees which page, from where, and what nobody does: every page and form with every identity.

use serde_json::json;

use super::browser::{Browser, HOST};
use crate::api::Access;
use crate::auth::{NewToken, Scope};
use crate::store::TokenKind;
use crate::testing::TestServer;
use crate::ui;

async fn agent_token(server: &TestServer) -> String {
    let new = NewToken {
        name: "site".to_owned(),
        kind: TokenKind::Agent,
        scopes: Vec::new(),
        expires_at: None,
        agent_id: Some("site-1".to_owned()),
        connector_names: Some(vec!["mine".to_owned()]),
    };
    server.app.auth.issue(new).await.unwrap().text.expose().to_owned()
}

/// Returns whether one scope grants another.
fn grants(scope: Scope, wanted: Scope) -> bool {
    let reads = wanted == Scope::ConnectorsExecuteRead && scope == Scope::ConnectorsExecute;
    scope == wanted || scope == Scope::Admin || reads
}

/// Fills the parameters of a path.
fn filled(path: &str) -> String {
    let id = "018f2f6e-7b7a-7c3e-8000-000000000000";
    path.replace("{id}", id)
        .replace("{command}", "echo")
        .replace("{step}", "review")
        .replace("{code}", "nonsense")
        .replace("{draft}", id)
        .replace("{version}", "1.0.0")
}

#[tokio::test]
async fn every_page_is_for_those_who_have_its_scope() {
    let server = TestServer::start().await;
    let stranger = Browser::stranger(&server);
    let mut readers = Vec::new();
    for scope in Scope::ALL {
        if scope != Scope::AgentsConnect {
            let token = server.token(&[scope.as_str()]).await;
            readers.push((scope, Browser::signed_in(&server, &token).await));
        }
    }
    // A wrong login takes a second, and nothing is signed in by it.
    for row in ui::table().iter().filter(|row| !row.path.starts_with("/login/")) {
        let path = filled(&row.path);
        let page = stranger.send(&row.method, &path, "", &[]).await;
        if row.access == Access::Public {
            assert!(matches!(page.status, 200 | 303 | 401), "{} {path}: {}", row.method, page.status);
            continue;
        }
        assert_eq!(page.status, 303, "{} {path}", row.method);
        assert!(page.header("location").starts_with("/login"), "{} {path}", row.method);
        for (scope, reader) in &readers {
            let page = reader.start(&row.method, &path).await;
            let may = match row.access {
                Access::Needs(wanted) | Access::NeedsInOutage(wanted) => grants(*scope, wanted),
                Access::NeedsOneOf(wanted) => wanted.into_iter().any(|wanted| grants(*scope, wanted)),
                _ => true,
            };
            let refused = page.status == 403 && page.text.contains("You may not see this");
            // What a page needs beyond the route is refused by the use case, and says so too.
            let beyond = row.path.starts_with("/connectors/{id}")
                || row.path.starts_with("/types/{id}")
                || row.path == "/new/{id}/{step}"
                || row.path.starts_with("/runs/");
            assert!(may != refused || (may && beyond), "{} {path} with {scope}: {}", row.method, page.status);
            assert_ne!(page.status, 500, "{} {path} with {scope}", row.method);
        }
    }
}

#[tokio::test]
async fn no_form_is_taken_from_elsewhere() {
    let server = TestServer::start().await;
    let admin = Browser::admin(&server).await;
    admin.make(&json!({ "name": "mine", "type": "delay", "executionModel": "built_in" })).await;
    for row in ui::table().iter().filter(|row| row.method == "POST") {
        let path = filled(&row.path);
        for foreign in [
            ("sec-fetch-site", "cross-site"),
            ("sec-fetch-site", "same-site"),
            ("origin", "null"),
            ("origin", "http://evil.example"),
        ] {
            let page = admin.send("POST", &path, "name=mine", &[foreign]).await;
            assert_eq!(page.status, 403, "{path} {foreign:?}");
        }
        let page = admin.send("POST", &path, "", &[("host", "evil.example")]).await;
        assert_eq!(page.status, 421, "{path}");
    }
    let page = admin.send("GET", "/connectors", "", &[("host", "evil.example")]).await;
    assert_eq!(page.status, 421);
    // Old browsers send no Sec-Fetch-Site, but say where a form comes from.
    let own = format!("http://{HOST}");
    let page = admin.send("POST", "/theme", "theme=dark", &[("origin", &own)]).await;
    assert_eq!((page.status, page.header("location")), (303, "/"));
    admin.get("/connectors/mine").await.ok();
}

#[tokio::test]
async fn a_get_changes_nothing() {
    let server = TestServer::start().await;
    let admin = Browser::admin(&server).await;
    admin.make(&json!({ "name": "mine", "type": "delay", "executionModel": "built_in" })).await;
    let before = server.get("/api/audit?limit=1").await.ok(200)["items"][0]["id"].clone();
    for row in ui::table().iter().filter(|row| row.method == "POST") {
        let path = row.path.replace("/connectors/{id}", "/connectors/mine");
        let page = admin.send("GET", &filled(&path), "", &[]).await;
        assert!(page.status < 500, "{path}: {}", page.status);
    }
    assert_eq!(server.get("/api/audit?limit=1").await.ok(200)["items"][0]["id"], before);
}

#[tokio::test]
async fn signing_in_and_out() {
    let server = TestServer::start().await;
    let mut browser = Browser::stranger(&server);
    let page = browser.send("GET", "/connectors?q=a", "", &[]).await.has_status(303);
    assert_eq!(page.header("location"), "/login?next=%2Fconnectors%3Fq%3Da");
    let page = browser.get("/connectors?q=a").await.ok();
    let wrong = page.form("/login", &[("token", "floh_not-a-token-canary")]);
    let page = browser.post("/login", &wrong).await.has_status(401);
    page.shows("Not signed in").hides("canary");
    let agent = agent_token(&server).await;
    let page = browser.get("/login").await;
    browser.post("/login", &page.form("/login", &[("token", &agent)])).await.has_status(401).shows("token of an agent");
    let page = browser.get("/connectors?q=a").await;
    let right = page.form("/login", &[("token", &format!(" {}\n", server.admin))]);
    let answer = browser.send("POST", "/login", &right, &[]).await.has_status(303);
    assert_eq!(answer.header("location"), "/connectors?q=a");
    let cookie = answer.header("set-cookie").to_owned();
    assert!(cookie.ends_with("; Path=/; HttpOnly; SameSite=Lax"), "{cookie}");
    browser.keep(&cookie);
    browser.get("/").await.ok().shows("Connectors").shows("admin · until revoked");
    let out = browser.send("POST", "/logout", "", &[]).await.has_status(303);
    assert!(out.header("set-cookie").contains("Max-Age=0"));
    // The cookie that was kept opens nothing any more.
    let page = browser.send("GET", "/connectors", "", &[]).await.has_status(303);
    assert!(page.header("location").starts_with("/login"));
}

#[tokio::test]
async fn what_a_token_may_not_is_shown_with_its_reason() {
    let server = TestServer::start().await;
    let admin = Browser::admin(&server).await;
    admin.make(&json!({ "name": "mine", "type": "delay", "executionModel": "built_in" })).await;
    let reader = Browser::signed_in(&server, &server.token(&["connectors:read"]).await).await;
    reader.get("/").await.ok().shows("needs the scope connectors:write").hides("Last execution");
    reader.get("/connectors/mine").await.ok().shows("audit:read").hides("/connectors/mine/settings");
    reader.get("/connectors/mine/commands/wait").await.ok().shows("Needs the scope connectors:execute");
    reader.get("/settings/tokens").await.has_status(403).shows("tokens:read").shows("“test”").shows("Go to connectors");
    // Who may see nothing of it still gets a page to stand on.
    let metrics = Browser::signed_in(&server, &server.token(&["metrics:read"]).await).await;
    metrics.get("/").await.ok().shows("About");
}

#[tokio::test]
async fn what_is_not_there_has_a_page_and_programs_get_a_problem() {
    let server = TestServer::start().await;
    let admin = Browser::admin(&server).await;
    admin.get("/nothing").await.has_status(404).shows("There is no page /nothing");
    admin.get("/connectors/none").await.has_status(404).shows("There is nothing here");
    admin.get("/executions/none").await.has_status(404);
    let page = admin.send("GET", "/api/nothing", "", &[]).await.has_status(404);
    assert_eq!(page.header("content-type"), "application/problem+json");
    let page = admin.send("GET", "/nothing", "", &[("accept", "*/*")]).await.has_status(404);
    assert_eq!(page.header("content-type"), "application/problem+json");
    let page = admin.send("PUT", "/connectors", "", &[("sec-fetch-site", "same-origin")]).await.has_status(405);
    assert_eq!(page.header("content-type"), "application/problem+json");
}

#[tokio::test]
async fn files_are_kept_and_pages_are_not() {
    let server = TestServer::start().await;
    let admin = Browser::admin(&server).await;
    let page = admin.get("/connectors").await.ok();
    assert_eq!(page.header("cache-control"), "no-store");
    assert_eq!(page.header("referrer-policy"), "same-origin");
    let address =
        page.text.split("href=\"").find(|part| part.starts_with("/assets/")).unwrap().split('"').next().unwrap();
    let stranger = Browser::stranger(&server);
    let file = stranger.send("GET", address, "", &[]).await.ok();
    assert_eq!(file.header("cache-control"), "public, max-age=31536000, immutable");
    assert_eq!(file.header("x-content-type-options"), "nosniff");
    let old = address.replacen("/assets/", "/assets/0", 1);
    assert_eq!(stranger.send("GET", &old, "", &[]).await.ok().header("cache-control"), "no-cache");
    stranger.send("GET", "/assets/x/secret", "", &[]).await.has_status(404);
    let zipped = admin.response("GET", "/connectors", "", &[("accept-encoding", "gzip")]).await;
    assert_eq!(zipped.headers()["content-encoding"], "gzip");
}
