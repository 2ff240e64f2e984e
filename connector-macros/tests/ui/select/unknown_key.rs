//! The attribute has no key `title`.

use connector_runtime::prelude::*;

/// A state.
#[derive(Select)]
pub enum State {
    /// In use.
    #[select(title = "In use")]
    Active,
}

fn main() {}
