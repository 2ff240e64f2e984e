//! Every mistake of an object is reported in one pass.

#![allow(unused_variables)]

use connector_runtime::prelude::*;

#[object]
pub struct Filter {
    limit: u64,
    /// Another.
    #[param(name = "limit", min = 3, max = 2)]
    most: u64,
    /// Which.
    #[config(default = 3)]
    name: String,
}

fn main() {}
