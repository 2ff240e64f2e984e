//! Forms from the schema of a type: every kind of field, nested lists and objects included.
//!
//! The inputs are named by the JSON pointers of the body that REST takes (`/config/baseUrl`), so a mistake that a use
//! case reports finds its field without a table. What was typed is kept as text until it is read, so nothing is lost
//! when something is wrong. A value that the controls of its field cannot show as it is, is shown as JSON.

mod control;
mod edit;
mod fill;
mod label;
mod mistakes;
mod read;
mod schema;
mod secret;
mod spec;
mod structured;
mod typed;

#[cfg(test)]
mod tests;

pub(super) use control::{FormView, summary};
pub(super) use edit::edit;
pub(super) use fill::fill;
pub(super) use label::{capital, words};
pub(super) use mistakes::{Line, Mistakes};
pub(super) use read::{Reading, read};
pub(super) use spec::{Item, JsonOf, Kind, Spec, choice, fields};
pub(super) use structured::EDIT;
pub(super) use typed::{Typed, id};
