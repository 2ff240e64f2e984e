//! A description, a label, a placeholder or an example changed, or a value is written in another way, as 1.0 for 1.

use super::*;

pub(crate) const RULE: Rule = Rule {
    id: "text_changed",
    level: Level::Patch,
    text: "text for people changed",
    cases: &[
        Case::values(Aspect::Text, Difference::Changed),
        Case::said(Aspect::Text, Difference::Rewritten, "is written in another way"),
        Case::values(Aspect::Bounds, Difference::Rewritten),
    ],
    affects: Affects::Nobody,
    example: Example::Command(r#"{ "description": "Lists." }"#, r#"{ "description": "Lists all." }"#),
    in_lock: InLock::Same,
};
