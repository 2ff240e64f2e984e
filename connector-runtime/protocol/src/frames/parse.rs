//! Reads frames, and words what is wrong with one without quoting it.

use std::borrow::Cow;
use std::fmt;

use serde::Deserialize;
use serde::de::{Deserializer as _, IgnoredAny, MapAccess, Visitor};

/// Why a frame is not a message.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum FrameError {
    /// The frame is not a JSON object with a `type` and its keys.
    #[error("the frame is not a message: {0}; expected a JSON object with a `type`")]
    Malformed(String),
    /// A response whose command is known, and which cannot be read otherwise.
    #[error("the response cannot be read: {reason}")]
    UnreadableResponse {
        /// The command that it answers.
        command_id: String,
        /// What is wrong.
        reason: String,
    },
    /// A frame of a known type that answers no command and cannot be read.
    #[error("a frame of type {name} cannot be read: {reason}")]
    Unreadable {
        /// Its type.
        name: String,
        /// What is wrong.
        reason: String,
    },
    /// The type of the frame is unknown here.
    #[error("frames of type {0} are unknown here")]
    UnknownType(String),
}

/// Reads a frame whose type is one of `known`.
pub(super) fn parse<'t, T: Deserialize<'t>>(text: &'t str, known: &[&str]) -> Result<T, FrameError> {
    serde_json::from_str(text).map_err(|error| {
        let Tag { name, command_id } = Tag::of(text);
        let Some(name) = name else { return malformed(&error) };
        if !known.contains(&name.as_str()) {
            return FrameError::UnknownType(name.chars().take(64).collect());
        }
        let reason = reason(&error);
        match (name.as_str(), command_id) {
            ("response", Some(command_id)) => FrameError::UnreadableResponse { command_id, reason },
            // Without its command nobody can be told.
            ("response", None) => malformed(&error),
            _ => FrameError::Unreadable { name, reason },
        }
    })
}

/// What a frame says of itself, as far as it can be read.
#[derive(Default)]
struct Tag {
    name: Option<String>,
    command_id: Option<String>,
}

impl Tag {
    /// Reads the tag of a frame, up to the first mistake in its JSON: an answer that is nested too deeply, or has a number
    /// that is none, still names its command.
    fn of(text: &str) -> Self {
        let mut tag = Self::default();
        // The error was reported by the first reading.
        drop(serde_json::Deserializer::from_str(text).deserialize_map(&mut tag));
        tag
    }
}

impl<'de> Visitor<'de> for &mut Tag {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        while let Some(key) = map.next_key::<Cow<'de, str>>()? {
            match key.as_ref() {
                "type" => self.name = Some(map.next_value()?),
                "commandId" => self.command_id = Some(map.next_value()?),
                _ => drop(map.next_value::<IgnoredAny>()?),
            }
        }
        Ok(())
    }
}

/// Words a mistake without the text that the parser's message quotes, which may be a secret.
pub(super) fn malformed(error: &serde_json::Error) -> FrameError {
    FrameError::Malformed(reason(error))
}

fn reason(error: &serde_json::Error) -> String {
    let what = match error.classify() {
        serde_json::error::Category::Data => "a key is missing or has the wrong type",
        _ => "it is not valid JSON",
    };
    format!("{what}, line {} column {}", error.line(), error.column())
}
