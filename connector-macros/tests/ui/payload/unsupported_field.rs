//! A field that is no JSON.

use connector_runtime::prelude::*;

/// A page.
#[payload]
pub struct Page {
    /// Widgets.
    items: Opaque,
}

pub struct Opaque;

fn main() {}
