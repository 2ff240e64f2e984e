//! Runs: their list, the page of one, what is done with it, and the page that starts one.

use futures_util::StreamExt as _;
use serde_json::{Value, json};

use super::browser::{Browser, Page};
use super::html;
use super::live::{stream, until};
use crate::testing::TestServer;

/// A server with a script connector, `crm`, whose commands answer what they are given here.
pub(super) async fn server() -> TestServer {
    let server = TestServer::start().await;
    let answers = json!({
        "list": { "success": true, "payload": { "total": 2 }, "variables": { "count": 2 } },
        "fail": { "success": false, "error": "no luck", "diagnostics": { "hint": "d1agnostic" } },
        "lost": { "success": false, "error": "gone", "diagnostics": { "outcome": "unknown" } },
    });
    let command = |effect: &str| {
        json!({ "params": ["limit"], "paramSchema": { "limit": { "type": "number" } }, "effect": effect,
        "variables": { "count": { "type": "number" } }, "outputSchema": {
            "type": "object", "required": ["total"], "additionalProperties": false, "properties": { "total": { "type": "integer" } } } })
    };
    let crm = json!({
        "name": "crm", "type": "crm", "executionModel": "script", "version": "1.0.0", "scriptSource": answers.to_string(),
        "configSchema": { "commands": { "list": command("read"), "fail": command("read"), "lost": command("update") } },
    });
    server.post("/api/connectors", crm).await.ok(201);
    server
}

fn step(id: &str, command: &str) -> Value {
    json!({ "id": id, "connector": "crm", "command": command, "outputKey": format!("{id}Out") })
}

async fn start(server: &TestServer, steps: &Value) -> String {
    let started = server.post("/api/runs", json!({ "steps": steps, "variables": { "region": "north" } })).await.ok(202);
    started["id"].as_str().unwrap().to_owned()
}

pub(super) async fn ended(server: &TestServer, id: &str) -> Value {
    let run = server.get(&format!("/api/runs/{id}?waitMs=30000")).await.ok(200);
    assert!(run["finishedAt"].is_string(), "it has not ended: {run}");
    run
}

/// Starts a run that waits for ten minutes, and returns when it does.
async fn waiting(server: &TestServer) -> String {
    let id = start(server, &json!([{ "id": "pause", "wait": { "forMs": 600_000 } }, step("after", "list")])).await;
    for _ in 0..600 {
        if server.get(&format!("/api/runs/{id}?waitMs=50")).await.ok(200)["status"] == "waiting" {
            return id;
        }
    }
    panic!("it does not wait");
}

/// Presses a button of the page that starts a run.
async fn press(browser: &Browser<'_>, steps: &str, variables: &str, go: &str) -> Page {
    let page = browser.get("/runs/new").await.ok();
    let form = page.form("/runs/new", &[("/steps", steps), ("/variables", variables), ("go", go)]);
    browser.post("/runs/new", &form).await
}

#[tokio::test]
async fn the_list_says_what_became_of_runs_and_can_be_filtered() {
    let server = server().await;
    let admin = Browser::admin(&server).await;
    admin.get("/runs").await.ok().shows("No runs yet").shows("Start a run");
    let id = start(&server, &json!([step("a", "list"), step("b", "fail"), step("c", "list")])).await;
    let token = ended(&server, &id).await["token"]["tokenId"].as_str().unwrap().to_owned();
    let id = start(&server, &json!([step("a", "list")])).await;
    ended(&server, &id).await;
    admin.get("/runs").await.ok().shows("2 runs").shows("1 of 3").shows("1 of 1").shows("b: ").shows("Succeeded");
    admin.get("/runs?status=failed").await.ok().shows("1 run").shows("Clear filters").hides(&id);
    admin.get("/runs?connector=crm").await.ok().shows("2 runs");
    admin.get("/runs?connector=other").await.ok().shows("No run matches");
    admin.get("/runs?definition=nightly").await.ok().shows("No run matches");
    admin.get(&format!("/runs?token={token}")).await.ok().shows("2 runs");
    admin.get("/runs?since=2099-01-01T00:00").await.ok().shows("No run matches");
    admin.get("/runs?until=2099-01-01T00:00").await.ok().shows("2 runs");
    admin.get("/runs?status=asleep").await.has_status(422);
    admin.get("/runs?token=x").await.has_status(422);
}

