//! Runs in answers: what the check of a run's steps says before anything starts.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};

/// The answer to the check of a run (docs/contract.md#the-check).
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct CheckedRun {
    /// Why the run would not start; empty if it would.
    pub errors: Vec<CheckItem>,
    /// What may go wrong. Errors and warnings together are at most 200.
    pub warnings: Vec<CheckItem>,
    /// What each reference reads, in the order of the steps; those that lead somewhere.
    pub references: Vec<CheckReading>,
}

/// One thing that is wrong with a run, or may be.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct CheckItem {
    /// JSON pointer (RFC 6901) into the body, such as `/steps/2/params/limit`.
    pub pointer: String,
    /// What kind of thing it is, such as `unknown_path`.
    pub code: Cow<'static, str>,
    /// What is wrong, why, and how to fix it.
    pub message: String,
    /// Where the placeholder begins in the text at the pointer, in characters from 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub column: Option<usize>,
    /// The name that was probably meant, or the placeholder that would do.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub suggestion: Option<String>,
}

/// What one reference of a run reads.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct CheckReading {
    /// JSON pointer (RFC 6901) of the text with the reference.
    pub pointer: String,
    /// The path that is read.
    pub path: String,
    /// The JSON types of the value, such as `integer` or `string or null`; `any` where nothing is known.
    #[serde(rename = "type")]
    pub value_type: String,
    /// Who gives it: `inputs`, `run`, `steps`, or the ids of steps, joined by ` or `.
    pub from: String,
}
