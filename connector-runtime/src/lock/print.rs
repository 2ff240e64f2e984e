//! The canonical text of a descriptor: one line an item, sorted by bytes after the line of the version.
//!
//! What the rules look at is written out; texts for people go into one hash a command and one for the
//! connection, so that a change to one is seen. A kind of line is written for the whole connector before
//! the next, as that is the sorted order.

use std::cmp::Ordering;

use super::bytes;
use super::out::Out;
use crate::descriptor::{ChoiceSpec, CommandSpec, Descriptor, FieldSpec, Literal};
use crate::schema::{Effect, FieldKind};

pub(super) const fn lock(out: &mut Out<'_>, descriptor: &Descriptor) {
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
}

#[derive(Clone, Copy)]
enum Section {
    Command,
    Output,
    Param,
    ParamOption,
    Text,
}

/// Writes one kind of line for all commands, by name. The macro brings the order; without it, as in a
/// descriptor made by hand, the next name is searched each time.
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

/// Returns whether a name comes after `last`, and before the best found so far.
const fn is_next(last: &str, name: &str, best: Option<&str>) -> bool {
    let after = matches!(bytes::compare(name.as_bytes(), last.as_bytes()), Ordering::Greater);
    after
        && match best {
            Some(best) => matches!(bytes::compare(name.as_bytes(), best.as_bytes()), Ordering::Less),
            None => true,
        }
}

/// The fields by name, as places in the list: sorted once, as every list is walked several times.
struct Order([u16; FIELDS]);

/// The most fields of one list.
const FIELDS: usize = 512;

impl Order {
    const fn of(specs: &[FieldSpec]) -> Self {
        assert!(specs.len() <= FIELDS, "a connector with more than 512 fields in one list takes `lock = false`");
        let mut order = [0; FIELDS];
        let mut at = 0;
        while at < specs.len() {
            let name = specs[at].name.as_bytes();
            let mut to = at;
            while to > 0
                && matches!(bytes::compare(name, specs[order[to - 1] as usize].name.as_bytes()), Ordering::Less)
            {
                order[to] = order[to - 1];
                to -= 1;
            }
            #[expect(clippy::cast_possible_truncation, reason = "below 512")]
            let place = at as u16;
            order[to] = place;
            at += 1;
        }
        Self(order)
    }
}

/// Returns whether any field of a list has options, here or inside an object.
const fn has_options(specs: &[FieldSpec]) -> bool {
    let mut at = 0;
    while at < specs.len() {
        if !specs[at].ty.choices.is_empty() || has_options(specs[at].ty.fields) {
            return true;
        }
        at += 1;
    }
    false
}

/// Returns whether a field stands for the elements of a list or a map.
const fn is_element(spec: &FieldSpec) -> bool {
    matches!(spec.name.as_bytes(), b"[]" | b"{}")
}

/// Returns whether the elements of a list have neither options nor fields, nor their elements.
const fn is_plain(spec: &FieldSpec) -> bool {
    spec.ty.choices.is_empty()
        && match spec.ty.fields {
            [] => true,
            [inner] => is_element(inner) && is_plain(inner),
            _ => false,
        }
}

/// The path to a field inside objects, written outermost first.
const fn place(out: &mut Out<'_>, keyword: &str, command: &str, outer: &str) {
    out.str(keyword);
    if !command.is_empty() {
        out.str(command);
        out.str(" ");
    }
    out.str(outer);
}

const fn fields(
    out: &mut Out<'_>,
    keyword: &str,
    command: &str,
    outer: &str,
    specs: &'static [FieldSpec],
    nested: bool,
) {
    let order = Order::of(specs);
    let mut at = 0;
    while at < specs.len() && !out.is_done() {
        let spec = &specs[order.0[at] as usize];
        // Of elements with nothing inside, the line of the list says enough.
        if !(is_element(spec) && is_plain(spec)) {
            place(out, keyword, command, outer);
            out.str(spec.name);
            attributes(out, spec, nested);
            out.str("\n");
        }
        if !spec.ty.fields.is_empty() {
            let mut buffer = [0; PATH];
            fields(out, keyword, command, deeper(&mut buffer, outer, spec.name), spec.ty.fields, true);
        }
        at += 1;
    }
}

const fn options(out: &mut Out<'_>, keyword: &str, command: &str, outer: &str, specs: &'static [FieldSpec]) {
    if !has_options(specs) {
        return;
    }
    let order = Order::of(specs);
    let mut at = 0;
    while at < specs.len() && !out.is_done() {
        let spec = &specs[order.0[at] as usize];
        let mut shown = "";
        while let Some(choice) = next_choice(spec.ty.choices, shown) {
            place(out, keyword, command, outer);
            out.str(spec.name);
            out.str(" ");
            out.quoted(choice.value);
            out.str("\n");
            shown = choice.value;
        }
        if !spec.ty.fields.is_empty() {
            let mut buffer = [0; PATH];
            options(out, keyword, command, deeper(&mut buffer, outer, spec.name), spec.ty.fields);
        }
        at += 1;
    }
}

