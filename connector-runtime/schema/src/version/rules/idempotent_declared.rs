//! A command is declared idempotent: it may be repeated on a lost answer.

use super::*;

pub(crate) const RULE: Rule = Rule {
    id: "idempotent_declared",
    level: Level::Minor,
    text: "declared idempotent",
    cases: &[Case::said(Aspect::Idempotent, Difference::Added, "was declared idempotent")],
    affects: Affects::Nobody,
    example: Example::Command("{}", r#"{ "idempotent": true }"#),
    in_lock: InLock::Same,
};
