//! A command is no longer deprecated.

use super::*;

pub(crate) const RULE: Rule = Rule {
    id: "deprecation_lifted",
    level: Level::Minor,
    text: "no longer deprecated",
    cases: &[Case::said(Aspect::Deprecated, Difference::Removed, "is no longer deprecated")],
    affects: Affects::Nobody,
    example: Example::Command(r#"{ "deprecated": true }"#, "{}"),
    in_lock: InLock::Same,
};
