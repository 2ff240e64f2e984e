//! A declared variable has another type, or differs in anything but its texts: a later step that reads it may not
//! take what comes now.

use super::*;

pub(crate) const RULE: Rule = Rule {
    id: "variable_retyped",
    level: Level::Major,
    text: "declared variable retyped",
    cases: &[Case::told(Aspect::Variable, Difference::Changed)],
    affects: Affects::Users,
    example: Example::Command(
        r#"{ "variables": { "count": { "type": "number" } } }"#,
        r#"{ "variables": { "count": { "type": "string" } } }"#,
    ),
    in_lock: InLock::Same,
};
