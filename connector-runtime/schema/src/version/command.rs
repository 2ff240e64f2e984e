//! Two commands of one name side by side.

use std::collections::HashSet;
use std::fmt::Display;

use super::Changes;
use super::aspect::{Aspect, Difference};
use super::diff::fields;
use super::field::Side;
use super::pairs::Pairs;
use super::path::Path;
use super::said::{Said, shown};
use super::same::is_same;
use crate::{Command, Effect, Field};

pub(super) fn compare(name: &str, old: &Command, new: &Command, path: Path<'_>, changes: &mut Changes) {
    let mut found = |aspect, difference: Option<Difference>, at: &str, said: Said<'_>| {
        if let Some(difference) = difference {
            changes.found(aspect, difference, path.step(at), &said);
        }
    };
    let changed = |same: bool| (!same).then_some(Difference::Changed);
    let described = old.description == new.description;
    found(Aspect::Text, changed(described), "description", Said::key("description", &name));
    let effects = [old.effect, new.effect].map(|effect| effect.map_or("unknown", Effect::as_str));
    let said = Said::key("effect", &name).values(Some(&effects[0]), Some(&effects[1]));
    found(Aspect::Effect, changed(old.effect == new.effect), "effect", said);
    let difference = Difference::of_presence(old.idempotent, new.idempotent);
    found(Aspect::Idempotent, difference, "idempotent", Said::of(&name));
    let deprecated = Difference::of_presence(old.deprecated, new.deprecated);
    found(Aspect::Deprecated, deprecated, "deprecated", Said::of(&name));
    // A deprecation brings its message.
    let told = old.deprecated_message == new.deprecated_message || deprecated == Some(Difference::Added);
    found(Aspect::Text, changed(told), "deprecatedMessage", Said::key("deprecation message", &name));
    let (was, is) = (old.added_in_version.as_ref(), new.added_in_version.as_ref());
    let said = Said::key("version of origin", &name).values(shown(was), shown(is));
    found(Aspect::Since, changed(was == is), "addedInVersion", said);
    if old.source != new.source {
        let [was, is] =
            [old, new].map(|command| command.source.as_ref().map(|of| format!("{} {}", of.method, of.path)));
        let said = Said::key("API operation", &name);
        // If the texts are the same, only the operation's id changed.
        let said = if was == is { said } else { said.values(shown(was.as_ref()), shown(is.as_ref())) };
        found(Aspect::Source, Some(Difference::Changed), "source", said);
    }
    let same = is_same(old.output_schema.as_ref(), new.output_schema.as_ref());
    found(Aspect::OutputSchema, changed(same), "outputSchema", Said::key("output schema", &name));
    outputs(name, old, new, path, changes);
    variables(name, old, new, path, changes);
    fields(Side::Param(name), &old.params, &new.params, path.step("paramSchema"), changes);
}

fn outputs(name: &str, old: &Command, new: &Command, path: Path<'_>, changes: &mut Changes) {
    if old.outputs == new.outputs {
        return;
    }
    let path = path.step("outputs");
    let (was, is): (HashSet<&String>, HashSet<&String>) = (old.outputs.iter().collect(), new.outputs.iter().collect());
    let named = |output: &dyn Display| format!("output {output} of {name}");
    for (index, output) in old.outputs.iter().enumerate().filter(|(_, output)| !is.contains(output)) {
        changes.found(Aspect::Output, Difference::Removed, path.index(index), &Said::of(&named(output)));
    }
    for (index, output) in new.outputs.iter().enumerate().filter(|(_, output)| !was.contains(output)) {
        changes.found(Aspect::Output, Difference::Added, path.index(index), &Said::of(&named(output)));
    }
    let kept = old.outputs.iter().filter(|output| is.contains(output));
    if kept.ne(new.outputs.iter().filter(|output| was.contains(output))) {
        let all = format!("the outputs of {name}");
        changes.found(Aspect::Order, Difference::Changed, path, &Said::of(&all));
    }
}

/// Compares what a command declares that it sets. Where it begins or ceases to declare, that says everything.
fn variables(name: &str, old: &Command, new: &Command, path: Path<'_>, changes: &mut Changes) {
    let path = path.step("variables");
    let (Some(was), Some(is)) = (&old.variables, &new.variables) else {
        let all = format!("the variables of {name}");
        if let Some(difference) = Difference::of_presence(old.variables.is_some(), new.variables.is_some()) {
            changes.found(Aspect::Declaration, difference, path, &Said::of(&all));
        }
        return;
    };
    let pairs = Pairs::of(was, is);
    let named = |variable: &str| format!("variable {variable} of {name}");
    for (variable, was, is) in pairs.iter() {
        let (at, named) = (path.step(variable), named(variable));
        match is {
            None => changes.found(Aspect::Variable, Difference::Removed, at, &Said::of(&named)),
            Some(is) if was == is => {}
            Some(is) if without_texts(was) == without_texts(is) => {
                changes.found(Aspect::Text, Difference::Changed, at, &Said::of(&named));
            }
            Some(is) => {
                let retyped = format!("{named} was retyped: {}", retyping(was, is));
                changes.found(Aspect::Variable, Difference::Changed, at, &Said::of(&retyped));
            }
        }
    }
    for (variable, _) in pairs.added() {
        changes.found(Aspect::Variable, Difference::Added, path.step(variable), &Said::of(&named(variable)));
    }
    if pairs.reordered() {
        let all = format!("the variables of {name}");
        changes.found(Aspect::Order, Difference::Changed, path, &Said::of(&all));
    }
}

/// Says what of a variable is another: its type, or the keys that differ.
fn retyping(was: &Field, is: &Field) -> String {
    if was.kind != is.kind {
        return format!("it was {}, is {}", was.kind, is.kind);
    }
    let (was, is) = (without_texts(was).to_map(), without_texts(is).to_map());
    let gone = was.keys().filter(|key| !is.contains_key(*key));
    let other = is.iter().filter(|(key, value)| was.get(*key) != Some(value)).map(|(key, _)| key);
    let keys: Vec<&str> = gone.chain(other).map(String::as_str).collect();
    format!("{} changed", keys.join(", "))
}

/// A variable without what is written for people.
fn without_texts(field: &Field) -> Field {
    let mut field = Field { description: None, label: None, placeholder: None, example: None, ..field.clone() };
    for choice in &mut field.options {
        choice.label = None;
    }
    field
}
