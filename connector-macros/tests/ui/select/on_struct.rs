//! Only an enum has values.

use connector_runtime::prelude::*;

/// A state.
#[derive(Select)]
pub struct State {
    /// In use.
    pub active: bool,
}

fn main() {}
