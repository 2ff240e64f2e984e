//! A lower bound falls, an upper one rises, or one is dropped.

use super::*;

pub(crate) const RULE: Rule = Rule {
    id: "bounds_widened",
    level: Level::Minor,
    text: "bounds widened",
    cases: &[Case::values(Aspect::Bounds, Difference::Widened)],
    affects: Affects::Nobody,
    example: Example::Param(r#"{ "type": "number", "maximum": 500 }"#, r#"{ "type": "number", "maximum": 1000 }"#),
    in_lock: InLock::Same,
};
