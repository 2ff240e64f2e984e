//! A number that had to be whole may have a fraction.

use super::*;

pub(crate) const RULE: Rule = Rule {
    id: "integer_dropped",
    level: Level::Minor,
    text: "no longer has to be a whole number",
    cases: &[Case::said(Aspect::Integer, Difference::Removed, "no longer has to be a whole number")],
    affects: Affects::Nobody,
    example: Example::Param(r#"{ "type": "number", "integer": true }"#, r#"{ "type": "number" }"#),
    in_lock: InLock::Same,
};
