//! The binary `floh`: the server and its command line.

use std::process::ExitCode;

fn main() -> ExitCode {
    // Nothing else pulls the built-in connectors into the program.
    connectors::link();
    server::cli::main()
}
