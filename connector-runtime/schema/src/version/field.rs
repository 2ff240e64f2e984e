//! Two connection fields or params of one name side by side.

use std::cmp::Ordering;
use std::collections::{HashMap, HashSet};

use serde_json::{Number, Value};

use super::path::Path;
use super::rules::{Rule, id};
use super::{Changes, nested};
use crate::{Choice, Field};

/// Where a field stands.
#[derive(Clone, Copy)]
pub(super) enum Side<'a> {
    Connection,
    /// Among the params of the command of this name.
    Param(&'a str),
}

impl Side<'_> {
    /// How a message names a field.
    pub(super) fn named(self, name: &str) -> String {
        match self {
            Self::Connection => format!("connection field {name}"),
            Self::Param(command) => format!("param {name} of {command}"),
        }
    }

    pub(super) fn removed(self) -> &'static Rule {
        match self {
            Self::Connection => id::CONNECTION_FIELD_REMOVED,
            Self::Param(_) => id::PARAM_REMOVED,
        }
    }

    /// The rule of an added field. A default of null does not help a field that is required.
    pub(super) fn added(self, name: &str, field: &Field) -> (&'static Rule, String) {
        let filled = field.default.as_ref().is_some_and(|default| !(field.required && default.is_null()));
        let named = self.named(name);
        match self {
            Self::Connection if field.required && !filled => {
                (id::CONNECTION_FIELD_ADDED_REQUIRED, format!("{named} was added as required without a default"))
            }
            Self::Connection => (id::CONNECTION_FIELD_ADDED, format!("{named} was added")),
            Self::Param(_) if filled => (id::PARAM_ADDED, format!("{named} was added with a default")),
            Self::Param(_) => (id::PARAM_ADDED_WITHOUT_DEFAULT, format!("{named} was added without a default")),
        }
    }
}

pub(super) fn compare(side: Side<'_>, name: &str, old: &Field, new: &Field, path: Path<'_>, changes: &mut Changes) {
    if old == new {
        return;
    }
    let named = side.named(name);
    if old.kind != new.kind {
        // What else differs belongs to the new type, and nothing outweighs this.
        let message = format!("type of {named} was {}, is {}", old.kind, new.kind);
        changes.push(id::TYPE_CHANGED, path.step("type").pointer(), message);
        return;
    }
    let before = changes.items.len();
    let mut found = |rule, key: &str, message: String| changes.push(rule, path.step(key).pointer(), message);
    match (old.required, new.required) {
        (false, true) => found(id::BECAME_REQUIRED, "required", format!("{named} was optional, is required")),
        (true, false) => found(id::BECAME_OPTIONAL, "required", format!("{named} was required, is optional")),
        _ => {}
    }
    match (old.secret, new.secret) {
        (true, false) => found(id::SECRET_LIFTED, "secret", format!("{named} was a secret, is none")),
        (false, true) => found(id::SECRET_SET, "secret", format!("{named} was no secret, is one")),
        _ => {}
    }
    if let Some((rule, what)) = default_rule(old.default.as_ref(), new.default.as_ref(), new.required) {
        found(rule, "default", format!("default of {named} {what}"));
    }
    match (old.integer, new.integer) {
        (false, true) => found(id::INTEGER_ADDED, "integer", format!("{named} must be a whole number now")),
        (true, false) => found(id::INTEGER_DROPPED, "integer", format!("{named} need not be a whole number any more")),
        _ => {}
    }
    let length = |length: Option<u64>| length.map(Number::from);
    let (least, most) =
        ((length(old.min_length), length(new.min_length)), (length(old.max_length), length(new.max_length)));
    for (key, upper, old, new) in [
        ("minimum", false, old.minimum.as_ref(), new.minimum.as_ref()),
        ("maximum", true, old.maximum.as_ref(), new.maximum.as_ref()),
        ("minLength", false, least.0.as_ref(), least.1.as_ref()),
        ("maxLength", true, most.0.as_ref(), most.1.as_ref()),
    ] {
        if let Some(rule) = bound_rule(upper, old, new) {
            found(rule, key, format!("{key} of {named} {}", was_is(old, new)));
        }
    }
    let patterns = [old, new].map(|field| field.pattern.as_ref().map(|pattern| pattern.as_str()));
    if patterns[0] != patterns[1] {
        let rule = if patterns[1].is_some() { id::PATTERN_NARROWED } else { id::PATTERN_DROPPED };
        found(rule, "pattern", format!("pattern of {named} {}", was_is(patterns[0], patterns[1])));
    }
    if old.format != new.format {
        let rule = if new.format.is_some() { id::FORMAT_ADDED } else { id::FORMAT_DROPPED };
        found(rule, "format", format!("format of {named} {}", was_is(old.format.as_ref(), new.format.as_ref())));
    }
    for (key, same) in [
        ("description", old.description == new.description),
        ("label", old.label == new.label),
        ("placeholder", old.placeholder == new.placeholder),
        ("example", old.example == new.example),
    ] {
        if !same {
            found(id::TEXT_CHANGED, key, format!("{key} of {named} changed"));
        }
    }
    if old.options != new.options {
        options(&named, &old.options, &new.options, path.step("options"), changes);
    }
    if old.schema != new.schema {
        let documents = [old, new].map(|field| field.schema.as_ref().map(crate::NestedSchema::document));
        nested::compare(&named, documents[0], documents[1], path.step("schema"), changes);
    }
    if changes.items.len() == before {
        // Equal in meaning, such as 1 and 1.0, but written in another way.
        changes.push(id::TEXT_CHANGED, path.pointer(), format!("{named} is written in another way"));
    }
}

