//! Conditions: when a step is taken.
//!
//! Comparisons are typed: values of different types are unequal, and ordering them fails the step. `all` and `any` stop
//! at the first member that decides, so a member may guard the ones after it.

#[cfg(test)]
#[allow(clippy::needless_pass_by_value, reason = "shorter calls")]
mod tests;

use std::cmp::Ordering;
use std::fmt;

use connector_schema::{json_type, number, pointer};
use serde::ser::SerializeMap as _;
use serde::{Serialize, Serializer};
use serde_json::Value;

use crate::definition::entry;
use crate::reference::{Bag, Reference, ReferenceError, ReferenceErrorKind, Template, render_at};

/// What must hold for a step to be taken.
#[derive(Debug, Clone, PartialEq)]
pub enum Condition {
    /// One placeholder that reads true or false.
    Holds(Template),
    /// A value, and what it is compared to.
    Compare {
        /// The value on the left.
        value: Template,
        /// How it is compared.
        is: Comparison,
        /// The value on the right; none for [`Comparison::Exists`] and [`Comparison::Empty`].
        to: Option<Template>,
    },
    /// Every one holds.
    All(Vec<Self>),
    /// At least one holds.
    Any(Vec<Self>),
    /// It does not hold.
    Not(Box<Self>),
}

/// How two values are compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Comparison {
    /// The same type and value; `1` and `1.0` are the same number.
    Equal,
    /// Not equal.
    NotEqual,
    /// A smaller number, or a text before the other by code points.
    Less,
    /// Less, or equal.
    LessOrEqual,
    /// A larger number, or a text after the other by code points.
    Greater,
    /// Greater, or equal.
    GreaterOrEqual,
    /// The other side contains the value.
    In,
    /// An array has an equal item, a text has the other text in it, an object has the key.
    Contains,
    /// It is there and not null.
    Exists,
    /// Null, `""`, `[]` or `{}`.
    Empty,
}

impl Comparison {
    /// Every comparison, in the order of the contract.
    pub const ALL: [Self; 10] = [
        Self::Equal,
        Self::NotEqual,
        Self::Less,
        Self::LessOrEqual,
        Self::Greater,
        Self::GreaterOrEqual,
        Self::In,
        Self::Contains,
        Self::Exists,
        Self::Empty,
    ];

    /// Returns the wire name.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Equal => "equal",
            Self::NotEqual => "notEqual",
            Self::Less => "less",
            Self::LessOrEqual => "lessOrEqual",
            Self::Greater => "greater",
            Self::GreaterOrEqual => "greaterOrEqual",
            Self::In => "in",
            Self::Contains => "contains",
            Self::Exists => "exists",
            Self::Empty => "empty",
        }
    }

    /// Returns whether it compares the value to another one.
    pub const fn takes_operand(self) -> bool {
        !matches!(self, Self::Exists | Self::Empty)
    }
}

