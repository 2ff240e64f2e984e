//! The canonical text of a descriptor: one line an item, sorted by bytes after the line of the version.
//!
//! What the rules look at is written out; texts for people go into one hash a command and one for the
//! connection, so that a change to one is seen. A kind of line is written for the whole connector before
//! the next, as that is the sorted order.

use super::super::out::Out;
use super::fields::{fields, options};
use super::order::is_next;
use super::texts::field_texts;
use crate::descriptor::{CommandSpec, Descriptor};
use crate::schema::Effect;

pub(in crate::lock) const fn lock(out: &mut Out<'_>, descriptor: &Descriptor) {
    out.str("version ");
    out.str(descriptor.version);
    out.str("\n");
    each_command(out, descriptor, Section::Command);
    fields(out, "connection ", "", "", descriptor.connection, false);
    options(out, "connection-option ", "", "", descriptor.connection);
    if let Some(name) = descriptor.default_command {
        out.str("default-command ");
        out.str(name);
        out.str("\n");
    }
    each_command(out, descriptor, Section::Output);
    each_command(out, descriptor, Section::Param);
    each_command(out, descriptor, Section::ParamOption);
    each_command(out, descriptor, Section::Text);
    let mut hash = Out::hash();
    field_texts(&mut hash, descriptor.connection, false);
    let mut at = 0;
    while at < descriptor.commands.len() {
        hash.str(descriptor.commands[at].name);
        hash.str("\0");
        at += 1;
    }
    out.str("texts ");
    out.hex(hash.hashed(), 8);
    out.str("\n");
    each_command(out, descriptor, Section::Variable);
    each_command(out, descriptor, Section::VariableOption);
}

#[derive(Clone, Copy)]
enum Section {
    Command,
    Output,
    Param,
    ParamOption,
    Text,
    Variable,
    VariableOption,
}

/// Writes one kind of line for all commands, by name. The macro gives the order; without it, as in a
/// descriptor made by hand, the next name is looked for each time.
const fn each_command(out: &mut Out<'_>, descriptor: &Descriptor, section: Section) {
    let commands = descriptor.commands;
    if descriptor.order.len() == commands.len() {
        let mut at = 0;
        while at < commands.len() && !out.is_done() {
            command(out, &commands[descriptor.order[at] as usize], section);
            at += 1;
        }
        return;
    }
    let mut last = "";
    loop {
        let mut next: Option<&CommandSpec> = None;
        let mut at = 0;
        while at < commands.len() {
            if is_next(
                last,
                commands[at].name,
                match next {
                    Some(next) => Some(next.name),
                    None => None,
                },
            ) {
                next = Some(&commands[at]);
            }
            at += 1;
        }
        let Some(found) = next else { return };
        command(out, found, section);
        last = found.name;
    }
}

const fn command(out: &mut Out<'_>, spec: &CommandSpec, section: Section) {
    match section {
        Section::Command => command_line(out, spec),
        Section::Output => outputs(out, spec),
        Section::Param => fields(out, "param ", spec.name, "", spec.params, false),
        Section::ParamOption => options(out, "param-option ", spec.name, "", spec.params),
        Section::Variable => {
            if let Some(variables) = spec.variables {
                fields(out, "variable ", spec.name, "", variables, false);
            }
        }
        Section::VariableOption => {
            if let Some(variables) = spec.variables {
                options(out, "variable-option ", spec.name, "", variables);
            }
        }
        Section::Text => {
            let mut hash = Out::hash();
            hash.str(spec.description);
            hash.str("\0");
            if let Some(text) = spec.deprecated {
                hash.str(text);
            }
            field_texts(&mut hash, spec.params, false);
            let mut at = 0;
            while at < spec.outputs.names.len() {
                hash.str(spec.outputs.names[at]);
                hash.str("\0");
                at += 1;
            }
            if let Some(variables) = spec.variables {
                field_texts(&mut hash, variables, false);
            }
            out.str("text ");
            out.str(spec.name);
            out.str(" ");
            out.hex(hash.hashed(), 8);
            out.str("\n");
        }
    }
}

const fn command_line(out: &mut Out<'_>, spec: &CommandSpec) {
    out.str("command ");
    out.str(spec.name);
    if let Some(since) = spec.since {
        out.str(" since=");
        out.str(since);
    }
    if let Some(effect) = spec.effect {
        out.str(" effect=");
        out.str(match effect {
            Effect::Read => "read",
            Effect::Create => "create",
            Effect::Update => "update",
            Effect::Delete => "delete",
        });
    }
    if spec.idempotent {
        out.str(" idempotent");
    }
    if spec.deprecated.is_some() {
        out.str(" deprecated");
    }
    if spec.variables.is_some() {
        out.str(" variables");
    }
    out.str("\n");
}

const fn outputs(out: &mut Out<'_>, spec: &CommandSpec) {
    let names = spec.outputs.names;
    let mut last = "";
    loop {
        let mut next = None;
        let mut at = 0;
        while at < names.len() {
            if is_next(last, names[at], next) {
                next = Some(names[at]);
            }
            at += 1;
        }
        let Some(name) = next else { return };
        out.str("output ");
        out.str(spec.name);
        out.str(" ");
        out.str(name);
        out.str("\n");
        last = name;
    }
}
