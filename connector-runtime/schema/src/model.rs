//! The model itself: plain data with the words of the JSON.

use std::fmt;
use std::sync::{LazyLock, OnceLock};

use indexmap::IndexMap;
use regex::Regex;
use semver::Version;
use serde::{Deserialize, Serialize};
use serde_json::{Number, Value};

use super::{NestedSchema, is_command_name};

/// Named fields in schema order: the connection's, or the params of a command.
pub type Fields = IndexMap<String, Field>;

/// What a connector type accepts and answers: its connection fields and its commands.
///
/// Equality ignores the order of fields and commands, as a reordered schema accepts the same calls.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct ConfigSchema {
    /// Fields of the connection config.
    pub connection: Fields,
    /// Commands by wire name.
    pub commands: IndexMap<String, Command>,
    /// The command that runs when a call names none.
    pub default_command: Option<String>,
    /// The connection fields whose origins may have the connection's secrets; `None` leaves it to the one URL
    /// field ([`egress_fields`](crate::destination::egress_fields)). Built-in types declare it with the macro instead.
    pub egress: Option<Vec<String>>,
    /// Whether nobody has said what is accepted: every command, param and connection value is accepted, and every
    /// connection value counts as a secret. Only for external types; the rest is empty
    /// then.
    pub open: bool,
}

impl ConfigSchema {
    /// Returns the schema of a service that has none. As JSON it is `null`.
    pub fn open() -> Self {
        Self { open: true, ..Self::default() }
    }

    /// Finds a command by its wire name. An open schema has every command.
    pub fn command(&self, name: &str) -> Option<&Command> {
        static ANY: LazyLock<Command> = LazyLock::new(Command::default);
        self.commands.get(name).or_else(|| (self.open && is_command_name(name)).then(|| &*ANY))
    }
}

/// One operation of a connector type.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Command {
    /// What the command does, for people and agents.
    pub description: Option<String>,
    /// Params in the order in which forms show them.
    pub params: Fields,
    /// Names in the payload; declarative, never a filter.
    pub outputs: Vec<String>,
    /// JSON Schema 2020-12 of the payload.
    pub output_schema: Option<Value>,
    /// Still works, but should no longer be used.
    pub deprecated: bool,
    /// What to use instead of a deprecated command.
    pub deprecated_message: Option<String>,
    /// The type's version that brought the command.
    pub added_in_version: Option<Version>,
    /// What the command does to the connected system.
    pub effect: Option<Effect>,
    /// Whether sending the same call twice has the effect of sending it once.
    pub idempotent: bool,
    /// The variables that the command may set, by name; `None` if it does not declare them, so that it may set any.
    pub variables: Option<Fields>,
    /// The API operation that an imported command calls.
    pub source: Option<Source>,
}

/// What a command does to the connected system.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Effect {
    /// Changes nothing.
    Read,
    /// Adds something new.
    Create,
    /// Changes what is there.
    Update,
    /// Removes something.
    Delete,
}

impl Effect {
    /// Every effect, with its wire name.
    pub const ALL: [(&'static str, Self); 4] =
        [("read", Self::Read), ("create", Self::Create), ("update", Self::Update), ("delete", Self::Delete)];

    /// Returns the wire name.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Read => "read",
            Self::Create => "create",
            Self::Update => "update",
            Self::Delete => "delete",
        }
    }
}

/// The operation of an OpenAPI document behind an imported command.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Source {
    /// HTTP method, upper case.
    pub method: String,
    /// Path template of the document.
    pub path: String,
    /// The document's operation id, where it has one.
    pub operation_id: Option<String>,
}

/// One connection field or param.
#[derive(Debug, Clone, PartialEq)]
pub struct Field {
    /// The kind of value.
    pub kind: FieldKind,
    /// Whether a call without the value is refused.
    pub required: bool,
    /// Whether the value is a credential; only with [`FieldKind::String`].
    pub secret: bool,
    /// What the value is for.
    pub description: Option<String>,
    /// Name shown in forms.
    pub label: Option<String>,
    /// Grey text shown in an empty input.
    pub placeholder: Option<String>,
    /// A typical value.
    pub example: Option<Value>,
    /// Replaces an absent value. `null` says that absent is fine.
    pub default: Option<Value>,
    /// The values to choose from; only with [`FieldKind::Select`].
    pub options: Vec<Choice>,
    /// Whether a number must be whole.
    pub integer: bool,
    /// Smallest number allowed.
    pub minimum: Option<Number>,
    /// Largest number allowed.
    pub maximum: Option<Number>,
    /// Fewest characters allowed.
    pub min_length: Option<u64>,
    /// Most characters allowed.
    pub max_length: Option<u64>,
    /// Regular expression that a text must match somewhere.
    pub pattern: Option<Pattern>,
    /// JSON Schema format, such as `uri`.
    pub format: Option<String>,
    /// JSON Schema of the value; only with array, object and raw.
    pub schema: Option<NestedSchema>,
}

/// The format of whole numbers of 64 bits.
const INT64: &str = "int64";