#[tokio::test]
async fn the_page_of_a_run_shows_every_step_and_opens_one() {
    let server = server().await;
    let admin = Browser::admin(&server).await;
    let mut first = step("a", "list");
    first["params"] = json!({ "limit": "{{most ?? 7}}" });
    let id = start(&server, &json!([first, step("b", "fail"), step("c", "list")])).await;
    let run = ended(&server, &id).await;
    let address = format!("/runs/{id}");
    // It opens with the step at which the run ended.
    let page = admin.get(&address).await.ok();
    let page = page.shows("step_failed").shows("no luck").shows("Not begun").shows("d1agnostic").shows("region");
    let page = page.hides("data-await").shows("Resume").shows("of 3 behind it");
    assert!(!html::text(&page.text).contains("Cancel run"), "it has ended");
    let text = admin.get(&format!("{address}?step=a")).await.ok().shows("aOut").shows("limit").shows("count").text;
    assert!(!text.contains("d1agnostic") && text.contains("{{most ?? 7}}"), "the step as it was given: {text}");
    let text = html::text(&text);
    assert!(text.contains("limit:\u{a0}7") || text.contains("limit: 7"), "and with its value: {text}");
    admin.get(&format!("{address}?step=c")).await.ok().shows("It was not begun.");
    admin.get(&format!("{address}?step=nobody")).await.ok();
    admin.get("/runs/018f2f6e-7b7a-7c3e-8000-000000000000").await.has_status(404);
    // The log of a step is with its execution, which leads back.
    let execution = run["tasks"][0]["attempts"][0]["executionId"].as_str().unwrap();
    let page = admin.get(&format!("{address}?step=a")).await;
    assert!(page.text.contains(&format!("href=\"/executions/{execution}\"")), "{}", page.text);
    let page = admin.get(&format!("/executions/{execution}")).await.ok();
    assert!(page.text.contains(&format!("href=\"{address}?step=a\"")), "{}", page.text);
    admin.get(&format!("/executions?runId={id}")).await.ok().shows("2 executions");
}

#[tokio::test]
async fn a_run_that_goes_on_is_followed_and_can_be_cancelled() {
    let server = server().await;
    let admin = Browser::admin(&server).await;
    let id = waiting(&server).await;
    let address = format!("/runs/{id}");
    let page = admin.get(&address).await.ok().shows("Waiting").shows("It goes on at").shows("waits 600000 ms");
    let page = page.shows("Cancel this run?").shows("Reload");
    let live = page.text.split("data-await=\"").nth(1).unwrap().split('"').next().unwrap().to_owned();
    let mut events = stream(admin.response("GET", &live, "", &[]).await);
    until(&mut events, ": live").await;
    admin.post(&format!("{address}/cancel"), "").await.ok().shows("Cancelled").shows("Resume").hides("data-await");
    let text = until(&mut events, "event: reload").await;
    assert_eq!(text.matches("event: reload").count(), 1, "{text}");
    // What has moved before somebody listens is told at once.
    let mut events = stream(admin.response("GET", &live, "", &[]).await);
    until(&mut events, "event: reload").await;
    admin.post(&format!("{address}/cancel"), "").await.has_status(409).shows("nothing was cancelled");
    let page = admin.get(&address).await.ok();
    let resume = page.form(&format!("{address}/resume"), &[]);
    admin.post(&format!("{address}/resume"), &resume).await.ok().hides("Resume this run?").shows("Cancel run");
    server.post(&format!("/api/runs/{id}/cancel"), json!({})).await.ok(202);
}

#[tokio::test]
async fn a_stream_of_a_run_ends_with_its_token() {
    let server = server().await;
    let id = waiting(&server).await;
    let text = server.token(&["runs:read"]).await;
    let reader = Browser::signed_in(&server, &text).await;
    let page = reader.get(&format!("/runs/{id}")).await.ok().shows("needs the scope runs:write");
    let page = page.hides("Cancel this run?");
    let live = page.text.split("data-await=\"").nth(1).unwrap().split('"').next().unwrap().to_owned();
    let mut events = stream(reader.response("GET", &live, "", &[]).await);
    until(&mut events, ": live").await;
    let token = server.app.auth.authenticate(&text).await.unwrap().token_id;
    server.app.auth.revoke(token).await.unwrap();
    assert!(events.next().await.is_none());
    server.post(&format!("/api/runs/{id}/cancel"), json!({})).await.ok(202);
}

