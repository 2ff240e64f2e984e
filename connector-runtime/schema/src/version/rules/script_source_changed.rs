//! The script of a script connector changed. It is kept beside the config schema.

use super::*;

pub(crate) const RULE: Rule = Rule {
    id: "script_source_changed",
    level: Level::Patch,
    text: "script changed",
    cases: &[Case::said(Aspect::ScriptSource, Difference::Changed, "changed")],
    affects: Affects::Nobody,
    example: Example::Outside,
    in_lock: InLock::Absent,
};
