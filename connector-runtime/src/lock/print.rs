//! Writes a descriptor as the text of its lock.

mod fields;
mod lock;
mod order;
mod texts;

pub(super) use fields::is_kind;
pub(super) use lock::lock;
