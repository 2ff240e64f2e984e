//! What a change of a config schema means for those who call it, and the version that it needs.
//!
//! One set of rules for every execution model (docs/contract.md#5-versioning): [`RULES`] is the table, [`diff`]
//! compares two schemas by it, [`suggested_version`] and [`check_floor`] say what the version must be.
//! The compile-time lock (`connector_runtime::lock`) reports by the same table. A change that cannot be shown to be
//! harmless counts as breaking.

mod bump;
mod changes;
mod command;
mod field;
mod keywords;
mod nested;
mod path;
mod rules;
#[cfg(test)]
#[allow(clippy::needless_pass_by_value, reason = "shorter calls")]
mod tests;

pub use bump::{FloorError, check_floor, suggested_version};
pub use changes::{Change, Changes, Report};
pub use command::diff;
pub use rules::{Level, RULES, Rule};

pub use bump::{Numbers, floor};
pub use rules::id as rule;
