//! Reads frames, and words what is wrong with one without quoting it.

use serde::Deserialize;

/// Why a frame is not a message.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum FrameError {
    /// The frame is not a JSON object with a `type` and its keys.
    #[error("the frame is not a message: {0}; expected a JSON object with a `type`")]
    Malformed(String),
    /// The type of the frame is unknown here.
    #[error("frames of type {0} are unknown here")]
    UnknownType(String),
}

/// Reads a frame whose type is one of `known`.
pub(super) fn parse<'t, T: Deserialize<'t>>(text: &'t str, known: &[&str]) -> Result<T, FrameError> {
    #[derive(Deserialize)]
    struct Tag<'t> {
        #[serde(rename = "type", borrow)]
        name: std::borrow::Cow<'t, str>,
    }
    serde_json::from_str(text).map_err(|error| match serde_json::from_str::<Tag<'_>>(text) {
        Ok(tag) if !known.contains(&tag.name.as_ref()) => FrameError::UnknownType(tag.name.chars().take(64).collect()),
        _ => malformed(&error),
    })
}

/// Words a mistake without the text that the parser's message quotes, which may be a secret.
pub(super) fn malformed(error: &serde_json::Error) -> FrameError {
    let what = match error.classify() {
        serde_json::error::Category::Data => "a key is missing or has the wrong type",
        _ => "it is not valid JSON",
    };
    FrameError::Malformed(format!("{what}, line {} column {}", error.line(), error.column()))
}
