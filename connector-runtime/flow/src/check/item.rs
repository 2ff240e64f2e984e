//! What a check says.

use serde::{Serialize, Serializer};

/// The most items of one check, errors first.
pub const MAX_ITEMS: usize = 200;
/// The most references that one check lists.
pub const MAX_READINGS: usize = 10_000;

/// The answer of a check.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
pub struct Checked {
    /// Why the run does not start.
    pub errors: Vec<Item>,
    /// What may go wrong.
    pub warnings: Vec<Item>,
    /// What each reference reads, in the order of the steps; those that lead somewhere.
    pub references: Vec<Reading>,
}

impl Checked {
    /// Returns whether the run may start.
    pub fn may_start(&self) -> bool {
        self.errors.is_empty()
    }
}

/// One thing that is wrong, or may be.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Item {
    /// JSON pointer to the place in the body, such as `/steps/2/params/limit`.
    pub pointer: String,
    /// What kind of thing it is.
    pub code: Code,
    /// What is wrong, why, and how to mend it.
    pub message: String,
    /// Where the placeholder begins in the text at the pointer, in characters from 1.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub column: Option<usize>,
    /// The name that was probably meant, or the placeholder that would do.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub suggestion: Option<String>,
}

impl Item {
    pub(super) fn new(code: Code, pointer: impl Into<String>, message: impl Into<String>) -> Self {
        Self { pointer: pointer.into(), code, message: message.into(), column: None, suggestion: None }
    }

    pub(super) fn at_column(self, column: usize) -> Self {
        Self { column: Some(column), ..self }
    }

    pub(super) fn suggest(self, suggestion: Option<impl Into<String>>) -> Self {
        Self { suggestion: suggestion.map(Into::into), ..self }
    }
}

/// What one reference reads.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Reading {
    /// JSON pointer of the text with the reference.
    pub pointer: String,
    /// The path that is read.
    pub path: String,
    /// The JSON types of the value, such as `integer` or `string or null`; `any` where nothing is known.
    #[serde(rename = "type")]
    pub value_type: String,
    /// Who gives it: `inputs`, `run`, `steps`, or the ids of steps, joined by ` or `.
    pub from: String,
}

/// What kind of thing an item is. The order is that of the contract.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Code {
    /// No step gives the root.
    UnknownRoot,
    /// A later step gives the root.
    LaterStep,
    /// The root is known, and no value of it has the path.
    UnknownPath,
    /// The value may be absent, and the reference has no default.
    MaybeAbsent,
    /// The value may be null where null is refused.
    MaybeNull,
    /// No value that the reference can read fits its place.
    TypeMismatch,
    /// A condition reads something else than true or false.
    NotBoolean,
    /// No such connector.
    UnknownConnector,
    /// The connector has no such command.
    UnknownCommand,
    /// A required param is left out.
    MissingParam,
    /// A literal param is refused by the command's schema.
    InvalidParam,
    /// The command does not know the param.
    UnknownParam,
    /// The command is deprecated.
    Deprecated,
    /// The connector is disabled.
    Disabled,
    /// The connector lacks connection values.
    NotReady,
    /// A command is tried again whose second call may have a second effect.
    RetryNotIdempotent,
    /// A root hides an earlier one of the same name.
    Shadowed,
    /// No later step reads the output.
    UnusedOutput,
}

impl Code {
    /// Every code.
    pub const ALL: [Self; 18] = [
        Self::UnknownRoot,
        Self::LaterStep,
        Self::UnknownPath,
        Self::MaybeAbsent,
        Self::MaybeNull,
        Self::TypeMismatch,
        Self::NotBoolean,
        Self::UnknownConnector,
        Self::UnknownCommand,
        Self::MissingParam,
        Self::InvalidParam,
        Self::UnknownParam,
        Self::Deprecated,
        Self::Disabled,
        Self::NotReady,
        Self::RetryNotIdempotent,
        Self::Shadowed,
        Self::UnusedOutput,
    ];

    /// Returns the wire name.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::UnknownRoot => "unknown_root",
            Self::LaterStep => "later_step",
            Self::UnknownPath => "unknown_path",
            Self::MaybeAbsent => "maybe_absent",
            Self::MaybeNull => "maybe_null",
            Self::TypeMismatch => "type_mismatch",
            Self::NotBoolean => "not_boolean",
            Self::UnknownConnector => "unknown_connector",
            Self::UnknownCommand => "unknown_command",
            Self::MissingParam => "missing_param",
            Self::InvalidParam => "invalid_param",
            Self::UnknownParam => "unknown_param",
            Self::Deprecated => "deprecated",
            Self::Disabled => "disabled",
            Self::NotReady => "not_ready",
            Self::RetryNotIdempotent => "retry_not_idempotent",
            Self::Shadowed => "shadowed",
            Self::UnusedOutput => "unused_output",
        }
    }

    /// Returns whether a warning of this code counts as an error in a strict check: those about references.
    pub fn is_about_references(self) -> bool {
        self <= Self::NotBoolean
    }
}

impl Serialize for Code {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

/// Collects items and readings within their bounds.
#[derive(Debug)]
pub(super) struct Findings {
    strict: bool,
    checked: Checked,
}

impl Findings {
    pub(super) fn new(strict: bool) -> Self {
        Self { strict, checked: Checked::default() }
    }

    pub(super) fn error(&mut self, item: Item) {
        if self.checked.errors.len() < MAX_ITEMS {
            self.checked.errors.push(item);
        }
    }

    pub(super) fn warn(&mut self, item: Item) {
        if self.strict && item.code.is_about_references() {
            self.error(item);
        } else if self.checked.warnings.len() < MAX_ITEMS {
            self.checked.warnings.push(item);
        }
    }

    pub(super) fn report(&mut self, is_error: bool, item: Item) {
        if is_error { self.error(item) } else { self.warn(item) }
    }

    /// Returns whether one more error, or warning, is taken.
    pub(super) fn has_room(&self, is_error: bool) -> bool {
        let list = if is_error || self.strict { &self.checked.errors } else { &self.checked.warnings };
        list.len() < MAX_ITEMS
    }

    pub(super) fn reading(&mut self, reading: impl FnOnce() -> Reading) {
        if self.checked.references.len() < MAX_READINGS {
            self.checked.references.push(reading());
        }
    }

    pub(super) fn into_checked(mut self) -> Checked {
        self.checked.warnings.truncate(MAX_ITEMS - self.checked.errors.len());
        self.checked
    }
}
