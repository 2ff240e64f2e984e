//! Errors as RFC 9457 `application/problem+json`: what happened, where in the request, how to fix it.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};

use super::{ChangeView, ClearedSecrets, ReadinessPart};

/// A refused request.
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
    /// A stable code for programs.
    pub code: Cow<'static, str>,
    /// What happened and how to fix it.
    pub detail: String,
    /// The places in the request that are wrong.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub errors: Vec<Mistake>,
    /// The change of a connector type that was refused, as its dry run shows it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub change: Option<Box<ChangeView>>,
    /// Secrets that this change would clear, because their destination moves.
    #[serde(default, skip_serializing_if = "Vec::is_empty", rename = "secretsCleared")]
    pub secrets_cleared: Vec<ClearedSecrets>,
    /// How each part of the server is, if it is not ready.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub parts: Vec<ReadinessPart>,
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
    /// The line of the mistake in the text that the pointer names, if that is a script or a document; the first is 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub line: Option<u32>,
    /// The column in that line; the first is 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub column: Option<u32>,
    /// What kind of mistake it is, if it was found by the check of a run.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub code: Option<String>,
    /// What would be right, if that is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub suggestion: Option<String>,
}

impl Mistake {
    /// Creates a mistake at a place.
    pub fn new(pointer: impl Into<String>, message: impl Into<String>) -> Self {
        Self {
            pointer: pointer.into(),
            message: message.into(),
            line: None,
            column: None,
            code: None,
            suggestion: None,
        }
    }

    /// Adds the place in the text that the pointer names; 0, which parsers say where they know none, is no place.
    #[must_use]
    pub fn at(self, line: Option<u32>, column: Option<u32>) -> Self {
        let line = line.filter(|line| *line > 0);
        let column = column.filter(|column| *column > 0 && line.is_some());
        Self { line, column, ..self }
    }
}
