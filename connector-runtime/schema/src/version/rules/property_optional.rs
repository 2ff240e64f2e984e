//! A property of a nested value may be left out that had to be given.

use super::*;

pub(crate) const RULE: Rule = Rule {
    id: "property_optional",
    level: Level::Minor,
    text: "property of a nested value no longer required",
    cases: &[Case::said(Aspect::PropertyRequired, Difference::Removed, "was required, is optional")],
    affects: Affects::Nobody,
    example: Example::Param(
        r#"{ "type": "object", "schema": { "type": "object", "properties": { "state": { "type": "string" } }, "required": ["state"] } }"#,
        r#"{ "type": "object", "schema": { "type": "object", "properties": { "state": { "type": "string" } } } }"#,
    ),
    in_lock: InLock::Same,
};
