//! What is known to hold once a condition has been decided.

use super::sources::Sources;
use crate::condition::{Comparison, Condition};
use crate::reference::{Path, Reference};

/// Steps that have succeeded, and values that are present and not null.
#[derive(Debug, Clone, Default)]
pub(super) struct Facts<'a> {
    /// One bit a step.
    pub(super) succeeded: u128,
    paths: Vec<&'a Path>,
}

impl<'a> Facts<'a> {
    pub(super) fn add(&mut self, more: Self) {
        self.succeeded |= more.succeeded;
        self.paths.extend(more.paths);
    }

    /// Returns whether the value at the first part of a path is present and not null.
    pub(super) fn proves(&self, path: &Path, segments: usize) -> bool {
        self.paths.iter().any(|proven| {
            proven.root == path.root
                && segments <= path.rest.len()
                && proven.rest.len() >= segments
                && proven.rest[..segments].iter().zip(&path.rest).all(|(own, its)| own.key() == its.key())
        })
    }
}

impl<'a> Sources<'a> {
    /// Returns what holds at a step if a condition of it was decided so.
    pub(super) fn facts_of(&self, condition: &'a Condition, decided: bool, index: usize) -> Facts<'a> {
        let mut facts = Facts::default();
        match condition {
            Condition::Holds(template) => {
                if let (Some(reference), true) = (template.as_reference(), decided) {
                    self.holds(reference, index, &mut facts);
                }
            }
            Condition::Compare { value, is, to } => {
                let Some(reference) = value.as_reference() else { return facts };
                let literal = to.as_ref().and_then(|to| to.as_literal());
                match (is, literal.and_then(serde_json::Value::as_bool)) {
                    (Comparison::Equal, Some(true)) | (Comparison::NotEqual, Some(false)) if decided => {
                        // Not equal to false may still be any other value, but a success is true or false.
                        self.holds(reference, index, &mut facts);
                    }
                    (Comparison::Equal, Some(false)) | (Comparison::NotEqual, Some(true)) if !decided => {
                        self.holds(reference, index, &mut facts);
                    }
                    _ => {}
                }
                let is_present = match is {
                    Comparison::Exists => decided && reference.default.is_none(),
                    Comparison::Empty => !decided && reference.default.is_none(),
                    _ => false,
                };
                if is_present {
                    facts.paths.push(&reference.path);
                }
            }
            Condition::All(members) if decided => {
                members.iter().for_each(|member| facts.add(self.facts_of(member, true, index)));
            }
            Condition::Any(members) if !decided => {
                members.iter().for_each(|member| facts.add(self.facts_of(member, false, index)));
            }
            Condition::All(members) | Condition::Any(members) => {
                if let [only] = &**members {
                    facts = self.facts_of(only, decided, index);
                }
            }
            Condition::Not(inner) => facts = self.facts_of(inner, !decided, index),
        }
        facts
    }

    /// Adds what is known if a reference reads true.
    fn holds(&self, reference: &'a Reference, index: usize, facts: &mut Facts<'a>) {
        if reference.default.as_ref().is_some_and(|default| *default != serde_json::Value::Bool(false)) {
            return;
        }
        facts.paths.push(&reference.path);
        if let ("steps", [id, success]) = (reference.path.root.as_str(), &*reference.path.rest)
            && success.key() == "success"
            && let Some(position) = self.position(id.key()).filter(|position| *position < index)
        {
            facts.succeeded |= self.implied(position);
        }
    }
}
