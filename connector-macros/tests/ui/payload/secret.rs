//! A payload is shown to the caller, so it holds no secret.

use connector_runtime::prelude::*;

/// Widgets.
#[connector(name = "widget", version = "1.0.0", lock = false)]
pub struct Widget {
    /// Where the API answers.
    base_url: Url,
}

/// A new key.
#[payload]
#[derive(Debug)]
pub struct Key {
    /// The key.
    key: Option<Secret>,
    /// Its id.
    id: u64,
}

#[connector]
impl Widget {
    /// Makes a key.
    #[command(effect = create)]
    fn make(&self) -> Outcome<Key> {
        succeed(Key { key: None, id: 1 })
    }
}

fn main() {}
