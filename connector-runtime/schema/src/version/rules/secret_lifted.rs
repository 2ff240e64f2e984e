//! A secret is no longer one: what was kept sealed and out of every log would be shown.

use super::*;

pub(crate) const RULE: Rule = Rule {
    id: "secret_lifted",
    level: Level::Major,
    text: "no longer a secret",
    cases: &[Case::said(Aspect::SecretMark, Difference::Removed, "is no longer a secret")],
    affects: Affects::Users,
    example: Example::Connection(
        r#"{ "key": { "type": "string", "secret": true } }"#,
        r#"{ "key": { "type": "string" } }"#,
    ),
    in_lock: InLock::Same,
};
