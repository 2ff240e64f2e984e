//! The validated model: typed data and spans. Invalid input has been reported before it gets here.

mod commands;
mod connector;
mod data;
mod field;
mod runtime;
mod select;

pub(crate) use commands::{Command, Commands, Input, is_command, is_command_attribute};
pub(crate) use connector::{Connector, Egress};
pub(crate) use data::{Data, Kind, mentions};
pub(crate) use field::Field;
pub(crate) use runtime::runtime;
pub(crate) use select::Select;
