//! One reference: whether it leads somewhere, whether the value is there, and whether it fits its place.

use connector_schema::{Field, FieldKind, is_missing};
use serde_json::Value;

use super::Checker;
use super::facts::Facts;
use super::fits::fits;
use super::item::{Code, Item, Reading};
use super::sources::{Root, RootPresence};
use crate::definition::RESERVED_ROOTS;
use crate::reference::{Reference, listed};
use crate::shape::{Found, Missing, Shape, Trust, find_among, type_names};

/// How the value of a reference is used.
#[derive(Debug, Clone, Copy)]
pub(super) enum Use<'f> {
    /// As it is: any type, and null.
    Value,
    /// Within a text, which null has no place in.
    Text,
    /// As a condition.
    Boolean,
    /// To ask whether it is there.
    Exists,
    /// As the whole of a param or of a time.
    Field(&'f Field),
}

/// Where a reference stands.
#[derive(Clone, Copy)]
struct Place<'p> {
    index: usize,
    at: &'p str,
    reference: &'p Reference,
    usage: Use<'p>,
}

impl Place<'_> {
    /// Returns whether an absent value is provided for.
    fn bears_absence(&self) -> bool {
        self.reference.default.is_some() || matches!(self.usage, Use::Exists)
    }

    fn item(&self, code: Code, message: String) -> Item {
        Item::new(code, self.at, message).at_column(self.reference.column)
    }

    fn unknown(&self, code: Code, why: &str, suggestion: Option<&str>) -> Item {
        let path = self.reference.path.to_string();
        let path = connector_schema::shown_name(&path);
        let meant = suggestion.map(|meant| format!("; did you mean {meant}?")).unwrap_or_default();
        self.item(code, format!("Unknown reference {path}: {why}{meant}")).suggest(suggestion)
    }

    /// Returns the placeholder with a default that fits its place.
    fn with_default<'s>(&self, shapes: impl IntoIterator<Item = &'s Shape>) -> String {
        let default = match self.usage {
            Use::Text => "\"\"",
            Use::Boolean => "false",
            Use::Field(field) => empty_of(field),
            Use::Value | Use::Exists => shapes.into_iter().find_map(empty).unwrap_or("null"),
        };
        format!("{{{{{} ?? {default}}}}}", self.reference.path)
    }
}

