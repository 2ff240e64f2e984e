//! A payload needs a doc comment.

use connector_runtime::prelude::*;

#[payload]
pub struct Page {
    /// Widgets in all.
    total: u64,
}

fn main() {}
