//! The answers of the REST API (docs/contract.md#4-rest), each declared once: use cases of the server return them, the
//! OpenAPI document describes them, and the client reads them.
//!
//! An answer shows of a secret only that it is set. The one exception is a new token's text, in the answer that creates
//! it; it is a [`Secret`](connector_schema::Secret), which no log shows.

mod agent;
mod audit;
mod capabilities;
mod change;
mod connector;
mod connector_type;
mod draft;
mod execution;
mod page;
mod problem;
mod run;
mod server;
mod status;
mod token;

pub use agent::{AgentState, AgentView, ServingAgent};
pub use audit::AuditEntry;
pub use capabilities::{CommandCapabilities, TypeCapabilities};
pub use change::{
    Affected, AffectedDefinition, AffectedItem, ChangeSummary, ChangeView, ChangedType, ClearedSecrets, ImportView,
    SchemaChange, TypeDiff,
};
pub use connector::{CircuitState, ConnectorView, RemoteState, SecretState, ServiceHealth, ServiceState};
pub use connector_type::{TypeView, VersionDetail, VersionView};
pub use draft::{ConnectorDraft, OperationView, Reason, Verdict, Warning};
pub use execution::{Actor, ConnectorResult, ExecutionSummary, ExecutionView, LogLine, TrueSize, TruncatedParts};
pub use page::Page;
pub use problem::{Mistake, Problem};
pub use run::{
    CheckItem, CheckReading, CheckedRun, RunAttempt, RunDefinitionSummary, RunDefinitionVersion, RunDefinitionView,
    RunFailure, RunSummary, RunTask, RunView, StartedRun,
};
pub use server::{Liveness, PartState, Readiness, ReadinessPart, ReadyPart};
pub use status::{
    AgentsStatus, AtWork, ConnectionUse, DatabaseKind, DatabaseStatus, KeptRows, MemoryUse, NatsStatus, QueuesStatus,
    RecurringRun, RecurringTask, ReleaseRange, RemovedRows, RetainedTable, RetentionStatus, RunsStatus, ServerView,
    StatusPart, StatusProblem, StatusView, Waiting,
};
pub use token::TokenView;

#[cfg(test)]
mod tests;
