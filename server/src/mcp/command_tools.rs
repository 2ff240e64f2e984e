//! The tools of commands: their names, which of them a caller sees, and how they are described.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use parking_lot::Mutex;
use rmcp::model::{JsonObject, Tool};
use uuid::Uuid;

use super::annotations;
use super::tool_name::{parts, tool_name};
use super::tool_schema::TypeSchemas;
use crate::auth::OpContext;
use crate::blocking;
use crate::commands::{self, CalledCommand, CommandHead, CommandList, IndexedConnector};
use crate::error::{Error, ErrorKind};
use crate::mcp_settings::Settings;
use crate::plain_text::plain;
use crate::services::Services;

/// The maximum number of characters of the description of a tool.
const MAX_DESCRIPTION: usize = 1_024;
/// The maximum number of commands whose schemas are kept in memory.
const MAX_KEPT: usize = 20_000;

/// What this door keeps of the commands: their names and their schemas. Clones share it.
#[derive(Debug, Clone, Default)]
pub(super) struct CommandTools(Arc<Parts>);

#[derive(Debug, Default)]
struct Parts {
    names: Mutex<Option<Arc<Names>>>,
    /// By type and its revision.
    schemas: Mutex<HashMap<(Uuid, i64), Arc<TypeSchemas>>>,
}

/// The names of all commands of a list, in order.
#[derive(Debug)]
pub(super) struct Names {
    list: Arc<CommandList>,
    sorted: Vec<Named>,
}

/// A command under the name of its tool.
#[derive(Debug)]
struct Named {
    name: Box<str>,
    connector: u32,
    command: u32,
}

/// A command of the list, with the name of its tool.
#[derive(Debug, Clone, Copy)]
pub(super) struct CommandTool<'l> {
    /// The name of the tool.
    pub(super) name: &'l str,
    /// The connector.
    pub(super) connector: &'l IndexedConnector,
    /// The command.
    pub(super) command: &'l CommandHead,
    number: usize,
}

/// Lists are far shorter.
fn short(number: usize) -> u32 {
    u32::try_from(number).unwrap_or(u32::MAX)
}

impl Names {
    fn of(list: Arc<CommandList>, length: usize) -> Self {
        let mut sorted = Vec::new();
        for (place, connector) in list.connectors.iter().enumerate() {
            for (number, command) in connector.of.commands.iter().enumerate() {
                let name = tool_name(&connector.name, &command.name, length).into_boxed_str();
                sorted.push(Named { name, connector: short(place), command: short(number) });
            }
        }
        sorted.sort_by(|one, other| one.name.cmp(&other.name));
        // Two of one name have the same digest, which somebody has looked for: neither is the other.
        let mut seen = HashSet::new();
        let twice: HashSet<Box<str>> =
            sorted.iter().filter(|named| !seen.insert(named.name.clone())).map(|named| named.name.clone()).collect();
        sorted.retain(|named| !twice.contains(&named.name));
        Self { list, sorted }
    }

    fn tool<'n>(&'n self, named: &'n Named) -> Option<CommandTool<'n>> {
        let connector = self.list.connectors.get(named.connector as usize)?;
        let number = named.command as usize;
        Some(CommandTool { name: &named.name, connector, command: connector.of.commands.get(number)?, number })
    }

    /// Returns the tools that a caller may call, by name; only those of the connectors in `narrow`, if it names any.
    pub(super) fn callable<'n>(
        &'n self,
        ctx: &'n OpContext,
        narrow: &'n [String],
    ) -> impl Iterator<Item = CommandTool<'n>> + Clone {
        let tools = self.sorted.iter().filter_map(|named| self.tool(named));
        tools.filter(move |tool| {
            (narrow.is_empty() || narrow.contains(&tool.connector.name))
                && commands::may_call(ctx, tool.connector, tool.command)
        })
    }

    fn find(&self, name: &str) -> Option<CommandTool<'_>> {
        let place = self.sorted.binary_search_by(|named| (*named.name).cmp(name)).ok()?;
        self.tool(&self.sorted[place])
    }
}

impl CommandTools {
    /// Returns the names of all commands as they are now.
    ///
    /// # Errors
    /// Denied if the caller may call nothing; database errors.
    pub(super) async fn names(
        &self,
        ctx: &OpContext,
        services: &Services,
        settings: &Settings,
    ) -> Result<Arc<Names>, Error> {
        let list = commands::callable(ctx, services).await?;
        if let Some(names) = self.0.names.lock().clone().filter(|names| Arc::ptr_eq(&names.list, &list)) {
            return Ok(names);
        }
        let length = settings.name_length;
        let names = blocking::run(move || Ok(Arc::new(Names::of(list, length)))).await?;
        *self.0.names.lock() = Some(Arc::clone(&names));
        Ok(names)
    }

