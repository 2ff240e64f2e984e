//! A nested schema accepts more, such as one type more.

use super::*;

pub(crate) const RULE: Rule = Rule {
    id: "schema_widened",
    level: Level::Minor,
    text: "nested schema accepts more",
    cases: &[Case::told(Aspect::Nested, Difference::Widened), Case::values(Aspect::Type, Difference::Widened)],
    affects: Affects::Nobody,
    example: Example::Param(
        r#"{ "type": "object", "schema": { "type": "object", "properties": { "state": { "type": "string" } } } }"#,
        r#"{ "type": "object", "schema": { "type": "object", "properties": { "state": { "type": ["string", "null"] } } } }"#,
    ),
    in_lock: InLock::Same,
};