/// The rule of a changed default, with what happened to it. Null does not stand in for a value that is required.
pub(super) fn default_rule(
    old: Option<&Value>,
    new: Option<&Value>,
    required: bool,
) -> Option<(&'static Rule, String)> {
    match (old, new) {
        (Some(old), None) => Some((id::DEFAULT_REMOVED, format!("was {old}, is gone"))),
        (Some(old), Some(Value::Null)) if required && !old.is_null() => {
            Some((id::DEFAULT_REMOVED, format!("was {old}, is null, which a required field refuses")))
        }
        (None, Some(new)) => Some((id::DEFAULT_ADDED, format!("is new: {new}"))),
        (Some(old), Some(new)) if old != new => Some((id::DEFAULT_CHANGED, format!("was {old}, is {new}"))),
        _ => None,
    }
}

/// The rule of a changed bound.
pub(super) fn bound_rule(upper: bool, old: Option<&Number>, new: Option<&Number>) -> Option<&'static Rule> {
    let order = match (old, new) {
        (None, None) => Ordering::Equal,
        (Some(_), None) => Ordering::Greater,
        (None, Some(_)) => Ordering::Less,
        (Some(old), Some(new)) => {
            let order = compare_numbers(new, old);
            if upper { order } else { order.reverse() }
        }
    };
    match order {
        Ordering::Less => Some(id::BOUNDS_NARROWED),
        Ordering::Equal => None,
        Ordering::Greater => Some(id::BOUNDS_WIDENED),
    }
}

/// Compares exactly: through a float, neighbours beyond 2^53 would be equal.
pub(super) fn compare_numbers(a: &Number, b: &Number) -> Ordering {
    match (a.as_i128(), b.as_i128()) {
        (Some(a), Some(b)) => a.cmp(&b),
        (Some(a), None) => with_float(a, b.as_f64().unwrap_or(f64::NAN)),
        (None, Some(b)) => with_float(b, a.as_f64().unwrap_or(f64::NAN)).reverse(),
        (None, None) => a.as_f64().partial_cmp(&b.as_f64()).unwrap_or(Ordering::Equal),
    }
}

fn with_float(whole: i128, float: f64) -> Ordering {
    const FAR: f64 = 1e38;
    if float.abs() >= FAR {
        return if float > 0.0 { Ordering::Less } else { Ordering::Greater };
    }
    #[expect(clippy::cast_possible_truncation, reason = "within the range, and the fraction is looked at below")]
    let truncated = float.trunc() as i128;
    whole.cmp(&truncated).then(0.0.partial_cmp(&float.fract()).unwrap_or(Ordering::Equal))
}

/// `was 1, is 2`, `is new: 2`, `was 1, is gone`.
pub(super) fn was_is<T: std::fmt::Display>(old: Option<T>, new: Option<T>) -> String {
    match (old, new) {
        (Some(old), Some(new)) => format!("was {old}, is {new}"),
        (None, Some(new)) => format!("is new: {new}"),
        (Some(old), None) => format!("was {old}, is gone"),
        (None, None) => "changed".to_owned(),
    }
}

fn options(named: &str, old: &[Choice], new: &[Choice], path: Path<'_>, changes: &mut Changes) {
    // By text: a number and a text that read alike are told apart by their quotes.
    let index = |choices: &[Choice]| -> HashMap<String, usize> {
        choices.iter().enumerate().map(|(index, choice)| (choice.value.to_string(), index)).collect()
    };
    let (was, is) = (index(old), index(new));
    for (at, choice) in old.iter().enumerate() {
        let value = choice.value.to_string();
        match is.get(&value) {
            None => {
                let message = format!("option {value} of {named} was removed");
                changes.push(id::OPTION_REMOVED, path.index(at).pointer(), message);
            }
            Some(now) if new[*now].label != choice.label => {
                let message = format!("label of option {value} of {named} changed");
                changes.push(id::TEXT_CHANGED, path.index(*now).step("label").pointer(), message);
            }
            Some(_) => {}
        }
    }
    for (at, choice) in new.iter().enumerate() {
        let value = choice.value.to_string();
        if !was.contains_key(&value) {
            let message = format!("option {value} of {named} was added");
            changes.push(id::OPTION_ADDED, path.index(at).pointer(), message);
        }
    }
    let kept: HashSet<&str> = was.keys().filter(|value| is.contains_key(*value)).map(String::as_str).collect();
    let order = |choices: &[Choice]| -> Vec<String> {
        choices.iter().map(|choice| choice.value.to_string()).filter(|value| kept.contains(value.as_str())).collect()
    };
    if order(old) != order(new) {
        changes.push(id::ORDER_CHANGED, path.pointer(), format!("the options of {named} stand in another order"));
    }
}
