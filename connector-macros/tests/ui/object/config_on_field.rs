//! Fields of an object take `param`.

use connector_runtime::prelude::*;

/// A filter.
#[object]
pub struct Filter {
    /// Most widgets.
    #[config(default = 3)]
    limit: u64,
}

fn main() {}
