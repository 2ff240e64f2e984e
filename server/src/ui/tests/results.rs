//! What is large or missing: commands by the hundred, values with many parts, secrets of a form that was not accepted,
//! lists that have nothing yet.

use serde_json::{Map, Value, json};

use super::browser::Browser;
use crate::testing::TestServer;
use crate::testing::types::CANARY;

fn safe() -> Value {
    json!({
        "name": "crm", "type": "safe", "executionModel": "built_in",
        "config": { "baseUrl": "https://api.example.com", "apiKey": CANARY }
    })
}

#[tokio::test]
async fn a_secret_param_is_typed_once_until_the_command_runs() {
    let server = TestServer::start().await;
    let admin = Browser::admin(&server).await;
    admin.make(&safe()).await;
    let at = "/connectors/crm/commands/echo";
    let page = admin.get(at).await.ok();
    let wrong = [("/params/pin", "canary-pin"), ("/params/headers", "{")];
    let page = admin.post(at, &page.form(at, &wrong)).await.has_status(422);
    let page = page.shows("the one that you typed").shows("$PARAM_PIN").hides("canary-pin");
    let ran = admin.post(at, &page.form(at, &[("/params/headers", "{}")])).await.ok().shows("Succeeded");
    // The command says its pin, and what is recorded of it is redacted; nothing would have been.
    ran.shows("pin: redacted").hides("canary-pin");
    // What was kept is gone with the call: the same form has no pin any more.
    let again = admin.post(at, &page.form(at, &[("/params/headers", "{}")])).await.ok().shows("Succeeded");
    again.shows("pin: \"\"");
}

#[tokio::test]
async fn commands_by_the_hundred_are_found_and_paged() {
    const COMMANDS: usize = 230;
    let server = TestServer::start().await;
    let admin = Browser::admin(&server).await;
    let described = |number: usize| json!({ "description": format!("Number {number} of all") });
    let commands: Map<String, Value> =
        (0..COMMANDS).map(|number| (format!("get{number:03}"), described(number))).collect();
    let schema = json!({ "connectionConfig": {}, "commands": commands });
    let body = json!({ "name": "many", "type": "many", "executionModel": "external", "version": "1.0.0",
        "configSchema": schema, "endpointUrl": "https://many.example.com" });
    admin.make(&body).await;
    let at = "/connectors/many/commands";
    admin.get(at).await.ok().shows("1 to 100 of 230 commands").shows("get099").hides("get100");
    admin.get(&format!("{at}?from=200")).await.ok().shows("201 to 230 of 230").shows("get229").hides("get199");
    admin.get(&format!("{at}?from=99999")).await.ok().shows("201 to 230 of 230");
    admin.get(&format!("{at}?from=-1")).await.has_status(422).shows("a whole number");
    admin.get(&format!("{at}?q=number+12")).await.ok().shows("get012").shows("get129").shows("11 commands");
    admin.get(&format!("{at}?q=zz")).await.ok().shows("No command matches").shows("Clear filters");
}

#[tokio::test]
async fn a_value_with_many_parts_is_read_part_by_part() {
    const KEYS: usize = 250;
    let server = TestServer::start().await;
    let admin = Browser::admin(&server).await;
    admin.make(&safe()).await;
    let mut headers: Map<String, Value> = (0..KEYS).map(|number| (format!("k{number:03}"), json!(number))).collect();
    headers.insert("a/b~c".to_owned(), json!({ "<b>": [1] }));
    let body = json!({ "command": "echo", "params": { "headers": headers } });
    let id = server.post("/api/connectors/crm/execute", body).await.ok(200)["diagnostics"]["executionId"].clone();
    let list = server.get("/api/executions?limit=1").await.ok(200);
    let id = id.as_str().map_or_else(|| list["items"][0]["id"].as_str().unwrap().to_owned(), str::to_owned);
    let page = admin.get(&format!("/executions/{id}")).await.ok().shows("151 more");
    let more = page.text.split("href=\"").find(|part| part.contains("/value?part=payload")).unwrap();
    let more = more.split('"').next().unwrap().replace("&amp;", "&");
    let page = admin.get(&more).await.ok().shows("headers").shows("101 to 200 of 251 parts");
    let page = page.shows("k199").hides("k099").hides("k200");
    let next = page.text.split("href=\"").find(|part| part.contains("from=200")).unwrap().split('"').next().unwrap();
    admin.get(&next.replace("&amp;", "&")).await.ok().shows("k249").shows("201 to 251 of 251 parts");
    let at = |query: &str| format!("/executions/{id}/value?{query}");
    admin.get(&at("part=params&at=%2Fheaders%2Fa~1b~0c")).await.ok().shows("params.headers.a/b~c").shows("<b>");
    for gone in ["part=params&at=%2Fnone", "part=nothing", "at=x", "part=payload&at=headers"] {
        admin.get(&at(gone)).await.has_status(404).shows("has no part");
    }
    let reader = Browser::signed_in(&server, &server.token(&["connectors:read"]).await).await;
    reader.get(&at("part=payload")).await.has_status(403);
}

