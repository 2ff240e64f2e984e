//! An object is one type.

use connector_runtime::prelude::*;

/// A filter.
#[object]
pub struct Filter<T> {
    /// Which.
    name: T,
}

fn main() {}
