//! A nested schema accepts less, or differs in a keyword that is not understood. Also the rule of every difference that
//! no other rule is about: a change that cannot be shown to be harmless counts as breaking.

use super::*;

pub(crate) const RULE: Rule = Rule {
    id: "schema_narrowed",
    level: Level::Major,
    text: "nested schema changed in a way that may refuse what it accepted",
    cases: &[Case::told(Aspect::Nested, Difference::Narrowed)],
    affects: Affects::Users,
    example: Example::Param(
        r#"{ "type": "array", "schema": { "type": "array" } }"#,
        r#"{ "type": "array", "schema": { "type": "array", "uniqueItems": true } }"#,
    ),
    in_lock: InLock::Absent,
};
