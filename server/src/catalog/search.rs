//! The search over connectors, types and commands. What a caller may not see is not found.

use connector_runtime::descriptor::CommandSpec;

use super::reach::ReachedInstances;
use super::type_head::{TypeHead, head};
use crate::auth::{OpContext, Scope};
use crate::error::Error;
use crate::services::Services;
use crate::store::{CommandLine, ConnectorLine};

/// The maximum number of things of a kind that a search finds.
pub const MAX_FOUND: u32 = 20;
/// The maximum number of characters that a search takes.
pub const MAX_SEARCH_CHARS: usize = 100;
/// The maximum number of commands that a search looks at, beside those of the built-in types.
pub const MAX_SEARCHED_COMMANDS: u32 = 100_000;

/// What a search found, at most [`MAX_FOUND`] of each kind.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SearchFound {
    /// Connectors; `None` if the caller may not see any.
    pub connectors: Option<Vec<ConnectorLine>>,
    /// Types; `None` if the caller may not see any.
    pub types: Option<Vec<TypeHead>>,
    /// Commands of types; `None` if the caller may not see any.
    pub commands: Option<Vec<CommandLine>>,
    /// The kinds of which there are more, by the names of these fields.
    pub more: Vec<&'static str>,
    /// Whether there are more commands than a search looks at.
    pub is_cut: bool,
}

/// Finds connectors, types and commands by a text in their names and descriptions.
///
/// # Errors
/// Invalid if the text is too long.
pub async fn search(ctx: &OpContext, services: &Services, text: &str) -> Result<SearchFound, Error> {
    let text = text.trim();
    if text.chars().count() > MAX_SEARCH_CHARS {
        return Err(Error::invalid_at("?q", format!("expected at most {MAX_SEARCH_CHARS} characters")));
    }
    let mut found = SearchFound::default();
    if text.is_empty() {
        return Ok(found);
    }
    if ctx.allows(Scope::ConnectorsRead) {
        let connectors = services.store.connectors().find_lines(text, ctx.bound(), MAX_FOUND + 1).await?;
        found.connectors = Some(cut(connectors, "connectors", &mut found.more));
    }
    if ctx.allows(Scope::TypesRead) {
        let (types, reached) = (services.store.types(), ReachedInstances::of(ctx, services).await?);
        let lines = cut(types.find_lines(text, MAX_FOUND + 1).await?, "types", &mut found.more);
        found.types = Some(lines.into_iter().map(|line| head(services, line, &reached)).collect());
        let mut commands = compiled(services, text);
        commands.extend(types.find_commands(text, MAX_FOUND + 1, MAX_SEARCHED_COMMANDS).await?);
        let lower = text.to_lowercase();
        commands.sort_by_cached_key(|command| {
            let name = command.name.to_lowercase();
            (!name.starts_with(&lower), !name.contains(&lower), name, command.type_name.clone())
        });
        found.commands = Some(cut(commands, "commands", &mut found.more));
        found.is_cut = types.count_lines().await?.1 > u64::from(MAX_SEARCHED_COMMANDS);
    }
    Ok(found)
}

/// Finds the commands of the built-in types, which are those of the code.
fn compiled(services: &Services, text: &str) -> Vec<CommandLine> {
    let text = text.to_lowercase();
    let mut found = Vec::new();
    for entry in services.registry.iter() {
        let descriptor = entry.descriptor();
        for CommandSpec { name, description, .. } in descriptor.commands {
            if name.to_lowercase().contains(&text) || description.to_lowercase().contains(&text) {
                let [type_name, name, description] = [descriptor.name, name, description].map(str::to_owned);
                found.push(CommandLine { type_name, name, description });
            }
        }
    }
    found
}

fn cut<T>(mut items: Vec<T>, kind: &'static str, more: &mut Vec<&'static str>) -> Vec<T> {
    if items.len() > MAX_FOUND as usize {
        items.truncate(MAX_FOUND as usize);
        more.push(kind);
    }
    items
}
