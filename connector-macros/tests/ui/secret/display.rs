//! A secret is not printed.

use connector_runtime::prelude::*;

fn show(secret: &Secret) -> String {
    format!("{secret}")
}

fn main() {}
