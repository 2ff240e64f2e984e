//! A payload has fields.

use connector_runtime::prelude::*;

/// A page.
#[payload]
pub enum Page {
    /// One.
    One,
}

fn main() {}
