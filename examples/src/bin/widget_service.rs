//! Serves the widget connector as an external service: `cargo run -p examples --bin widget_service`.
//!
//! Prints the address it listens on; `examples/README.md` says how to call it and how Floh uses it.

use std::process::ExitCode;

use connector_runtime::connector::Connector as _;
use connector_runtime::serve;
use examples::widget::Widget;

fn main() -> ExitCode {
    serve::main_of([Widget::DESCRIPTOR])
}
