//! A serde name is not in the schema.

use connector_runtime::prelude::*;

/// A page.
#[payload]
pub struct Page {
    /// Widgets in all.
    #[serde(rename = "all")]
    total: u64,
}

fn main() {}
