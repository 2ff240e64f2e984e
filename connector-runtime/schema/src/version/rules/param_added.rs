//! A command gets a param with a default: calls so far mean what they meant.

use super::*;

pub(crate) const RULE: Rule = Rule {
    id: "param_added",
    level: Level::Minor,
    text: "param with a default added",
    cases: &[Case::said(Aspect::Param, Difference::Added, "was added with a default")],
    affects: Affects::Nobody,
    example: Example::Command(
        "{}",
        r#"{ "params": ["limit"], "paramSchema": { "limit": { "type": "number", "default": 50 } } }"#,
    ),
    in_lock: InLock::Same,
};
