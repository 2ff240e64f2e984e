//! What the macros emit: const tables that describe a connector, and one small function per command.
//!
//! Everything here is `&'static` and built at compile time; a program that never calls a connector
//! pays nothing for it. The config schema is written from these tables when asked for.

use std::any::Any;
use std::fmt;
use std::sync::Arc;

use serde_json::Value;

use crate::context::Context;
use crate::lock::LockFile;
use crate::mock::MockSpec;
use crate::outcome::{BoxFuture, Fail, Failure, Reply, Thrown};
use crate::schema::{Effect, FieldKind, FieldValues, Invalid};
pub use connector_egress::EgressScope;

/// A compiled connector type.
pub struct Descriptor {
    /// Unique name of the type.
    pub name: &'static str,
    /// Semantic version of the config schema.
    pub version: &'static str,
    /// What the connector is for.
    pub description: &'static str,
    /// Group in which lists show the type.
    pub category: Option<&'static str>,
    /// Words to find the type by.
    pub tags: &'static [&'static str],
    /// Fields of the connection config.
    pub connection: &'static [FieldSpec],
    /// Commands in source order.
    pub commands: &'static [CommandSpec],
    /// The command that runs when a call names none.
    pub default_command: Option<&'static str>,
    /// Whether the type is seeded with an empty config schema; for `http` and `delay` alone.
    pub legacy_commandless_ui: bool,
    /// Where requests that carry secrets may go.
    pub egress: EgressScope,
    /// Source place of the connector.
    pub place: Place,
    /// Where the lock of its schema is kept.
    pub lock: LockFile,
    /// The commands by name, as places in `commands`.
    pub order: &'static [u16],
    /// Reads the typed connection.
    pub connect: ConnectFn,
    /// Translates thrown errors.
    pub errors: Option<ErrorMap>,
}

/// A typed connection, shared by the calls that use it.
pub type Connection = Arc<dyn Any + Send + Sync>;

/// Reads a typed connection from validated values.
pub type ConnectFn = fn(FieldValues<'_>) -> Result<Connection, Invalid>;

/// Translates a thrown error into a failure with diagnostics; `None` leaves the error's own text.
pub type ErrorMap = fn(&Thrown<'_>) -> Option<Fail>;

/// Reads the params, calls the handler and normalises what it returns.
pub type CallFn = for<'a> fn(
    connection: &'a (dyn Any + Send + Sync),
    context: &'a Context,
    params: FieldValues<'a>,
) -> BoxFuture<'a, Result<Reply, Failure>>;

/// One command of a compiled connector.
pub struct CommandSpec {
    /// Wire name.
    pub name: &'static str,
    /// What the command does.
    pub description: &'static str,
    /// Params in source order.
    pub params: &'static [FieldSpec],
    /// What the payload holds.
    pub outputs: Outputs,
    /// What to use instead, if the command is deprecated; may be empty.
    pub deprecated: Option<&'static str>,
    /// The version that brought the command.
    pub since: Option<&'static str>,
    /// What the command does to the connected system.
    pub effect: Option<Effect>,
    /// Whether sending a call twice has the effect of sending it once.
    pub idempotent: bool,
    /// The variables that the command may set; `None` if it does not declare them, so that it may set any.
    pub variables: Option<&'static [FieldSpec]>,
    /// The command's own deadline, if it has one.
    pub timeout: Option<Timeout>,
    /// Canned outcomes by scenario.
    pub mocks: &'static [MockSpec],
    /// Runs the command.
    pub call: CallFn,
}

impl CommandSpec {
    /// A command with nothing set; the macros fill in the rest.
    pub const PLAIN: Self = Self {
        name: "",
        description: "",
        params: &[],
        outputs: Outputs { names: &[], schema: None, typed: false },
        deprecated: None,
        since: None,
        effect: None,
        idempotent: false,
        variables: None,
        timeout: None,
        mocks: &[],
        call: |_, _, _| Box::pin(async { Err(Fail::new("The command has no handler").into()) }),
    };
}

/// What the payload of a command holds.
#[derive(Clone, Copy, Default)]
pub struct Outputs {
    /// Names in the payload.
    pub names: &'static [&'static str],
    /// Writes the JSON Schema of the payload, if its type is known.
    pub schema: Option<fn() -> Value>,
    /// Whether names and schema come from the payload's type.
    pub typed: bool,
}

