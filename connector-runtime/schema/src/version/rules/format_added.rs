//! A format is added or changed: texts that were accepted may be refused.

use super::*;

pub(crate) const RULE: Rule = Rule {
    id: "format_added",
    level: Level::Major,
    text: "format added or changed",
    cases: &[Case::values(Aspect::Format, Difference::Added), Case::values(Aspect::Format, Difference::Changed)],
    affects: Affects::Users,
    example: Example::Param(r#"{ "type": "string" }"#, r#"{ "type": "string", "format": "uri" }"#),
    in_lock: InLock::Same,
};
