//! Two values share a name on the wire.

use connector_runtime::prelude::*;

/// A state.
#[derive(Select)]
pub enum State {
    /// In use.
    Active,
    /// Also in use.
    #[select(name = "active")]
    Used,
}

fn main() {}
