//! Two config schemas side by side: connection, commands, default command.

use std::collections::HashSet;

use indexmap::IndexMap;

use super::Changes;
use super::field::{self, Side};
use super::path::Path;
use super::rules::id;
use crate::{Command, ConfigSchema, Effect, Fields};

/// Lists what changed from `old` to `new`. A renamed thing is one removed and one added.
///
/// Takes time linear in the size of both schemas.
pub fn diff(old: &ConfigSchema, new: &ConfigSchema) -> Changes {
    let mut changes = Changes::default();
    let root = Path::Root;
    let path = root.step("connectionConfig");
    fields(Side::Connection, &old.connection, &new.connection, path, &mut changes);
    let path = root.step("commands");
    let pairs = Pairs::of(&old.commands, &new.commands);
    for (name, command, now) in pairs.iter() {
        let at = path.step(name);
        match now {
            None => changes.push(id::COMMAND_REMOVED, at.pointer(), format!("command {name} was removed")),
            Some(now) => compare(name, command, now, at, &mut changes),
        }
    }
    for (name, _) in pairs.added() {
        changes.push(id::COMMAND_ADDED, path.step(name).pointer(), format!("command {name} was added"));
    }
    if pairs.reordered() {
        changes.push(id::ORDER_CHANGED, path.pointer(), "the commands stand in another order");
    }
    default_command(old, new, &mut changes);
    changes
}

fn default_command(old: &ConfigSchema, new: &ConfigSchema, changes: &mut Changes) {
    let pointer = "/defaultCommand";
    match (&old.default_command, &new.default_command) {
        (Some(before), None) => {
            changes.push(id::DEFAULT_COMMAND_REMOVED, pointer, format!("default command {before} was removed"));
        }
        (None, Some(now)) => {
            changes.push(id::DEFAULT_COMMAND_ADDED, pointer, format!("default command {now} was added"));
        }
        (Some(before), Some(now)) if before != now => {
            let message = format!("default command was {before}, is {now}");
            changes.push(id::DEFAULT_COMMAND_CHANGED, pointer, message);
        }
        _ => {}
    }
}

fn compare(name: &str, old: &Command, new: &Command, path: Path<'_>, changes: &mut Changes) {
    let mut found = |rule, key: &str, message: String| changes.push(rule, path.step(key).pointer(), message);
    if old.description != new.description {
        found(id::TEXT_CHANGED, "description", format!("description of {name} changed"));
    }
    if old.effect != new.effect {
        let word = |effect: Option<Effect>| effect.map_or("unknown", Effect::as_str);
        let message = format!("effect of {name} was {}, is {}", word(old.effect), word(new.effect));
        found(id::EFFECT_CHANGED, "effect", message);
    }
    match (old.idempotent, new.idempotent) {
        (true, false) => {
            found(id::IDEMPOTENT_WITHDRAWN, "idempotent", format!("{name} is no longer declared idempotent"));
        }
        (false, true) => found(id::IDEMPOTENT_DECLARED, "idempotent", format!("{name} was declared idempotent")),
        _ => {}
    }
    match (old.deprecated, new.deprecated) {
        (true, false) => found(id::DEPRECATION_LIFTED, "deprecated", format!("{name} is no longer deprecated")),
        (false, true) => found(id::DEPRECATION_SET, "deprecated", format!("{name} was deprecated")),
        _ if old.deprecated_message != new.deprecated_message => {
            found(id::TEXT_CHANGED, "deprecatedMessage", format!("deprecation message of {name} changed"));
        }
        _ => {}
    }
    if old.deprecated != new.deprecated && old.deprecated_message != new.deprecated_message && !new.deprecated {
        found(id::TEXT_CHANGED, "deprecatedMessage", format!("deprecation message of {name} changed"));
    }
    if old.added_in_version != new.added_in_version {
        found(id::SINCE_CHANGED, "addedInVersion", format!("version that brought {name} changed"));
    }
    if old.source != new.source {
        found(id::SOURCE_CHANGED, "source", format!("API operation behind {name} changed"));
    }
    if old.output_schema != new.output_schema {
        found(id::OUTPUT_SCHEMA_CHANGED, "outputSchema", format!("output schema of {name} changed"));
    }
    outputs(name, old, new, path, changes);
    fields(Side::Param(name), &old.params, &new.params, path.step("paramSchema"), changes);
}

