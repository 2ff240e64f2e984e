//! Errors as RFC 9457 `application/problem+json`: what happened, where in the request, how to mend it.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};

use super::ChangeView;

/// A request that was refused.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct Problem {
    /// Always `about:blank`: the status says what kind of problem it is.
    #[serde(rename = "type")]
    pub kind: Cow<'static, str>,
    /// The status in words.
    pub title: Cow<'static, str>,
    /// The HTTP status.
    pub status: u16,
    /// A stable word for programs.
    pub code: Cow<'static, str>,
    /// What happened and how to mend it.
    pub detail: String,
    /// The places in the request that are wrong.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub errors: Vec<Mistake>,
    /// Where a change of a connector type was refused: what it is, as its dry run tells.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub change: Option<Box<ChangeView>>,
}

impl Problem {
    /// The type of every problem.
    pub const KIND: &str = "about:blank";
}

/// A mistake in the input.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct Mistake {
    /// JSON pointer (RFC 6901) into the input; a query parameter is written `?name`.
    pub pointer: String,
    /// What is wrong there.
    pub message: String,
}

impl Mistake {
    /// Creates a mistake at a place.
    pub fn new(pointer: impl Into<String>, message: impl Into<String>) -> Self {
        Self { pointer: pointer.into(), message: message.into() }
    }
}
