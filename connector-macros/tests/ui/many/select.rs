//! Every mistake of a select is reported in one pass.

#![allow(unused_variables)]

use connector_runtime::prelude::*;

#[derive(Select)]
#[select(colour = "red")]
pub enum State {
    Active,
    /// Again.
    #[select(name = "active")]
    Used(u32),
}

fn main() {}
