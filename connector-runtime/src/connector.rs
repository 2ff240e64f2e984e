//! The traits behind the macros. The struct's half and the impl block's half of a connector are two
//! macro calls; [`Connector`] joins them into one descriptor, by types and at compile time.

use crate::descriptor::{CommandSpec, Descriptor, EgressScope, FieldSpec, Place};
use crate::descriptor::{Connection, ErrorMap};
use crate::field::FieldType;
use crate::lock::{Lock, LockVerdict, verdict};
use crate::schema::{FieldValues, Invalid};

/// A struct whose fields are read from values: a connection, or the params of a command.
pub trait FieldSet: Sized + Send + Sync + 'static {
    /// The fields in source order.
    const FIELDS: &'static [FieldSpec];

    /// Reads the fields; `None` if a type cannot hold its value, which the reader keeps the reason of.
    fn read(reader: &mut Reader<'_>) -> Option<Self>;
}

/// The struct's half of a connector; implemented by `#[connector(name = ...)]`.
pub trait ConnectorStruct: FieldSet {
    /// What the attribute says.
    const HEAD: Head;
}

/// The impl block's half of a connector; implemented by `#[connector]` on it.
#[diagnostic::on_unimplemented(
    message = "the connector `{Self}` has no commands",
    label = "no impl block with #[connector] belongs to this struct",
    note = "write #[connector] above `impl {Self} {{ .. }}` and #[command] above its handlers"
)]
pub trait Commands {
    /// The commands in source order.
    const COMMANDS: &'static [CommandSpec];
    /// The commands by name, as places in the list.
    const ORDER: &'static [u16] = &[];
}

/// What the attribute on a connector struct says.
#[derive(Debug, Clone, Copy)]
pub struct Head {
    /// Unique name of the type.
    pub name: &'static str,
    /// Semantic version of the config schema.
    pub version: &'static str,
    /// The struct's doc comment.
    pub description: &'static str,
    /// Group in which lists show the type.
    pub category: Option<&'static str>,
    /// Words to find the type by.
    pub tags: &'static [&'static str],
    /// The command that runs when a call names none.
    pub default_command: Option<&'static str>,
    /// Whether the type is seeded with an empty config schema.
    pub legacy_commandless_ui: bool,
    /// Where requests that carry secrets may go.
    pub egress: EgressScope,
    /// Translates thrown errors.
    pub errors: Option<ErrorMap>,
    /// Source place of the struct.
    pub place: Place,
    /// The lock of the schema.
    pub lock: Lock,
}

impl Head {
    /// Replaces a head that could not be read.
    pub const EMPTY: Self = Self {
        name: "",
        version: "0.0.0",
        description: "",
        category: None,
        tags: &[],
        default_command: None,
        legacy_commandless_ui: false,
        egress: EgressScope::Inferred,
        errors: None,
        place: Place { file: "", line: 0 },
        lock: Lock::OFF,
    };
}

/// A complete connector: an annotated struct with an annotated impl block.
pub trait Connector: ConnectorStruct + Commands {
    /// What the registry knows of it.
    const DESCRIPTOR: &'static Descriptor;
    /// How its schema compares with its lock.
    #[doc(hidden)]
    const VERDICT: LockVerdict;
}

impl<C: ConnectorStruct + Commands> Connector for C {
    const DESCRIPTOR: &'static Descriptor = &Descriptor {
        name: C::HEAD.name,
        version: C::HEAD.version,
        description: C::HEAD.description,
        category: C::HEAD.category,
        tags: C::HEAD.tags,
        connection: C::FIELDS,
        commands: C::COMMANDS,
        default_command: C::HEAD.default_command,
        legacy_commandless_ui: C::HEAD.legacy_commandless_ui,
        egress: C::HEAD.egress,
        place: C::HEAD.place,
        lock: C::HEAD.lock.file,
        order: C::ORDER,
        connect: connect::<C>,
        errors: C::HEAD.errors,
    };
    const VERDICT: LockVerdict = verdict(Self::DESCRIPTOR, &C::HEAD.lock);
}

fn connect<C: ConnectorStruct>(values: FieldValues<'_>) -> Result<Connection, Invalid> {
    Ok(std::sync::Arc::new(Reader::read::<C>(values)?))
}

/// Reads fields one by one from validated values.
#[derive(Debug)]
pub struct Reader<'a> {
    values: FieldValues<'a>,
    /// Why the first of the fields that could not be read could not.
    invalid: Option<Invalid>,
}

impl<'a> Reader<'a> {
    /// Reads a struct from values.
    ///
    /// # Errors
    /// If the type of a field cannot hold its value, or the value is required and missing. The first such field is told.
    pub fn read<T: FieldSet>(values: FieldValues<'a>) -> Result<T, Invalid> {
        let mut reader = Self { values, invalid: None };
        T::read(&mut reader).ok_or_else(|| reader.invalid.unwrap_or_default())
    }

    /// Reads a field: the given value, else the default, else the value of an absent field. `None` if that cannot be, or
    /// a field before it could not be read.
    pub fn field<T: FieldType>(&mut self, name: &'static str) -> Option<T> {
        if self.invalid.is_some() {
            return None;
        }
        let read = match self.values.get(name) {
            Some(value) => T::read(value).map_err(|mismatch| Invalid::of(name, mismatch.0)),
            None => T::absent().ok_or_else(|| Invalid { missing: vec![name.to_owned()], problems: Vec::new() }),
        };
        read.map_err(|invalid| self.invalid = Some(invalid)).ok()
    }
}
