//! The list of executions: rows that appear by themselves, and filters.

use serde_json::json;
use test_browser::{Look, begins, has};

use crate::desk::{Desk, KEY, shop};

async fn rows(desk: &Desk) -> usize {
    desk.page.evaluate("document.querySelectorAll('#rows > tr').length").await.as_u64().unwrap().try_into().unwrap()
}

async fn await_rows(desk: &Desk, count: usize) {
    test_support::eventually(&format!("{count} rows"), async || (rows(desk).await == count).then_some(())).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn rows_appear_as_calls_end_and_wait_while_a_hand_is_on_the_list() {
    let Some((desk, _api)) = shop(Look::default(), KEY).await else { return };
    let page = &desk.page;
    let call = json!({ "command": "listWidgets", "params": { "limit": 1 } });
    desk.call("shop", &call).await;
    page.open("/executions").await;
    page.see("Live").await;
    assert_eq!(rows(&desk).await, 1);
    desk.call("shop", &call).await;
    await_rows(&desk, 2).await;
    page.all("rowheader", begins("")).await[0].hover().await;
    desk.call("shop", &call).await;
    page.find("button", "1 new").await;
    desk.call("shop", &call).await;
    page.find("button", "2 new").await;
    assert_eq!(rows(&desk).await, 2, "nothing moves under the hand");
    page.click("button", "2 new").await;
    await_rows(&desk, 4).await;
    page.click("button", "Pause").await;
    page.see("Paused").await;
    desk.call("shop", &call).await;
    page.click("button", "Resume").await;
    page.see("Live").await;
    // What ended meanwhile is told, at once or as waiting.
    test_support::eventually("the row that was missed", async || {
        (rows(&desk).await == 5 || !page.all("button", "1 new").await.is_empty()).then_some(())
    })
    .await;
    desk.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_filter_stands_in_the_address_and_can_be_cleared() {
    let Some((desk, _api)) = shop(Look::default(), KEY).await else { return };
    let page = &desk.page;
    desk.make("broken", "widget", json!({ "baseUrl": "http://127.0.0.1:1", "apiKey": "k" })).await;
    desk.call("shop", &json!({ "command": "listWidgets" })).await;
    desk.call("broken", &json!({ "command": "listWidgets" })).await;
    page.open("/executions").await;
    await_rows(&desk, 2).await;
    page.find("combobox", "Status").await.choose("Failed").await;
    page.click("button", "Filter").await;
    page.find("link", "Clear filters").await;
    assert!(page.address().await.contains("status=failed"));
    assert_eq!(rows(&desk).await, 1);
    page.find("link", "broken").await;
    page.fill("textbox", "Command", "nothing-like-it").await;
    page.click("button", "Filter").await;
    page.see("No execution matches").await;
    page.all("link", "Clear filters").await[0].click().await;
    page.see("2 executions").await;
    page.open("/connectors/shop/executions").await;
    page.find("combobox", has("Status")).await;
    assert_eq!(rows(&desk).await, 1);
    desk.end().await;
}
