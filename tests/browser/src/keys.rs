//! The keyboard alone.

use std::time::{Duration, Instant};

use serde_json::json;
use test_support::BOUND;
use thirtyfour::Key;

use crate::Browser;

/// Keys in a row: texts and named ones.
pub trait Keys {
    /// Returns them as WebDriver writes them.
    fn keys(&self) -> String;
}

impl Keys for str {
    fn keys(&self) -> String {
        self.to_owned()
    }
}

impl Keys for Key {
    fn keys(&self) -> String {
        char::from(self.clone()).to_string()
    }
}

impl Browser {
    /// Presses keys, one after the other, on what has the focus.
    pub async fn press<K: Keys + ?Sized>(&self, keys: &K) {
        self.driver.action_chain().send_keys(keys.keys()).perform().await.unwrap();
    }

    /// Presses keys that lead to another page, again where nothing came of them: on a busy machine the browser may deliver them
    /// further apart than the page takes for one stroke.
    ///
    /// # Panics
    /// When they do not lead there.
    pub async fn press_to<K: Keys + ?Sized>(&self, keys: &K, address: &str) {
        const PATIENCE: Duration = Duration::from_secs(5);
        let began = Instant::now();
        while began.elapsed() < BOUND {
            self.press(keys).await;
            let pressed = Instant::now();
            while pressed.elapsed() < PATIENCE {
                if self.address().await.starts_with(address) {
                    return;
                }
                tokio::time::sleep(crate::PAUSE).await;
            }
        }
        panic!("the keys do not lead to {address}: {}", self.address().await);
    }

    /// Presses a key while another one is held.
    pub async fn press_with<K: Keys + ?Sized>(&self, held: Key, keys: &K) {
        let chain = self.driver.action_chain().key_down(held.clone()).send_keys(keys.keys()).key_up(held);
        chain.perform().await.unwrap();
    }

    /// Returns the role and the name of what has the focus.
    pub async fn focused(&self) -> (String, String) {
        let evaluated = self.cdp("Runtime.evaluate", json!({ "expression": "document.activeElement" })).await.unwrap();
        let object = &evaluated["result"]["objectId"];
        let params = json!({ "objectId": object, "fetchRelatives": false });
        let found = self.cdp("Accessibility.getPartialAXTree", params).await.unwrap();
        let node = &found["nodes"][0];
        let text = |key: &str| node[key]["value"].as_str().unwrap_or_default().to_owned();
        (text("role"), text("name"))
    }

    /// Presses Tab until something of this role and name has the focus, and returns what had it on the way.
    ///
    /// # Panics
    /// When it cannot be reached within a page of stops.
    pub async fn tab_to(&self, role: &str, name: &str) -> Vec<String> {
        self.tab_until(&format!("{role} {name:?}"), |at_role, at_name| at_role == role && at_name == name).await
    }

    /// Presses Tab until what has the focus fits, and returns what had it on the way.
    ///
    /// # Panics
    /// When it cannot be reached within a page of stops.
    pub async fn tab_until(&self, what: &str, fits: impl Fn(&str, &str) -> bool) -> Vec<String> {
        const MAX_STOPS: usize = 80;
        let mut seen = Vec::new();
        for _ in 0..MAX_STOPS {
            self.press(&Key::Tab).await;
            let (role, name) = self.focused().await;
            if fits(&role, &name) {
                return seen;
            }
            seen.push(format!("{role} {name}"));
        }
        panic!("Tab does not reach {what}: {seen:#?}");
    }

    /// Waits until something of this role and name has the focus.
    ///
    /// # Panics
    /// When it does not get it.
    pub async fn await_focus(&self, role: &str, name: &str) {
        let wanted = (role.to_owned(), name.to_owned());
        test_support::eventually(&format!("the focus on {role} {name:?}"), async || {
            (self.focused().await == wanted).then_some(())
        })
        .await;
    }
}
