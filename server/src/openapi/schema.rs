//! Converts the document's schemas to self-contained JSON Schema 2020-12, and to fields.
//!
//! Anything that is not a valid keyword is left out, so that the output always compiles: real documents contain
//! `required: true` in properties, `type: int` and patterns of other engines. References are written out; a cycle, and
//! what exceeds the budget, becomes a schema that accepts any JSON. The budget keeps a document whose schemas repeat
//! each other 2^60 times from costing more than its length.

mod field;
mod keywords;
mod merge;
mod parts;
mod schemas;

pub(super) use self::field::{allow_empty, field};
pub(super) use self::keywords::{hide_secret, is_small, limit_patterns};
pub(super) use self::schemas::{Schemas, Way};
