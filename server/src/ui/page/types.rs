//! The pages of connector types.

pub(in crate::ui) mod head;
pub(in crate::ui) mod schema;
pub(in crate::ui) mod script;
