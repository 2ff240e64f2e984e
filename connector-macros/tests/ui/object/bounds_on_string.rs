//! A text has lengths, not bounds.

use connector_runtime::prelude::*;

/// A filter.
#[object]
pub struct Filter {
    /// Which.
    #[param(max = 3)]
    name: String,
}

fn main() {}
