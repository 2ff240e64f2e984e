//! The table of the rules, and which of them a difference falls under. Both engines judge through [`judge`]: the
//! compiler as well as the run time, as all of it is const.

use super::aspect::{Aspect, Difference};
use super::rule::{Affects, Level, Rule, Wording};
use super::rules;

/// Every rule, the breaking ones first.
pub static RULES: &[&Rule] = &[
    &rules::command_removed::RULE,
    &rules::param_removed::RULE,
    &rules::output_removed::RULE,
    &rules::connection_field_removed::RULE,
    &rules::param_added_without_default::RULE,
    &rules::connection_field_added_required::RULE,
    &rules::type_changed::RULE,
    &rules::became_required::RULE,
    &rules::default_removed::RULE,
    &rules::option_removed::RULE,
    &rules::bounds_narrowed::RULE,
    &rules::pattern_narrowed::RULE,
    &rules::format_added::RULE,
    &rules::integer_added::RULE,
    &rules::secret_lifted::RULE,
    &rules::idempotent_withdrawn::RULE,
    &rules::variable_removed::RULE,
    &rules::variable_retyped::RULE,
    &rules::variables_withdrawn::RULE,
    &rules::default_command_removed::RULE,
    &rules::default_command_changed::RULE,
    &rules::egress_changed::RULE,
    &rules::property_removed::RULE,
    &rules::property_required::RULE,
    &rules::schema_narrowed::RULE,
    &rules::command_added::RULE,
    &rules::output_added::RULE,
    &rules::param_added::RULE,
    &rules::connection_field_added::RULE,
    &rules::default_command_added::RULE,
    &rules::egress_declared::RULE,
    &rules::became_optional::RULE,
    &rules::default_changed::RULE,
    &rules::default_added::RULE,
    &rules::option_added::RULE,
    &rules::bounds_widened::RULE,
    &rules::pattern_dropped::RULE,
    &rules::format_dropped::RULE,
    &rules::integer_dropped::RULE,
    &rules::secret_set::RULE,
    &rules::deprecation_set::RULE,
    &rules::deprecation_lifted::RULE,
    &rules::effect_changed::RULE,
    &rules::idempotent_declared::RULE,
    &rules::variable_added::RULE,
    &rules::variables_declared::RULE,
    &rules::property_added::RULE,
    &rules::property_optional::RULE,
    &rules::schema_widened::RULE,
    &rules::text_changed::RULE,
    &rules::order_changed::RULE,
    &rules::since_changed::RULE,
    &rules::source_changed::RULE,
    &rules::output_schema_changed::RULE,
    &rules::script_source_changed::RULE,
    &rules::endpoint_url_changed::RULE,
];

/// What the table says of a difference.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Judgement {
    /// The rule that it falls under.
    pub rule: &'static Rule,
    /// How it is said of one thing.
    pub wording: Wording,
}

/// Returns what the rules say of a difference. One that no rule is about counts as breaking: it is not shown to be
/// harmless.
pub const fn judge(aspect: Aspect, difference: Difference) -> Judgement {
    match JUDGEMENTS[aspect as usize][difference as usize] {
        Some(judgement) => judgement,
        None => Judgement { rule: &rules::schema_narrowed::RULE, wording: Wording::Values },
    }
}

type Judgements = [[Option<Judgement>; Difference::COUNT]; Aspect::COUNT];

/// The cases of all rules by aspect and difference.
static JUDGEMENTS: Judgements = claims();

/// Lays out the cases. Two rules that claim one difference do not compile, and neither does an aspect without a rule.
const fn claims() -> Judgements {
    let mut claims: Judgements = [[None; Difference::COUNT]; Aspect::COUNT];
    let mut at = 0;
    while at < RULES.len() {
        let rule = RULES[at];
        assert!(
            matches!(rule.level, Level::Major) != matches!(rule.affects, Affects::Nobody),
            "a breaking rule says whom it affects, and no other does"
        );
        let mut case = 0;
        while case < rule.cases.len() {
            let found = &rule.cases[case];
            let claim = &mut claims[found.aspect as usize][found.difference as usize];
            assert!(claim.is_none(), "two rules claim the same difference of the same aspect");
            *claim = Some(Judgement { rule, wording: found.wording });
            case += 1;
        }
        at += 1;
    }
    at = 0;
    while at < Aspect::COUNT {
        let mut claimed = false;
        let mut difference = 0;
        while difference < Difference::COUNT {
            claimed = claimed || claims[at][difference].is_some();
            difference += 1;
        }
        assert!(claimed, "no rule is about one of the aspects");
        at += 1;
    }
    claims
}
