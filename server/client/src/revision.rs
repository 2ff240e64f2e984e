//! The revision of a connector or a connector type: the value of `ETag` and `If-Match`.

use std::fmt;
use std::str::FromStr;

/// A revision. Its text is an entity tag: the number in quotes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Revision(pub i64);

impl fmt::Display for Revision {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "\"{}\"", self.0)
    }
}

/// A text that is not the entity tag of a revision.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("expected a number in quotes, as an ETag header tells it")]
pub struct NotARevision;

impl FromStr for Revision {
    type Err = NotARevision;

    fn from_str(text: &str) -> Result<Self, NotARevision> {
        let number = text.strip_prefix('"').and_then(|text| text.strip_suffix('"'));
        number.and_then(|number| number.parse().ok()).map(Self).ok_or(NotARevision)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_revision_is_read_as_it_is_written() {
        assert_eq!(Revision(17).to_string(), "\"17\"");
        assert_eq!("\"17\"".parse(), Ok(Revision(17)));
        for wrong in ["17", "\"17", "W/\"17\"", "\"\"", "\"a\"", "*", ""] {
            assert_eq!(wrong.parse::<Revision>(), Err(NotARevision), "{wrong}");
        }
    }
}
