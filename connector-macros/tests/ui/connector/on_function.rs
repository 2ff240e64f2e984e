//! A function is no connection.

use connector_runtime::prelude::*;

/// Lists.
#[connector(name = "widget", version = "1.0.0", lock = false)]
fn list() {}

fn main() {}
