//! The attributes' arguments, as darling reads them. A value with its own format (a name, a version, a pattern) is
//! checked here, in its own type, so that an unknown key next to it does not hide the mistake.

mod attributes;
mod constant;
mod egress;
mod lock;
mod read;
mod texts;
mod values;
mod variables;

#[cfg(test)]
pub(crate) use attributes::Keys;
pub(crate) use attributes::{CommandArgs, ConnectorArgs, CrateArgs, FieldArgs, OutputArgs, SelectArgs};
pub(crate) use constant::{Constant, Length, Pattern, Value};
pub(crate) use egress::EgressArg;
pub(crate) use lock::LockArg;
pub(crate) use read::{has_key, parse, read, read_attributes};
pub(crate) use texts::{ConnectorName, Names, Text};
pub(crate) use values::{CratePath, TimeoutArg};
pub(crate) use variables::{Variable, Variables};
