//! Another default stands in for an absent value.

use super::*;

pub(crate) const RULE: Rule = Rule {
    id: "default_changed",
    level: Level::Minor,
    text: "default changed",
    cases: &[Case::values(Aspect::DefaultValue, Difference::Changed)],
    affects: Affects::Nobody,
    example: Example::Param(r#"{ "type": "number", "default": 50 }"#, r#"{ "type": "number", "default": 100 }"#),
    in_lock: InLock::Same,
};
