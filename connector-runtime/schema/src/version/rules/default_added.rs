//! A default is added.

use super::*;

pub(crate) const RULE: Rule = Rule {
    id: "default_added",
    level: Level::Minor,
    text: "default added",
    cases: &[Case::values(Aspect::DefaultValue, Difference::Added)],
    affects: Affects::Nobody,
    example: Example::Param(r#"{ "type": "number" }"#, r#"{ "type": "number", "default": 50 }"#),
    in_lock: InLock::Same,
};
