//! The pages of a connector: its connection, its commands, its settings, and what is recorded of it.

use serde_json::{Value, json};

use super::browser::Browser;
use crate::testing::TestServer;
use crate::testing::types::CANARY;

fn safe(name: &str) -> Value {
    json!({
        "name": name, "type": "safe", "executionModel": "built_in",
        "config": { "baseUrl": "https://api.example.com", "apiKey": CANARY, "tenant": "one" }
    })
}

#[tokio::test]
async fn the_list_filters_and_says_what_is_empty() {
    let server = TestServer::start().await;
    let admin = Browser::admin(&server).await;
    admin.get("/connectors").await.ok().shows("No connectors yet").shows("New Connector");
    admin.make(&safe("crm")).await;
    admin.make(&json!({ "name": "half", "type": "safe", "executionModel": "built_in" })).await;
    admin.make(&json!({ "name": "off", "type": "delay", "executionModel": "built_in", "enabled": false })).await;
    let page = admin.get("/connectors").await.ok();
    let page = page.shows("Ready").shows("2 fields missing").shows("Disabled").shows("never");
    assert!(!page.text.contains("Clear filters"));
    admin.get("/connectors?q=crm").await.ok().shows("crm").hides(">half<").shows("Clear filters");
    admin.get("/connectors?q=zz&executionModel=external").await.ok().shows("with “zz”, of the model External");
    admin.get("/connectors?executionModel=nonsense").await.has_status(422).shows("executionModel");
    admin.get("/connectors?cursor=nonsense").await.has_status(422);
}

#[tokio::test]
async fn a_connection_is_kept_replaced_and_cleared_field_by_field() {
    let server = TestServer::start().await;
    let admin = Browser::admin(&server).await;
    admin.make(&safe("crm")).await;
    let at = "/connectors/crm/connection";
    let page = admin.get(at).await.ok().shows("https://api.example.com").shows("Keep").hides(CANARY);
    // Nothing changed: nothing is written.
    admin.post(at, &page.form(at, &[])).await.ok().shows("Saved.");
    assert_eq!(server.get("/api/connectors/crm").await.ok(200)["secrets"]["apiKey"]["set"], true);
    let page = admin.get(at).await;
    let page = admin
        .post(
            at,
            &page.form(
                at,
                &[("/config/limit", "3o"), ("/config/apiKey~do", "replace"), ("/config/apiKey", "canary-new")],
            ),
        )
        .await;
    let page = page
        .has_status(422)
        .shows("Limit: Expected a whole number, got “3o”")
        .shows("the one that you typed")
        .hides("canary-new");
    let page =
        admin.post(at, &page.form(at, &[("/config/limit", "5"), ("/config/tenant", "")])).await.ok().shows("Saved.");
    let view = server.get("/api/connectors/crm").await.ok(200);
    assert_eq!(view["config"], json!({ "baseUrl": "https://api.example.com", "limit": 5 }));
    let echo = server.post("/api/connectors/crm/execute", json!({ "command": "echo" })).await.ok(200);
    assert_eq!(echo["payload"]["key"], "canary-new", "the secret that was typed before the mistake");
    let page = admin.post(at, &page.form(at, &[("/config/apiKey~do", "replace"), ("/config/apiKey", "")])).await;
    page.has_status(422).shows("API key: Enter the new value, or choose Keep");
    let page = admin.get(at).await;
    admin.post(at, &page.form(at, &[("/config/apiKey~do", "clear")])).await.ok();
    assert_eq!(server.get("/api/connectors/crm").await.ok(200)["secrets"]["apiKey"]["set"], false);
    // A nested secret is one with all that is around it.
    let page = admin.get(at).await;
    let login = [("/config/login/user", "me"), ("/config/login/password", "canary-nested")];
    admin.post(at, &page.form(at, &login)).await.ok();
    admin.get(at).await.ok().hides("canary-nested").shows("New Login");
}

