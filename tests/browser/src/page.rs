//! Finding things on a page by what people know of them.

use std::time::Instant;

use serde_json::{Value, json};

use crate::{Browser, Element};
use test_support::{BOUND, eventually};

/// What the accessible name of an element is to be.
#[derive(Clone, Debug)]
pub enum Name {
    /// This one.
    Is(String),
    /// One that begins so.
    Begins(String),
    /// One that has this in it.
    Has(String),
}

impl Name {
    fn fits(&self, name: &str) -> bool {
        match self {
            Self::Is(text) => name == text,
            Self::Begins(text) => name.starts_with(text.as_str()),
            Self::Has(text) => name.contains(text.as_str()),
        }
    }
}

impl From<&str> for Name {
    fn from(text: &str) -> Self {
        Self::Is(text.to_owned())
    }
}

/// A name that begins with a text.
pub fn begins(text: &str) -> Name {
    Name::Begins(text.to_owned())
}

/// A name that has a text in it.
pub fn has(text: &str) -> Name {
    Name::Has(text.to_owned())
}

impl Browser {
    /// Opens an address of the server.
    pub async fn open(&self, path: &str) {
        self.driver.goto(format!("{}{path}", self.origin)).await.unwrap();
    }

    /// Loads the page again.
    pub async fn reload(&self) {
        self.driver.refresh().await.unwrap();
    }

    /// Goes back, as the button of the browser does.
    pub async fn back(&self) {
        self.driver.back().await.unwrap();
    }

    /// Opens another tab and shows it; the tabs are numbered from 0.
    pub async fn open_tab(&self) {
        let tab = self.driver.new_tab().await.unwrap();
        self.driver.switch_to_window(tab).await.unwrap();
    }

    /// Shows a tab.
    pub async fn show_tab(&self, number: usize) {
        let tabs = self.driver.windows().await.unwrap();
        self.driver.switch_to_window(tabs[number].clone()).await.unwrap();
    }

    /// Returns path and query of the page.
    pub async fn address(&self) -> String {
        let url = self.driver.current_url().await.unwrap();
        url.as_str().strip_prefix(&self.origin).unwrap_or(url.as_str()).to_owned()
    }

    /// Waits until the address begins so.
    ///
    /// # Panics
    /// When it does not.
    pub async fn await_address(&self, start: &str) -> String {
        let began = Instant::now();
        loop {
            let at = self.address().await;
            if at.starts_with(start) {
                return at;
            }
            assert!(began.elapsed() < BOUND, "the address is {at}, not {start}: {}", self.text().await);
            tokio::time::sleep(crate::PAUSE).await;
        }
    }

    /// Returns the title of the page.
    pub async fn title(&self) -> String {
        self.driver.title().await.unwrap()
    }

    /// Returns the document as it is now.
    pub async fn html(&self) -> String {
        self.driver.source().await.unwrap()
    }

    /// Returns the text of the page.
    pub async fn text(&self) -> String {
        self.evaluate("document.body?.innerText").await.as_str().unwrap_or_default().to_owned()
    }

    /// Waits until the page has a text.
    ///
    /// # Panics
    /// When it does not.
    pub async fn see(&self, text: &str) {
        let began = Instant::now();
        loop {
            let shown = self.text().await;
            if shown.contains(text) {
                return;
            }
            assert!(began.elapsed() < BOUND, "{text:?} is not on {}: {shown}", self.address().await);
            tokio::time::sleep(crate::PAUSE).await;
        }
    }

    /// Returns what an expression, which changes nothing, is on the page. It is asked again of the next page when its page was
    /// just being replaced.
    ///
    /// # Panics
    /// When it fails.
    pub async fn evaluate(&self, expression: &str) -> Value {
        let params = json!({ "expression": expression, "returnByValue": true, "awaitPromise": true });
        let began = Instant::now();
        loop {
            match self.cdp("Runtime.evaluate", params.clone()).await {
                Ok(answer) => {
                    assert!(answer.get("exceptionDetails").is_none(), "{expression}: {answer}");
                    return answer["result"]["value"].clone();
                }
                Err(error) => assert!(began.elapsed() < BOUND, "{expression}: {error}"),
            }
            tokio::time::sleep(crate::PAUSE).await;
        }
    }

