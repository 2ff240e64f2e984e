//! Outputs have names.

use connector_runtime::prelude::*;

/// A page.
#[payload]
pub struct Page(u64);

fn main() {}
