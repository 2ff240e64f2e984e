//! A command is deprecated; it works on.

use super::*;

pub(crate) const RULE: Rule = Rule {
    id: "deprecation_set",
    level: Level::Minor,
    text: "deprecated",
    cases: &[Case::said(Aspect::Deprecated, Difference::Added, "was deprecated")],
    affects: Affects::Nobody,
    example: Example::Command("{}", r#"{ "deprecated": true }"#),
    in_lock: InLock::Same,
};
