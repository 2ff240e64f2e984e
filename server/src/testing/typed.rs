//! Reads answers as `floh-client` does: into their types and back again, without loss. So a client can read every
//! answer of the server in any test.

use floh_client::answers::{
    AgentView, AuditEntry, ChangedType, CheckedRun, ConnectorDraft, ConnectorResult, ConnectorView, ExecutionSummary,
    ExecutionView, Liveness, Page, Problem, Readiness, RunDefinitionSummary, RunDefinitionVersion, RunDefinitionView,
    RunSummary, RunView, StartedRun, StatusView, TokenView, TypeCapabilities, TypeDiff, TypeView, VersionDetail,
    VersionView,
};
use floh_client::routes::{self, Route};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

type Read = fn(&[u8]) -> serde_json::Result<Value>;

/// Routes whose answers are JSON, fixed paths before those with parameters.
const TYPED: [(Route, Read); 38] = [
    (routes::CREATE_CONNECTOR, through::<ConnectorView>),
    (routes::LIST_CONNECTORS, through::<Page<ConnectorView>>),
    (routes::PARSE_OAS, through::<ConnectorDraft>),
    (routes::LIST_AGENTS, through::<Page<AgentView>>),
    (routes::GET_CONNECTOR, through::<ConnectorView>),
    (routes::UPDATE_CONNECTOR, through::<ConnectorView>),
    (routes::EXECUTE, through::<ConnectorResult>),
    (routes::TEST, through::<ConnectorResult>),
    (routes::LIST_TYPES, through::<Page<TypeView>>),
    (routes::GET_TYPE, through::<TypeView>),
    (routes::UPDATE_TYPE, through::<ChangedType>),
    (routes::DIFF_TYPE, through::<TypeDiff>),
    (routes::REFRESH_TYPE, through::<ChangedType>),
    (routes::LIST_VERSIONS, through::<Page<VersionView>>),
    (routes::GET_VERSION, through::<VersionDetail>),
    (routes::CAPABILITIES, through::<TypeCapabilities>),
    (routes::JSON_SCHEMA, through::<Value>),
    (routes::LIST_EXECUTIONS, through::<Page<ExecutionSummary>>),
    (routes::GET_EXECUTION, through::<ExecutionView>),
    (routes::START_RUN, through::<StartedRun>),
    (routes::LIST_RUNS, through::<Page<RunSummary>>),
    (routes::CHECK_RUN, through::<CheckedRun>),
    (routes::GET_RUN, through::<RunView>),
    (routes::CANCEL_RUN, through::<StartedRun>),
    (routes::RESUME_RUN, through::<StartedRun>),
    (routes::CREATE_RUN_DEFINITION, through::<RunDefinitionView>),
    (routes::LIST_RUN_DEFINITIONS, through::<Page<RunDefinitionSummary>>),
    (routes::LIST_RUN_DEFINITION_VERSIONS, through::<Page<RunDefinitionVersion>>),
    (routes::GET_RUN_DEFINITION_VERSION, through::<RunDefinitionView>),
    (routes::GET_RUN_DEFINITION, through::<RunDefinitionView>),
    (routes::UPDATE_RUN_DEFINITION, through::<RunDefinitionView>),
    (routes::LIST_AUDIT, through::<Page<AuditEntry>>),
    (routes::STATUS, through::<StatusView>),
    (routes::CREATE_TOKEN, through::<TokenView>),
    (routes::LIST_TOKENS, through::<Page<TokenView>>),
    (routes::OPENAPI, through::<Value>),
    (routes::HEALTHZ, through::<Liveness>),
    (routes::READYZ, through::<Readiness>),
];

fn through<T: Serialize + DeserializeOwned>(bytes: &[u8]) -> serde_json::Result<Value> {
    serde_json::to_value(serde_json::from_slice::<T>(bytes)?)
}

/// Checks an answer with a JSON body.
///
/// # Panics
/// If the client cannot read it, or would lose a part of it.
pub(super) fn check(method: &str, path: &str, status: u16, body: &[u8]) {
    let read: Option<Read> = if status >= 400 {
        Some(through::<Problem>)
    } else {
        TYPED.iter().find(|(route, _)| route.method == method && matches(route.path, path)).map(|(_, read)| *read)
    };
    let (Some(read), Ok(sent)) = (read, serde_json::from_slice::<Value>(body)) else { return };
    match read(body) {
        Ok(kept) => assert_eq!(kept, sent, "the client loses a part of the answer to {method} {path} ({status})"),
        Err(error) => panic!("the client cannot read the answer to {method} {path} ({status}): {error}\n{sent:#}"),
    }
}

fn matches(template: &str, path: &str) -> bool {
    let (mut wanted, mut given) = (template.split('/'), path.split('/'));
    wanted.by_ref().zip(given.by_ref()).all(|(wanted, given)| wanted.starts_with('{') || wanted == given)
        && template.split('/').count() == path.split('/').count()
}
