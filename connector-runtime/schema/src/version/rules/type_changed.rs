//! A value must be of another type. What else differs belongs to the new type, so nothing else is reported.

use super::*;

pub(crate) const RULE: Rule = Rule {
    id: "type_changed",
    level: Level::Major,
    text: "type changed",
    cases: &[Case::values(Aspect::Type, Difference::Changed)],
    affects: Affects::Users,
    example: Example::Param(r#"{ "type": "string" }"#, r#"{ "type": "number" }"#),
    in_lock: InLock::Same,
};
