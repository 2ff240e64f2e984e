//! The search over commands: by the words of names, params, tags and descriptions.

use std::cmp::Reverse;
use std::sync::Arc;

use connector_runtime::schema::Effect;

use super::may_call;
use crate::auth::{OpContext, Scope};
use crate::blocking;
use crate::command_index::{CommandHead, CommandList, IndexedConnector};
use crate::error::Error;
use crate::services::Services;

/// The maximum number of commands that one answer has.
pub const MAX_COMMANDS_FOUND: usize = 50;
/// The maximum number of characters of a query.
const MAX_QUERY_CHARS: usize = 200;
/// The maximum number of words of a query that are looked for.
const MAX_WORDS: usize = 12;
/// From so many commands on, the search runs off the async threads.
const MANY: usize = 500;

/// What is searched for.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct CommandQuery {
    /// Words; all commands if empty.
    pub query: String,
    /// The connector whose commands are searched, by name; all if absent.
    pub connector: Option<String>,
    /// The effect of the commands; all if absent.
    pub effect: Option<Effect>,
    /// How many of the found commands are passed over.
    pub offset: usize,
    /// How many are returned at most: 1 to [`MAX_COMMANDS_FOUND`].
    pub limit: usize,
}

/// A command that was found: places in the list.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CommandFound {
    connector: usize,
    command: usize,
}

/// A part of what was found, the best first.
#[derive(Debug)]
pub struct CommandsFound {
    list: Arc<CommandList>,
    found: Vec<CommandFound>,
    /// How many were found in all.
    pub total: usize,
}

impl CommandsFound {
    /// Returns the connectors and commands, the best first.
    pub fn iter(&self) -> impl Iterator<Item = (&IndexedConnector, &CommandHead)> {
        self.found.iter().filter_map(|found| {
            let connector = self.list.connectors.get(found.connector)?;
            Some((connector, connector.of.commands.get(found.command)?))
        })
    }
}

/// Finds commands that a caller sees. A command that it sees and may not call is found all the same.
///
/// # Errors
/// Denied; invalid if the query is too long.
pub async fn search_commands(
    ctx: &OpContext,
    services: &Services,
    query: CommandQuery,
) -> Result<CommandsFound, Error> {
    ctx.authorize(Scope::ConnectorsRead)?;
    if query.query.chars().count() > MAX_QUERY_CHARS {
        return Err(Error::invalid_at("/query", format!("expected at most {MAX_QUERY_CHARS} characters")));
    }
    let list = services.command_index.list().await?;
    if let Some(name) = query.connector.as_deref()
        && !list.connectors.iter().any(|connector| connector.name == name && ctx.may_reach(name))
    {
        let message = format!("there is no enabled connector {name}; leave it out to search them all");
        return Err(Error::invalid_at("/connector", message));
    }
    let commands: usize = list.connectors.iter().map(|connector| connector.of.commands.len()).sum();
    let ctx = ctx.clone();
    let run = move || Ok(find(&ctx, list, &query));
    if commands < MANY { run() } else { blocking::run(run).await }
}

fn find(ctx: &OpContext, list: Arc<CommandList>, query: &CommandQuery) -> CommandsFound {
    let mut asked: Vec<String> = words(&query.query).collect();
    asked.truncate(MAX_WORDS);
    let mut found = Vec::new();
    for (place, connector) in list.connectors.iter().enumerate() {
        let is_meant = query.connector.as_ref().is_none_or(|name| *name == connector.name);
        if !is_meant || !ctx.may_reach(&connector.name) {
            continue;
        }
        let around = Around::of(connector);
        for (number, command) in connector.of.commands.iter().enumerate() {
            if query.effect.is_some_and(|effect| command.effect != Some(effect)) {
                continue;
            }
            let Some(rank) = rank(&asked, &around, command) else { continue };
            // What may be called comes before what may not.
            let is_refused = !may_call(ctx, connector, command);
            let key = (Reverse(rank.fitting), Reverse(rank.score), is_refused, command.deprecated, rank.rest);
            found.push((key, CommandFound { connector: place, command: number }));
        }
    }
    let name = |found: &CommandFound| {
        let connector = &list.connectors[found.connector];
        (connector.name.as_str(), connector.of.commands[found.command].name.as_str())
    };
    // Some words of a sentence fit nothing. What fits the most of them is meant.
    found.sort_by(|(one, place), (other, there)| one.cmp(other).then_with(|| name(place).cmp(&name(there))));
    let total = found.len();
    let limit = query.limit.clamp(1, MAX_COMMANDS_FOUND);
    let found = found.into_iter().skip(query.offset).take(limit).map(|(_, found)| found).collect();
    CommandsFound { list, found, total }
}