impl Field {
    /// Makes an optional field of a kind with everything else unset.
    pub fn new(kind: FieldKind) -> Self {
        Self {
            kind,
            required: false,
            secret: false,
            description: None,
            label: None,
            placeholder: None,
            example: None,
            default: None,
            options: Vec::new(),
            integer: false,
            minimum: None,
            maximum: None,
            min_length: None,
            max_length: None,
            pattern: None,
            format: None,
            schema: None,
        }
    }

    /// Returns whether any URL may be given beside the options: a select of format `uri`.
    pub fn is_open_choice(&self) -> bool {
        self.kind == FieldKind::Select && self.format.as_deref() == Some("uri")
    }

    /// Returns whether a text with the digits of a number is taken for it: many systems write 64-bit numbers as texts,
    /// because a float loses their last digits.
    pub fn takes_digits(&self) -> bool {
        self.kind == FieldKind::Number && self.integer && self.format.as_deref() == Some(INT64)
    }

    /// Reads a text with the digits of a 64-bit number, such as `"9007199254740993"`, if the field takes one.
    pub fn number_of(&self, text: &str) -> Option<Number> {
        let digits = text.strip_prefix('-').unwrap_or(text);
        let is_plain = text == "0" || digits.starts_with(|first: char| matches!(first, '1'..='9'));
        let number = text.parse::<i64>().map(Number::from).or_else(|_| text.parse::<u64>().map(Number::from));
        number.ok().filter(|_| self.takes_digits() && is_plain)
    }

    /// Returns whether the value, or any part of it, is a credential.
    pub fn holds_secret(&self) -> bool {
        self.secret || self.schema.as_ref().is_some_and(NestedSchema::holds_secret)
    }
}

/// The kind of a field's value.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FieldKind {
    /// Text.
    String,
    /// A number, or a whole number where `integer` is set.
    Number,
    /// True or false.
    Boolean,
    /// An RFC 3339 date or date-time, as text.
    Date,
    /// One of the options.
    Select,
    /// Any JSON.
    Raw,
    /// A list.
    Array,
    /// A JSON object.
    Object,
}

impl FieldKind {
    /// Every kind, with its wire name.
    pub const ALL: [(&'static str, Self); 8] = [
        ("string", Self::String),
        ("number", Self::Number),
        ("boolean", Self::Boolean),
        ("date", Self::Date),
        ("select", Self::Select),
        ("raw", Self::Raw),
        ("array", Self::Array),
        ("object", Self::Object),
    ];

    /// Returns the wire name.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::String => "string",
            Self::Number => "number",
            Self::Boolean => "boolean",
            Self::Date => "date",
            Self::Select => "select",
            Self::Raw => "raw",
            Self::Array => "array",
            Self::Object => "object",
        }
    }

    /// Returns whether the value may be a list or an object.
    pub const fn is_structured(self) -> bool {
        matches!(self, Self::Raw | Self::Array | Self::Object)
    }
}

impl fmt::Display for FieldKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// One value of a select and the name that forms show for it.
#[derive(Debug, Clone, PartialEq)]
pub struct Choice {
    /// The value on the wire; a text or a number.
    pub value: Value,
    /// The name shown; the value itself where absent.
    pub label: Option<String>,
}

/// Bytes that a small pattern takes when compiled; a larger one may take the 10 MiB of the `regex` crate.
const SMALL_PATTERN: usize = 256 << 10;

/// A regular expression, compiled at first use.
///
/// Matching is linear in the text (the `regex` crate), so a hostile pattern cannot hang a call.
#[derive(Clone)]
pub struct Pattern {
    text: String,
    compiled: OnceLock<Option<Regex>>,
}

impl Pattern {
    /// Wraps a pattern that is known to compile.
    pub fn trusted(text: impl Into<String>) -> Self {
        Self { text: text.into(), compiled: OnceLock::new() }
    }

    /// Compiles a pattern.
    ///
    /// # Errors
    /// Says what is wrong with the pattern.
    pub fn parse(text: impl Into<String>) -> Result<Self, String> {
        let text = text.into();
        match Regex::new(&text) {
            Ok(regex) => Ok(Self { text, compiled: OnceLock::from(Some(regex)) }),
            Err(error) => {
                let reason = error.to_string();
                let last = reason.lines().last().unwrap_or("syntax error").trim();
                Err(format!("not a regular expression that can be run in linear time: {last}"))
            }
        }
    }

    /// Returns whether a text is a pattern, and one that is small when compiled.
    pub fn is_small(text: &str) -> bool {
        regex::RegexBuilder::new(text).size_limit(SMALL_PATTERN).build().is_ok()
    }

    /// Returns the pattern's text.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// Returns whether the pattern matches somewhere in a text.
    pub fn is_match(&self, text: &str) -> bool {
        let compiled = self.compiled.get_or_init(|| Regex::new(&self.text).ok());
        compiled.as_ref().is_some_and(|regex| regex.is_match(text))
    }
}

impl fmt::Debug for Pattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.text, f)
    }
}

impl PartialEq for Pattern {
    fn eq(&self, other: &Self) -> bool {
        self.text == other.text
    }
}
