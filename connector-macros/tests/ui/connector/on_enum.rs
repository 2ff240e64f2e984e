//! An enum is no connection.

use connector_runtime::prelude::*;

/// Widgets.
#[connector(name = "widget", version = "1.0.0", lock = false)]
pub enum Widget {
    /// One.
    One,
}

fn main() {}
