//! The binary `floh`: the server and its command line.

use std::process::ExitCode;

/// The system's allocator spends a good part of a call on joining the blocks of request futures
/// (`docs/decisions/allocator.md`).
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    // Nothing else pulls the built-in connectors into the program.
    connectors::link();
    server::cli::main()
}
