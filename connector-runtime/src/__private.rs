//! What the output of the macros names. It is not for people: it changes with the macros, whose version is
//! pinned to this crate's.

pub mod check;
mod expansion;

pub use inventory;
pub use schemars;
pub use serde;
pub use serde_json::Value;

pub use crate::connector::{Commands, Connector, ConnectorStruct, FieldSet, Head, Reader};
pub use crate::context::Context;
pub use crate::descriptor::{
    ChoiceSpec, CommandSpec, Descriptor, EgressScope, FieldSpec, Literal, Outputs, Place, Timeout, TypeSpec,
};
pub use crate::field::{FieldType, Mismatch, Select};
pub use crate::lock::{Lock, LockFile, LockVerdict, Locked, Unlocked};
pub use crate::mock::{MockFn, MockSpec};
pub use crate::outcome::{BoxFuture, Failure, Payload, Reply, Returns, Thrown};
pub use crate::registry::Registration;
pub use crate::schema::{Effect, FieldKind, FieldValues, Invalid};

pub use self::expansion::{
    Erased, Object, Probe, Unknown, call, call_async, constant, deserialize_select, mock, object_type, outputs_of,
    read_object, read_select, select_schema, select_type, timeout,
};
pub use std::borrow::Cow;
