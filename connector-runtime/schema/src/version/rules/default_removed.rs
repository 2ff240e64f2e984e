//! A default is removed, or is the `null` that a required field refuses: who left the value out relied on it.

use super::*;

pub(crate) const RULE: Rule = Rule {
    id: "default_removed",
    level: Level::Major,
    text: "default removed",
    cases: &[Case::values(Aspect::DefaultValue, Difference::Removed)],
    affects: Affects::DefaultUsers,
    example: Example::Param(r#"{ "type": "number", "default": 50 }"#, r#"{ "type": "number" }"#),
    in_lock: InLock::Same,
};
