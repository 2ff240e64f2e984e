//! Floh with the widget connector built in: `cargo run -p examples --bin floh_with_widget -- serve`.
//!
//! The same program is the server, and with `agent` the agent, so the widget runs in the server's process or
//! inside a private network; `widget_service` is the third place. `-- types` lists it among the built-ins.

use std::process::ExitCode;

// The crate of connectors: named, so that it is linked and its connectors register themselves.
use examples as _;

fn main() -> ExitCode {
    server::main()
}
