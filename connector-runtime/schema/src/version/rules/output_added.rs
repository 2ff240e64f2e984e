//! An output is added.

use super::*;

pub(crate) const RULE: Rule = Rule {
    id: "output_added",
    level: Level::Minor,
    text: "output added",
    cases: &[Case::said(Aspect::Output, Difference::Added, "was added")],
    affects: Affects::Nobody,
    example: Example::Command(r#"{ "outputs": ["items"] }"#, r#"{ "outputs": ["items", "total"] }"#),
    in_lock: InLock::Same,
};
