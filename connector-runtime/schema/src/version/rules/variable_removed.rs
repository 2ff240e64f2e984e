//! A declared variable is removed: a later step that reads it finds nothing.

use super::*;

pub(crate) const RULE: Rule = Rule {
    id: "variable_removed",
    level: Level::Major,
    text: "declared variable removed",
    cases: &[Case::said(Aspect::Variable, Difference::Removed, "was removed")],
    affects: Affects::Users,
    example: Example::Command(r#"{ "variables": { "count": { "type": "number" } } }"#, r#"{ "variables": {} }"#),
    in_lock: InLock::Same,
};
