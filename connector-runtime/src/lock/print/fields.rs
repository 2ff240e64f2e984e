//! The lines of connection fields and params, those inside objects, lists and maps included.

use super::super::bytes;
use super::super::out::Out;
use super::order::{Order, is_next};
use crate::descriptor::{ChoiceSpec, FieldSpec, Literal};
use crate::schema::FieldKind;

/// The path to a field inside objects, written outermost first.
const fn place(out: &mut Out<'_>, keyword: &str, command: &str, outer: &str) {
    out.str(keyword);
    if !command.is_empty() {
        out.str(command);
        out.str(" ");
    }
    out.str(outer);
}

pub(super) const fn fields(
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
            let mut buffer = [0; MAX_PATH];
            fields(out, keyword, command, deeper(&mut buffer, outer, spec.name), spec.ty.fields, true);
        }
        at += 1;
    }
}

pub(super) const fn options(out: &mut Out<'_>, keyword: &str, command: &str, outer: &str, specs: &'static [FieldSpec]) {
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
            let mut buffer = [0; MAX_PATH];
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

/// Returns whether a field is the elements of a list or a map.
pub(super) const fn is_element(spec: &FieldSpec) -> bool {
    matches!(spec.name.as_bytes(), b"[]" | b"{}")
}

/// Returns whether the elements of a list have neither options nor fields, nor their elements.
pub(super) const fn is_plain(spec: &FieldSpec) -> bool {
    spec.ty.choices.is_empty()
        && match spec.ty.fields {
            [] => true,
            [inner] => is_element(inner) && is_plain(inner),
            _ => false,
        }
}

/// Longest path of names through objects.
const MAX_PATH: usize = 2_048;

/// `outer.name.`, in a buffer.
const fn deeper<'b>(buffer: &'b mut [u8; MAX_PATH], outer: &str, name: &str) -> &'b str {
    let mut path = Out::keep(buffer);
    path.str(outer);
    path.str(name);
    path.str(".");
    let length = path.length;
    assert!(length <= MAX_PATH, "objects are nested too deep for a lock");
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

const fn separator(out: &mut Out<'_>, at: usize) {
    if at > 0 {
        out.str(",");
    }
}

/// Writes a constant as compact JSON.
pub(super) const fn literal(out: &mut Out<'_>, literal: Literal) {
    match literal {
        Literal::Bool(true) => out.str("true"),
        Literal::Bool(false) => out.str("false"),
        Literal::Int(value) => out.signed(value),
        Literal::Float(value) => out.float(value),
        Literal::Str(value) => out.quoted(value),
        Literal::Null => out.str("null"),
        Literal::List(items) => {
            out.str("[");
            let mut at = 0;
            while at < items.len() {
                separator(out, at);
                self::literal(out, items[at]);
                at += 1;
            }
            out.str("]");
        }
        Literal::Map(members) => {
            out.str("{");
            let mut at = 0;
            while at < members.len() {
                separator(out, at);
                out.quoted(members[at].0);
                out.str(":");
                self::literal(out, members[at].1);
                at += 1;
            }
            out.str("}");
        }
    }
}

/// Returns whether a name is the wire name of a kind.
pub(in crate::lock) const fn is_kind(name: &[u8]) -> bool {
    let mut at = 0;
    while at < FieldKind::ALL.len() {
        if bytes::same(FieldKind::ALL[at].0.as_bytes(), name) {
            return true;
        }
        at += 1;
    }
    bytes::same(name, b"secret")
}
