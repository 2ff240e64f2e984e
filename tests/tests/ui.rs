//! The web pages in a real browser, against the real binary: what a person does, from the first link to the settings.
//!
//! Elements are found by role and accessible name, as docs for tests outside this repository promise them. At the end of
//! every flow the console is empty: no error, no breach of the content security policy.
#![allow(clippy::unwrap_used, reason = "a test: what goes wrong here fails it")]

#[path = "ui/axe.rs"]
mod axe;
#[path = "ui/commands.rs"]
mod commands;
#[path = "ui/connection.rs"]
mod connection;
#[path = "ui/desk.rs"]
mod desk;
#[path = "ui/executions.rs"]
mod executions;
#[path = "ui/import.rs"]
mod import;
#[path = "ui/keyboard.rs"]
mod keyboard;
#[path = "ui/losses.rs"]
mod losses;
#[path = "ui/mocks.rs"]
mod mocks;
#[path = "ui/narrow.rs"]
mod narrow;
#[path = "ui/runs.rs"]
mod runs;
#[path = "ui/scripts.rs"]
mod scripts;
#[path = "ui/settings.rs"]
mod settings;
#[path = "ui/sign_in.rs"]
mod sign_in;
#[path = "ui/status.rs"]
mod status;
#[path = "ui/tokens.rs"]
mod tokens;
#[path = "ui/types.rs"]
mod types;
#[path = "ui/without_scripts.rs"]
mod without_scripts;
#[path = "ui/wizard.rs"]
mod wizard;
