//! What the list of commands keeps of a type.

use connector_runtime::schema::{Command, ConfigSchema, Effect};
use uuid::Uuid;

use crate::plain_text::plain;
use crate::store::{ConnectorType, ExecutionModel};

/// The maximum number of characters that are kept of the description of a command.
const MAX_DESCRIPTION: usize = 1_024;
/// The maximum number of params of a command by which it is found.
const MAX_PARAM_NAMES: usize = 40;

/// The commands of a type.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TypeCommands {
    /// The type's id.
    pub id: Uuid,
    /// Its revision, which rises with every change.
    pub revision: i64,
    /// Its name.
    pub name: String,
    /// Its version.
    pub version: String,
    /// Its tags.
    pub tags: Vec<String>,
    /// Whether it is compiled in.
    pub is_built_in: bool,
    /// Whether params that its schema does not name reach nobody.
    pub passes_over_unknown: bool,
    /// Its commands, in the order of its schema.
    pub commands: Vec<CommandHead>,
}

/// A command without its schemas. Its texts have no invisible characters.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CommandHead {
    /// Its name.
    pub name: String,
    /// What it does; may be empty.
    pub description: String,
    /// What it does to the connected system.
    pub effect: Option<Effect>,
    /// Whether sending the same call twice has the effect of sending it once.
    pub idempotent: bool,
    /// Whether it should no longer be used.
    pub deprecated: bool,
    /// What to use instead of a deprecated command.
    pub deprecated_message: Option<String>,
    /// The names of its params.
    pub params: Vec<String>,
}

impl TypeCommands {
    /// Reads the commands of a type from its schema.
    pub(super) fn of(row: &ConnectorType, schema: &ConfigSchema) -> Self {
        Self {
            id: row.id,
            revision: row.revision,
            name: row.name.clone(),
            version: row.fields.version.clone(),
            tags: row.fields.tags.clone(),
            is_built_in: row.execution_model == ExecutionModel::BuiltIn,
            passes_over_unknown: matches!(row.execution_model, ExecutionModel::BuiltIn | ExecutionModel::OasDerived),
            commands: schema.commands.iter().map(|(name, command)| head(name, command)).collect(),
        }
    }
}

fn head(name: &str, command: &Command) -> CommandHead {
    CommandHead {
        name: name.to_owned(),
        description: plain(command.description.as_deref().unwrap_or_default(), MAX_DESCRIPTION),
        effect: command.effect,
        idempotent: command.idempotent,
        deprecated: command.deprecated,
        deprecated_message: command.deprecated_message.as_deref().map(|text| plain(text, MAX_DESCRIPTION)),
        params: command.params.keys().take(MAX_PARAM_NAMES).cloned().collect(),
    }
}
