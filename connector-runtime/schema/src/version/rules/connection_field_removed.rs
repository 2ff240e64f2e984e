//! A connection field is removed: connectors that have it set relied on what it did.

use super::*;

pub(crate) const RULE: Rule = Rule {
    id: "connection_field_removed",
    level: Level::Major,
    text: "connection field removed",
    cases: &[Case::said(Aspect::ConnectionField, Difference::Removed, "was removed")],
    affects: Affects::Users,
    example: Example::Connection(r#"{ "tenant": { "type": "string" } }"#, "{}"),
    in_lock: InLock::Same,
};