/// How well a command fits a query.
struct Rank {
    /// How many of its words are anywhere in the command.
    fitting: usize,
    score: u32,
    /// How many words of its name nobody asked for.
    rest: usize,
}

/// The words of what is around a command.
struct Around {
    connector: Vec<String>,
    tags: Vec<String>,
}

impl Around {
    fn of(connector: &IndexedConnector) -> Self {
        let tags = connector.tags.iter().chain(&connector.of.tags).flat_map(|tag| words(tag)).collect();
        Self { connector: words(&connector.name).chain(words(&connector.of.name)).collect(), tags }
    }
}

/// Returns how well a command fits; `None` if no word is anywhere in it.
fn rank(asked: &[String], around: &Around, command: &CommandHead) -> Option<Rank> {
    let name: Vec<String> = words(&command.name).collect();
    let (mut fitting, mut score) = (0, 0);
    let mut description: Option<Vec<String>> = None;
    let mut params: Option<Vec<String>> = None;
    for word in asked {
        let in_name = best(word, &name).map(|fits| if fits == Fits::Whole { 16 } else { 8 });
        let near = in_name
            .or_else(|| best(word, &around.connector).map(|_| 6))
            .or_else(|| best(word, &around.tags).map(|_| 4))
            .or_else(|| {
                let params = params.get_or_insert_with(|| command.params.iter().flat_map(|name| words(name)).collect());
                best(word, params).map(|_| 2)
            })
            .or_else(|| {
                let text = description.get_or_insert_with(|| words(&command.description).collect());
                best(word, text).map(|_| 1)
            });
        fitting += usize::from(near.is_some());
        score += near.unwrap_or_default();
    }
    if fitting == 0 && !asked.is_empty() {
        return None;
    }
    let rest = name.iter().filter(|part| !asked.iter().any(|word| fits(word, part).is_some())).count();
    Some(Rank { fitting, score, rest })
}

/// How a word fits another.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Fits {
    Beginning,
    Whole,
}

fn best(word: &str, among: &[String]) -> Option<Fits> {
    among.iter().filter_map(|other| fits(word, other)).max()
}

/// Compares words; one and many of a thing are the same.
fn fits(word: &str, other: &str) -> Option<Fits> {
    if singular(word) == singular(other) {
        return Some(Fits::Whole);
    }
    let word = singular(word);
    (word.chars().count() > 2 && other.starts_with(word)).then_some(Fits::Beginning)
}

fn singular(word: &str) -> &str {
    let stem = word.strip_suffix('s').filter(|stem| stem.chars().count() > 2 && !stem.ends_with('s'));
    stem.unwrap_or(word)
}

/// Returns the words of a text in lower case; `listUsers2`, `list-users-2` and `list users 2` have the same.
fn words(text: &str) -> impl Iterator<Item = String> {
    let mut all: Vec<String> = Vec::new();
    let mut word = String::new();
    let mut before = None;
    let mut characters = text.chars().peekable();
    while let Some(character) = characters.next() {
        let begins = before.is_some_and(|before: char| {
            let is_capital = character.is_uppercase()
                && (before.is_lowercase()
                    // The last capital of several belongs to the next word: `HTTPServer`.
                    || before.is_uppercase() && characters.peek().is_some_and(|next| next.is_lowercase()));
            is_capital || before.is_numeric() != character.is_numeric()
        });
        if (begins || !character.is_alphanumeric()) && !word.is_empty() {
            all.push(std::mem::take(&mut word));
        }
        if character.is_alphanumeric() {
            word.extend(character.to_lowercase());
        }
        before = Some(character);
    }
    if !word.is_empty() {
        all.push(word);
    }
    all.into_iter()
}
