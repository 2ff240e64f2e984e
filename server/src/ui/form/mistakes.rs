//! What is wrong in a form, each at its control.

use std::collections::BTreeMap;

use connector_runtime::schema::pointer;

use super::label::capital;
use super::spec::{Kind, Spec};
use super::typed::{AS_JSON, Typed, id};
use crate::error::{Error, Mistake};

/// The mistakes of a form by the pointer where they are.
#[derive(Debug, Clone, Default)]
pub(in crate::ui) struct Mistakes(BTreeMap<String, Vec<String>>);

/// One line of the summary above a form.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::ui) struct Line {
    /// The id of the control; `None` if no control is to blame.
    pub(in crate::ui) target: Option<String>,
    /// The labels of the control and of what it is in.
    pub(in crate::ui) label: Option<String>,
    /// What is wrong.
    pub(in crate::ui) message: String,
}

impl Mistakes {
    /// Takes the mistakes that a use case found.
    pub(in crate::ui) fn of(error: &Error) -> Self {
        let mut mistakes = Self::default();
        if error.mistakes().is_empty() {
            mistakes.add("", error.detail());
        }
        for Mistake { pointer, message, .. } in error.mistakes() {
            mistakes.add(pointer, message);
        }
        mistakes
    }

    /// Adds a mistake.
    pub(in crate::ui) fn add(&mut self, at: &str, message: impl Into<String>) {
        let messages = self.0.entry(at.to_owned()).or_default();
        let message = message.into();
        if !messages.contains(&message) {
            messages.push(message);
        }
    }

    /// Adds those that are not known yet: one mistake a place.
    pub(in crate::ui) fn add_missing(&mut self, others: Self) {
        for (at, messages) in others.0 {
            self.0.entry(at).or_insert(messages);
        }
    }

    /// Returns each place with what is wrong there, by their pointers.
    pub(in crate::ui) fn iter(&self) -> impl Iterator<Item = (&str, String)> {
        self.0.iter().map(|(at, messages)| (at.as_str(), messages.join("; ")))
    }

    /// Returns whether nothing is wrong.
    pub(in crate::ui) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Returns whether anything is wrong at a place or within it.
    pub(in crate::ui) fn has_within(&self, at: &str) -> bool {
        self.0.keys().any(|place| place.strip_prefix(at).is_some_and(|rest| rest.is_empty() || rest.starts_with('/')))
    }

    /// Takes out the mistakes at a place and within it, each with its pointer.
    pub(in crate::ui) fn take_within(&mut self, at: &str) -> Vec<(String, String)> {
        let is_within =
            |place: &str| place.strip_prefix(at).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'));
        let found = self.0.iter().filter(|(place, _)| is_within(place));
        let taken = found.flat_map(|(place, messages)| messages.iter().map(|text| (place.clone(), text.clone())));
        let taken: Vec<(String, String)> = taken.collect();
        self.0.retain(|place, _| !is_within(place));
        taken
    }

    /// Returns the mistake at exactly this place.
    pub(in crate::ui) fn at(&self, at: &str) -> Option<String> {
        self.0.get(at).map(|messages| messages.join("; "))
    }

    /// Moves each mistake to the control that is to blame: those inside a value that is shown as a whole to its control,
    /// with the rest of their pointer in the text.
    pub(in crate::ui) fn placed(&self, at: &str, specs: &[Spec], typed: &Typed) -> Self {
        let mut placed = Self::default();
        for (place, messages) in &self.0 {
            let control = control(place, at, specs, typed).map_or_else(|| place.clone(), |control| control.at);
            let rest = place.strip_prefix(&control).unwrap_or_default();
            for message in messages {
                placed.add(&control, if rest.is_empty() { message.clone() } else { format!("{rest}: {message}") });
            }
        }
        placed
    }

    /// Returns the lines of the summary, in the order of the fields; those of no field first.
    pub(in crate::ui) fn lines(&self, groups: &[(&str, &[Spec])], typed: &Typed) -> Vec<Line> {
        let mut lines: Vec<(Vec<usize>, Line)> = Vec::new();
        for (place, messages) in &self.0 {
            let found = groups.iter().enumerate().find_map(|(number, (at, specs))| {
                let mut control = control(place, at, specs, typed)?;
                control.order.insert(0, number);
                Some(control)
            });
            let message = capital(&messages.join("; "));
            let (order, line) = match found {
                Some(control) => {
                    let target = Some(id(&control.at));
                    (control.order, Line { target, label: Some(control.label), message })
                }
                None => (Vec::new(), Line { target: None, label: None, message }),
            };
            lines.push((order, line));
        }
        lines.sort_by(|(left, _), (right, _)| left.cmp(right));
        lines.into_iter().map(|(_, line)| line).collect()
    }
}

/// The control of a place.
struct Control {
    at: String,
    label: String,
    /// The number of the field on every level.
    order: Vec<usize>,
}

/// Finds the deepest control that shows a place.
fn control(place: &str, at: &str, specs: &[Spec], typed: &Typed) -> Option<Control> {
    let rest = place.strip_prefix(at)?.strip_prefix('/')?;
    let (step, deeper) = rest.split_once('/').map_or((rest, None), |(step, deeper)| (step, Some(deeper)));
    let name = pointer::unescape(step);
    let (number, spec) = specs.iter().enumerate().find(|(_, spec)| spec.name == name)?;
    let here = pointer::join(at, &spec.name);
    let this = Control { at: here.clone(), label: spec.label.clone(), order: vec![number] };
    if deeper.is_none() || typed.is_in_mode(&here, AS_JSON) {
        return Some(this);
    }
    let inner = match &spec.kind {
        Kind::Group(fields) => control(place, &here, fields, typed),
        Kind::Items { fields, .. } => {
            let item = deeper?.split('/').next().unwrap_or_default();
            let number: usize = item.parse().ok().filter(|number| *number < typed.count(&here))?;
            control(place, &format!("{here}/{item}"), fields, typed).map(|mut control| {
                control.label = format!("{} {}: {}", spec.label, number + 1, control.label);
                control.order.insert(0, number);
                control
            })
        }
        _ => None,
    };
    Some(match inner {
        Some(mut inner) => {
            if matches!(spec.kind, Kind::Group(_)) {
                inner.label = format!("{}: {}", spec.label, inner.label);
            }
            inner.order.insert(0, number);
            inner
        }
        None => this,
    })
}
