//! The tools that are not commands: their names, texts and schemas, and the scopes that each needs.

use std::sync::{Arc, LazyLock};

use connector_runtime::schema::Effect;
use rmcp::model::{Tool, ToolAnnotations};
use serde_json::{Value, json};

use super::annotations::of_effect;
use super::tool_schema::{object, output_schema};
use crate::auth::{OpContext, Scope};

/// A tool that is no command.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum BaseTool {
    /// Writes a script for an API that is described.
    GenerateConnectorScript,
    /// Reads an OpenAPI document.
    ParseOpenapiSpec,
    /// Creates a connector.
    CreateConnector,
    /// Changes the script of a connector's type.
    UpdateConnectorScript,
    /// Tests a connector.
    TestConnector,
    /// Calls a command.
    ExecuteConnectorCommand,
    /// Finds commands.
    SearchConnectorCommands,
    /// Reads the record of a call.
    GetExecution,
    /// Starts a run.
    StartRun,
    /// Reads a run.
    GetRun,
}

impl BaseTool {
    /// All of them, in the order in which they are listed.
    pub(super) const ALL: [Self; 10] = [
        Self::GenerateConnectorScript,
        Self::ParseOpenapiSpec,
        Self::CreateConnector,
        Self::UpdateConnectorScript,
        Self::TestConnector,
        Self::ExecuteConnectorCommand,
        Self::SearchConnectorCommands,
        Self::GetExecution,
        Self::StartRun,
        Self::GetRun,
    ];

