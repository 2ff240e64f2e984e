//! The bodies of REST requests (docs/contract.md#4-rest), each declared once.

use crate::body::kinds::{
    ConnectorName, Flag, Json, Number, Object, OperationNames, SecretText, ShortText, Text, Texts, Time, UrlText, Word,
};
use crate::body::{Nullable, Optional, Required};
use crate::words::{ExecutionModel, LogLevel, Recording, ResumeUnknown, TokenKind};

/// The longest deadline of a call, in milliseconds.
pub const MAX_TIMEOUT_MS: u64 = 300_000;

/// The largest version of a definition that a run can name.
const MAX_DEFINITION_VERSION: u64 = i64::MAX as u64;

/// A deadline in milliseconds.
type TimeoutMs = Number<1, MAX_TIMEOUT_MS>;

/// Keys of a draft that `POST /api/connectors` ignores, so that the draft of an import can be sent unchanged.
pub const DRAFT_KEYS: [&str; 3] = ["operations", "warnings", "file"];

crate::body! {
    /// The body of `POST /api/connectors`.
    pub struct NewConnector {
        /// Unique name: kebab-case, at most 63 characters.
        "name" name: Required<ConnectorName>,
        /// Name of the type.
        "type" type_name: Required<Text>,
        /// How the type's commands are served.
        "executionModel" execution_model: Required<Word<ExecutionModel>>,
        /// The type's version; if the type exists, it must be its version.
        "version" version: Optional<Text>,
        /// What the connector is for.
        "description" description: Optional<Text>,
        /// Its category.
        "category" category: Optional<ShortText>,
        /// Its tags.
        "tags" tags: Optional<Texts>,
        /// The type's config schema; if the type exists, it must equal its schema.
        "configSchema" config_schema: Optional<Json>,
        /// The type's script; if the type exists, it must equal its script.
        "scriptSource" script_source: Optional<Text>,
        /// The type's endpoint; if the type exists, it must equal its endpoint. For an external instance of a built-in
        /// type, the instance's own endpoint.
        "endpointUrl" endpoint_url: Optional<UrlText>,
        /// The secret with which calls to an external connector's service are signed.
        "signingSecret" signing_secret: Optional<SecretText>,
        /// The connection config; may be incomplete.
        "config" config: Optional<Object>,
        /// Whether the connector may be executed; true if absent.
        "enabled" enabled: Optional<Flag>,
        /// Lowest level of log lines that are kept; info if absent.
        "logLevel" log_level: Optional<Word<LogLevel>>,
        /// Deadline of its calls in milliseconds.
        "timeoutMs" timeout_ms: Optional<TimeoutMs>,
        /// How much of its executions is kept; full if absent.
        "record" record: Optional<Word<Recording>>,
        /// Its mock settings.
        "mock" mock: Optional<Object>,
    }
}

crate::body! {
    /// The body of `PUT /api/connectors/{id}`. Absent keys stay unchanged.
    pub struct ConnectorPatch {
        /// New unique name.
        "name" name: Optional<ConnectorName>,
        /// What the connector is for.
        "description" description: Optional<Text>,
        /// Its category; null removes it.
        "category" category: Nullable<ShortText>,
        /// Its tags; replaces all of them.
        "tags" tags: Optional<Texts>,
        /// Merged into the connection config by key; null removes a field.
        "config" config: Optional<Object>,
        /// Where an external instance of a built-in type is served; null lets an agent serve it.
        "endpointUrl" endpoint_url: Nullable<UrlText>,
        /// The secret with which calls to an external connector's service are signed; null removes it.
        "signingSecret" signing_secret: Nullable<SecretText>,
        /// Whether the connector may be executed.
        "enabled" enabled: Optional<Flag>,
        /// Lowest level of log lines that are kept.
        "logLevel" log_level: Optional<Word<LogLevel>>,
        /// Deadline of its calls in milliseconds; null removes it.
        "timeoutMs" timeout_ms: Nullable<TimeoutMs>,
        /// How much of its executions is kept from now on.
        "record" record: Optional<Word<Recording>>,
        /// Merged into the mock settings by key; `data` is replaced as a whole, null removes a key.
        "mock" mock: Optional<Object>,
    }
}

crate::body! {
    /// The body of `PUT /api/connector-types/{id}` and of its dry run. Absent keys stay unchanged.
    pub struct TypeChange {
        /// The new version; at least the old one bumped at the level of the changes.
        "version" version: Optional<ShortText>,
        /// Connection fields and commands; replaces all of them.
        "configSchema" config_schema: Optional<Json>,
        /// The JavaScript of a script type.
        "scriptSource" script_source: Optional<Text>,
        /// The OpenAPI document of an `oas_derived` type, as parse-oas accepts it, instead of `configSchema` and
        /// `scriptSource`. Operations that have a command keep its name.
        "spec" spec: Optional<Json>,
        /// With `spec`: names of the operations to import, including those of the type's commands; all if absent.
        "include" include: Optional<OperationNames>,
        /// Where an external type is served.
        "endpointUrl" endpoint_url: Optional<UrlText>,
        /// What it connects to.
        "description" description: Optional<Text>,
        /// Its category; null removes it.
        "category" category: Nullable<ShortText>,
        /// Its tags; replaces all of them.
        "tags" tags: Optional<Texts>,
        /// Whether to choose the smallest version that the changes allow.
        "autoBump" auto_bump: Optional<Flag>,
    }
}

