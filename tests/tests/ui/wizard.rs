//! New Connector: built-in and external, with mistakes on the way.

use std::process::Command;

use serde_json::json;
use test_browser::{Look, begins};
use test_support::Service;

use crate::desk::{Desk, KEY, widget_api, widgets};

#[tokio::test(flavor = "multi_thread")]
async fn a_built_in_connector_is_made_past_a_mistake_and_a_step_back_and_its_secret_never_comes_back() {
    let api = widget_api().await;
    let Some(desk) = Desk::signed_in(widgets([&api]), Look::default()).await else { return };
    desk.make("taken", "widget", json!({})).await;
    let page = &desk.page;
    page.open("/connectors").await;
    page.click("link", "New Connector").await;
    page.click("radio", begins("Built-in")).await;
    page.click("button", "Next").await;
    page.click("radio", begins("widget")).await;
    page.fill("textbox", "Name", "taken").await;
    page.click("button", "Next").await;
    // What is wrong stands above the form and at its field, and has the focus.
    let summary = page.find("alert", "One thing needs a look").await;
    summary.find("link", begins("Name: ")).await;
    page.await_focus("alert", "One thing needs a look").await;
    assert!(page.title().await.starts_with("Error: "));
    let name = page.find("textbox", "Name").await;
    assert!(name.is("invalid") && name.description().contains("taken"), "{:?}", name.description());
    page.fill("textbox", "Name", "shop").await;
    page.click("button", "Next").await;

    page.fill("textbox", "Base URL", &api.url("")).await;
    page.fill("textbox", "API key", KEY).await;
    page.fill("textbox", begins("Timeout"), "3o").await;
    page.click("button", "Next").await;
    page.find("alert", "One thing needs a look").await;
    let wrong = page.find("textbox", begins("Timeout")).await;
    assert_eq!((wrong.is("invalid"), wrong.value()), (true, "3o"), "as it was typed");
    assert_eq!(page.find("textbox", "Base URL").await.value(), api.url(""));
    let secret = page.find("group", "API key").await;
    assert!(secret.find("radio", "Keep").await.is("checked"));
    assert!(!page.html().await.contains(KEY), "a secret came back");
    page.fill("textbox", begins("Timeout"), "30").await;
    page.click("button", "Next").await;

    page.find("heading", "Review").await;
    page.see("will be set").await;
    assert!(!page.html().await.contains(KEY), "a secret came back");
    page.click("link", "Back").await;
    page.find("group", "API key").await;
    page.click("link", "Back").await;
    assert_eq!(page.find("textbox", "Name").await.value(), "shop");
    page.click("button", "Next").await;
    page.find("group", "API key").await;
    page.click("button", "Next").await;
    page.click("button", "Create Connector").await;
    page.await_address("/connectors/shop").await;
    page.find("heading", "shop").await;
    page.click("button", "Test").await;
    page.see("Succeeded").await;
    assert_eq!(api.received().last().unwrap().header("authorization"), Some(&*format!("Bearer {KEY}")));
    let connectors = desk.floh.admin().get("/api/connectors?q=shop").await.expect(200);
    assert_eq!(connectors["items"].as_array().unwrap().len(), 1);
    desk.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_external_connector_is_made_from_a_service_that_publishes_its_schema() {
    let mut command = Command::new("python3");
    command.args(["-c", include_str!("../external/service.py"), "0"]);
    let service = match Service::start(&mut command) {
        Ok(service) => service,
        Err(error) => return test_support::skipped(&format!("python3 does not start: {error}")),
    };
    let setup = widgets([]).allow(service.address());
    let Some(desk) = Desk::signed_in(setup, Look::default()).await else { return };
    let page = &desk.page;
    page.open("/new").await;
    page.click("radio", begins("External")).await;
    page.click("button", "Next").await;
    page.fill("textbox", "Name", "staff").await;
    page.fill("textbox", "Endpoint URL", "http://127.0.0.1:1/nothing").await;
    page.click("button", "Next").await;
    let alert = page.find("alert", begins("")).await;
    alert.find("link", begins("Endpoint URL: ")).await;
    page.fill("textbox", "Endpoint URL", &service.url("")).await;
    page.fill("textbox", "Signing secret", "canary-of-the-signature").await;
    page.click("button", "Next").await;
    page.fill("textbox", "API key", "canary-of-the-connection").await;
    page.click("button", "Next").await;
    page.find("heading", "Review").await;
    assert!(!page.html().await.contains("canary"), "a secret came back");
    page.click("button", "Create Connector").await;
    page.await_address("/connectors/staff").await;
    page.click("link", "Try a command").await;
    page.click("link", "listUsers").await;
    page.fill("textbox", "Limit", "3").await;
    page.click("button", "Run").await;
    let result = page.find("region", "Result").await;
    page.see("Succeeded").await;
    drop(result);
    page.see("userCount").await;
    desk.end().await;
}

/// A second connector of a type that is no part of the program, found by what is typed.
async fn a_second_connector_of_a_script(look: Look, has_scripts: bool) {
    let Some(desk) = Desk::signed_in(widgets([]), look).await else { return };
    let page = &desk.page;
    // With so many types there is a search.
    for number in 0..8 {
        let name = format!("other-{number}");
        let other = json!({ "name": name, "type": name, "executionModel": "external", "version": "1.0.0" });
        desk.floh.admin().post("/api/connectors", &other).await.expect(201);
    }
    page.open("/new").await;
    page.click("radio", begins("Built-in")).await;
    page.click("button", "Next").await;
    page.fill("searchbox", "Find a type", "sample-scr").await;
    if !has_scripts {
        page.click("button", "Find").await;
    }
    page.await_gone("radio", begins("widget")).await;
    page.click("radio", begins("sample-script")).await;
    page.fill("textbox", "Name", "lookup").await;
    page.click("button", "Next").await;
    page.click("button", "Fill in later").await;
    page.find("heading", "Review").await;
    page.click("button", "Create Connector").await;
    page.await_address("/connectors/lookup").await;
    let made = desk.floh.admin().get("/api/connectors/lookup").await.expect(200);
    assert_eq!((&made["type"], &made["executionModel"]), (&json!("sample-script"), &json!("script")));
    // The page of the type begins one as well.
    page.open("/types/sample-script").await;
    page.click("button", "New Connector").await;
    assert!(page.find("radio", begins("sample-script")).await.is("checked"));
    desk.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_connector_of_a_script_is_made() {
    a_second_connector_of_a_script(Look::default(), true).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_connector_of_a_script_is_made_without_scripts() {
    a_second_connector_of_a_script(Look::WITHOUT_SCRIPTS, false).await;
}
