//! A secret is no JSON.

use connector_runtime::prelude::*;

fn show(secret: &Secret) -> Value {
    json!({ "key": secret })
}

fn main() {}
