//! Two config schemas side by side: connection, commands, default command.

use std::collections::BTreeSet;

use super::aspect::{Aspect, Difference};
use super::field::{self, Side};
use super::pairs::Pairs;
use super::path::Path;
use super::said::{Said, WasIs, shown};
use super::{Changes, command};
use crate::{ConfigSchema, Fields};

/// Lists what changed from `old` to `new`. A renamed thing is one removed and one added.
///
/// Takes time linear in the size of both schemas.
pub fn diff(old: &ConfigSchema, new: &ConfigSchema) -> Changes {
    let mut changes = Changes::default();
    let root = Path::Root;
    fields(Side::Connection, &old.connection, &new.connection, root.step("connectionConfig"), &mut changes);
    let path = root.step("commands");
    let pairs = Pairs::of(&old.commands, &new.commands);
    let whole = |name: &str| format!("command {name}");
    for (name, was, is) in pairs.iter() {
        let at = path.step(name);
        match is {
            None => changes.found(Aspect::Command, Difference::Removed, at, &Said::of(&whole(name))),
            Some(is) => command::compare(name, was, is, at, &mut changes),
        }
    }
    for (name, _) in pairs.added() {
        changes.found(Aspect::Command, Difference::Added, path.step(name), &Said::of(&whole(name)));
    }
    if pairs.reordered() {
        changes.found(Aspect::Order, Difference::Changed, path, &Said::of(&"the commands"));
    }
    default_command(old, new, &mut changes);
    egress(old, new, &mut changes);
    changes
}

fn egress(old: &ConfigSchema, new: &ConfigSchema, changes: &mut Changes) {
    let sorted = |names: &Option<Vec<String>>| names.clone().map(|names| names.into_iter().collect::<BTreeSet<_>>());
    let (was, is) = (sorted(&old.egress), sorted(&new.egress));
    let Some(difference) = Difference::of_value(was.is_some(), is.is_some(), was == is) else { return };
    changes.found(Aspect::Egress, difference, Path::Root.step("egress"), &Said::of(&"egress"));
}

fn default_command(old: &ConfigSchema, new: &ConfigSchema, changes: &mut Changes) {
    let (was, is) = (old.default_command.as_ref(), new.default_command.as_ref());
    let Some(difference) = Difference::of_value(was.is_some(), is.is_some(), was == is) else { return };
    let thing = match (was, is) {
        (Some(name), None) | (None, Some(name)) => format!("default command {name}"),
        _ => format!("default command {}", WasIs(shown(was), shown(is))),
    };
    changes.found(Aspect::DefaultCommand, difference, Path::Root.step("defaultCommand"), &Said::of(&thing));
}

/// Compares connection fields, or the params of a command.
pub(super) fn fields(side: Side<'_>, old: &Fields, new: &Fields, path: Path<'_>, changes: &mut Changes) {
    let pairs = Pairs::of(old, new);
    for (name, was, is) in pairs.iter() {
        let at = path.step(name);
        match is {
            None => changes.found(side.aspect(), Difference::Removed, at, &Said::of(&side.named(name))),
            Some(is) => field::compare(side, name, was, is, at, changes),
        }
    }
    for (name, field) in pairs.added() {
        changes.found(side.aspect(), side.added(field), path.step(name), &Said::of(&side.named(name)));
    }
    if pairs.reordered() {
        changes.found(Aspect::Order, Difference::Changed, path, &Said::of(&side.all()));
    }
}
