//! Outputs take `output`.

use connector_runtime::prelude::*;

/// A page.
#[payload]
pub struct Page {
    /// Widgets in all.
    #[param(default = 3)]
    total: u64,
}

fn main() {}
