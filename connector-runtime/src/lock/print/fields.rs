//! The lines of connection fields and params, those inside objects, lists and maps included.

use super::super::bytes;
use super::super::out::Out;
use super::order::{Order, is_next};
use crate::descriptor::{ChoiceSpec, FieldSpec, Literal};
use crate::schema::FieldKind;

/// The keyword, the command, and the path to a field inside objects, written outermost first.
const fn place(out: &mut Out<'_>, keyword: &[u8], command: &[u8], outer: &str) {
    out.bytes(keyword);
    if let [_, ..] = command {
        out.bytes(command);
        out.bytes(b" ");
    }
    if let [_, ..] = outer.as_bytes() {
        out.str(outer);
    }
}

pub(super) const fn fields(
    out: &mut Out<'_>,
    keyword: &[u8],
    command: &[u8],
    outer: &str,
    specs: &'static [FieldSpec],
    nested: bool,
) {
    let order = Order::of(specs);
    let (mut at, count) = (0, specs.len());
    while at < count {
        let spec = &specs[order.0[at] as usize];
        // Of elements with nothing inside, the line of the list says enough.
        if !(is_element(spec) && is_plain(spec)) {
            place(out, keyword, command, outer);
            out.str(spec.name);
            attributes(out, spec, nested);
            out.bytes(b"\n");
        }
        if let [_, ..] = spec.ty.fields {
            let mut buffer = [0; MAX_PATH];
            fields(out, keyword, command, deeper(&mut buffer, outer, spec.name), spec.ty.fields, true);
        }
        at += 1;
    }
}

pub(super) const fn options(
    out: &mut Out<'_>,
    keyword: &[u8],
    command: &[u8],
    outer: &str,
    specs: &'static [FieldSpec],
) {
    if !has_options(specs) {
        return;
    }
    let order = Order::of(specs);
    let (mut at, count) = (0, specs.len());
    while at < count {
        let spec = &specs[order.0[at] as usize];
        let mut shown = "";
        while let Some(choice) = next_choice(spec.ty.choices, shown) {
            place(out, keyword, command, outer);
            out.str(spec.name);
            out.bytes(b" ");
            out.quoted(choice.value);
            out.bytes(b"\n");
            shown = choice.value;
        }
        if let [_, ..] = spec.ty.fields {
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
    let mut specs = specs;
    while let [spec, more @ ..] = specs {
        match (spec.ty.choices, spec.ty.fields) {
            ([], []) => {}
            ([], inner) if !has_options(inner) => {}
            _ => return true,
        }
        specs = more;
    }
    false
}

/// Returns whether a field is the elements of a list or a map.
pub(super) const fn is_element(spec: &FieldSpec) -> bool {
    matches!(spec.name.as_bytes(), b"[]" | b"{}")
}

/// Returns whether the elements of a list have neither options nor fields, nor their elements.
pub(super) const fn is_plain(spec: &FieldSpec) -> bool {
    matches!(spec.ty.choices, [])
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
    out.bytes(b" ");
    if ty.secret {
        out.bytes(b"secret");
    } else {
        out.str(ty.kind.as_str());
    }
    if spec.default.is_none() && !ty.nullable {
        out.bytes(b" required");
    }
    if nested && ty.nullable {
        out.bytes(b" null");
    }
    if let Some(default) = spec.default {
        out.bytes(b" default=");
        literal(out, default);
    } else if ty.nullable && !nested {
        out.bytes(b" default=null");
    }
    let format = match ty.format {
        None if spec.destination => Some("hostname"),
        format => format,
    };
    if let Some(format) = format {
        out.bytes(b" format=");
        out.quoted(format);
    }
    if ty.integer {
        out.bytes(b" integer");
    }
    if let (Some(bound), _) | (None, Some(bound)) = (spec.minimum, ty.minimum) {
        out.bytes(b" min=");
        literal(out, bound);
    }
    if let (Some(bound), _) | (None, Some(bound)) = (spec.maximum, ty.maximum) {
        out.bytes(b" max=");
        literal(out, bound);
    }
    if let Some(length) = spec.min_length {
        out.bytes(b" min_length=");
        out.decimal(length);
    }
    if let Some(length) = spec.max_length {
        out.bytes(b" max_length=");
        out.decimal(length);
    }
    if let Some(pattern) = spec.pattern {
        out.bytes(b" pattern=");
        out.quoted(pattern);
    }
}

const fn separator(out: &mut Out<'_>, at: usize) {
    if at > 0 {
        out.bytes(b",");
    }
}

/// Writes a constant as compact JSON.
pub(super) const fn literal(out: &mut Out<'_>, literal: Literal) {
    match literal {
        Literal::Bool(true) => out.bytes(b"true"),
        Literal::Bool(false) => out.bytes(b"false"),
        Literal::Int(value) => out.signed(value),
        Literal::Float(value) => out.float(value),
        Literal::Str(value) => out.quoted(value),
        Literal::Null => out.bytes(b"null"),
        Literal::List(items) => {
            out.bytes(b"[");
            let mut at = 0;
            while at < items.len() {
                separator(out, at);
                self::literal(out, items[at]);
                at += 1;
            }
            out.bytes(b"]");
        }
        Literal::Map(members) => {
            out.bytes(b"{");
            let mut at = 0;
            while at < members.len() {
                separator(out, at);
                out.quoted(members[at].0);
                out.bytes(b":");
                self::literal(out, members[at].1);
                at += 1;
            }
            out.bytes(b"}");
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
