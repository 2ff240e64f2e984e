//! A date is RFC 3339.

use connector_runtime::prelude::*;

/// A filter.
#[object]
pub struct Filter {
    /// From when.
    #[param(default = "2026-02-30")]
    from: Date,
}

fn main() {}
