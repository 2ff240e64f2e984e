//! The binary `floh`: the server and its command line.

use std::process::ExitCode;

/// The system's allocator spends a considerable part of a call on joining the blocks of request futures
/// (`docs/decisions/allocator.md`).
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    server::main()
}
