//! A number has no pattern.

use connector_runtime::prelude::*;

/// A filter.
#[object]
pub struct Filter {
    /// Most widgets.
    #[param(pattern = "^[0-9]+$")]
    limit: u64,
}

fn main() {}
