//! A flattened field is not in the schema.

use connector_runtime::prelude::*;

/// A filter.
#[object]
pub struct Filter {
    /// Which.
    #[serde(flatten)]
    name: Value,
}

fn main() {}
