//! The pages of connector types.

pub(in crate::ui) mod command;
pub(in crate::ui) mod details;
mod fields;
pub(in crate::ui) mod head;
pub(in crate::ui) mod list;
pub(in crate::ui) mod overview;
pub(in crate::ui) mod schema;
pub(in crate::ui) mod script;
pub(in crate::ui) mod used_by;
pub(in crate::ui) mod versions;
