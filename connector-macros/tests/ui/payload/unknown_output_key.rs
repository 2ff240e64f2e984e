//! The attribute has no key `rename`.

use connector_runtime::prelude::*;

/// A page.
#[payload]
pub struct Page {
    /// Widgets in all.
    #[output(rename = "all")]
    total: u64,
}

fn main() {}