fn outputs(name: &str, old: &Command, new: &Command, path: Path<'_>, changes: &mut Changes) {
    if old.outputs == new.outputs {
        return;
    }
    let path = path.step("outputs");
    let (was, is): (HashSet<&String>, HashSet<&String>) = (old.outputs.iter().collect(), new.outputs.iter().collect());
    for (index, output) in old.outputs.iter().enumerate().filter(|(_, output)| !is.contains(output)) {
        let message = format!("output {output} of {name} was removed");
        changes.push(id::OUTPUT_REMOVED, path.index(index).pointer(), message);
    }
    for (index, output) in new.outputs.iter().enumerate().filter(|(_, output)| !was.contains(output)) {
        let message = format!("output {output} of {name} was added");
        changes.push(id::OUTPUT_ADDED, path.index(index).pointer(), message);
    }
    let kept = old.outputs.iter().filter(|output| is.contains(output));
    if kept.ne(new.outputs.iter().filter(|output| was.contains(output))) {
        changes.push(id::ORDER_CHANGED, path.pointer(), format!("the outputs of {name} stand in another order"));
    }
}

fn fields(side: Side<'_>, old: &Fields, new: &Fields, path: Path<'_>, changes: &mut Changes) {
    let pairs = Pairs::of(old, new);
    for (name, field, now) in pairs.iter() {
        let at = path.step(name);
        match now {
            None => changes.push(side.removed(), at.pointer(), format!("{} was removed", side.named(name))),
            Some(now) => field::compare(side, name, field, now, at, changes),
        }
    }
    for (name, field) in pairs.added() {
        let (rule, message) = side.added(name, field);
        changes.push(rule, path.step(name).pointer(), message);
    }
    if pairs.reordered() {
        let message = match side {
            Side::Connection => "the connection fields stand in another order".to_owned(),
            Side::Param(command) => format!("the params of {command} stand in another order"),
        };
        changes.push(id::ORDER_CHANGED, path.pointer(), message);
    }
}

/// Two maps side by side. Mostly they have the same names in the same order; then nothing is looked up.
struct Pairs<'m, T> {
    old: &'m IndexMap<String, T>,
    new: &'m IndexMap<String, T>,
    aligned: bool,
}

impl<'m, T> Pairs<'m, T> {
    fn of(old: &'m IndexMap<String, T>, new: &'m IndexMap<String, T>) -> Self {
        Self { old, new, aligned: old.keys().eq(new.keys()) }
    }

    /// What was there, each with what it is now.
    fn iter(&self) -> impl Iterator<Item = (&'m str, &'m T, Option<&'m T>)> {
        let (new, aligned) = (self.new, self.aligned);
        self.old.iter().enumerate().map(move |(index, (name, old))| {
            let now = if aligned { new.get_index(index).map(|(_, now)| now) } else { new.get(name) };
            (name.as_str(), old, now)
        })
    }

    fn added(&self) -> impl Iterator<Item = (&'m String, &'m T)> {
        let (old, aligned) = (self.old, self.aligned);
        self.new.iter().filter(move |(name, _)| !aligned && !old.contains_key(*name))
    }

    /// Returns whether what both have stands in another order.
    fn reordered(&self) -> bool {
        let (old, new) = (self.old, self.new);
        let kept = || old.keys().filter(|name| new.contains_key(*name));
        !self.aligned && kept().ne(new.keys().filter(|name| old.contains_key(*name)))
    }
}