#[tokio::test]
async fn an_unknown_outcome_is_decided_by_the_person_who_resumes() {
    let server = server().await;
    let admin = Browser::admin(&server).await;
    let id = start(&server, &json!([step("a", "lost"), step("b", "list")])).await;
    ended(&server, &id).await;
    let address = format!("/runs/{id}");
    let resume = format!("{address}/resume");
    let page = admin.get(&address).await.ok().shows("Unknown").shows("outcome_unknown");
    let page = page.shows("Call it again").shows("Go on without it");
    let undecided = page.form(&resume, &[]);
    admin.post(&resume, &undecided).await.has_status(409).shows("Whether step a took effect is not known");
    admin.post(&resume, "unknown=maybe").await.has_status(422).shows("/unknown");
    admin.post(&resume, &page.form(&resume, &[("unknown", "retry")])).await.ok();
    let again = ended(&server, &id).await;
    assert_eq!(again["tasks"][0]["attempts"].as_array().unwrap().len(), 2, "{again}");
    admin.post(&resume, &page.form(&resume, &[("unknown", "skip")])).await.ok();
    let run = ended(&server, &id).await;
    assert_eq!((&run["status"], &run["resumes"]), (&json!("succeeded"), &json!(2)), "{run}");
    admin.get(&address).await.ok().shows("Skipped").hides("Resume this run?");
    admin.post(&resume, "").await.has_status(409).shows("only a failed or cancelled run can be resumed");
}

#[tokio::test]
async fn a_run_is_checked_at_the_place_and_started() {
    let server = server().await;
    let admin = Browser::admin(&server).await;
    let steps = "[\n  { \"id\": \"a\", \"connector\": \"crm\", \"command\": \"list\", \"outputKey\": \"users\" },\n  { \"id\": \"b\", \
        \"connector\": \"crm\", \"command\": \"list\",\n    \"params\": { \"limit\": \"{{users.totl}}\" } }\n]";
    // A script only declares what it answers: that is a warning, which does not hinder a start.
    let page = press(&admin, steps, "", "check").await.ok().shows("Checked: it can start.").shows("Warning");
    let page = page.shows("unknown_path").shows("/steps/1/params/limit").shows("Meant may be: ");
    assert!(html::text(&page.text).contains("total"), "the suggestion");
    let wrong = steps.replace("\"crm\", \"command\": \"list\",\n", "\"crn\", \"command\": \"list\",\n");
    let page = press(&admin, &wrong, "", "start").await.has_status(422).shows("unknown_connector").shows("crm");
    let page = page.shows("Line 3, column 16: 1/connector");
    assert!(page.text.contains("data-marks=\"[[3,16,"), "the place in the editor: {}", page.text);
    assert!(html::text(&page.text).contains("\"crn\""), "what was typed stays");
    for (steps, variables, said) in [
        ("[{]", "", "Steps: Line 1, column 3: "),
        ("[]", "[1]", "Variables: "),
        ("", "", "Steps: "),
        ("{}", "", "Steps: "),
        ("[{ \"id\": \"a b\", \"wait\": { \"forMs\": 1 } }]", "{ ", "Variables: Line 1, column "),
        ("[{ \"id\": \"a b\", \"wait\": { \"forMs\": 1 } }]", "{}", "Steps: Line 1, column 4: 0/id: "),
    ] {
        for go in ["check", "start"] {
            press(&admin, steps, variables, go).await.has_status(422).shows(said);
        }
    }
    assert_eq!(server.get("/api/runs").await.ok(200)["items"], json!([]), "nothing was started");
    let fine = steps.replace("totl", "total");
    let page = press(&admin, &fine, "{ \"region\": \"north\" }", "check").await.ok().shows("Checked: it can start.");
    page.shows("References").shows("users.total").shows("integer");
    let page = press(&admin, &fine, "{ \"region\": \"north\" }", "start").await.ok();
    let id = page.address.strip_prefix("/runs/").unwrap().to_owned();
    let run = ended(&server, &id).await;
    assert_eq!((&run["status"], &run["variables"]["region"]), (&json!("succeeded"), &json!("north")), "{run}");
    assert_eq!(run["source"], "ui");
}

#[tokio::test]
async fn who_may_only_start_or_only_read_is_told_so() {
    let server = server().await;
    let steps = "[{ \"id\": \"a\", \"connector\": \"crm\", \"command\": \"list\" }]";
    let token = server.token(&["runs:write", "connectors:execute:read"]).await;
    let starter = Browser::signed_in(&server, &token).await;
    starter.get("/runs/new").await.ok().shows("needs the scope runs:read");
    press(&starter, steps, "", "start").await.ok().shows("The run was accepted");
    starter.get("/runs").await.has_status(403);
    let lost = steps.replace("\"list\"", "\"lost\"");
    press(&starter, &lost, "", "start").await.has_status(403);
    let reader = Browser::signed_in(&server, &server.token(&["runs:read"]).await).await;
    reader.get("/runs").await.ok().shows("needs the scope runs:write").shows("1 run").hides("/runs/new");
    reader.get("/runs/new").await.has_status(403);
    let other = Browser::signed_in(&server, &server.token(&["connectors:read"]).await).await;
    other.get("/connectors").await.ok().shows("needs the scope runs:read");
}
