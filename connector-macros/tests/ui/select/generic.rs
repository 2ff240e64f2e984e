//! A select is one type.

use connector_runtime::prelude::*;

/// A state.
#[derive(Select)]
pub enum State<const N: usize> {
    /// In use.
    Active,
    /// Other.
    Other,
}

fn main() {}
