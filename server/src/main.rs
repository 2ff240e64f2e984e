//! The binary `floh`: the server and its command line.

use std::process::ExitCode;

/// The system's allocator spends a considerable part of a call on joining the blocks of request futures
/// (`docs/decisions/allocator.md`).
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    // This comes first, because a script worker must contain nothing else of the server.
    if server::script::worker::is_worker() {
        return server::script::worker::main();
    }
    // Nothing else links the built-in connectors into the program.
    connectors::link();
    server::cli::main()
}
