//! The pages of connector types.

pub(in crate::ui) mod head;
pub(in crate::ui) mod schema;
