//! Nothing that was typed is lost: the session ends, the form is too large, the colours change, the result is out of sight.

use serde_json::json;
use test_browser::{Look, begins};

use crate::desk::{KEY, shop};

#[tokio::test(flavor = "multi_thread")]
async fn a_session_that_ends_loses_nothing_that_was_typed() {
    let Some((desk, _api)) = shop(Look::default(), KEY).await else { return };
    let page = &desk.page;
    page.open("/connectors/shop/connection").await;
    page.fill("textbox", "Tenant", "acme").await;
    page.open_tab().await;
    page.open("/connectors").await;
    page.click("button", "Sign out").await;
    page.await_address("/login").await;
    page.show_tab(0).await;
    page.click("button", "Save").await;
    page.see("Your session has ended").await;
    assert_eq!(page.find("textbox", "Tenant").await.value(), "acme");
    page.show_tab(1).await;
    desk.sign_in(test_support::ADMIN_TOKEN).await;
    page.await_address("/connectors").await;
    page.show_tab(0).await;
    page.click("button", "Save").await;
    page.see("Saved.").await;
    let stored = desk.floh.admin().get("/api/connectors/shop").await.expect(200);
    assert_eq!(stored["config"]["tenant"], json!("acme"), "{stored}");
    desk.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn colours_change_without_a_loss() {
    let Some((desk, _api)) = shop(Look::default(), KEY).await else { return };
    let page = &desk.page;
    page.open("/connectors/shop/settings").await;
    page.fill("textbox", "Description", "half a sentence").await;
    page.click("button", "Dark theme").await;
    page.find("button", "Light theme").await;
    assert_eq!(page.find("textbox", "Description").await.value(), "half a sentence");
    assert_eq!(page.evaluate("document.documentElement.dataset.theme").await, "dark");
    page.click("button", "Save").await;
    page.see("Saved.").await;
    desk.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_form_that_is_too_large_is_refused_where_it_stands() {
    let Some((desk, api)) = shop(Look::default(), KEY).await else { return };
    let page = &desk.page;
    page.open("/connectors/shop/commands/listWidgets").await;
    page.fill("textbox", "Limit", "3").await;
    // As pasted: typing eleven million characters would take the browser minutes.
    page.evaluate("document.querySelector('#try input[name=\"/timeoutMs\"]').value = '1'.repeat(11 * 1024 * 1024)")
        .await;
    page.click("button", "Run").await;
    page.see("The form could not be read").await;
    assert_eq!(page.find("textbox", "Limit").await.value(), "3");
    assert!(api.received().is_empty(), "nothing was called");
    page.evaluate("document.querySelector('#try input[name=\"/timeoutMs\"]').value = ''").await;
    page.click("button", "Run").await;
    page.see("Succeeded").await;
    desk.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_result_below_the_form_is_shown_and_the_first_execution_appears() {
    let Some((desk, _api)) = shop(Look { size: Look::NARROW, ..Look::default() }, KEY).await else { return };
    let page = &desk.page;
    page.open("/connectors/shop/executions").await;
    page.see("No executions yet").await;
    page.see("Live").await;
    page.open_tab().await;
    page.open("/connectors/shop/commands/listWidgets").await;
    page.click("button", "Run").await;
    page.see("Succeeded").await;
    let seen = "document.getElementById('result').getBoundingClientRect().top < innerHeight";
    assert_eq!(page.evaluate(seen).await, true, "the result is on the screen");
    page.show_tab(0).await;
    page.find("rowheader", begins("")).await;
    assert!(!page.text().await.contains("No executions yet"));
    desk.end().await;
}
