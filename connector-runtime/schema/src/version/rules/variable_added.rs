//! A command declares one more variable.

use super::*;

pub(crate) const RULE: Rule = Rule {
    id: "variable_added",
    level: Level::Minor,
    text: "declared variable added",
    cases: &[Case::said(Aspect::Variable, Difference::Added, "was added")],
    affects: Affects::Nobody,
    example: Example::Command(r#"{ "variables": {} }"#, r#"{ "variables": { "count": { "type": "number" } } }"#),
    in_lock: InLock::Same,
};