#[tokio::test]
async fn a_list_without_executions_waits_for_the_first() {
    let server = TestServer::start().await;
    let admin = Browser::admin(&server).await;
    admin.make(&safe()).await;
    for path in ["/executions", "/executions?status=failed", "/connectors/crm/executions"] {
        let page = admin.get(path).await.ok();
        assert!(page.text.contains("data-live=\"/executions/live?"), "{path}");
        assert!(page.text.contains("id=\"rows\""), "{path}: the place of the first row");
        assert!(page.text.contains("id=\"no-rows\""), "{path}: what the first row replaces");
    }
}

#[tokio::test]
async fn only_who_may_do_everything_is_told_where_the_server_is() {
    let server = TestServer::start().await;
    Browser::admin(&server).await.get("/settings/about").await.ok().shows("Data folder").shows("Egress");
    let reader = Browser::signed_in(&server, &server.token(&["connectors:read"]).await).await;
    reader.get("/settings/about").await.ok().shows("Version").hides("Data folder").hides("Egress");
}

#[tokio::test]
async fn whether_a_name_may_be_had_is_said_while_it_is_typed() {
    let server = TestServer::start().await;
    let admin = Browser::admin(&server).await;
    admin.make(&safe()).await;
    let said = async |name: &str| admin.send("GET", &format!("/new/name?value={name}"), "", &[]).await.ok().text;
    assert_eq!(said("free").await, "");
    assert!(said("crm").await.starts_with("The name crm is taken"));
    assert!(said("Not%20Kebab").await.contains("lower"), "{}", said("Not%20Kebab").await);
    assert_eq!(said("").await, "Enter a name");
    assert!(!said("%3Cb%3E").await.contains('<'));
}

#[tokio::test]
async fn a_connector_that_cannot_be_tested_says_so_and_a_certificate_keeps_its_lines() {
    let server = TestServer::start().await;
    let admin = Browser::admin(&server).await;
    admin.make(&json!({ "name": "web", "type": "http", "executionModel": "built_in" })).await;
    let page = admin.get("/connectors/web").await.ok();
    assert!(page.text.contains("Its type has no test command: try a command"), "{}", page.text);
    let at = "/connectors/web/connection";
    let page = admin.get(at).await.ok().shows("Saving calls nothing").hides("Save and test");
    let area = page.text.split("<textarea").find(|part| part.contains("name=\"/config/clientCertificate\""));
    assert!(area.is_some_and(|area| area.contains("rows=\"3\"")), "{}", page.text);
}

#[tokio::test]
async fn a_form_of_a_token_makes_one_however_often_it_is_sent() {
    let server = TestServer::start().await;
    let admin = Browser::admin(&server).await;
    let page = admin.get("/settings/tokens/new").await.ok().shows("run commands and tests");
    let body = page.form("/settings/tokens", &[("name", "viewer"), ("scopes", "connectors:read")]);
    admin.post("/settings/tokens", &body).await.ok().shows("It is shown this once");
    let again = admin.post("/settings/tokens", &body).await.has_status(409).shows("This token was made before");
    again.hides("floh_");
    let all = server.get("/api/tokens").await.ok(200);
    let made = all["items"].as_array().unwrap().iter().filter(|token| token["name"] == "viewer").count();
    assert_eq!(made, 1);
    let wrong = page.form("/settings/tokens", &[("once", "nonsense"), ("name", "x"), ("scopes", "admin")]);
    assert!(admin.send("POST", "/settings/tokens", &wrong, &[]).await.status < 500);
    admin.get("/settings/tokens").await.ok().shows("No other token may do everything");
}

#[tokio::test]
async fn a_list_in_the_first_step_is_edited_without_going_on() {
    let server = TestServer::start().await;
    let admin = Browser::admin(&server).await;
    for (model, step) in [("built_in", "type"), ("external", "endpoint")] {
        let page = admin.get("/new").await.ok();
        let page = admin.post("/new", &page.form("/new", &[("model", model)])).await.ok();
        let at = page.address.clone();
        assert!(at.ends_with(step), "{at}");
        let edited = [("/name", "half"), ("/type", "http"), ("/tags", "one\r\ntwo"), ("edit", "json /tags")];
        let page = admin.post(&at, &page.form(&at, &edited)).await.ok().shows("Back to the form");
        assert_eq!(page.address, at, "the same step");
        page.shows("\"one\"").shows("half");
    }
}

#[tokio::test]
async fn a_form_that_comes_after_its_session_leads_back_to_its_page() {
    let server = TestServer::start().await;
    let stranger = Browser::stranger(&server);
    let at = "/connectors/crm/connection";
    let from = |referrer: &'static str| [("sec-fetch-site", "same-origin"), ("referer", referrer)];
    let sent = stranger.send("POST", at, "a=b", &from("http://localhost:8080/connectors/crm/connection?x=1")).await;
    assert_eq!(sent.header("location"), "/login?next=%2Fconnectors%2Fcrm%2Fconnection%3Fx%3D1");
    stranger.get(sent.header("location")).await.ok().shows("Your session has ended");
    for foreign in ["http://evil.example/x", "https://localhost:8080/x", "http://localhost:8081/x", "nonsense"] {
        let sent = stranger.send("POST", at, "a=b", &from(foreign)).await;
        assert_eq!(sent.header("location"), "/login", "{foreign}");
    }
}
