//! The binary `floh`: the server and its command line.

use std::process::ExitCode;

/// The system's allocator spends a good part of a call on joining the blocks of request futures
/// (`docs/decisions/allocator.md`).
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    // Before anything else comes up: a script worker is to have nothing in it.
    if server::script::worker::is_worker() {
        return server::script::worker::main();
    }
    // Nothing else pulls the built-in connectors into the program.
    connectors::link();
    server::cli::main()
}
