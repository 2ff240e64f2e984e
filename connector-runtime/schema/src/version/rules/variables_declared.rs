//! A command declares its variables for the first time: it may set these and no others.

use super::*;

pub(crate) const RULE: Rule = Rule {
    id: "variables_declared",
    level: Level::Minor,
    text: "variables declared",
    cases: &[Case::said(Aspect::Declaration, Difference::Added, "were declared")],
    affects: Affects::Nobody,
    example: Example::Command("{}", r#"{ "variables": { "count": { "type": "number" } } }"#),
    in_lock: InLock::Same,
};
