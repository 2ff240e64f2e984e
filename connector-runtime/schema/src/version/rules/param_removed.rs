//! A param is removed: calls that give it relied on what it did.

use super::*;

pub(crate) const RULE: Rule = Rule {
    id: "param_removed",
    level: Level::Major,
    text: "param removed",
    cases: &[Case::said(Aspect::Param, Difference::Removed, "was removed")],
    affects: Affects::Users,
    example: Example::Command(r#"{ "params": ["limit"], "paramSchema": { "limit": { "type": "number" } } }"#, "{}"),
    in_lock: InLock::Same,
};
