//! A connector is one type.

use connector_runtime::prelude::*;

/// Widgets.
#[connector(name = "widget", version = "1.0.0", lock = false)]
pub struct Widget<T> {
    /// A setting.
    setting: T,
}

fn main() {}
