//! A select is one type.

use connector_runtime::prelude::*;

/// A state.
#[derive(Select)]
pub enum State<T> {
    /// In use.
    Active,
    /// Other.
    Other,
}

fn main() {}
