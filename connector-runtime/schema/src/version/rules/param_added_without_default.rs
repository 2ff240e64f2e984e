//! A command gets a param that has no default: no call so far gives it. `null` is a default.

use super::*;

pub(crate) const RULE: Rule = Rule {
    id: "param_added_without_default",
    level: Level::Major,
    text: "param added to an existing command without a default",
    cases: &[Case::said(Aspect::Param, Difference::AddedWithoutValue, "was added without a default")],
    affects: Affects::WithoutValue,
    example: Example::Command("{}", r#"{ "params": ["limit"], "paramSchema": { "limit": { "type": "number" } } }"#),
    in_lock: InLock::Same,
};
