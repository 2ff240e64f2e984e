//! An optional property of a nested value is added.

use super::*;

pub(crate) const RULE: Rule = Rule {
    id: "property_added",
    level: Level::Minor,
    text: "optional property of a nested value added",
    cases: &[Case::said(Aspect::Property, Difference::Added, "was added")],
    affects: Affects::Nobody,
    example: Example::Param(
        r#"{ "type": "object", "schema": { "type": "object", "properties": {} } }"#,
        r#"{ "type": "object", "schema": { "type": "object", "properties": { "state": { "type": "string" } } } }"#,
    ),
    in_lock: InLock::Same,
};
