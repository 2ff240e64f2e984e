//! Writes tokens from the model, with one function per product: const data and one small closure per command.
//! Everything is named through the runtime's `__private`, so that it works with any prelude.

mod checks;
mod clean;
mod commands;
mod connector;
mod data;
mod dummy;
mod evident;
mod field;
mod lock;
mod select;
mod tokens;

pub(crate) use clean::{clean_impl, clean_struct};
pub(crate) use commands::commands;
pub(crate) use connector::connector;
pub(crate) use data::data;
pub(crate) use dummy::{dummy_commands, dummy_connector, dummy_data, dummy_select};
pub(crate) use select::select;

use tokens::{at, option};
