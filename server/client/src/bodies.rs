//! The bodies of REST requests (docs/contract.md#4-rest), each declared once.

use crate::body::kinds::{
    ConnectorName, Flag, Json, Number, Object, OperationNames, SecretText, ShortText, Text, Texts, Time, UrlText, Word,
};
use crate::body::{Nullable, Optional, Required};
use crate::words::{ExecutionModel, LogLevel, TokenKind};

/// The longest deadline of a call, in milliseconds.
pub const MAX_TIMEOUT_MS: u64 = 300_000;

/// A deadline in milliseconds.
type TimeoutMs = Number<1, MAX_TIMEOUT_MS>;

/// Keys of a draft that `POST /api/connectors` passes over, so that a draft of an import can be sent as it is.
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
        /// The type's version; where the type exists, it must be its version.
        "version" version: Optional<Text>,
        /// What the connector is for.
        "description" description: Optional<Text>,
        /// Its category.
        "category" category: Optional<ShortText>,
        /// Its tags.
        "tags" tags: Optional<Texts>,
        /// The type's config schema; where the type exists, it must equal its schema.
        "configSchema" config_schema: Optional<Json>,
        /// The type's script; where the type exists, it must equal its script.
        "scriptSource" script_source: Optional<Text>,
        /// The type's endpoint; where the type exists, it must equal its endpoint. Of an external instance of a
        /// built-in type, its own.
        "endpointUrl" endpoint_url: Optional<UrlText>,
        /// What calls of an external connector's service are signed with.
        "signingSecret" signing_secret: Optional<SecretText>,
        /// The connection config; may be incomplete.
        "config" config: Optional<Object>,
        /// Whether the connector may be executed; true where absent.
        "enabled" enabled: Optional<Flag>,
        /// Least level of log lines that are kept; info where absent.
        "logLevel" log_level: Optional<Word<LogLevel>>,
        /// Deadline of its calls in milliseconds.
        "timeoutMs" timeout_ms: Optional<TimeoutMs>,
        /// Its mock settings.
        "mock" mock: Optional<Object>,
    }
}

crate::body! {
    /// The body of `PUT /api/connectors/{id}`. What is absent stays as it is.
    pub struct ConnectorPatch {
        /// New unique name.
        "name" name: Optional<ConnectorName>,
        /// What the connector is for.
        "description" description: Optional<Text>,
        /// Its category; null removes it.
        "category" category: Nullable<ShortText>,
        /// Its tags, replaced whole.
        "tags" tags: Optional<Texts>,
        /// Merged into the connection config by key; null removes a field.
        "config" config: Optional<Object>,
        /// Where an external instance of a built-in type is served; null leaves it to an agent.
        "endpointUrl" endpoint_url: Nullable<UrlText>,
        /// What calls of an external connector's service are signed with; null removes it.
        "signingSecret" signing_secret: Nullable<SecretText>,
        /// Whether the connector may be executed.
        "enabled" enabled: Optional<Flag>,
        /// Least level of log lines that are kept.
        "logLevel" log_level: Optional<Word<LogLevel>>,
        /// Deadline of its calls in milliseconds; null removes it.
        "timeoutMs" timeout_ms: Nullable<TimeoutMs>,
        /// Merged into the mock settings by key; `data` is replaced whole, null removes a key.
        "mock" mock: Optional<Object>,
    }
}

crate::body! {
    /// The body of `PUT /api/connector-types/{id}` and of its dry run. What is absent stays as it is.
    pub struct TypeChange {
        /// The new version; at least the old one bumped at the level of the changes.
        "version" version: Optional<ShortText>,
        /// Connection fields and commands, replaced whole.
        "configSchema" config_schema: Optional<Json>,
        /// The JavaScript of a script type.
        "scriptSource" script_source: Optional<Text>,
        /// The OpenAPI document of an `oas_derived` type, as parse-oas takes it: in place of `configSchema` and
        /// `scriptSource`. Commands keep the names that their operations have.
        "spec" spec: Optional<Json>,
        /// With `spec`: names of the operations to take, those of the type's commands among them; all where absent.
        "include" include: Optional<OperationNames>,
        /// Where an external type is served.
        "endpointUrl" endpoint_url: Optional<UrlText>,
        /// What it connects to.
        "description" description: Optional<Text>,
        /// Its category; null removes it.
        "category" category: Nullable<ShortText>,
        /// Its tags, replaced whole.
        "tags" tags: Optional<Texts>,
        /// Takes the smallest version that the changes allow.
        "autoBump" auto_bump: Optional<Flag>,
    }
}

crate::body! {
    /// The body of `POST /api/connector-types/{id}/refresh`.
    pub struct TypeRefresh {
        /// The version, where the service names none.
        "version" version: Optional<ShortText>,
        /// Takes the smallest version that the changes allow, where the service names none.
        "autoBump" auto_bump: Optional<Flag>,
    }
}

crate::body! {
    /// The body of `POST /api/connectors/{id}/execute`.
    pub struct Call {
        /// The command; the type's default one where absent.
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
    /// The body of `POST /api/connectors/{id}/test`: that of a call without the command, which is `test`.
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
        /// Names of the operations to take; all where absent.
        "include" include: Optional<OperationNames>,
        /// The connector's name; made from the document's title where absent.
        "name" name: Optional<Text>,
    }
}

crate::body! {
    /// The body of `POST /api/tokens`.
    pub struct NewToken {
        /// What it is for.
        "name" name: Required<Text>,
        /// A person's or program's token, or an agent's.
        "kind" kind: Required<Word<TokenKind>>,
        /// What it may do: scopes such as `connectors:read`, `runs:*` or `admin`.
        "scopes" scopes: Required<Texts>,
        /// When it ends to be valid.
        "expiresAt" expires_at: Optional<Time>,
        /// The agent that it belongs to; needed with kind `agent`.
        "agentId" agent_id: Optional<Text>,
        /// The connectors that the agent may serve; needed with kind `agent`.
        "connectorNames" connector_names: Optional<Texts>,
    }
}

#[cfg(test)]
mod tests;
