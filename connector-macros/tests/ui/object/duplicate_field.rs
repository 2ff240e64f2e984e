//! Two fields share a name on the wire.

use connector_runtime::prelude::*;

/// A filter.
#[object]
pub struct Filter {
    /// Most widgets.
    limit: u64,
    /// Another.
    #[param(name = "limit")]
    most: u64,
}

fn main() {}
