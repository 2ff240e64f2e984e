//! The output schema of a command differs. It is declarative: nothing is refused by it.

use super::*;

pub(crate) const RULE: Rule = Rule {
    id: "output_schema_changed",
    level: Level::Patch,
    text: "output schema changed",
    cases: &[Case::values(Aspect::OutputSchema, Difference::Changed)],
    affects: Affects::Nobody,
    example: Example::Command("{}", r#"{ "outputSchema": { "type": "object" } }"#),
    in_lock: InLock::Absent,
};
