//! A command says another version that brought it.

use super::*;

pub(crate) const RULE: Rule = Rule {
    id: "since_changed",
    level: Level::Patch,
    text: "version of origin changed",
    cases: &[Case::values(Aspect::Since, Difference::Changed)],
    affects: Affects::Nobody,
    example: Example::Command(r#"{ "addedInVersion": "1.0.0" }"#, r#"{ "addedInVersion": "1.1.0" }"#),
    in_lock: InLock::Same,
};
