//! A command no longer declares its variables: a later step cannot rely on any of them.

use super::*;

pub(crate) const RULE: Rule = Rule {
    id: "variables_withdrawn",
    level: Level::Major,
    text: "variables no longer declared",
    cases: &[Case::said(Aspect::Declaration, Difference::Removed, "are no longer declared")],
    affects: Affects::Users,
    example: Example::Command(r#"{ "variables": {} }"#, "{}"),
    in_lock: InLock::Same,
};
