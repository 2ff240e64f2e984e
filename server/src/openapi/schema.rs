//! The document's schemas -> JSON Schema 2020-12 that stands alone, and fields made of it.
//!
//! Whatever is not a sound keyword is left out, so that what comes out always compiles: real documents hold
//! `required: true` in properties, `type: int` and patterns of other engines. References are written out;
//! a cycle, and what goes beyond the budget, is cut to any JSON. The budget is what keeps a document whose
//! schemas repeat each other 2^60 times from costing more than its length.

mod field;
mod keywords;
mod merge;
mod parts;
mod schemas;

pub(super) use self::field::field;
pub(super) use self::keywords::is_small;
pub(super) use self::schemas::{Schemas, Way};
