//! An output is removed: who reads it from the payload finds nothing.

use super::*;

pub(crate) const RULE: Rule = Rule {
    id: "output_removed",
    level: Level::Major,
    text: "output removed",
    cases: &[Case::said(Aspect::Output, Difference::Removed, "was removed")],
    affects: Affects::Users,
    example: Example::Command(r#"{ "outputs": ["items", "total"] }"#, r#"{ "outputs": ["items"] }"#),
    in_lock: InLock::Same,
};
