//! Other fields than before say where secrets may go: requests that carry one may be refused from now on.

use super::*;

pub(crate) const RULE: Rule = Rule {
    id: "egress_changed",
    level: Level::Major,
    text: "egress changed or no longer declared",
    cases: &[
        Case::said(Aspect::Egress, Difference::Changed, "changed"),
        Case::said(Aspect::Egress, Difference::Removed, "is no longer declared"),
    ],
    affects: Affects::Users,
    example: Example::Schema(
        r#"{ "connectionConfig": { "a": { "type": "string" }, "b": { "type": "string" } }, "commands": {}, "egress": ["a"] }"#,
        r#"{ "connectionConfig": { "a": { "type": "string" }, "b": { "type": "string" } }, "commands": {}, "egress": ["b"] }"#,
    ),
    in_lock: InLock::Absent,
};
