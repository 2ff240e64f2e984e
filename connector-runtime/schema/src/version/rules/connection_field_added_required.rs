//! A connection field is added that every connector must have, and none has.

use super::*;

pub(crate) const RULE: Rule = Rule {
    id: "connection_field_added_required",
    level: Level::Major,
    text: "connection field added as required without a default",
    cases: &[Case::said(
        Aspect::ConnectionField,
        Difference::AddedWithoutValue,
        "was added as required without a default",
    )],
    affects: Affects::WithoutValue,
    example: Example::Connection("{}", r#"{ "tenant": { "type": "string", "required": true } }"#),
    in_lock: InLock::Same,
};
