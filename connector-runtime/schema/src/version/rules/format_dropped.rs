//! A format is dropped.

use super::*;

pub(crate) const RULE: Rule = Rule {
    id: "format_dropped",
    level: Level::Minor,
    text: "format dropped",
    cases: &[Case::values(Aspect::Format, Difference::Removed)],
    affects: Affects::Nobody,
    example: Example::Param(r#"{ "type": "string", "format": "uri" }"#, r#"{ "type": "string" }"#),
    in_lock: InLock::Same,
};
