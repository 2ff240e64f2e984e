//! What each tool does: reads its arguments, calls the use case, shows its answer.

mod connectors;
mod execution;
mod runs;
pub(super) use self::execution::record as execution_record;
pub(super) use self::runs::record as run_record;
mod search;
mod writing;

use rmcp::model::{CallToolResult, JsonObject};
use serde_json::Value;

use super::base_tools::BaseTool;
use super::command_tools::CommandTools;
use super::{answer, confirmation};
use crate::app::App;
use crate::auth::OpContext;
use crate::error::{Error, Mistake};
use crate::mcp_settings::Settings;

/// A call of a tool.
pub(super) struct ToolCall<'c> {
    pub(super) ctx: &'c OpContext,
    pub(super) app: &'c App,
    pub(super) settings: &'c Settings,
    pub(super) commands: &'c CommandTools,
    /// The arguments.
    pub(super) arguments: JsonObject,
    /// The key under which a repetition of this call is recognised, if the caller gave one beside the arguments.
    pub(super) key: Option<String>,
    /// Whether somebody has agreed to it, and who can be asked.
    pub(super) consent: confirmation::Consent<'c>,
}

/// What came of a call.
pub(super) enum Outcome {
    /// The answer.
    Answer(CallToolResult),
    /// The user has to agree first.
    Ask(confirmation::Question),
}

impl From<Error> for Outcome {
    fn from(error: Error) -> Self {
        Self::Answer(answer::of_error(&error))
    }
}

impl From<Value> for Outcome {
    fn from(value: Value) -> Self {
        Self::Answer(answer::of_json(value))
    }
}

/// Calls a tool that is no command.
pub(super) async fn call_base(tool: BaseTool, call: ToolCall<'_>) -> Outcome {
    if let Some(scope) = tool.missing_scope(call.ctx) {
        return Outcome::Answer(answer::lacks(scope));
    }
    let outcome = match tool {
        BaseTool::GenerateConnectorScript => writing::generate(call).await,
        BaseTool::ParseOpenapiSpec => writing::parse(call).await,
        BaseTool::CreateConnector => connectors::create(call).await,
        BaseTool::UpdateConnectorScript => connectors::update_script(call).await,
        BaseTool::TestConnector => execution::test(call).await,
        BaseTool::ExecuteConnectorCommand => execution::execute(call).await,
        BaseTool::SearchConnectorCommands => search::search(call).await,
        BaseTool::GetExecution => execution::get(call).await,
        BaseTool::StartRun => runs::start(call).await,
        BaseTool::GetRun => runs::get(call).await,
    };
    outcome.unwrap_or_else(Outcome::from)
}

/// Calls the command of a tool.
pub(super) async fn call_command(command: crate::commands::CalledCommand, call: ToolCall<'_>) -> Outcome {
    execution::call_command(command, call).await.unwrap_or_else(Outcome::from)
}

/// Arguments that are read one by one. Every mistake is told, and every one that nobody knows.
pub(super) struct Arguments {
    map: JsonObject,
    mistakes: Vec<Mistake>,
}

impl Arguments {
    pub(super) fn new(map: JsonObject) -> Self {
        Self { map, mistakes: Vec::new() }
    }

    fn taken(&mut self, name: &str) -> Option<Value> {
        self.map.shift_remove(name).filter(|value| !value.is_null())
    }

    fn mistake(&mut self, name: &str, message: impl Into<String>) {
        self.mistakes.push(Mistake::new(format!("/{name}"), message));
    }

    /// Takes a text.
    pub(super) fn text(&mut self, name: &str) -> Option<String> {
        match self.taken(name)? {
            Value::String(text) => Some(text),
            _ => {
                self.mistake(name, "expected a text");
                None
            }
        }
    }

    /// Takes a text that must be there.
    pub(super) fn required(&mut self, name: &str) -> String {
        let had = self.mistakes.len();
        let text = self.text(name).filter(|text| !text.is_empty());
        if text.is_none() && self.mistakes.len() == had {
            self.mistake(name, "required");
        }
        text.unwrap_or_default()
    }

    /// Takes a whole number from `least` on.
    pub(super) fn number(&mut self, name: &str, least: u64, most: u64) -> Option<usize> {
        let value = self.taken(name)?;
        match value.as_u64().filter(|number| (least..=most).contains(number)).map(usize::try_from) {
            Some(Ok(number)) => Some(number),
            _ => {
                self.mistake(name, format!("expected a whole number from {least} to {most}"));
                None
            }
        }
    }

    /// Takes one of some words.
    pub(super) fn word<T: serde::de::DeserializeOwned>(&mut self, name: &str, words: &str) -> Option<T> {
        let value = self.taken(name)?;
        let read = serde_json::from_value(value).ok();
        if read.is_none() {
            self.mistake(name, format!("expected one of {words}"));
        }
        read
    }

    /// Ends the reading; what is left is nothing that the tool knows.
    ///
    /// # Errors
    /// Invalid, with every mistake.
    pub(super) fn finish(mut self, known: &str) -> Result<(), Error> {
        let left: Vec<String> = self.map.keys().take(crate::error::MAX_MISTAKES).cloned().collect();
        for name in left {
            self.mistake(&name, format!("unknown argument; known are {known}"));
        }
        if self.mistakes.is_empty() { Ok(()) } else { Err(Error::invalid(self.mistakes)) }
    }
}

/// Writes arguments as the body that REST reads, so that they are read by the same reader.
pub(super) fn as_body(arguments: &JsonObject) -> Vec<u8> {
    serde_json::to_vec(arguments).unwrap_or_default()
}
