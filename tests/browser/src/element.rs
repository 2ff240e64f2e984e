//! An element of a page, as people meet it: with a role, a name, a state, and something to do.

use serde_json::{Value, json};
use thirtyfour::WebElement;

use crate::{Browser, Keys};

/// An element that was found, with its state at that time.
#[derive(Debug)]
pub struct Element<'b> {
    browser: &'b Browser,
    node: Value,
}

impl<'b> Element<'b> {
    pub(crate) fn new(browser: &'b Browser, node: Value) -> Self {
        Self { browser, node }
    }

    /// Returns its accessible name.
    pub fn name(&self) -> &str {
        self.node["name"]["value"].as_str().unwrap_or_default()
    }

    /// Returns what describes it: help and mistake of a field.
    pub fn description(&self) -> &str {
        self.node["description"]["value"].as_str().unwrap_or_default()
    }

    /// Returns what is in it.
    pub fn value(&self) -> &str {
        self.node["value"]["value"].as_str().unwrap_or_default()
    }

    /// Returns a state, such as `checked`, `invalid`, `disabled` or `expanded`; what has none is `false`.
    pub fn state(&self, name: &str) -> String {
        let properties = self.node["properties"].as_array().into_iter().flatten();
        let found = properties.into_iter().find(|property| property["name"] == name);
        match found.map(|property| &property["value"]["value"]) {
            Some(Value::String(text)) => text.clone(),
            Some(other) => other.to_string(),
            None => "false".to_owned(),
        }
    }

    /// Returns whether a state holds.
    pub fn is(&self, state: &str) -> bool {
        self.state(state) == "true"
    }

    pub(crate) fn backend_id(&self) -> &Value {
        &self.node["backendDOMNodeId"]
    }

    /// Finds something in it.
    pub async fn find(&self, role: &str, name: impl Into<crate::Name>) -> Element<'b> {
        self.browser.find_within(Some(self), role, name.into()).await
    }

    /// Returns all of a role and name in it.
    pub async fn all(&self, role: &str, name: impl Into<crate::Name>) -> Vec<Element<'b>> {
        self.browser.all_within(Some(self), role, &name.into()).await
    }

    /// Returns its text.
    pub async fn text(&self) -> String {
        self.call("function () { return this.innerText }").await.as_str().unwrap_or_default().to_owned()
    }

    /// Presses it. What is drawn as its label is pressed in its place, as a hand would.
    ///
    /// # Panics
    /// When it cannot be pressed.
    pub async fn click(&self) {
        let element = self
            .element("this.matches('input[type=radio], input[type=checkbox]') && this.closest('label') || this")
            .await;
        element.click().await.unwrap();
    }

    /// Puts the hand over it.
    pub async fn hover(&self) {
        let element = self.element("this").await;
        self.browser.driver.action_chain().move_to_element_center(&element).perform().await.unwrap();
    }

    /// Types into it, in place of what is there.
    ///
    /// # Panics
    /// When it takes no text.
    pub async fn fill(&self, text: &str) {
        let element = self.element("this").await;
        element.clear().await.unwrap();
        element.send_keys(text.keys()).await.unwrap();
    }

    /// Chooses an option of a select by its text.
    ///
    /// # Panics
    /// When it has no such option.
    pub async fn choose(&self, text: &str) {
        let element = self.element("this").await;
        let options = element.find_all(thirtyfour::By::Tag("option")).await.unwrap();
        for option in options {
            if option.text().await.unwrap().trim() == text {
                return option.click().await.unwrap();
            }
        }
        panic!("{:?} has no option {text:?}", self.name());
    }

    /// Gives it the focus.
    pub async fn focus(&self) {
        self.call("function () { this.focus() }").await;
    }

    /// Calls a function of the page with it as `this`.
    pub(crate) async fn call(&self, function: &str) -> Value {
        let object = self.browser.cdp("DOM.resolveNode", json!({ "backendNodeId": self.backend_id() })).await.unwrap();
        let params =
            json!({ "objectId": object["object"]["objectId"], "functionDeclaration": function, "returnByValue": true });
        let answer = self.browser.cdp("Runtime.callFunctionOn", params).await.unwrap();
        assert!(answer.get("exceptionDetails").is_none(), "{function}: {answer}");
        answer["result"]["value"].clone()
    }

    /// Returns it, or what an expression makes of it, as WebDriver knows it.
    async fn element(&self, expression: &str) -> WebElement {
        self.call(&format!("function () {{ globalThis.found = {expression} }}")).await;
        let script = "const found = globalThis.found; delete globalThis.found; return found";
        self.browser.driver.execute(script, []).await.unwrap().element().unwrap()
    }
}