#[tokio::test]
async fn secrets_that_would_go_elsewhere_are_named_before_they_are_cleared() {
    let server = TestServer::start().await;
    let admin = Browser::admin(&server).await;
    admin.make(&safe("crm")).await;
    let at = "/connectors/crm/connection";
    let moved = ("/config/baseUrl", "https://elsewhere.example.com");
    let page = admin.get(at).await;
    let page = admin
        .post(at, &page.form(at, &[moved]))
        .await
        .has_status(422)
        .shows("clears what was stored for the old place")
        .shows("apiKey");
    assert_eq!(server.get("/api/connectors/crm").await.ok(200)["config"]["baseUrl"], "https://api.example.com");
    let again = [moved, ("/config/apiKey~do", "replace"), ("/config/apiKey", "for elsewhere")];
    admin.post(at, &page.form(at, &again)).await.ok().shows("Saved.");
    let page = admin.get(at).await;
    let page =
        admin.post(at, &page.form(at, &[("/config/baseUrl", "https://third.example.com")])).await.has_status(422);
    admin.post(at, &page.form(at, &[("confirmed", "yes")])).await.ok();
    assert_eq!(server.get("/api/connectors/crm").await.ok(200)["secrets"]["apiKey"]["set"], false);
}

#[tokio::test]
async fn two_who_save_see_both_sides() {
    let server = TestServer::start().await;
    let admin = Browser::admin(&server).await;
    admin.make(&safe("crm")).await;
    let at = "/connectors/crm/connection";
    let mine = admin.get(at).await;
    server.put("/api/connectors/crm", json!({ "config": { "tenant": "theirs", "limit": 7 } })).await.ok(200);
    let changes = [("/config/tenant", "mine"), ("/config/apiKey~do", "replace"), ("/config/apiKey", "canary-mine")];
    let page = admin.post(at, &mine.form(at, &changes)).await.has_status(412);
    let page = page.shows("Somebody changed this connector").shows("theirs").shows("mine").shows("7").hides("canary");
    let picked = [("/config/tenant~pick", "saved"), ("/config/limit~pick", "saved"), ("/config/apiKey~pick", "yours")];
    admin.post(at, &page.form(at, &picked)).await.ok().shows("Saved.");
    let view = server.get("/api/connectors/crm").await.ok(200);
    assert_eq!((&view["config"]["tenant"], &view["config"]["limit"]), (&json!("theirs"), &json!(7)));
    let echo = server.post("/api/connectors/crm/execute", json!({ "command": "echo" })).await.ok(200);
    assert_eq!(echo["payload"]["key"], "canary-mine");
    // A form that does not say what it was made from replaces nothing.
    admin.post(at, "/config/tenant=blind").await.has_status(412).shows("open the page again");
    admin.post("/connectors/crm/settings", "/description=blind").await.has_status(412);
    admin.post("/connectors/crm/delete", "name=crm").await.has_status(412);
    // Settings too.
    let at = "/connectors/crm/settings";
    let mine = admin.get(at).await;
    server.put("/api/connectors/crm", json!({ "description": "theirs" })).await.ok(200);
    let page = admin.post(at, &mine.form(at, &[("/description", "mine")])).await.has_status(412);
    let page = page.shows("Somebody saved these settings").shows("mine");
    admin.post(at, &page.form(at, &[])).await.ok();
    assert_eq!(server.get("/api/connectors/crm").await.ok(200)["description"], "mine");
}

