//! Runs: a run that is followed while it goes on, ended and resumed, and one that is checked and started.

use serde_json::json;
use test_browser::{Look, begins, has};

use crate::axe::{lost_run, start};
use crate::desk::{Desk, KEY, shop};

/// Three steps, with a wait between two calls.
const STEPS: &str = r#"[
  { "id": "find", "connector": "shop", "command": "listWidgets", "params": { "limit": 2 }, "outputKey": "found" },
  { "id": "pause", "wait": { "forMs": 1500 } },
  { "id": "again", "connector": "shop", "command": "listWidgets", "params": { "limit": "{{found.total}}" }, "outputKey": "more" }
]"#;

async fn status(desk: &Desk, status: &str) {
    test_support::eventually(status, async || {
        let script = "document.querySelector('.title .badge')?.textContent.trim()";
        (desk.page.evaluate(script).await == json!(status)).then_some(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_is_checked_at_the_place_started_and_followed_to_its_end() {
    let Some((desk, _api)) = shop(Look::default(), KEY).await else { return };
    let page = &desk.page;
    page.open("/runs").await;
    page.see("No runs yet").await;
    page.all("link", "Start a run").await[0].click().await;
    page.fill("textbox", begins("Steps"), &STEPS.replace("found.total", "found.totl")).await;
    page.click("button", "Check").await;
    page.find("alert", "One thing needs a look").await;
    page.see("did you mean total?").await;
    page.see("unknown_path").await;
    page.fill("textbox", begins("Steps"), STEPS).await;
    page.click("button", "Check").await;
    page.see("Checked: it can start.").await;
    page.click("button", "Start").await;
    page.find("heading", begins("Run ")).await;
    // The page follows the run by itself: no key is pressed from here on.
    status(&desk, "Succeeded").await;
    page.see("of 3 behind it").await;
    page.find("link", "find").await.click().await;
    page.see("listWidgets of shop").await;
    page.see("widgetCount").await;
    page.open("/runs").await;
    page.see("3 of 3").await;
    desk.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_waiting_run_is_cancelled_after_a_question_and_goes_on_when_resumed() {
    let Some((desk, _api)) = shop(Look::default(), KEY).await else { return };
    let page = &desk.page;
    let id = start(&desk, &json!({ "steps": [{ "id": "pause", "wait": { "forMs": 600_000 } }] }), "waiting").await;
    page.open(&format!("/runs/{id}")).await;
    status(&desk, "Waiting").await;
    page.click("button", "Cancel run").await;
    let dialog = page.find("dialog", "Cancel this run?").await;
    dialog.find("button", "Cancel run").await.click().await;
    status(&desk, "Cancelled").await;
    page.click("button", "Resume").await;
    page.find("dialog", "Resume this run?").await.find("button", "Resume").await.click().await;
    status(&desk, "Waiting").await;
    // Somebody else ends it: the page says so by itself.
    desk.floh.admin().post(&format!("/api/runs/{id}/cancel"), &json!({})).await.expect(202);
    status(&desk, "Cancelled").await;
    desk.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_resumes_says_what_to_do_with_an_unknown_outcome_also_without_scripts() {
    for scripts in [true, false] {
        let look = Look { scripts, ..Look::default() };
        let Some((desk, _api)) = shop(look, KEY).await else { return };
        let page = &desk.page;
        let id = lost_run(&desk).await;
        page.open(&format!("/runs/{id}")).await;
        page.see("outcome_unknown").await;
        page.click("button", "Resume").await;
        let dialog = page.find("dialog", "Resume this run?").await;
        dialog.find("radio", has("Go on without it")).await.click().await;
        dialog.find("button", "Resume").await.click().await;
        let admin = desk.floh.admin();
        test_support::eventually("the end", async || {
            (admin.get(&format!("/api/runs/{id}")).await.expect(200)["status"] == "succeeded").then_some(())
        })
        .await;
        page.open(&format!("/runs/{id}?step=order")).await;
        page.see("Skipped").await;
        desk.end().await;
    }
}
