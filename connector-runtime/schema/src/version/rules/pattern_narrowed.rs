//! A pattern is added or changed. Whether another pattern accepts more is not decidable here, so it counts as less.

use super::*;

pub(crate) const RULE: Rule = Rule {
    id: "pattern_narrowed",
    level: Level::Major,
    text: "pattern added or changed",
    cases: &[Case::values(Aspect::Pattern, Difference::Added), Case::values(Aspect::Pattern, Difference::Changed)],
    affects: Affects::Users,
    example: Example::Param(r#"{ "type": "string" }"#, r#"{ "type": "string", "pattern": "^[A-Z]+$" }"#),
    in_lock: InLock::Same,
};
