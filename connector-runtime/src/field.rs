//! The Rust types that a connection field or a param may have, and how each reads its value.

mod field_type;
mod nested;
mod select;
#[cfg(test)]
#[allow(clippy::needless_pass_by_value, reason = "shorter calls")]
mod tests;
mod url;

pub use self::url::{PathError, Url};
pub use field_type::{FieldType, Mismatch};
pub use select::Select;

pub(crate) use nested::{answer_schema_of, read_nested, schema_of};
pub(crate) use select::{deserialize_select, read_select, select_schema};
