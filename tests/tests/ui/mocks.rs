//! The mock of a connector: data from an execution and by hand, a script, and the switch.

use serde_json::json;
use test_browser::{Look, begins, has};

use crate::desk::{KEY, shop};

#[tokio::test(flavor = "multi_thread")]
async fn a_mock_is_taken_from_an_execution_and_answers_instead_of_the_system() {
    for look in [Look::default(), Look::WITHOUT_SCRIPTS] {
        let Some((desk, api)) = shop(look, KEY).await else { return };
        desk.call("shop", &json!({ "command": "listWidgets", "params": { "limit": 3 } })).await;
        let page = &desk.page;
        page.open("/connectors/shop").await;
        page.click("link", "Mock").await;
        page.await_address("/connectors/shop/mock").await;
        page.click("button", "Use as mock from listWidgets").await;
        let taken = page.find("textbox", begins("Result of listWidgets")).await;
        assert!(taken.value().contains("Widget 3"), "{}", taken.value());
        assert!(!page.html().await.contains(KEY), "a secret in a mock");
        page.click("checkbox", "Answer every call with the mock").await;
        page.click("button", "Save").await;
        page.see("Saved.").await;
        page.see("Mock on").await;
        let before = api.received().len();
        page.click("link", "Try with this mock").await;
        page.await_address("/connectors/shop/commands/listWidgets").await;
        page.see("nothing is sent").await;
        page.click("button", "Run").await;
        page.see("Succeeded").await;
        assert!(page.html().await.contains("Widget 3"), "in a part of the tree that is closed at first");
        assert_eq!(api.received().len(), before, "nothing was sent");
        page.open("/connectors").await;
        page.see("Mock on").await;
        desk.end().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_scenario_and_a_script_are_written_by_hand() {
    let Some((desk, _api)) = shop(Look::default(), KEY).await else { return };
    let page = &desk.page;
    page.open("/connectors/shop/mock").await;
    page.fill("combobox", "Command", "listWidgets").await;
    page.click("button", "Add a scenario").await;
    page.fill("textbox", "Scenario", "none").await;
    page.find("textbox", begins("Result of listWidgets")).await.fill("{ \"success\": ").await;
    page.click("button", "Save").await;
    page.find("alert", has("need")).await.find("link", begins("listWidgets, none: Line 1")).await;
    page.find("textbox", begins("Result of listWidgets"))
        .await
        .fill(r#"{ "success": true, "payload": { "total": 0 } }"#)
        .await;
    page.find("textbox", "Mock script")
        .await
        .fill("function test() { return { success: true, payload: floh.mockScenario }; }")
        .await;
    page.click("button", "Save").await;
    page.see("Saved.").await;
    let answer = desk.call("shop", &json!({ "command": "listWidgets", "mockScenario": "none" })).await;
    assert_eq!(answer["payload"], json!({ "total": 0 }));
    let answer = desk.call("shop", &json!({ "command": "test", "mockScenario": "other" })).await;
    assert_eq!(answer["payload"], "other");
    desk.end().await;
}
