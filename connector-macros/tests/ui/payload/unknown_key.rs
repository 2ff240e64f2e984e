//! The attribute takes `crate` alone.

use connector_runtime::prelude::*;

/// A page.
#[payload(name = "page")]
pub struct Page {
    /// Widgets in all.
    total: u64,
}

fn main() {}
