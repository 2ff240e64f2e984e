//! A select has a value.

use connector_runtime::prelude::*;

/// A state.
#[derive(Select)]
pub enum State {}

fn main() {}
