//! A select needs a doc comment.

use connector_runtime::prelude::*;

#[derive(Select)]
pub enum State {
    /// In use.
    Active,
}

fn main() {}
