//! The Floh server: stores connectors, executes their commands, and answers REST and the command line.
//!
//! The rooms (modules) are ordered in floors, and imports point down only; `tests/floors.rs` holds the table and checks
//! it.
//!
//! | floor | rooms |
//! |---|---|
//! | doors: read, call a use case, show its answer | [`api`], [`ui`], [`cli`] |
//! | wiring: start, stop, recurring work | [`app`], [`background`], [`config`], [`listen`], [`telemetry`] |
//! | use cases: every rule and every right | [`catalog`], [`execute`], [`runs`], [`tokens`], [`sessions`], [`drafts`], [`scaffold`], [`audit`], [`keys`], [`backup`], [`check`], [`config_document`], [`seed`], [`about`] |
//! | services: what all use cases share | [`services`], [`instances`] |
//! | executors: what runs commands | [`script`], [`operations`], [`agent_hub`] |
//! | import: documents become drafts | [`openapi`] |
//! | keeping: rows, secrets, identities, events | [`store`], [`vault`], [`auth`], [`events`] |
//! | ground: errors, inputs, what work may take, the change counter, the lock of the data folder, texts of others | [`error`], [`input`], [`changes`], [`data_lock`], [`work`], [`public_url`], [`plain_text`] |

use std::process::ExitCode;

pub mod about;
pub mod agent_hub;
pub mod api;
pub mod app;
pub mod audit;
pub mod auth;
pub mod background;
pub mod backup;
mod blocking;
pub mod catalog;
pub mod changes;
pub mod check;
pub mod cli;
pub mod command_index;
pub mod commands;
pub mod config;
pub mod config_document;
mod connector_secrets;
pub mod data_lock;
pub mod drafts;
pub mod error;
pub mod events;
pub mod execute;
pub mod input;
pub mod instances;
pub mod keys;
pub mod listen;
pub mod mcp;
pub mod mcp_settings;
pub mod nats;
pub mod openapi;
pub mod operations;
pub mod plain_text;
pub mod public_url;
pub mod run_queue;
mod run_to_completion;
pub mod runs;
pub mod scaffold;
pub mod script;
pub mod seed;
pub mod services;
pub mod sessions;
pub mod status;
pub mod store;
pub mod telemetry;
#[cfg(test)]
mod testing;
pub mod tokens;
mod type_schema;
pub mod ui;
pub mod vault;
pub mod work;

/// Runs the command line of this process, which is also the server: a program of a few lines is `floh` with connectors
/// of its own.
///
/// ```no_run
/// use std::process::ExitCode;
///
/// // The crates of connectors: named, so that they are linked and their connectors register themselves.
/// use connectors as _;
///
/// fn main() -> ExitCode {
///     server::main()
/// }
/// ```
///
/// It must be the first thing that `main` does: the server starts the same program again for its script workers, and a
/// worker contains nothing else of it. The connectors that `floh` comes with are included.
pub fn main() -> ExitCode {
    if script::worker::is_worker() {
        return script::worker::main();
    }
    // Nothing else links the built-in connectors into the program.
    connectors::link();
    cli::main()
}