/// A deadline of a command, in milliseconds.
#[derive(Clone, Copy)]
pub enum Timeout {
    /// Always the same.
    Fixed(u64),
    /// Derived from the params.
    Of(fn(FieldValues<'_>) -> u64),
}

/// A connection field or param.
#[derive(Debug, Clone, Copy)]
pub struct FieldSpec {
    /// Wire name.
    pub name: &'static str,
    /// What the value is for.
    pub description: &'static str,
    /// What the Rust type says.
    pub ty: TypeSpec,
    /// Name shown in forms.
    pub label: Option<&'static str>,
    /// Grey text in an empty input.
    pub placeholder: Option<&'static str>,
    /// A typical value.
    pub example: Option<Literal>,
    /// Replaces an absent value.
    pub default: Option<Literal>,
    /// Smallest number allowed.
    pub minimum: Option<Literal>,
    /// Largest number allowed.
    pub maximum: Option<Literal>,
    /// Fewest characters allowed.
    pub min_length: Option<u64>,
    /// Most characters allowed.
    pub max_length: Option<u64>,
    /// Regular expression that a text must match.
    pub pattern: Option<&'static str>,
    /// Whether credentials are sent to the place that the value names.
    pub destination: bool,
}

impl FieldSpec {
    /// A field of a type with everything else unset; the macros fill in the rest.
    pub const fn new(name: &'static str, description: &'static str, ty: TypeSpec) -> Self {
        Self {
            name,
            description,
            ty,
            label: None,
            placeholder: None,
            example: None,
            default: None,
            minimum: None,
            maximum: None,
            min_length: None,
            max_length: None,
            pattern: None,
            destination: false,
        }
    }
}

/// What a Rust type says about its field.
#[derive(Debug, Clone, Copy)]
pub struct TypeSpec {
    /// The kind of value.
    pub kind: FieldKind,
    /// Whether absent is fine (`Option`).
    pub nullable: bool,
    /// Whether the value is a credential.
    pub secret: bool,
    /// Whether a number must be whole.
    pub integer: bool,
    /// Smallest number that the type holds, where a form should know.
    pub minimum: Option<Literal>,
    /// Largest number that the type holds, where a form should know.
    pub maximum: Option<Literal>,
    /// Smallest and largest number that the type can be given; wider than the bounds that a form shows.
    pub holds: (f64, f64),
    /// JSON Schema format.
    pub format: Option<&'static str>,
    /// The values of a select.
    pub choices: &'static [ChoiceSpec],
    /// Writes the JSON Schema of a list or an object.
    pub schema: Option<fn() -> Value>,
    /// The fields of an `#[object]`, as far as they are known at compile time. Of a list or a map: one field named
    /// `[]` or `{}`, its elements.
    pub fields: &'static [FieldSpec],
}

impl TypeSpec {
    /// A type of a kind with everything else unset.
    pub const fn new(kind: FieldKind) -> Self {
        Self {
            kind,
            nullable: false,
            secret: false,
            integer: false,
            minimum: None,
            maximum: None,
            holds: (f64::NEG_INFINITY, f64::INFINITY),
            format: None,
            choices: &[],
            schema: None,
            fields: &[],
        }
    }
}

/// One value of a select.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ChoiceSpec {
    /// Value on the wire.
    pub value: &'static str,
    /// Name shown in forms.
    pub label: &'static str,
    /// What choosing it means.
    pub description: &'static str,
}

/// A constant in an attribute.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Literal {
    /// True or false.
    Bool(bool),
    /// A whole number.
    Int(i64),
    /// Any other number.
    Float(f64),
    /// A text.
    Str(&'static str),
    /// Nothing, inside a list or an object.
    Null,
    /// A list.
    List(&'static [Self]),
    /// An object, in source order.
    Map(&'static [(&'static str, Self)]),
}

impl Literal {
    /// Returns the constant as JSON.
    pub fn to_value(self) -> Value {
        match self {
            Self::Bool(value) => value.into(),
            Self::Int(value) => value.into(),
            Self::Float(value) => value.into(),
            Self::Str(value) => value.into(),
            Self::Null => Value::Null,
            Self::List(items) => items.iter().map(|item| item.to_value()).collect(),
            Self::Map(members) => {
                Value::Object(members.iter().map(|(name, value)| ((*name).to_owned(), value.to_value())).collect())
            }
        }
    }

    /// Returns the constant as JSON; a text that is JSON is parsed.
    pub(crate) fn to_json(self) -> Value {
        match self {
            Self::Str(text) => serde_json::from_str(text).unwrap_or_else(|_| text.into()),
            other => other.to_value(),
        }
    }
}

/// A place in source code.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Place {
    /// File as the compiler names it.
    pub file: &'static str,
    /// Line, from 1.
    pub line: u32,
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.file, self.line)
    }
}

/// The row that a compiled type leaves in the store: everything but its config schema, which is
/// written from the descriptor.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SeedRow {
    /// Unique name of the type.
    pub name: &'static str,
    /// Semantic version of the config schema.
    pub version: &'static str,
    /// What the connector is for.
    pub description: &'static str,
    /// Group in which lists show the type.
    pub category: Option<&'static str>,
    /// Words to find the type by.
    pub tags: &'static [&'static str],
    /// Always `built_in`.
    pub execution_model: &'static str,
    /// Whether the config schema is seeded as `{}`.
    pub empty_schema: bool,
}

impl Descriptor {
    /// Returns the seed row.
    pub const fn seed_row(&self) -> SeedRow {
        SeedRow {
            name: self.name,
            version: self.version,
            description: self.description,
            category: self.category,
            tags: self.tags,
            execution_model: "built_in",
            empty_schema: self.legacy_commandless_ui,
        }
    }

    /// Returns whether the version is a draft, such as `1.0.0-draft`: one with a pre-release tag. A draft needs
    /// no lock, and its schema may change under the same version.
    pub const fn is_draft(&self) -> bool {
        let version = self.version.as_bytes();
        let mut at = 0;
        while at < version.len() && version[at] != b'+' {
            if version[at] == b'-' {
                return true;
            }
            at += 1;
        }
        false
    }

    /// Returns a command by wire name.
    pub fn command(&self, name: &str) -> Option<&'static CommandSpec> {
        self.commands.iter().find(|command| command.name == name)
    }
}

impl fmt::Debug for Descriptor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Descriptor").field("name", &self.name).field("version", &self.version).finish_non_exhaustive()
    }
}

impl fmt::Debug for CommandSpec {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CommandSpec").field("name", &self.name).finish_non_exhaustive()
    }
}

impl fmt::Debug for Outputs {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Outputs").field("names", &self.names).field("typed", &self.typed).finish_non_exhaustive()
    }
}

impl fmt::Debug for Timeout {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Fixed(ms) => f.debug_tuple("Fixed").field(ms).finish(),
            Self::Of(_) => f.write_str("Of(..)"),
        }
    }
}
