//! A lower bound rises, an upper one falls, or one is added: values that were accepted are refused.

use super::*;

pub(crate) const RULE: Rule = Rule {
    id: "bounds_narrowed",
    level: Level::Major,
    text: "bounds narrowed",
    cases: &[Case::values(Aspect::Bounds, Difference::Narrowed)],
    affects: Affects::Users,
    example: Example::Param(r#"{ "type": "number", "maximum": 500 }"#, r#"{ "type": "number", "maximum": 100 }"#),
    in_lock: InLock::Same,
};
