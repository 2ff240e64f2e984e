//! A number must be whole: fractions that were accepted are refused.

use super::*;

pub(crate) const RULE: Rule = Rule {
    id: "integer_added",
    level: Level::Major,
    text: "must be a whole number now",
    cases: &[Case::said(Aspect::Integer, Difference::Added, "must be a whole number now")],
    affects: Affects::Users,
    example: Example::Param(r#"{ "type": "number" }"#, r#"{ "type": "number", "integer": true }"#),
    in_lock: InLock::Same,
};
