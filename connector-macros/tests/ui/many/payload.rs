//! Every mistake of a payload is reported in one pass.

#![allow(unused_variables)]

use connector_runtime::prelude::*;

#[payload(name = "page")]
pub struct Page {
    total: u64,
    /// Another.
    #[output(name = "total")]
    count: u64,
    /// Renamed.
    #[serde(rename = "x")]
    other: u64,
}

fn main() {}
