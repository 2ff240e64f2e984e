//! A command says another effect on the connected system.

use super::*;

pub(crate) const RULE: Rule = Rule {
    id: "effect_changed",
    level: Level::Minor,
    text: "effect changed",
    cases: &[Case::values(Aspect::Effect, Difference::Changed)],
    affects: Affects::Nobody,
    example: Example::Command(r#"{ "effect": "read" }"#, r#"{ "effect": "update" }"#),
    in_lock: InLock::Same,
};