const fn next_choice(choices: &'static [ChoiceSpec], last: &str) -> Option<&'static ChoiceSpec> {
    let mut next: Option<&ChoiceSpec> = None;
    let mut at = 0;
    while at < choices.len() {
        if is_next(
            last,
            choices[at].value,
            match next {
                Some(next) => Some(next.value),
                None => None,
            },
        ) {
            next = Some(&choices[at]);
        }
        at += 1;
    }
    next
}

/// The longest path of names through objects.
const PATH: usize = 2_048;

/// `outer.name.`, in a buffer.
const fn deeper<'b>(buffer: &'b mut [u8; PATH], outer: &str, name: &str) -> &'b str {
    let mut path = Out::keep(buffer);
    path.str(outer);
    path.str(name);
    path.str(".");
    let length = path.length;
    assert!(length <= PATH, "objects are nested too deep for a lock");
    match core::str::from_utf8(bytes::slice(buffer, 0, length)) {
        Ok(path) => path,
        Err(_) => panic!("names are ASCII"),
    }
}

const fn attributes(out: &mut Out<'_>, spec: &FieldSpec, nested: bool) {
    let ty = &spec.ty;
    out.str(" ");
    out.str(if ty.secret { "secret" } else { ty.kind.as_str() });
    if spec.default.is_none() && !ty.nullable {
        out.str(" required");
    }
    if nested && ty.nullable {
        out.str(" null");
    }
    if let Some(default) = spec.default {
        out.str(" default=");
        literal(out, default);
    } else if ty.nullable && !nested {
        out.str(" default=null");
    }
    let format = if spec.destination && ty.format.is_none() { Some("hostname") } else { ty.format };
    if let Some(format) = format {
        out.str(" format=");
        out.quoted(format);
    }
    if ty.integer {
        out.str(" integer");
    }
    bound(out, " min=", if spec.minimum.is_some() { spec.minimum } else { ty.minimum });
    bound(out, " max=", if spec.maximum.is_some() { spec.maximum } else { ty.maximum });
    length(out, " min_length=", spec.min_length);
    length(out, " max_length=", spec.max_length);
    if let Some(pattern) = spec.pattern {
        out.str(" pattern=");
        out.quoted(pattern);
    }
}

const fn bound(out: &mut Out<'_>, key: &str, bound: Option<Literal>) {
    if let Some(bound) = bound {
        out.str(key);
        literal(out, bound);
    }
}

const fn length(out: &mut Out<'_>, key: &str, length: Option<u64>) {
    if let Some(length) = length {
        out.str(key);
        out.decimal(length);
    }
}

const fn literal(out: &mut Out<'_>, literal: Literal) {
    match literal {
        Literal::Bool(true) => out.str("true"),
        Literal::Bool(false) => out.str("false"),
        Literal::Int(value) => out.signed(value),
        Literal::Float(value) => out.float(value),
        Literal::Str(value) => out.quoted(value),
    }
}

/// Hashes what forms show, in source order, so that another order counts as another text.
const fn field_texts(hash: &mut Out<'_>, specs: &[FieldSpec], nested: bool) {
    let mut at = 0;
    while at < specs.len() {
        let spec = &specs[at];
        if is_element(spec) && is_plain(spec) {
            at += 1;
            continue;
        }
        hash.str(spec.name);
        hash.str("\0");
        hash.str(spec.description);
        let texts = [spec.label, spec.placeholder];
        let mut text = 0;
        while text < texts.len() {
            hash.str("\0");
            if let Some(text) = texts[text] {
                hash.str(text);
            }
            text += 1;
        }
        if let Some(example) = spec.example {
            literal(hash, example);
        }
        let mut choice = 0;
        while choice < spec.ty.choices.len() {
            hash.str("\0");
            hash.str(spec.ty.choices[choice].label);
            if nested {
                hash.str(spec.ty.choices[choice].description);
            }
            choice += 1;
        }
        field_texts(hash, spec.ty.fields, true);
        at += 1;
    }
}

/// A kind by its wire name.
pub(super) const fn is_kind(name: &[u8]) -> bool {
    let mut at = 0;
    while at < FieldKind::ALL.len() {
        if bytes::same(FieldKind::ALL[at].0.as_bytes(), name) {
            return true;
        }
        at += 1;
    }
    bytes::same(name, b"secret")
}