    /// Returns its name.
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::GenerateConnectorScript => "generate_connector_script",
            Self::ParseOpenapiSpec => "parse_openapi_spec",
            Self::CreateConnector => "create_connector",
            Self::UpdateConnectorScript => "update_connector_script",
            Self::TestConnector => "test_connector",
            Self::ExecuteConnectorCommand => "execute_connector_command",
            Self::SearchConnectorCommands => "search_connector_commands",
            Self::GetExecution => "get_execution",
            Self::StartRun => "start_run",
            Self::GetRun => "get_run",
        }
    }

    /// Finds one by its name.
    pub(super) fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|tool| tool.name() == name)
    }

    /// Returns the first scope that a caller lacks for it. The list and the call both go by this.
    pub(super) fn missing_scope(self, ctx: &OpContext) -> Option<Scope> {
        let needed: &[Scope] = match self {
            Self::GenerateConnectorScript | Self::ParseOpenapiSpec | Self::CreateConnector => &[Scope::ConnectorsWrite],
            Self::UpdateConnectorScript => &[Scope::TypesWrite, Scope::ConnectorsWrite],
            // What a call needs beyond that goes by the effect of its command.
            Self::TestConnector | Self::ExecuteConnectorCommand => &[Scope::ConnectorsExecuteRead],
            Self::SearchConnectorCommands => &[Scope::ConnectorsRead],
            // Whoever may call reads its own calls.
            Self::GetExecution if ctx.allows(Scope::ConnectorsExecuteRead) => &[],
            Self::GetExecution => &[Scope::AuditRead],
            // The same of each step.
            Self::StartRun => &[Scope::RunsWrite, Scope::ConnectorsExecuteRead],
            Self::GetRun => &[Scope::RunsRead],
        };
        needed.iter().copied().find(|scope| !ctx.allows(*scope))
    }

    /// Describes it.
    pub(super) fn tool(self) -> Tool {
        static TOOLS: LazyLock<Vec<Tool>> =
            LazyLock::new(|| BaseTool::ALL.into_iter().map(BaseTool::described).collect());
        TOOLS.get(self as usize).cloned().unwrap_or_default()
    }

    fn described(self) -> Tool {
        let tool = Tool::new(self.name(), self.description(), Arc::new(object(self.input())));
        let output = match self {
            Self::TestConnector | Self::ExecuteConnectorCommand => output_schema(None),
            _ => object(self.output()),
        };
        tool.with_title(self.title()).with_raw_output_schema(Arc::new(output)).with_annotations(self.annotations())
    }

    const fn title(self) -> &'static str {
        match self {
            Self::GenerateConnectorScript => "Generate a connector script",
            Self::ParseOpenapiSpec => "Parse an OpenAPI document",
            Self::CreateConnector => "Create a connector",
            Self::UpdateConnectorScript => "Update a connector's script",
            Self::TestConnector => "Test a connector",
            Self::ExecuteConnectorCommand => "Execute a connector command",
            Self::SearchConnectorCommands => "Search connector commands",
            Self::GetExecution => "Read an execution",
            Self::StartRun => "Start a run",
            Self::GetRun => "Read a run",
        }
    }

    const fn description(self) -> &'static str {
        match self {
            Self::GenerateConnectorScript => {
                "Write a checked scaffold of a JavaScript connector for an API that has no OpenAPI document: config schema, a test \
                 command, one function per wished command, mock data. Nothing is stored. Then call create_connector with the answered \
                 connector, or change its script first; the guide in the answer says what a script may use."
            }
            Self::ParseOpenapiSpec => {
                "Read an OpenAPI or Swagger document (as an object, as text, or from a url) and keep it as a draft for an hour. Answers \
                 the operations that it has and the connection fields that it needs. Then call create_connector with the draft."
            }
            Self::CreateConnector => {
                "Create a connector from a draft of parse_openapi_spec, or from a connector body such as generate_connector_script \
                 answers. Secrets are not taken here: the user enters them at setAt. Then call test_connector."
            }
            Self::UpdateConnectorScript => {
                "Replace the JavaScript of a script connector's type, and its config schema if one is given. The script is checked and \
                 the version raised by what changed; if anything is wrong nothing changes, and the answer says where."
            }
            Self::TestConnector => {
                "Run the test command of a connector: whether its configuration works and the system answers."
            }
            Self::ExecuteConnectorCommand => {
                "Call any command of a connector by name, also one that is not listed as a tool. search_connector_commands says which \
                 there are and what they take. Without a command, the default one of the connector's type is called."
            }
            Self::SearchConnectorCommands => {
                "Find commands of connectors by words of their names, descriptions, tags and params. Answers the names of their tools \
                 and, for the first five, what they take. Without a query all are listed."
            }
            Self::GetExecution => {
                "Read the record of a call: its status and its result, or a part of it by path, for example payload.items[0].name. Lists \
                 come by items and texts by characters: go on with offset = nextOffset."
            }
            Self::StartRun => {
                "Run several calls in order on the server; later steps read what earlier ones answered by {{references}}, so that data need \
                 not pass through you. floh://guide/runs says how steps are written. All is checked before anything is called. Waits up \
                 to 20 s for the end; a run that takes longer goes on, also after this call is cancelled or its stream closed: read it with \
                 get_run."
            }
            Self::GetRun => {
                "Read a run: its status, why it failed, its variables, and each step with params, result and attempts. With waitMs the \
                 answer comes when the run has ended, or after that time. get_execution reads a large result of an attempt in parts."
            }
        }
    }

    fn annotations(self) -> ToolAnnotations {
        match self {
            Self::GenerateConnectorScript | Self::ParseOpenapiSpec => ToolAnnotations::new()
                .read_only(true)
                .destructive(false)
                .idempotent(false)
                .open_world(self == Self::ParseOpenapiSpec),
            Self::CreateConnector => of_effect(Some(Effect::Create), false, false),
            Self::UpdateConnectorScript => of_effect(Some(Effect::Update), true, false),
            Self::TestConnector => {
                ToolAnnotations::new().read_only(true).destructive(false).idempotent(false).open_world(true)
            }
            Self::ExecuteConnectorCommand | Self::StartRun => of_effect(None, false, true),
            Self::SearchConnectorCommands | Self::GetExecution | Self::GetRun => {
                of_effect(Some(Effect::Read), true, false)
            }
        }
    }

    fn input(self) -> Value {
        let text = |description: &str| json!({ "type": "string", "description": description });
        let (properties, required) = match self {
            Self::GenerateConnectorScript => (
                json!({
                    "description": text("What the connector is for, in a sentence."),
                    "name": text("Its name: lower case letters, digits and hyphens. Made from the description if left out."),
                    "baseUrl": text("Where the API is, for example https://api.example.com."),
                    "auth": { "type": "string", "enum": ["none", "apiKey", "bearer", "basic"], "description": "How the API is authorized; none if left out." },
                    "commands": {
                        "type": "array",
                        "maxItems": 50,
                        "description": "The commands that it shall have; three examples if left out.",
                        "items": {
                            "type": "object",
                            "properties": {
                                "name": text("Its name, for example listUsers."),
                                "description": text("What it does."),
                                "method": text("The HTTP method; GET if left out."),
                                "path": text("The path, for example /users/{id}."),
                                "params": { "type": "array", "items": { "type": "string" }, "description": "The names of its params." },
                                "outputs": { "type": "array", "items": { "type": "string" }, "description": "The names in its payload." }
                            },
                            "required": ["name"],
                            "additionalProperties": false
                        }
                    }
                }),
                vec!["description"],
            ),
            Self::ParseOpenapiSpec => (
                json!({
                    "spec": { "type": ["object", "string"], "description": "The document, as an object or as JSON or YAML text." },
                    "url": text("Where the document is; instead of spec. It is fetched by the server, under its egress rules."),
                    "include": { "type": "array", "items": { "type": "string" }, "description": "The names of the operations to import; all if left out." },
                    "name": text("The name of the connector; made from the document's title if left out.")
                }),
                vec![],
            ),
            Self::CreateConnector => (
                json!({
                    "draft": text("A draft of parse_openapi_spec. What else is given replaces what the draft says."),
                    "name": text("Its unique name: lower case letters, digits and hyphens."),
                    "type": text("The name of its type: an existing one, or a new one with configSchema and scriptSource."),
                    "executionModel": { "type": "string", "enum": ["built_in", "script", "oas_derived", "external"], "description": "How its commands are served." },
                    "version": text("The version of a new type, for example 1.0.0."),
                    "description": text("What it is for."),
                    "category": text("Its category."),
                    "tags": { "type": "array", "items": { "type": "string" } },
                    "configSchema": { "type": "object", "description": "Connection fields and commands of a new type." },
                    "scriptSource": text("The JavaScript of a new type."),
                    "endpointUrl": text("Where an external connector is served."),
                    "config": { "type": "object", "description": "Connection fields, without secrets." },
                    "enabled": { "type": "boolean" },
                    "logLevel": { "type": "string", "enum": ["debug", "info", "warn", "error"] },
                    "timeoutMs": { "type": "integer", "minimum": 1, "maximum": 300_000 },
                    "record": { "type": "string", "enum": ["full", "summary", "none"], "description": "How much of its executions is kept." },
                    "mock": { "type": "object", "description": "Mock settings." }
                }),
                vec![],
            ),
            Self::UpdateConnectorScript => (
                json!({
                    "connector": text("The name of a connector of the type."),
                    "scriptSource": text("The whole new script."),
                    "configSchema": { "type": "object", "description": "Connection fields and commands; replaces all of them. Unchanged if left out." },
                    "version": text("The new version; chosen by what changed if left out."),
                    "autoBump": { "type": "boolean", "default": true, "description": "Whether to choose the smallest version that the changes allow." }
                }),
                vec!["connector", "scriptSource"],
            ),
            Self::TestConnector => (json!({ "connector": text("The name of the connector.") }), vec!["connector"]),
            Self::ExecuteConnectorCommand => (
                json!({
                    "connector": text("The name of the connector."),
                    "command": text("The name of the command."),
                    "params": { "type": "object", "description": "What the command takes; its inputSchema says it." },
                    "timeoutMs": { "type": "integer", "minimum": 1, "maximum": 300_000, "description": "How long it may take." },
                    "mockScenario": text("Answers with this mock scenario instead of calling."),
                    "idempotencyKey": text("A key of your own for this one call. Repeating the call with the same key never calls twice.")
                }),
                vec!["connector"],
            ),
            Self::SearchConnectorCommands => (
                json!({
                    "query": text("Words, for example list users."),
                    "connector": text("Only the commands of this connector."),
                    "effect": { "type": "string", "enum": ["read", "create", "update", "delete"], "description": "Only commands with this effect." },
                    "limit": { "type": "integer", "minimum": 1, "maximum": 50, "default": 10 },
                    "cursor": text("nextCursor of the last answer.")
                }),
                vec![],
            ),
            Self::GetExecution => (
                json!({
                    "executionId": text("The id of the execution."),
                    "path": text("A part of the result, for example payload.items[0]; all of it if left out."),
                    "offset": { "type": "integer", "minimum": 0, "default": 0, "description": "How many items or characters are passed over." },
                    "limit": { "type": "integer", "minimum": 1, "description": "How many items or characters are answered at most." }
                }),
                vec!["executionId"],
            ),
            Self::StartRun => (
                json!({
                    "steps": { "type": "array", "minItems": 1, "maxItems": 100, "items": { "type": "object" }, "description": "The steps, such as { id, connector, command, params, outputKey, when }. Not with definition." },
                    "definition": text("The name of a stored definition; in place of steps."),
                    "version": { "type": "integer", "minimum": 1, "description": "The version of the definition; the newest if left out." },
                    "variables": { "type": "object", "description": "What the steps may refer to from the start; of a definition, its inputs." },
                    "strict": { "type": "boolean", "description": "Whether doubts about references count as errors. Not with definition." },
                    "idempotencyKey": text("A key of your own for this one run. Repeating the call with the same key never starts a second run."),
                    "waitMs": { "type": "integer", "minimum": 0, "maximum": 20_000, "default": 20_000, "description": "How long to wait for the end." }
                }),
                vec![],
            ),
            Self::GetRun => (
                json!({
                    "runId": text("The id of the run."),
                    "waitMs": { "type": "integer", "minimum": 0, "maximum": 20_000, "default": 0, "description": "How long to wait for the end." }
                }),
                vec!["runId"],
            ),
        };
        let mut schema = json!({ "type": "object", "properties": properties, "additionalProperties": false });
        if !required.is_empty() {
            schema["required"] = json!(required);
        }
        schema
    }

    /// What it answers. A failure has `success`, `error` and `diagnostics` in its place, so nothing is required.
    fn output(self) -> Value {
        let text = json!({ "type": "string" });
        let properties = match self {
            Self::GenerateConnectorScript => json!({
                "connector": { "type": "object", "description": "The body of create_connector." },
                "checks": { "type": "array", "items": { "type": "object" }, "description": "What the check of the script says; empty if all is well." },
                "guide": text
            }),
            Self::ParseOpenapiSpec => json!({
                "draft": text,
                "expiresAt": text,
                "name": text,
                "version": text,
                "connectionFields": { "type": "array", "items": { "type": "object" } },
                "operations": { "type": "array", "items": { "type": "object" } },
                "totals": { "type": "object" },
                "warnings": { "type": "array", "items": { "type": "object" } }
            }),
            Self::CreateConnector => json!({
                "id": text,
                "name": text,
                "type": text,
                "ready": { "type": "boolean" },
                "missing": { "type": "array", "items": { "type": "string" }, "description": "Connection fields that have to be set." },
                "tools": { "type": "array", "items": { "type": "string" }, "description": "The names of its first 50 tools." },
                "setAt": { "type": "string", "description": "The page where the user enters what is missing." }
            }),
            Self::UpdateConnectorScript => {
                json!({ "type": text, "version": text, "change": { "type": "object", "description": "What changed, and what it breaks." } })
            }
            Self::SearchConnectorCommands => json!({
                "items": { "type": "array", "items": { "type": "object" } },
                "nextCursor": text
            }),
            Self::GetExecution => json!({
                "id": text,
                "status": text,
                "connector": text,
                "command": { "type": ["string", "null"] },
                "value": { "description": "The result, or the part of it." },
                "total": { "type": "integer", "description": "How many items or characters it has in all." },
                "nextOffset": { "type": "integer", "description": "Where to go on." },
                "encoding": { "type": "string", "description": "json: the value is a piece of JSON text, because the object is larger than an answer may be." }
            }),
            Self::StartRun => json!({
                "runId": text,
                "status": { "type": "string", "description": "queued, running and waiting go on; succeeded, failed and cancelled have ended." },
                "tasks": { "type": "array", "items": { "type": "object" }, "description": "The steps that were begun." },
                "failure": { "type": "object", "description": "Why it ended: step, code, message." },
                "warnings": { "type": "array", "items": { "type": "object" }, "description": "What may go wrong, with its place." },
                "truncated": { "type": "object", "description": "What was left out because the answer is large." }
            }),
            Self::GetRun => json!({
                "id": text,
                "status": text,
                "steps": { "type": "array", "items": { "type": "object" } },
                "variables": { "type": "object", "description": "Without secrets; dropped 24 h after the end." },
                "tasks": { "type": "array", "items": { "type": "object" }, "description": "The steps that were begun." },
                "failure": { "type": "object", "description": "Why it ended: step, code, message." },
                "truncated": { "type": "object", "description": "What was left out because the answer is large." }
            }),
            Self::TestConnector | Self::ExecuteConnectorCommand => json!({}),
        };
        let mut schema = json!({ "type": "object", "properties": properties });
        for (name, of) in [("success", json!({ "type": "boolean" })), ("error", json!({ "type": "string" }))] {
            schema["properties"][name] = of;
        }
        schema["properties"]["diagnostics"] = json!({ "description": "More about a failure." });
        schema
    }
}
