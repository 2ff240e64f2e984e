//! How a text is spelled in its place: percent-encoded, or as it is.

use std::borrow::Cow;

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::Value;

/// RFC 3986, section 2.3: what never needs to be encoded.
pub(super) const UNRESERVED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');
/// Reserved characters that a path may hold without becoming another one.
const IN_PATH: &AsciiSet = &UNRESERVED
    .remove(b'!')
    .remove(b'$')
    .remove(b'\'')
    .remove(b'(')
    .remove(b')')
    .remove(b'*')
    .remove(b',')
    .remove(b'/')
    .remove(b':')
    .remove(b';')
    .remove(b'=')
    .remove(b'@');
/// The same for a query, where `?` has no meaning; `+`, `&` and `#` have one.
const IN_QUERY: &AsciiSet = &IN_PATH.remove(b'?');

/// How a text is spelled.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Spelling {
    /// Everything but unreserved characters is percent-encoded.
    Encoded,
    /// Reserved characters of a path stay.
    ReservedInPath,
    /// Reserved characters of a query stay.
    ReservedInQuery,
    /// As it is.
    Plain,
}

impl Spelling {
    pub(super) fn of(self, text: &str) -> Cow<'_, str> {
        let set = match self {
            Self::Encoded => UNRESERVED,
            Self::ReservedInPath => IN_PATH,
            Self::ReservedInQuery => IN_QUERY,
            Self::Plain => return Cow::Borrowed(text),
        };
        utf8_percent_encode(text, set).into()
    }

    pub(super) fn value(self, value: &Value) -> String {
        self.of(&text(value)).into_owned()
    }
}

/// A value as a text: null is empty, lists and objects are JSON.
pub(super) fn text(value: &Value) -> Cow<'_, str> {
    match value {
        Value::Null => Cow::Borrowed(""),
        Value::String(text) => Cow::Borrowed(text),
        other => Cow::Owned(other.to_string()),
    }
}

/// Percent-encodes a text.
pub(super) fn encoded(text: &str) -> Cow<'_, str> {
    Spelling::Encoded.of(text)
}
