//! A value has no data.

use connector_runtime::prelude::*;

/// A state.
#[derive(Select)]
pub enum State {
    /// In use.
    Active(u32),
}

fn main() {}
