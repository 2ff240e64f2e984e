//! A property of a nested value is removed. An open schema would still accept it, but as with params it no longer does anything.

use super::*;

pub(crate) const RULE: Rule = Rule {
    id: "property_removed",
    level: Level::Major,
    text: "property of a nested value removed",
    cases: &[Case::said(Aspect::Property, Difference::Removed, "was removed")],
    affects: Affects::Users,
    example: Example::Param(
        r#"{ "type": "object", "schema": { "type": "object", "properties": { "state": { "type": "string" } } } }"#,
        r#"{ "type": "object", "schema": { "type": "object", "properties": {} } }"#,
    ),
    in_lock: InLock::Same,
};
