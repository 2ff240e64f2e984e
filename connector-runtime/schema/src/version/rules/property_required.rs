//! A property of a nested value must be given that could be left out, or was not there.

use super::*;

pub(crate) const RULE: Rule = Rule {
    id: "property_required",
    level: Level::Major,
    text: "property of a nested value required that was not",
    cases: &[
        Case::said(Aspect::Property, Difference::AddedWithoutValue, "was added as required"),
        Case::said(Aspect::PropertyRequired, Difference::Added, "was optional, is required"),
    ],
    affects: Affects::Users,
    example: Example::Param(
        r#"{ "type": "object", "schema": { "type": "object", "properties": {} } }"#,
        r#"{ "type": "object", "schema": { "type": "object", "properties": { "state": { "type": "string" } }, "required": ["state"] } }"#,
    ),
    in_lock: InLock::Same,
};
