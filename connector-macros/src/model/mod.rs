//! The validated model: typed data and spans. What stands here is right, or has been reported.

mod commands;
mod connector;
mod data;
mod field;
mod select;

pub(crate) use commands::{Command, Commands, Input, is_command, is_command_attribute};
pub(crate) use connector::{Connector, Egress};
pub(crate) use data::{Data, Kind};
pub(crate) use field::Field;
pub(crate) use select::Select;

use syn::Path;

use crate::args::CratePath;

/// Returns the path under which the macros' output names the runtime.
pub(crate) fn runtime(given: Option<CratePath>) -> Path {
    given.map_or_else(|| syn::parse_quote!(::connector_runtime), |path| path.0)
}
