//! A secret is not stored.

use connector_runtime::prelude::*;

/// A page.
#[payload]
pub struct Page {
    /// The key.
    key: Secret,
}

fn main() {}
