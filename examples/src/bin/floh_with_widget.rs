//! Floh with the widget connector built in: `cargo run -p examples --bin floh_with_widget -- serve`.
//!
//! The same program is the server, and with `agent` the agent, so the widget runs in the server's process or
//! inside a private network; `widget_service` is the third place. `-- types` lists it among the built-ins.

use std::process::ExitCode;

use connector_runtime::connector::Connector as _;
use examples::widget::Widget;

fn main() -> ExitCode {
    // Before anything else comes up: a script worker is to have nothing in it.
    if server::script::worker::is_worker() {
        return server::script::worker::main();
    }
    // Nothing else pulls the connectors into the program.
    connectors::link();
    std::hint::black_box(Widget::DESCRIPTOR);
    server::cli::main()
}
