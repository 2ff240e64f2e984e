//! How the comparison of two schemas says a change: the rule's wording, filled with names and values.

use std::fmt::{self, Display, Write as _};

use super::rule::Wording;

/// The number of bytes that most messages fit into.
const ROOM: usize = 80;

/// What a message names.
#[derive(Clone, Copy, Default)]
pub(super) struct Said<'a> {
    /// What changed, such as `param limit of list`; left out where the key says it all.
    pub(super) thing: Option<&'a dyn Display>,
    /// The key of it that changed, such as `maximum`.
    pub(super) key: &'a str,
    /// Its values.
    pub(super) was: Option<&'a dyn Display>,
    pub(super) is: Option<&'a dyn Display>,
    /// The field in whose nested schema this is.
    pub(super) within: Option<&'a dyn Display>,
}

impl<'a> Said<'a> {
    /// Names a thing alone.
    pub(super) fn of(thing: &'a dyn Display) -> Self {
        Self { thing: Some(thing), ..Self::default() }
    }

    /// Names a key of a thing, without values.
    pub(super) fn key(key: &'a str, thing: &'a dyn Display) -> Self {
        Self { thing: Some(thing), key, ..Self::default() }
    }

    /// Adds the values.
    pub(super) fn values(self, was: Option<&'a dyn Display>, is: Option<&'a dyn Display>) -> Self {
        Self { was, is, ..self }
    }

    /// Writes the message.
    pub(super) fn message(&self, wording: Wording) -> String {
        let mut message = String::with_capacity(ROOM);
        // A text takes whatever is written to it.
        let _written: fmt::Result = write!(message, "{}", Message { said: self, wording });
        message
    }

    fn change(&self) -> WasIs<'a> {
        WasIs(self.was, self.is)
    }
}

struct Message<'a> {
    said: &'a Said<'a>,
    wording: Wording,
}

impl Display for Message<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Said { thing, key, within, .. } = self.said;
        match (self.wording, thing) {
            (Wording::Phrase(phrase), Some(thing)) => write!(f, "{thing} {phrase}")?,
            (Wording::Phrase(phrase), None) => f.write_str(phrase)?,
            (Wording::Values, Some(thing)) => write!(f, "{key} of {thing} {}", self.said.change())?,
            (Wording::Values, None) => write!(f, "{key} {}", self.said.change())?,
            (Wording::Comparison, thing) => thing.map_or(Ok(()), |thing| thing.fmt(f))?,
        }
        match within {
            Some(field) => write!(f, " in the schema of {field}"),
            None => Ok(()),
        }
    }
}

/// `was 1, is 2`, `is new: 2`, `was 1, is gone`; `changed` without values.
pub(super) struct WasIs<'a>(pub(super) Option<&'a dyn Display>, pub(super) Option<&'a dyn Display>);

impl Display for WasIs<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.0, self.1) {
            (Some(was), Some(is)) => write!(f, "was {was}, is {is}"),
            (None, Some(is)) => write!(f, "is new: {is}"),
            (Some(was), None) => write!(f, "was {was}, is gone"),
            (None, None) => f.write_str("changed"),
        }
    }
}

/// Returns a value as something that can be shown.
pub(super) fn shown<T: Display>(value: Option<&T>) -> Option<&dyn Display> {
    value.map(|value| value as &dyn Display)
}