impl<'a> Checker<'_, 'a> {
    pub(super) fn read(&mut self, index: usize, at: &str, reference: &'a Reference, usage: Use<'_>, facts: &Facts<'a>) {
        let place = Place { index, at, reference, usage };
        let path = &reference.path;
        if path.root == "steps"
            && let Some(id) = path.rest.first()
            && self.sources.position(id.key()).is_none_or(|position| position >= index)
        {
            return self.unreadable_step(place, id.key());
        }
        let Some(root) = self.sources.root(path, index, facts) else { return self.unknown_root(place) };
        let is_proven = facts.proves(path, path.rest.len());
        let is_reported = !place.bears_absence() && !is_proven && self.possible_root(place, &root);
        let is_sure = root.trust == Trust::Sure;
        if !self.found.has_room(is_sure) {
            return;
        }
        match find_among(root.shapes.clone(), path, &|segments| facts.proves(path, segments)) {
            Err(Missing { there, suggestion, .. }) => {
                let item = place.unknown(Code::UnknownPath, &there, suggestion.as_deref());
                self.found.report(is_sure && !place.bears_absence(), item);
            }
            Ok(found) => {
                self.found.reading(|| Reading {
                    pointer: at.to_owned(),
                    path: path.to_string(),
                    value_type: type_names(found.shapes.iter().copied()),
                    from: root.from.clone(),
                });
                if !place.bears_absence() && !found.is_certain && !is_reported && !is_proven {
                    let mend = place.with_default(found.shapes.iter().copied());
                    let message = format!("{path} may be absent; if that is fine, write {mend}");
                    self.found.warn(place.item(Code::MaybeAbsent, message).suggest(Some(mend)));
                }
                self.judge(place, &found, &root);
            }
        }
    }

    /// Reports a root that is perhaps absent; returns whether it is.
    fn possible_root(&mut self, place: Place<'_>, root: &Root<'_>) -> bool {
        let name = &place.reference.path.root;
        let mend = || place.with_default(&[]);
        let (is_error, why) = match &root.presence {
            RootPresence::Certain => return false,
            RootPresence::Possible(step) => (
                true,
                format!(
                    "step {step} may be skipped or fail before this one; ask for {{{{steps.{step}.success}}}} in when, or"
                ),
            ),
            RootPresence::OptionalInput => (true, "it is an optional input without a default;".to_owned()),
            RootPresence::OptionalVariable(step) => {
                (false, format!("the command of step {step} does not always set it;"))
            }
        };
        let mend = mend();
        let message = format!("{name} may be absent: {why} write {mend}");
        self.found.report(is_error, place.item(Code::MaybeAbsent, message).suggest(Some(mend)));
        true
    }

    fn unknown_root(&mut self, place: Place<'_>) {
        let (index, name) = (place.index, place.reference.path.root.as_str());
        let undeclared = self.sources.undeclared_before(index);
        let is_error = undeclared.is_empty() && !place.bears_absence();
        if (place.bears_absence() && !undeclared.is_empty()) || !self.found.has_room(is_error) {
            return;
        }
        let may_set = if undeclared.is_empty() {
            String::new()
        } else {
            let steps = listed(undeclared.len(), undeclared.iter().copied());
            format!("; a command that does not declare its variables may set it: {steps}")
        };
        let item = if let Some(later) = self.sources.given_later(name, index) {
            let why = if later == index {
                "this step gives it itself, after its params are read".to_owned()
            } else {
                format!("step {} gives it later; move that step up", self.sources.id(later))
            };
            place.unknown(Code::LaterStep, &(why + &may_set), None)
        } else {
            let roots: Vec<&str> = self.sources.roots_before(index).collect();
            let there = match roots.len() {
                0 => "nothing gives a value before this step".to_owned(),
                many => format!("before this step there is {}", listed(many, roots.iter().copied())),
            };
            let meant = crate::nearest(name, roots.into_iter().chain(RESERVED_ROOTS));
            place.unknown(Code::UnknownRoot, &(there + &may_set), meant)
        };
        self.found.report(is_error, item);
    }

    /// Reports `steps.<id>` of a step that has not ended, or does not exist.
    fn unreadable_step(&mut self, place: Place<'_>, id: &str) {
        if !self.found.has_room(!place.bears_absence()) {
            return;
        }
        let item = if self.sources.position(id).is_some() {
            let id = connector_schema::shown_name(id);
            place.unknown(Code::LaterStep, &format!("step {id} has not ended before this one"), None)
        } else {
            let earlier: Vec<&str> =
                self.sources.steps[..place.index].iter().map(|step| step.step.id.as_str()).collect();
            let there = match earlier.len() {
                0 => "no step is before this one".to_owned(),
                many => format!("before this step there is {}", listed(many, earlier.iter().copied())),
            };
            place.unknown(Code::UnknownPath, &there, crate::nearest(id, earlier))
        };
        self.found.report(!place.bears_absence(), item);
    }

    /// Checks that the value fits its place.
    fn judge(&mut self, place: Place<'_>, found: &Found<'_>, root: &Root<'_>) {
        let is_sure = root.trust == Trust::Sure;
        // A default counts only where it can be used.
        let needs_default = found.is_nullable()
            || !found.is_certain
            || root.presence != RootPresence::Certain
            || found.shapes.contains(&&Shape::Any);
        let default = place.reference.default.as_ref().filter(|_| needs_default).map(Shape::of_value);
        let is_nullable = match &default {
            Some(default) => *default == Shape::Null,
            None => found.is_nullable(),
        };
        let own = found.shapes.iter().copied().filter(|shape| **shape != Shape::Null);
        let shapes: Vec<&Shape> = own.chain(default.iter().filter(|shape| **shape != Shape::Null)).collect();
        let path = &place.reference.path;
        let refuses_null = match place.usage {
            Use::Text => Some("a text".to_owned()),
            Use::Field(field) if is_missing(field, Some(&Value::Null)) => Some(format!("a required {}", field.kind)),
            _ => None,
        };
        if let (true, Some(what)) = (is_nullable, refuses_null) {
            let mend = place.with_default(shapes.iter().copied());
            let message = format!("{path} may be null, which {what} does not take; write {mend} to say what is meant");
            self.found.report(is_sure, place.item(Code::MaybeNull, message).suggest(Some(mend)));
        }
        match place.usage {
            Use::Boolean => {
                let may_be = |shape: &&Shape| matches!(shape, Shape::Any | Shape::Boolean);
                let is_never = !shapes.iter().any(may_be);
                if is_never || is_nullable || !shapes.iter().all(may_be) {
                    let is = type_names(found.shapes.iter().copied());
                    let message =
                        format!("{path} is {is}; a condition reads true or false, or compares with value, is and to");
                    self.found.report(is_never && is_sure, place.item(Code::NotBoolean, message));
                }
            }
            Use::Field(field) if !shapes.is_empty() && !shapes.iter().any(|shape| fits(shape, field)) => {
                let is_scalar = shapes.iter().all(|shape| matches!(shape, Shape::Boolean | Shape::Number { .. }));
                let mend =
                    (field.kind == FieldKind::String && is_scalar).then(|| format!("{{{{\"\"}}}}{{{{{path}}}}}"));
                let hint = mend.as_ref().map(|mend| format!("; write {mend} for its text")).unwrap_or_default();
                let got = type_names(shapes.iter().copied());
                let message = format!("{path} is {got}, and no such value is {}{hint}", super::fits::wanted(field));
                self.found.report(is_sure, place.item(Code::TypeMismatch, message).suggest(mend));
            }
            _ => {}
        }
    }
}

/// Returns the empty value of a shape, as JSON.
fn empty(shape: &Shape) -> Option<&'static str> {
    match shape {
        Shape::Boolean => Some("false"),
        Shape::Number { .. } => Some("0"),
        Shape::Text { .. } => Some("\"\""),
        Shape::Array(_) => Some("[]"),
        Shape::Object(_) => Some("{}"),
        Shape::Any | Shape::Null | Shape::Union(_) => None,
    }
}

/// Returns the empty value of a field, as JSON.
fn empty_of(field: &Field) -> &'static str {
    match field.kind {
        FieldKind::Number => "0",
        FieldKind::Boolean => "false",
        FieldKind::Array => "[]",
        FieldKind::Object => "{}",
        FieldKind::Raw => "null",
        FieldKind::String | FieldKind::Date | FieldKind::Select => "\"\"",
    }
}
