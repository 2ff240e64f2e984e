//! The filters of lists. The client writes them into the query, the server reads them from it.

use jiff::Timestamp;
use uuid::Uuid;

use crate::words::{AuditAction, AuditSubject, ExecutionModel, ExecutionSource, ExecutionStatus, RunStatus};

/// Which connectors a list contains; `None` means any.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ConnectorFilter {
    /// A text that name, description, category or tags contain, ignoring case.
    pub q: Option<String>,
    /// The name or id of their type.
    pub type_name: Option<String>,
    /// How their commands are served.
    pub execution_model: Option<ExecutionModel>,
    /// Their category.
    pub category: Option<String>,
    /// One of their tags.
    pub tag: Option<String>,
}

/// Which executions a list contains; `None` means any.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ExecutionFilter {
    /// The connector: the name that it bears now, or its id.
    pub connector: Option<String>,
    /// The command.
    pub command: Option<String>,
    /// The name or id of the connector type.
    pub type_name: Option<String>,
    /// Their states: any of these; empty means any.
    pub status: Vec<ExecutionStatus>,
    /// Whether they succeeded; executions without an outcome are in neither list.
    pub success: Option<bool>,
    /// The door that the request used.
    pub source: Option<ExecutionSource>,
    /// The id of the token that requested them.
    pub token: Option<Uuid>,
    /// The caller's run.
    pub run_id: Option<String>,
    /// The earliest time at which they began.
    pub since: Option<Timestamp>,
    /// The time before which they began.
    pub until: Option<Timestamp>,
}

/// Which entries of the audit trail a list contains; `None` means any.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct AuditFilter {
    /// The kind of thing that was changed.
    pub subject: Option<AuditSubject>,
    /// The connector that was changed: its name at the time, or its id.
    pub connector: Option<String>,
    /// The connector type that was changed: its name, or its id.
    pub type_name: Option<String>,
    /// What was done.
    pub action: Option<AuditAction>,
    /// The actor's token: its name at the time, or its id.
    pub token: Option<String>,
    /// The door that the request used.
    pub source: Option<ExecutionSource>,
    /// The id of the request.
    pub request_id: Option<String>,
    /// The earliest time.
    pub since: Option<Timestamp>,
    /// The time before which they were written.
    pub until: Option<Timestamp>,
}

/// Which runs a list contains; `None` means any.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct RunFilter {
    /// Their states: any of these; empty means any.
    pub status: Vec<RunStatus>,
    /// The name of the definition that they were started from.
    pub definition: Option<String>,
    /// The name of a connector that a step names.
    pub connector: Option<String>,
    /// The id of the token that started them.
    pub token: Option<Uuid>,
    /// The earliest time at which they were accepted.
    pub since: Option<Timestamp>,
    /// The time before which they were accepted.
    pub until: Option<Timestamp>,
}