    /// Finds the command that a tool calls; `None` if there is no such tool.
    ///
    /// # Errors
    /// As those of [`Self::names`].
    pub(super) async fn find(
        &self,
        ctx: &OpContext,
        services: &Services,
        settings: &Settings,
        name: &str,
    ) -> Result<Option<CalledCommand>, Error> {
        // Most names say connector and command, and need no list.
        if let Some((connector, command)) = parts(name)
            && tool_name(connector, command, settings.name_length) == name
            && let Some(called) = commands::called_command(ctx, services, connector, command).await?
        {
            return Ok(Some(called));
        }
        let names = self.names(ctx, services, settings).await?;
        let Some(tool) = names.find(name) else { return Ok(None) };
        commands::called_command(ctx, services, &tool.connector.name, &tool.command.name).await
    }

    /// Describes a tool.
    ///
    /// # Errors
    /// Database errors.
    pub(super) async fn tool(
        &self,
        ctx: &OpContext,
        services: &Services,
        tool: CommandTool<'_>,
    ) -> Result<Option<Tool>, Error> {
        let Some(schemas) = self.schemas(ctx, services, tool.connector).await? else { return Ok(None) };
        let (Some(input), Some(output)) = (schemas.inputs.get(tool.number), schemas.outputs.get(tool.number)) else {
            return Ok(None);
        };
        let described = Tool::new(tool.name.to_owned(), description(tool), Arc::clone(input));
        let described = described.with_raw_output_schema(Arc::clone(output));
        let annotations = annotations::of_effect(tool.command.effect, tool.command.idempotent, true);
        Ok(Some(described.with_annotations(annotations)))
    }

    /// Returns what a command takes.
    ///
    /// # Errors
    /// Database errors.
    pub(super) async fn input(
        &self,
        ctx: &OpContext,
        services: &Services,
        connector: &IndexedConnector,
        command: &CommandHead,
    ) -> Result<Option<Arc<JsonObject>>, Error> {
        let number = connector.of.commands.iter().position(|other| std::ptr::eq(other, command));
        let schemas = self.schemas(ctx, services, connector).await?;
        Ok(schemas.zip(number).and_then(|(schemas, number)| schemas.inputs.get(number).cloned()))
    }

    /// Returns the names of the commands of a connector that a caller may call.
    ///
    /// # Errors
    /// Database errors.
    pub(super) async fn names_of(
        &self,
        ctx: &OpContext,
        services: &Services,
        connector: &str,
    ) -> Result<Vec<String>, Error> {
        let list = match commands::callable(ctx, services).await {
            Ok(list) => list,
            Err(error) if matches!(error.kind(), ErrorKind::Denied(_)) => return Ok(Vec::new()),
            Err(error) => return Err(error),
        };
        let Some(connector) = list.connectors.iter().find(|other| other.name == connector) else {
            return Ok(Vec::new());
        };
        let commands = connector.of.commands.iter().filter(|command| commands::may_call(ctx, connector, command));
        Ok(commands.map(|command| command.name.clone()).collect())
    }

    async fn schemas(
        &self,
        ctx: &OpContext,
        services: &Services,
        connector: &IndexedConnector,
    ) -> Result<Option<Arc<TypeSchemas>>, Error> {
        let key = (connector.of.id, connector.of.revision);
        if let Some(kept) = self.0.schemas.lock().get(&key) {
            return Ok(Some(Arc::clone(kept)));
        }
        let Some(schema) = commands::schema_for_calls(ctx, services, connector.of.id).await? else { return Ok(None) };
        let (is_built_in, passes_over) = (connector.of.is_built_in, connector.of.passes_over_unknown);
        let made = blocking::run(move || Ok(Arc::new(TypeSchemas::of(&schema, is_built_in, passes_over)))).await?;
        let mut kept = self.0.schemas.lock();
        // Earlier revisions of it are asked for no more.
        kept.retain(|(id, _), _| *id != key.0);
        if kept.values().map(|schemas| schemas.inputs.len()).sum::<usize>() + made.inputs.len() > MAX_KEPT {
            kept.clear();
        }
        kept.insert(key, Arc::clone(&made));
        Ok(Some(made))
    }
}

/// Describes a command for a model: that it should no longer be used, what it does, where.
fn description(tool: CommandTool<'_>) -> String {
    let CommandTool { connector, command, .. } = tool;
    let mut text = String::new();
    if command.deprecated {
        text.push_str("Deprecated");
        match command.deprecated_message.as_deref().filter(|message| !message.is_empty()) {
            Some(message) => text.push_str(&format!(": {message} ")),
            None => text.push_str(". "),
        }
    }
    text.push_str(&command.description);
    let of = &connector.of;
    let place = format!("Connector {} (type {} {}).", connector.name, plain(&of.name, 63), plain(&of.version, 64));
    let left = MAX_DESCRIPTION.saturating_sub(place.chars().count() + 1);
    let text = plain(&text, left);
    if text.is_empty() { place } else { format!("{text} {place}") }
}
