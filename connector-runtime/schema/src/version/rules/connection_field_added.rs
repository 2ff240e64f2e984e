//! A connection field is added that may be left out, or has a default.

use super::*;

pub(crate) const RULE: Rule = Rule {
    id: "connection_field_added",
    level: Level::Minor,
    text: "connection field added that may be left out",
    cases: &[Case::said(Aspect::ConnectionField, Difference::Added, "was added")],
    affects: Affects::Nobody,
    example: Example::Connection("{}", r#"{ "tenant": { "type": "string" } }"#),
    in_lock: InLock::Same,
};
