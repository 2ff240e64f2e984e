//! The closed sets of words that rows hold: those of the wire.

pub use floh_client::words::{
    ExecutionModel, ExecutionSource, ExecutionStatus, LogLevel, TokenKind, TypeSource, UnknownWord, VersionSource,
};
