//! What a comparison looks at, and how two sides of it can differ: the words that both engines report in and that
//! the rules claim.

use std::cmp::Ordering;

/// What is compared. (No variant has the name of a type that authors use: the compiler would write that type with
/// its whole path in every error.)
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Aspect {
    /// A command as a whole.
    Command,
    /// An output of a command.
    Output,
    /// A variable that a command declares.
    Variable,
    /// Whether a command declares its variables.
    Declaration,
    /// A param as a whole.
    Param,
    /// A connection field as a whole.
    ConnectionField,
    /// The command that runs when a call names none.
    DefaultCommand,
    /// The connection fields that say where secrets may go.
    Egress,
    /// The type of a value.
    Type,
    /// Whether a field or param is required.
    Required,
    /// Whether a value is a secret.
    SecretMark,
    /// The default of a value.
    DefaultValue,
    /// Whether a number must be whole.
    Integer,
    /// A bound of a number or of a length.
    Bounds,
    /// The regular expression that a text must match.
    Pattern,
    /// The JSON Schema format of a text.
    Format,
    /// A value to choose from.
    SelectOption,
    /// What a command does to the connected system.
    Effect,
    /// Whether a command is declared idempotent.
    Idempotent,
    /// Whether a command is deprecated.
    Deprecated,
    /// The version that brought a command.
    Since,
    /// The API operation behind an imported command.
    Source,
    /// The JSON Schema of a payload.
    OutputSchema,
    /// A property of a nested value.
    Property,
    /// Whether a property of a nested value is required.
    PropertyRequired,
    /// Anything else in a nested JSON Schema.
    Nested,
    /// A text for people.
    Text,
    /// The order of a list.
    Order,
    /// The script of a type, beside its schema.
    ScriptSource,
    /// Where an external type is served, beside its schema.
    EndpointUrl,
}

impl Aspect {
    /// How many there are; [`Aspect::EndpointUrl`] is the last.
    pub(super) const COUNT: usize = Self::EndpointUrl as usize + 1;

    /// Returns whether the name or the texts of the thing are among the texts of what is around it: a lock hashes
    /// these together, so that a thing that comes or goes changes the hash.
    pub const fn is_among_texts(self) -> bool {
        matches!(
            self,
            Self::Command
                | Self::Output
                | Self::Variable
                | Self::Declaration
                | Self::Param
                | Self::ConnectionField
                | Self::SelectOption
                | Self::Property
        )
    }
}

/// How two sides differ.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Difference {
    /// Only the new side has it, and what worked so far does without.
    Added,
    /// Only the new side has it, and it needs a value that nobody has given so far.
    AddedWithoutValue,
    /// Only the old side has it.
    Removed,
    /// Both have it, each another one.
    Changed,
    /// Both may have it; the new side accepts less.
    Narrowed,
    /// Both may have it; the new side accepts more.
    Widened,
    /// It means the same, written in another way.
    Rewritten,
}

impl Difference {
    /// How many there are; [`Difference::Rewritten`] is the last.
    pub(super) const COUNT: usize = Self::Rewritten as usize + 1;

    /// Returns how something differs that is there or not.
    pub const fn of_presence(was: bool, is: bool) -> Option<Self> {
        match (was, is) {
            (false, true) => Some(Self::Added),
            (true, false) => Some(Self::Removed),
            _ => None,
        }
    }

    /// Returns how something differs that is there or not, and is the same or not where both have it.
    pub const fn of_value(was: bool, is: bool, same: bool) -> Option<Self> {
        match (was, is) {
            (true, true) if !same => Some(Self::Changed),
            _ => Self::of_presence(was, is),
        }
    }

    /// Returns how a bound differs. `order` is that of the new one to the old one where both are there; `None` says
    /// that they cannot be compared, which counts as narrowed.
    pub const fn of_bound(upper: bool, was: bool, is: bool, order: Option<Ordering>) -> Option<Self> {
        match (was, is, order) {
            (false, false, _) => None,
            (true, false, _) => Some(Self::Widened),
            (true, true, Some(Ordering::Equal)) => Some(Self::Rewritten),
            (true, true, Some(Ordering::Greater)) if upper => Some(Self::Widened),
            (true, true, Some(Ordering::Less)) if !upper => Some(Self::Widened),
            _ => Some(Self::Narrowed),
        }
    }
}
