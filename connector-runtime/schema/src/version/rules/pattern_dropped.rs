//! A pattern is dropped.

use super::*;

pub(crate) const RULE: Rule = Rule {
    id: "pattern_dropped",
    level: Level::Minor,
    text: "pattern dropped",
    cases: &[Case::values(Aspect::Pattern, Difference::Removed)],
    affects: Affects::Nobody,
    example: Example::Param(r#"{ "type": "string", "pattern": "^[A-Z]+$" }"#, r#"{ "type": "string" }"#),
    in_lock: InLock::Same,
};
