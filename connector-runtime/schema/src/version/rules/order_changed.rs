//! Commands, fields, options or outputs are in another order, which forms show. A lock has no order: there it is part
//! of the texts.

use super::*;

pub(crate) const RULE: Rule = Rule {
    id: "order_changed",
    level: Level::Patch,
    text: "order changed",
    cases: &[Case::said(Aspect::Order, Difference::Changed, "are in another order")],
    affects: Affects::Nobody,
    example: Example::Command(r#"{ "params": ["from", "to"] }"#, r#"{ "params": ["to", "from"] }"#),
    in_lock: InLock::AsText,
};
