//! The closed sets of words that rows store: those of the wire.

pub use floh_client::words::{
    AuditAction, AuditSubject, ExecutionModel, ExecutionSource, ExecutionStatus, LogLevel, Recording, ResumeUnknown,
    RunFailureCode, RunStatus, TaskStatus, TokenKind, TypeSource, UnknownWord, VersionSource,
};
