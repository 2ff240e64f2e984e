//! Two outputs share a name on the wire.

use connector_runtime::prelude::*;

/// A page.
#[payload]
pub struct Page {
    /// Widgets in all.
    total: u64,
    /// Another.
    #[output(name = "total")]
    count: u64,
}

fn main() {}
