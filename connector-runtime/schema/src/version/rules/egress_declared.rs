//! The fields whose origins may have secrets are named for the first time.

use super::*;

pub(crate) const RULE: Rule = Rule {
    id: "egress_declared",
    level: Level::Minor,
    text: "egress declared",
    cases: &[Case::said(Aspect::Egress, Difference::Added, "was declared")],
    affects: Affects::Nobody,
    example: Example::Schema(
        r#"{ "connectionConfig": { "baseUrl": { "type": "string" } }, "commands": {} }"#,
        r#"{ "connectionConfig": { "baseUrl": { "type": "string" } }, "commands": {}, "egress": ["baseUrl"] }"#,
    ),
    in_lock: InLock::Absent,
};
