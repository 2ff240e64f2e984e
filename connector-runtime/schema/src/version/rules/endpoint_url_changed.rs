//! An external connector is served at another endpoint. It is kept beside the config schema.

use super::*;

pub(crate) const RULE: Rule = Rule {
    id: "endpoint_url_changed",
    level: Level::Patch,
    text: "endpoint changed",
    cases: &[Case::said(Aspect::EndpointUrl, Difference::Changed, "changed")],
    affects: Affects::Nobody,
    example: Example::Outside,
    in_lock: InLock::Absent,
};
