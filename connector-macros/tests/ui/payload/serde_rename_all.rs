//! A serde name is not in the schema.

use connector_runtime::prelude::*;

/// A page.
#[payload]
#[serde(rename_all = "kebab-case")]
pub struct Page {
    /// Widgets in all.
    in_all: u64,
}

fn main() {}
