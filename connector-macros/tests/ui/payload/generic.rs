//! A payload is one type.

use connector_runtime::prelude::*;

/// A page.
#[payload]
pub struct Page<T> {
    /// Widgets.
    items: T,
}

fn main() {}
