//! A value needs a doc comment.

use connector_runtime::prelude::*;

/// A state.
#[derive(Select)]
pub enum State {
    Active,
}

fn main() {}