#[tokio::test]
async fn a_command_is_tried_and_its_result_has_an_address() {
    let server = TestServer::start().await;
    let admin = Browser::admin(&server).await;
    admin.make(&safe("crm")).await;
    admin.get("/connectors/crm/commands").await.ok().shows("echo").shows("Deprecated");
    let at = "/connectors/crm/commands/echo";
    let page = admin.get(at).await.ok().shows("No result yet").shows("Mock: polite");
    let page = admin
        .post(at, &page.form(at, &[("/params/text", "hello"), ("/params/pin", "canary-pin"), ("/params/headers", "{")]))
        .await;
    let page = page.has_status(422).shows("Headers: Line 1, column 1: not JSON").shows("hello").hides("canary-pin");
    let page = admin.post(at, &page.form(at, &[("/params/headers", "{\"a\": 12345678901234567890}")])).await.ok();
    let page = page.shows("Succeeded").shows("12345678901234567890").hides(CANARY).shows("redacted");
    assert!(page.address.contains("?execution="), "{}", page.address);
    // The same form with the same params once more, from the record.
    let page = admin.get(&page.address).await.ok().shows("hello");
    let mocked = admin.post(at, &page.form(at, &[("mockScenario", "polite")])).await.ok().shows("Mock").shows("polite");
    let id = mocked.address.split("execution=").nth(1).unwrap().to_owned();
    let page = admin.get(&format!("/executions/{id}")).await.ok().shows("Run again").shows("crm").shows("ui");
    let page = page.hides(CANARY);
    // “Run again” names the connector by its id, which stays when it is renamed.
    let again =
        page.text.split("action=\"").find(|part| part.contains("/commands/")).unwrap().split('"').next().unwrap();
    let page = admin.get(&format!("{again}?execution={id}")).await.ok().shows("hello");
    assert_eq!(page.address, format!("/connectors/crm/commands/echo?execution={id}"));
    admin.get("/executions").await.ok().shows("echo").shows("Succeeded");
    admin.get("/executions?command=echo&status=failed").await.ok().shows("No execution matches");
    admin.get("/connectors/crm/executions").await.ok().shows("echo");
    admin.get("/executions?since=2026-01-01T00:00").await.ok();
    admin.get("/executions?since=nonsense").await.has_status(422).shows("since");
    let failed = "/connectors/crm/commands/leak";
    let page = admin.get(failed).await.ok().shows("changes the connected system");
    admin
        .post(failed, &page.form(failed, &[]))
        .await
        .ok()
        .shows("Failed")
        .shows("wrong key [redacted]")
        .shows("Diagnostics");
    admin.post(at, "/timeoutMs=0").await.has_status(422).shows("Deadline: Expected a whole number from 1");
    admin.get("/connectors/crm/commands/none").await.has_status(404).shows("it has echo, leak, hello");
}

#[tokio::test]
async fn who_may_run_but_not_read_sees_the_answer_itself() {
    let server = TestServer::start().await;
    Browser::admin(&server).await.make(&safe("crm")).await;
    let runner = Browser::signed_in(&server, &server.token(&["connectors:read", "connectors:execute"]).await).await;
    let at = "/connectors/crm/commands/echo";
    let page = runner.get(at).await.ok();
    runner.post(at, &page.form(at, &[("/params/text", "for me")])).await.ok().shows("Succeeded").shows("for me");
}

#[tokio::test]
async fn a_connector_is_tested_renamed_and_deleted() {
    let server = TestServer::start().await;
    let admin = Browser::admin(&server).await;
    admin.make(&json!({ "name": "odd", "type": "odd", "executionModel": "built_in" })).await;
    admin.post("/connectors/odd/test", "").await.ok().shows("it works");
    admin.make(&safe("crm")).await;
    let at = "/connectors/crm/settings";
    let page = admin.get(at).await.ok();
    let page = admin.post(at, &page.form(at, &[("/name", "odd")])).await.has_status(422).shows("Name:");
    let page = admin
        .post(
            at,
            &page
                .form(at, &[("/name", "sales"), ("/timeoutMs", "1000"), ("/category", ""), ("/record", "\"summary\"")]),
        )
        .await;
    let page = page.ok().shows("Saved.");
    assert_eq!(page.address, "/connectors/sales/settings?saved=1");
    let view = server.get("/api/connectors/sales").await.ok(200);
    assert_eq!((&view["timeoutMs"], &view["record"]), (&json!(1000), &json!("summary")));
    assert_eq!(view["secrets"]["apiKey"]["set"], true);
    // Its id leads to its name.
    let id = view["id"].as_str().unwrap();
    let moved = admin.send("GET", &format!("/connectors/{id}/settings"), "", &[]).await.has_status(308);
    assert_eq!(moved.header("location"), "/connectors/sales/settings");
    let delete = "/connectors/sales/delete";
    let page = admin.get("/connectors/sales/settings").await;
    let page =
        admin.post(delete, &page.form(delete, &[("name", "sale")])).await.has_status(422).shows("type the name sales");
    admin.post(delete, &page.form(delete, &[("name", "sales")])).await.ok().hides("sales");
    admin.get("/connectors/sales").await.has_status(404);
}

