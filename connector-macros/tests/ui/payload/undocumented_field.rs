//! An output needs a doc comment.

use connector_runtime::prelude::*;

/// A page.
#[payload]
pub struct Page {
    total: u64,
}

fn main() {}
