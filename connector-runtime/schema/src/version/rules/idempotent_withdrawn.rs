//! A command is no longer declared idempotent: callers that repeat it on a lost answer do it twice.

use super::*;

pub(crate) const RULE: Rule = Rule {
    id: "idempotent_withdrawn",
    level: Level::Major,
    text: "no longer declared idempotent",
    cases: &[Case::said(Aspect::Idempotent, Difference::Removed, "is no longer declared idempotent")],
    affects: Affects::Users,
    example: Example::Command(r#"{ "idempotent": true }"#, "{}"),
    in_lock: InLock::Same,
};
