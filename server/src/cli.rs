//! The command line. A user's mistake gets one clear line and exit code 2, failed work gets 1.

mod backup;
mod call;
mod check;
mod command_line;
mod connector;
mod database;
mod egress;
mod enable;
mod export;
mod import;
mod keys;
mod lock;
mod mcp;
mod new_connector;
mod run;
mod script;
mod serve;
mod server;
mod status;
mod token;
mod types;
mod values;

pub(crate) use self::command_line::CliError;
pub use self::command_line::main;
use self::command_line::{entry, print, print_error, print_note, runtime};
