//! A connector that remembers each execution: by the tag of the test, and by the key of the call.

use std::collections::HashMap;
use std::sync::Mutex;

use connector_runtime::connector::Connector as _;
use connector_runtime::prelude::*;
use connector_runtime::registry::Registry;

/// The idempotency keys that were executed, by tag.
static EXECUTED: Mutex<Option<HashMap<String, Vec<String>>>> = Mutex::new(None);

/// Returns the keys under which a tag was executed, one for each time.
pub(crate) fn executed(tag: &str) -> Vec<String> {
    EXECUTED.lock().unwrap().as_ref().and_then(|all| all.get(tag)).cloned().unwrap_or_default()
}

/// Writes things down.
#[connector(name = "loss-fixture", version = "1.0.0", lock = false)]
#[derive(Debug)]
pub(crate) struct Fixture {
    /// What it is for.
    note: Option<String>,
}

#[connector]
impl Fixture {
    /// Writes a tag down; twice is once too often.
    #[command(effect = create, outputs("tag", "times"))]
    fn write(
        &self,
        cx: &Context,
        /// What to write.
        tag: String,
    ) -> Outcome<Value> {
        let mut all = EXECUTED.lock().unwrap();
        let keys = all.get_or_insert_default().entry(tag.clone()).or_default();
        keys.push(cx.idempotency_key().unwrap_or_default().to_owned());
        succeed(json!({ "tag": tag, "times": keys.len(), "note": self.note }))
    }

    /// Says what it is told.
    #[command(effect = read, outputs("text"))]
    fn say(
        &self,
        /// What to say.
        text: String,
    ) -> Outcome<Value> {
        succeed(json!({ "text": text }))
    }
}

pub(crate) fn registry() -> Registry {
    Registry::of([Fixture::DESCRIPTOR]).unwrap()
}