impl fmt::Display for Comparison {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A condition that cannot be decided; the step fails.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ConditionError {
    /// A reference failed.
    #[error(transparent)]
    Reference(#[from] ReferenceError),
    /// Values that cannot be compared so.
    #[error("Condition at {pointer} cannot be decided: {message}")]
    Type {
        /// JSON pointer of the condition, from the step.
        pointer: String,
        /// What was compared, and what could be.
        message: String,
    },
}

/// Decides a condition, which is at `/when` of its step.
///
/// # Errors
/// If a reference fails that is needed for the decision, or values cannot be compared as asked.
pub fn evaluate(condition: &Condition, bag: &Bag<'_>) -> Result<bool, ConditionError> {
    evaluate_at(condition, "/when", bag)
}

fn evaluate_at(condition: &Condition, at: &str, bag: &Bag<'_>) -> Result<bool, ConditionError> {
    match condition {
        Condition::Holds(template) => match render_at(template, at, bag)? {
            Value::Bool(holds) => Ok(holds),
            other => {
                let got = json_type(&other);
                Err(undecided(at, format!("expected true or false, got {got}; compare it with value, is and to")))
            }
        },
        Condition::Compare { value, is, to } => compare(value, *is, to.as_ref(), at, bag),
        Condition::All(members) => decide(members, false, &format!("{at}/all"), bag),
        Condition::Any(members) => decide(members, true, &format!("{at}/any"), bag),
        Condition::Not(inner) => evaluate_at(inner, &format!("{at}/not"), bag).map(|holds| !holds),
    }
}

/// Stops at the first member with the deciding value.
fn decide(members: &[Condition], deciding: bool, at: &str, bag: &Bag<'_>) -> Result<bool, ConditionError> {
    for (index, member) in members.iter().enumerate() {
        if evaluate_at(member, &format!("{at}/{index}"), bag)? == deciding {
            return Ok(deciding);
        }
    }
    Ok(!deciding)
}

fn compare(
    value: &Template,
    is: Comparison,
    to: Option<&Template>,
    at: &str,
    bag: &Bag<'_>,
) -> Result<bool, ConditionError> {
    let left = render_at(value, &format!("{at}/value"), bag);
    if is == Comparison::Exists {
        return match left {
            Ok(value) => Ok(!value.is_null()),
            Err(ReferenceError { kind: ReferenceErrorKind::Absent(_), .. }) => Ok(false),
            Err(error) => Err(error.into()),
        };
    }
    let left = left?;
    let right = to.map(|to| render_at(to, &format!("{at}/to"), bag)).transpose()?.unwrap_or(Value::Null);
    match is {
        Comparison::Equal => Ok(number::is_same_value(&left, &right)),
        Comparison::NotEqual => Ok(!number::is_same_value(&left, &right)),
        Comparison::Less => order(&left, &right, at).map(Ordering::is_lt),
        Comparison::LessOrEqual => order(&left, &right, at).map(Ordering::is_le),
        Comparison::Greater => order(&left, &right, at).map(Ordering::is_gt),
        Comparison::GreaterOrEqual => order(&left, &right, at).map(Ordering::is_ge),
        Comparison::In => contains(&right, &left, at),
        Comparison::Contains => contains(&left, &right, at),
        Comparison::Empty => Ok(is_empty(&left)),
        Comparison::Exists => Ok(!left.is_null()),
    }
}

fn order(left: &Value, right: &Value, at: &str) -> Result<Ordering, ConditionError> {
    match (left, right) {
        (Value::Number(left), Value::Number(right)) => Ok(number::compare(left, right)),
        (Value::String(left), Value::String(right)) => Ok(left.cmp(right)),
        (left, right) => {
            let (left, right) = (json_type(left), json_type(right));
            Err(undecided(at, format!("{left} and {right} have no order; two numbers or two strings do")))
        }
    }
}

fn contains(whole: &Value, part: &Value, at: &str) -> Result<bool, ConditionError> {
    match (whole, part) {
        (Value::Array(items), part) => Ok(items.iter().any(|item| number::is_same_value(item, part))),
        (Value::String(whole), Value::String(part)) => Ok(whole.contains(part.as_str())),
        (Value::Object(map), Value::String(key)) => Ok(map.contains_key(key)),
        (whole, part) => {
            let (whole, part) = (json_type(whole), json_type(part));
            let message = format!("{whole} cannot contain {part}; an array contains items, a string or object strings");
            Err(undecided(at, message))
        }
    }
}

fn is_empty(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::String(text) => text.is_empty(),
        Value::Array(items) => items.is_empty(),
        Value::Object(map) => map.is_empty(),
        Value::Bool(_) | Value::Number(_) => false,
    }
}

fn undecided(at: &str, message: String) -> ConditionError {
    ConditionError::Type { pointer: at.to_owned(), message }
}

impl Condition {
    /// Calls `found` with each reference, the JSON pointer of its text below `at`, and whether it stands alone in it.
    pub fn visit<'c>(&'c self, at: &str, found: &mut dyn FnMut(&str, &'c Reference, bool)) {
        match self {
            Self::Holds(template) => template.visit(at, found),
            Self::Compare { value, to, .. } => {
                value.visit(&format!("{at}/value"), found);
                if let Some(to) = to {
                    to.visit(&format!("{at}/to"), found);
                }
            }
            Self::All(members) | Self::Any(members) => {
                let key = if matches!(self, Self::All(_)) { "all" } else { "any" };
                for (index, member) in members.iter().enumerate() {
                    member.visit(&pointer::join(&format!("{at}/{key}"), &index.to_string()), found);
                }
            }
            Self::Not(inner) => inner.visit(&format!("{at}/not"), found),
        }
    }
}

impl Serialize for Condition {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if let Self::Holds(template) = self {
            return template.serialize(serializer);
        }
        let mut map = serializer.serialize_map(None)?;
        match self {
            Self::Holds(_) => {}
            Self::Compare { value, is, to } => {
                map.serialize_entry("value", value)?;
                map.serialize_entry("is", is.as_str())?;
                entry(&mut map, "to", to.as_ref())?;
            }
            Self::All(members) => map.serialize_entry("all", members)?,
            Self::Any(members) => map.serialize_entry("any", members)?,
            Self::Not(inner) => map.serialize_entry("not", inner)?,
        }
        map.end()
    }
}
