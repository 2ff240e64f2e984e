//! What pages wrote to the console of their browser.

use crate::Browser;

/// What Chromium notes by itself about a form that was refused.
const REFUSED: &str = "Failed to load resource: the server responded with a status of 4";

impl Browser {
    /// Fails if a page logged an error or a warning, or broke its content security policy. A form that the server refused is
    /// no error of the page.
    ///
    /// # Panics
    /// With what the console said.
    pub async fn check_console(&self) {
        let entries = self.driver.browser_log().await.unwrap();
        let bad = |level: &str| matches!(level, "SEVERE" | "WARNING");
        let said: Vec<String> = entries
            .into_iter()
            .filter(|entry| bad(&entry.level) && !entry.message.contains(REFUSED))
            .map(|entry| entry.message)
            .collect();
        assert!(said.is_empty(), "the console said: {said:#?}");
    }
}
