//! A number has a number as its default.

use connector_runtime::prelude::*;

/// A filter.
#[object]
pub struct Filter {
    /// Most widgets.
    #[param(default = "3")]
    limit: u64,
}

fn main() {}
