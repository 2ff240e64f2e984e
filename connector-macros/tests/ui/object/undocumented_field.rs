//! A field needs a doc comment.

use connector_runtime::prelude::*;

/// A filter.
#[object]
pub struct Filter {
    limit: u64,
}

fn main() {}
