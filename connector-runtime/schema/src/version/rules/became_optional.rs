//! A value that had to be given may be left out.

use super::*;

pub(crate) const RULE: Rule = Rule {
    id: "became_optional",
    level: Level::Minor,
    text: "was required, is optional",
    cases: &[Case::said(Aspect::Required, Difference::Removed, "was required, is optional")],
    affects: Affects::Nobody,
    example: Example::Param(r#"{ "type": "string", "required": true }"#, r#"{ "type": "string" }"#),
    in_lock: InLock::Same,
};