    /// Waits until the page is whole.
    pub async fn await_loaded(&self) {
        eventually("the end of loading", async || {
            (self.evaluate("document.readyState").await == "complete").then_some(())
        })
        .await;
    }

    /// Returns by how many pixels the page is wider than its window.
    pub async fn overflow(&self) -> i64 {
        self.await_loaded().await;
        let root = "document.documentElement";
        self.evaluate(&format!("{root}.scrollWidth - {root}.clientWidth")).await.as_i64().unwrap()
    }

    /// Takes a picture.
    pub async fn picture(&self) -> Vec<u8> {
        self.driver.screenshot_as_png().await.unwrap()
    }

    /// Finds the one element of a role and name, and waits for it.
    ///
    /// # Panics
    /// When there is none, or more than one.
    pub async fn find(&self, role: &str, name: impl Into<Name>) -> Element<'_> {
        self.find_within(None, role, name.into()).await
    }

    /// Returns all elements of a role and name, as they are now.
    pub async fn all(&self, role: &str, name: impl Into<Name>) -> Vec<Element<'_>> {
        self.all_within(None, role, &name.into()).await
    }

    /// Finds an element and presses it.
    pub async fn click(&self, role: &str, name: impl Into<Name>) {
        self.find(role, name).await.click().await;
    }

    /// Finds a field and types into it.
    pub async fn fill(&self, role: &str, name: impl Into<Name>, text: &str) {
        self.find(role, name).await.fill(text).await;
    }

    /// Waits until there is no element of a role and name.
    pub async fn await_gone(&self, role: &str, name: impl Into<Name>) {
        let name = name.into();
        eventually(&format!("the end of {role} {name:?}"), async || {
            self.all_within(None, role, &name).await.is_empty().then_some(())
        })
        .await;
    }

    pub(crate) async fn find_within<'b>(&'b self, within: Option<&Element<'_>>, role: &str, name: Name) -> Element<'b> {
        let began = Instant::now();
        loop {
            let mut found = self.all_within(within, role, &name).await;
            if found.len() == 1 {
                return found.remove(0);
            }
            if began.elapsed() > BOUND {
                let names: Vec<String> = found.iter().map(|element| element.name().to_owned()).collect();
                let others: Vec<String> = self.query(within, role).await.iter().map(shown_name).collect();
                let at = self.address().await;
                panic!(
                    "{at} has {} of {role} {name:?} {names:?}; of that role: {others:?}; {}",
                    found.len(),
                    self.text().await
                );
            }
            tokio::time::sleep(crate::PAUSE).await;
        }
    }

    pub(crate) async fn all_within<'b>(
        &'b self,
        within: Option<&Element<'_>>,
        role: &str,
        name: &Name,
    ) -> Vec<Element<'b>> {
        let nodes = self.query(within, role).await;
        nodes.into_iter().filter(|node| name.fits(&shown_name(node))).map(|node| Element::new(self, node)).collect()
    }

    /// Asks for all elements of a role. A page that is just being replaced has none.
    async fn query(&self, within: Option<&Element<'_>>, role: &str) -> Vec<Value> {
        let params = match within {
            Some(element) => json!({ "backendNodeId": element.backend_id(), "role": role }),
            None => {
                let Ok(document) = self.cdp("DOM.getDocument", json!({ "depth": 0 })).await else { return Vec::new() };
                json!({ "nodeId": document["root"]["nodeId"], "role": role })
            }
        };
        let Ok(found) = self.cdp("Accessibility.queryAXTree", params).await else { return Vec::new() };
        let nodes = found["nodes"].as_array().cloned().unwrap_or_default();
        nodes.into_iter().filter(|node| node["ignored"] == false).collect()
    }
}

fn shown_name(node: &Value) -> String {
    node["name"]["value"].as_str().unwrap_or_default().to_owned()
}
