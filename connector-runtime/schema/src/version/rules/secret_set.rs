//! A value becomes a secret: what is stored is sealed when the type changes.

use super::*;

pub(crate) const RULE: Rule = Rule {
    id: "secret_set",
    level: Level::Minor,
    text: "now a secret",
    cases: &[Case::said(Aspect::SecretMark, Difference::Added, "is now a secret")],
    affects: Affects::Nobody,
    example: Example::Connection(
        r#"{ "key": { "type": "string" } }"#,
        r#"{ "key": { "type": "string", "secret": true } }"#,
    ),
    in_lock: InLock::Same,
};
