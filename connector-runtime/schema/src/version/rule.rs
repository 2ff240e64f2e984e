//! What a rule is: data, in a file of its own below `rules/`, that both engines judge by.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::aspect::{Aspect, Difference};
use super::example::{Example, InLock};

/// How much a change asks of those who call the connector, in rising order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Level {
    /// Nothing changed.
    #[default]
    None,
    /// Nobody has to notice.
    Patch,
    /// There is more than before, and what was there works on.
    Minor,
    /// What worked may no longer work.
    Major,
}

impl Level {
    /// Returns the wire name.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Patch => "patch",
            Self::Minor => "minor",
            Self::Major => "major",
        }
    }
}

impl fmt::Display for Level {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// One rule: a kind of change, and the version that it needs.
pub struct Rule {
    /// Stable name in snake_case, which programs may rely on.
    pub id: &'static str,
    /// What the change needs.
    pub level: Level,
    /// What changed, said in general; a fragment without a full stop.
    pub text: &'static str,
    /// The differences that fall under the rule, each with how it is said of one thing.
    pub cases: &'static [Case],
    /// Whose calls the change may break.
    pub affects: Affects,
    /// The smallest pair of schemas that falls under this rule and no other.
    pub example: Example,
    /// What the lock of a connector shows of the example.
    pub in_lock: InLock,
}

impl Rule {
    /// Returns whether a change under this rule brings or takes texts along: see [`Aspect::is_among_texts`].
    pub fn moves_texts(&self) -> bool {
        self.cases.iter().any(|case| {
            let moved =
                matches!(case.difference, Difference::Added | Difference::AddedWithoutValue | Difference::Removed);
            moved && case.aspect.is_among_texts()
        })
    }
}

impl fmt::Debug for Rule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({})", self.id, self.level)
    }
}

// An id names one rule, which the table's test checks.
impl PartialEq for Rule {
    fn eq(&self, other: &Self) -> bool {
        self.id == other.id
    }
}

impl Eq for Rule {}

/// One difference that a rule is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Case {
    /// What is compared.
    pub aspect: Aspect,
    /// How the two sides differ.
    pub difference: Difference,
    /// How it is said of one thing.
    pub wording: Wording,
}

impl Case {
    /// Makes a case with a phrase that follows the thing: `param limit of list was removed`.
    pub(super) const fn said(aspect: Aspect, difference: Difference, phrase: &'static str) -> Self {
        Self { aspect, difference, wording: Wording::Phrase(phrase) }
    }

    /// Makes a case that is said by its values: `maximum of param limit of list was 500, is 100`.
    pub(super) const fn values(aspect: Aspect, difference: Difference) -> Self {
        Self { aspect, difference, wording: Wording::Values }
    }

    /// Makes a case that the comparison words itself.
    pub(super) const fn told(aspect: Aspect, difference: Difference) -> Self {
        Self { aspect, difference, wording: Wording::Comparison }
    }
}

/// How a change is said of one thing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Wording {
    /// A phrase that follows the name of the thing.
    Phrase(&'static str),
    /// The key that changed, and its old and new value.
    Values,
    /// The comparison says it: there are too many ways to differ.
    Comparison,
}

/// Whose calls a change may break.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Affects {
    /// Nobody's: the change is not breaking.
    Nobody,
    /// Those of who uses the thing: calls of the command, calls that give the param, connectors that have the field.
    Users,
    /// Those of who relies on its default: calls that leave the param out, connectors that lack the field.
    DefaultUsers,
    /// Those of who has no value for it, now that it needs one.
    WithoutValue,
}
