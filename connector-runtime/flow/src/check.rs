//! The check of a list of steps before anything starts.
//!
//! A pure function of the steps, the inputs and the schemas of the connectors. It finds references that lead nowhere, are
//! read too early or are perhaps absent, values that do not fit their params, and whatever the connectors would refuse.
//! What a program writes itself is sure, so a mistake about it is an error; what an author declares may differ, so there
//! it is a warning.

mod facts;
mod fits;
mod item;
mod known;
mod params;
mod reading;
mod sources;
#[cfg(test)]
#[allow(clippy::needless_pass_by_value, reason = "shorter calls")]
mod tests;

use connector_schema::{Fields, Fuel};
use serde_json::{Map, Value};

use self::facts::Facts;
use self::item::Findings;
use self::reading::Use;
use self::sources::Sources;
use crate::condition::{Comparison, Condition};
use crate::definition::{Action, Flow, MAX_STEPS, RESERVED_ROOTS, Step, Wait};
use crate::reference::{Reference, Template};

pub use self::item::{Checked, Code, Item, MAX_ITEMS, MAX_READINGS, Reading};
pub use self::known::{Connector, Known, State};

/// What the bag starts with.
#[derive(Debug, Clone, Copy)]
pub enum Inputs<'i> {
    /// The inputs that a definition declares, after validation and defaults.
    Declared(&'i Fields),
    /// The variables of one run.
    Given(&'i Map<String, Value>),
}

/// Checks a flow. Everything that can be said is found in one pass; nothing is called.
///
/// A flow that was parsed has at most [`MAX_STEPS`] steps; of one that was not, only so many are looked at.
pub fn check<'a>(flow: &'a Flow, inputs: &Inputs<'a>, known: &'a dyn Known) -> Checked {
    let sources = Sources::of(flow, inputs, known);
    let mut checker = Checker { sources: &sources, found: Findings::new(flow.strict), fuel: Fuel::default() };
    checker.hidden_inputs(inputs);
    for (index, step) in flow.steps.iter().enumerate().take(MAX_STEPS) {
        checker.step(index, step, known);
    }
    checker.found.into_checked()
}

struct Checker<'c, 'a> {
    sources: &'c Sources<'a>,
    found: Findings,
    /// What checking literal params may cost in all.
    fuel: Fuel,
}

impl<'a> Checker<'_, 'a> {
    fn step(&mut self, index: usize, step: &'a Step, known: &dyn Known) {
        let at = format!("/steps/{index}");
        let mut facts = Facts::default();
        if let Some(when) = &step.when {
            self.condition(index, when, &format!("{at}/when"), &facts);
            facts = self.sources.facts_of(when, true, index);
        }
        match &step.action {
            Action::Call(call) => {
                self.call(index, call, &at, known);
                self.params(index, call, &at, &facts);
                self.output(index, call, &at);
            }
            Action::Wait(Wait::For(template)) => {
                let field = fits::milliseconds();
                self.value(index, template, &format!("{at}/wait/forMs"), Use::Field(field), &facts);
            }
            Action::Wait(Wait::Until(template)) => {
                let field = fits::moment();
                self.value(index, template, &format!("{at}/wait/until"), Use::Field(field), &facts);
            }
        }
    }

    /// Checks a condition. A member of `all` or `any` is only reached when the ones before it did not decide.
    fn condition(&mut self, index: usize, condition: &'a Condition, at: &str, facts: &Facts<'a>) {
        match condition {
            Condition::Holds(template) => self.value(index, template, at, Use::Boolean, facts),
            Condition::Compare { value, is, to } => {
                let usage = if *is == Comparison::Exists { Use::Exists } else { Use::Value };
                self.value(index, value, &format!("{at}/value"), usage, facts);
                if let Some(to) = to {
                    self.value(index, to, &format!("{at}/to"), Use::Value, facts);
                }
            }
            Condition::All(members) | Condition::Any(members) => {
                let is_all = matches!(condition, Condition::All(_));
                let at = format!("{at}/{}", if is_all { "all" } else { "any" });
                let mut facts = facts.clone();
                for (place, member) in members.iter().enumerate() {
                    self.condition(index, member, &format!("{at}/{place}"), &facts);
                    facts.add(self.sources.facts_of(member, is_all, index));
                }
            }
            Condition::Not(inner) => self.condition(index, inner, &format!("{at}/not"), facts),
        }
    }

    /// Checks every reference of a template that is used as a whole in one way.
    fn value(&mut self, index: usize, template: &'a Template, at: &str, usage: Use<'_>, facts: &Facts<'a>) {
        if let Some(reference) = template.as_reference() {
            self.read(index, at, reference, usage, facts);
            return;
        }
        if let Use::Field(field) = usage {
            self.made_value(template, at, field);
        }
        template.visit(at, &mut |at, reference: &'a Reference, is_alone| {
            let usage = if is_alone { Use::Value } else { Use::Text };
            self.read(index, at, reference, usage, facts);
        });
    }

    /// Reports variables that can never be read.
    fn hidden_inputs(&mut self, inputs: &Inputs<'_>) {
        let Inputs::Given(values) = inputs else { return };
        for name in RESERVED_ROOTS.into_iter().filter(|name| values.contains_key(*name)) {
            let message = format!("{name} is set by the run itself, so this variable cannot be read; rename it");
            self.found.warn(Item::new(Code::Shadowed, format!("/variables/{name}"), message));
        }
    }
}