#[tokio::test]
async fn a_token_is_shown_once_and_revoked_with_what_it_stops() {
    let server = TestServer::start().await;
    let admin = Browser::admin(&server).await;
    let page = admin.get("/settings/tokens/new").await.ok();
    let at = "/settings/tokens";
    let page = admin
        .post(at, &page.form(at, &[("expiresAt", "nonsense")]))
        .await
        .has_status(422)
        .shows("Ends: Expected a day");
    let page = admin.post(at, &page.form(at, &[("expiresAt", ""), ("name", "")])).await.has_status(422).shows("need");
    let made = admin
        .send(
            "POST",
            at,
            &page.form(at, &[("name", "deploy-bot"), ("scopes", "connectors:read")]),
            &[("accept-encoding", "gzip")],
        )
        .await;
    let made = made.ok();
    assert!(made.headers.get("content-encoding").is_none(), "an answer with a secret is not compressed");
    let text = made.text.split("floh_").nth(1).unwrap().split('<').next().unwrap();
    let text = format!("floh_{text}");
    let bot = Browser::signed_in(&server, &text).await;
    bot.get("/connectors").await.ok().shows("deploy-bot");
    let list = admin.get(at).await.ok().shows("deploy-bot").shows("It ends 1 session of the pages").hides(&text);
    let action = list
        .text
        .split("action=\"")
        .filter(|part| part.contains("/revoke"))
        .map(|part| part.split('"').next().unwrap());
    let own = server.app.auth.authenticate(&server.admin).await.unwrap().token_id;
    let other = action.filter(|action| !action.contains(&own.to_string())).collect::<Vec<_>>();
    let id = server.app.auth.authenticate(&text).await.unwrap().token_id.to_string();
    let action = other.iter().find(|action| action.contains(&id)).unwrap();
    admin.post(action, "").await.ok().hides("deploy-bot");
    assert!(bot.send("GET", "/connectors", "", &[]).await.header("location").starts_with("/login"));
    // Nobody gives what they do not have.
    let small = Browser::signed_in(&server, &server.token(&["tokens:write"]).await).await;
    let page = small.post(at, "name=more&kind=api&scopes=admin").await.has_status(422);
    page.shows("Rights: More than the caller's own scopes");
}

#[tokio::test]
async fn the_other_pages_say_what_there_is() {
    let server = TestServer::start().await;
    let admin = Browser::admin(&server).await;
    admin.get("/agents").await.ok().shows("No agents yet").shows("floh agent");
    admin.get("/settings/about").await.ok().shows(env!("CARGO_PKG_VERSION")).shows("SQLite").shows("delay");
    admin.get("/executions").await.ok().shows("No executions yet");
    let dark = admin.send("POST", "/theme", "theme=dark&next=/agents", &[]).await.has_status(303);
    assert_eq!(dark.header("location"), "/agents");
    assert!(dark.header("set-cookie").starts_with("theme=dark;"));
    let evil = admin.send("POST", "/theme", "theme=x%22onload&next=//evil.example", &[]).await.has_status(303);
    assert_eq!(evil.header("location"), "/");
    assert!(evil.header("set-cookie").starts_with("theme=;"));
}

#[tokio::test]
async fn a_huge_or_strange_form_is_refused_with_its_reason() {
    let server = TestServer::start().await;
    let admin = Browser::admin(&server).await;
    admin.make(&safe("crm")).await;
    let at = "/connectors/crm/commands/echo";
    let many = "a=1&".repeat(50_001);
    admin.post(at, &many).await.has_status(422).shows("more than 50000 inputs");
    let large = format!("/params/text={}", "a".repeat(11 << 20));
    admin.post(at, &large).await.has_status(413).shows("larger than 10 MiB");
    let json = admin.send("POST", at, "{}", &[("content-type", "application/json")]).await;
    assert_eq!(json.status, 415);
    admin.post(at, "edit=remove%20/params/x/99999999999999999999&/params/x~n=999999999").await.ok();
    admin.post(at, "%ff%fe=%00&/params/text=%00").await.ok().shows("Succeeded");
}
