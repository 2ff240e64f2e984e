//! What a change of a config schema means for those who call it, and the version that it needs.
//!
//! One set of rules for every execution model: [`RULES`] is the table, one file each below
//! `rules/`. [`diff`] compares two schemas, `connector_runtime::lock` two locks at compile time; both ask
//! [`judge`] what a difference means, so that id, level and wording are the same. [`suggested_version`] and
//! [`check_floor`] say what the version must be. A change that cannot be shown to be harmless counts as breaking.

mod aspect;
mod bump;
mod changes;
mod command;
mod diff;
mod example;
mod field;
mod keywords;
mod nested;
mod numbers;
mod pairs;
mod path;
mod rule;
mod rules;
mod said;
mod same;
mod table;
#[cfg(test)]
#[allow(clippy::needless_pass_by_value, reason = "shorter calls")]
mod tests;

pub use aspect::{Aspect, Difference};
pub use bump::{FloorError, Numbers, check_floor, floor, suggested_version};
pub use changes::{Change, Changes, Report};
pub use diff::diff;
pub use example::{Example, InLock};
pub use rule::{Affects, Case, Level, Rule, Wording};
pub use table::{Judgement, RULES, judge};
