//! Run definitions: made, started with inputs, changed, broken by a type, deleted.

use serde_json::json;

use super::browser::{Browser, Page};
use super::html;
use super::runs::{ended, server};

const STEPS: &str = "[\n  { \"id\": \"a\", \"connector\": \"crm\", \"command\": \"list\",\n    \"params\": { \"limit\": \"{{most}}\" }, \
    \"outputKey\": \"users\" }\n]";
const INPUTS: &str = r#"{ "most": { "type": "number", "maximum": 50, "required": true } }"#;
const PAGE: &str = "/runs/definitions/nightly";

/// Sends the form of a new definition.
async fn make(browser: &Browser<'_>, name: &str, steps: &str, inputs: &str) -> Page {
    let page = browser.get("/runs/new-definition").await.ok();
    let changes = [("/name", name), ("/description", "Every night"), ("/steps", steps), ("/inputs", inputs)];
    browser.post("/runs/new-definition", &page.form("/runs/new-definition", &changes)).await
}

#[tokio::test]
async fn a_definition_is_made_where_all_is_right() {
    let server = server().await;
    let admin = Browser::admin(&server).await;
    admin.get("/runs/definitions").await.ok().shows("No definitions yet");
    let unknown = STEPS.replace("\"crm\"", "\"crn\"");
    let page = make(&admin, "nightly", &unknown, INPUTS).await.has_status(422);
    page.shows("Steps: Line 2, column 16: 0/connector").shows("did you mean crm?").shows("Every night");
    make(&admin, "nightly", STEPS, "{}").await.has_status(422).shows("0/params/limit");
    make(&admin, "nightly", STEPS, "{ \"most\": { \"type\": \"numbre\" } }").await.has_status(422).shows("Inputs: ");
    make(&admin, "nightly", "[", "{").await.has_status(422).shows("2 things need a look");
    make(&admin, "Not A Name", STEPS, INPUTS).await.has_status(422).shows("Name: ");
    admin.get("/runs/definitions").await.ok().shows("No definitions yet");
    let page = make(&admin, "nightly", STEPS, INPUTS).await.ok().shows("Saved as version 1.");
    page.shows("Every night").shows("Start a run").shows("Checked against").hides("Broken");
    make(&admin, "nightly", STEPS, INPUTS).await.has_status(422).shows("Name: ");
    admin.get("/runs/definitions").await.ok().shows("nightly").shows("1 definition");
    admin.get("/runs/definitions/nobody").await.has_status(404);
    admin.get(&format!("{PAGE}?version=7")).await.has_status(404);
}

#[tokio::test]
async fn a_run_of_a_definition_takes_its_inputs_from_a_form() {
    let server = server().await;
    let admin = Browser::admin(&server).await;
    let start = format!("{PAGE}/start");
    make(&admin, "nightly", STEPS, INPUTS).await.ok();
    let page = admin.get(PAGE).await.ok();
    for (value, said) in [("", "Most: "), ("51", "Most: "), ("many", "Most: ")] {
        let page = admin.post(&start, &page.form(&start, &[("/variables/most", value)])).await.has_status(422);
        page.shows(said).shows("One thing needs a look");
    }
    assert_eq!(server.get("/api/runs").await.ok(200)["items"], json!([]), "nothing was started");
    let page = admin.post(&start, &page.form(&start, &[("/variables/most", "7")])).await.ok();
    let id = page.address.strip_prefix("/runs/").unwrap().to_owned();
    let run = ended(&server, &id).await;
    assert_eq!(
        (&run["definition"], &run["version"], &run["variables"]["most"]),
        (&json!("nightly"), &json!(1), &json!(7))
    );
    let page = admin.get(&format!("/runs/{id}")).await.ok();
    assert!(page.text.contains(&format!("href=\"{PAGE}\"")), "the run leads to its definition");
    admin.get("/runs?definition=nightly").await.ok().shows("1 run");
}

#[tokio::test]
async fn two_who_edit_at_once_are_told_and_lose_nothing() {
    let server = server().await;
    let admin = Browser::admin(&server).await;
    let edit = format!("{PAGE}/edit");
    make(&admin, "nightly", STEPS, INPUTS).await.ok();
    let mine = admin.get(&edit).await.ok();
    let theirs = mine.form(&edit, &[("/description", "Theirs")]);
    admin.post(&edit, &theirs).await.ok().shows("Saved as version 2.").shows("Theirs");
    let page = admin.post(&edit, &mine.form(&edit, &[("/description", "Mine")])).await.has_status(412);
    let page = page.shows("saved version 2 while you were typing");
    assert!(page.text.contains("value=\"Mine\""), "what was typed stays");
    admin.post(&edit, &page.form(&edit, &[])).await.ok().shows("Saved as version 3.").shows("Mine");
    admin.get(&format!("{PAGE}?version=2")).await.ok().shows("Theirs").shows("The newest is 3.");
    let wrong = page.form(&edit, &[("/steps", "[{}]"), ("version", "3")]);
    admin.post(&edit, &wrong).await.has_status(422).shows("Steps: ");
    admin.post(&edit, &page.form(&edit, &[("version", "x")])).await.has_status(422);
    assert_eq!(server.get("/api/run-definitions/nightly").await.ok(200)["version"], 3);
}

#[tokio::test]
async fn what_a_type_has_broken_is_shown_at_its_line() {
    let server = server().await;
    let admin = Browser::admin(&server).await;
    make(&admin, "nightly", STEPS, INPUTS).await.ok();
    let schema = json!({ "connectionConfig": {}, "commands": { "find": { "effect": "read" } } });
    let change = json!({ "scriptSource": json!({ "find": { "success": true } }).to_string(), "configSchema": schema, "autoBump": true });
    server.put("/api/connector-types/crm", change).await.ok(200);
    let page = admin.get(PAGE).await.ok().shows("Broken").shows("unknown_command").shows("/steps/0/command");
    let start = format!("{PAGE}/start");
    admin.post(&start, &page.form(&start, &[("/variables/most", "7")])).await.has_status(422);
    let edit = admin.get(&format!("{PAGE}/edit")).await.ok();
    assert!(html::text(&edit.text).contains("needs a look"), "before the first press");
}

#[tokio::test]
async fn a_definition_is_deleted_by_its_name_and_readers_cannot() {
    let server = server().await;
    let admin = Browser::admin(&server).await;
    make(&admin, "nightly", STEPS, INPUTS).await.ok();
    let reader = Browser::signed_in(&server, &server.token(&["runs:read"]).await).await;
    reader.get(PAGE).await.ok().shows("needs the scope runs:write").hides("Delete nightly?").hides("/edit\"");
    reader.get("/runs/definitions").await.ok().shows("needs the scope runs:write");
    let delete = format!("{PAGE}/delete");
    let page = admin.get(PAGE).await.ok().shows("Delete nightly?");
    admin.post(&delete, &page.form(&delete, &[("name", "nightlj")])).await.has_status(422).shows("Not deleted");
    let old = page.form(&delete, &[("name", "nightly"), ("version", "7")]);
    admin.post(&delete, &old).await.has_status(412).shows("look at it again");
    admin.post(&delete, &page.form(&delete, &[("name", "nightly")])).await.ok().shows("No definitions yet");
    admin.get(PAGE).await.has_status(404);
}