crate::body! {
    /// The body of `POST /api/connector-types/{id}/refresh`.
    pub struct TypeRefresh {
        /// The version, if the service names none.
        "version" version: Optional<ShortText>,
        /// Whether to choose the smallest version that the changes allow, if the service names none.
        "autoBump" auto_bump: Optional<Flag>,
    }
}

crate::body! {
    /// The body of `POST /api/connectors/{id}/execute`.
    pub struct Call {
        /// The command; if absent, the type's default command.
        "command" command: Optional<ShortText>,
        /// Its params.
        "params" params: Optional<Object>,
        /// The run's variables.
        "variables" variables: Optional<Object>,
        /// Id of the workflow step.
        "stepId" step_id: Optional<ShortText>,
        /// Id of the run.
        "runId" run_id: Optional<ShortText>,
        /// Deadline in milliseconds.
        "timeoutMs" timeout_ms: Optional<TimeoutMs>,
        /// Answers with this mock scenario instead of calling.
        "mockScenario" mock_scenario: Optional<Text>,
    }
}

crate::body! {
    /// The body of `POST /api/connectors/{id}/test`: that of a call, without the command, which is always `test`.
    pub struct Test {
        /// Params of the command.
        "params" params: Optional<Object>,
        /// The run's variables.
        "variables" variables: Optional<Object>,
        /// Id of the workflow step.
        "stepId" step_id: Optional<ShortText>,
        /// Id of the run.
        "runId" run_id: Optional<ShortText>,
        /// Deadline in milliseconds.
        "timeoutMs" timeout_ms: Optional<TimeoutMs>,
        /// Answers with this mock scenario instead of calling.
        "mockScenario" mock_scenario: Optional<Text>,
    }
}

crate::body! {
    /// The body of `POST /api/connectors/parse-oas`.
    pub struct Import {
        /// The OpenAPI document: an object, or its text as JSON or YAML.
        "spec" spec: Required<Json>,
        /// Names of the operations to import; all if absent.
        "include" include: Optional<OperationNames>,
        /// The connector's name; if absent, made from the document's title.
        "name" name: Optional<Text>,
        /// Other names of commands, by the name that the import gives them.
        "names" names: Optional<Object>,
    }
}

crate::body! {
    /// The body of `POST /api/runs` and of `POST /api/runs/check`: steps, or the name of a definition.
    pub struct NewRun {
        /// The steps of the run, 1 to 100 (docs/contract.md#steps). Not with `definition`.
        "steps" steps: Optional<Json>,
        /// The name of a stored definition. Not with `steps`.
        "definition" definition: Optional<ConnectorName>,
        /// The version of the definition; the newest if absent.
        "version" version: Optional<Number<1, MAX_DEFINITION_VERSION>>,
        /// What the run's bag starts with; of a definition, its inputs.
        "variables" variables: Optional<Object>,
        /// Whether warnings about references count as errors. Not with `definition`.
        "strict" strict: Optional<Flag>,
    }
}

crate::body! {
    /// The body of `POST /api/run-definitions`.
    pub struct NewRunDefinition {
        /// Its name: kebab-case, at most 63 characters.
        "name" name: Required<ConnectorName>,
        /// What it is for.
        "description" description: Optional<Text>,
        /// What a run is given: FIELDs by name (docs/contract.md#2-config-schema).
        "inputs" inputs: Optional<Json>,
        /// The steps, 1 to 100 (docs/contract.md#steps).
        "steps" steps: Required<Json>,
        /// Whether warnings about references count as errors.
        "strict" strict: Optional<Flag>,
    }
}

crate::body! {
    /// The body of `PUT /api/run-definitions/{name}`: all of the next version.
    pub struct RunDefinitionChange {
        /// What it is for.
        "description" description: Optional<Text>,
        /// What a run is given: FIELDs by name (docs/contract.md#2-config-schema).
        "inputs" inputs: Optional<Json>,
        /// The steps, 1 to 100 (docs/contract.md#steps).
        "steps" steps: Required<Json>,
        /// Whether warnings about references count as errors.
        "strict" strict: Optional<Flag>,
    }
}

crate::body! {
    /// The body of `POST /api/runs/{id}/resume`.
    pub struct ResumeRun {
        /// What to do with a step of which is not known whether it took effect.
        "unknown" unknown: Optional<Word<ResumeUnknown>>,
    }
}

crate::body! {
    /// The body of `POST /api/tokens`.
    pub struct NewToken {
        /// What it is for.
        "name" name: Required<Text>,
        /// A person's or program's token, or an agent's.
        "kind" kind: Required<Word<TokenKind>>,
        /// What it may do: scopes such as `connectors:read`, `connectors:execute:read`, `runs:*` or `admin`.
        "scopes" scopes: Required<Texts>,
        /// When it expires.
        "expiresAt" expires_at: Optional<Time>,
        /// The agent that it belongs to; required with kind `agent`.
        "agentId" agent_id: Optional<Text>,
        /// The connectors that an api token is bound to (1 to 100 names), so that it reaches no other; all that its maker reaches if
        /// absent. Those that the agent may serve; required with kind `agent`.
        "connectorNames" connector_names: Optional<Texts>,
    }
}

#[cfg(test)]
mod tests;
