//! An object needs a doc comment.

use connector_runtime::prelude::*;

#[object]
pub struct Filter {
    /// Most widgets.
    limit: u64,
}

fn main() {}
