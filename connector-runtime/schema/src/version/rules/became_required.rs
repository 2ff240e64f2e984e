//! A value that could be left out must be given.

use super::*;

pub(crate) const RULE: Rule = Rule {
    id: "became_required",
    level: Level::Major,
    text: "was optional, is required",
    cases: &[Case::said(Aspect::Required, Difference::Added, "was optional, is required")],
    affects: Affects::WithoutValue,
    example: Example::Param(r#"{ "type": "string" }"#, r#"{ "type": "string", "required": true }"#),
    in_lock: InLock::Same,
};
