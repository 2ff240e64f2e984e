//! How a change is said, and where it is in the config schema.

use super::bytes;
use super::compare::Found;
use super::line::Kind;
use super::out::Out;
use crate::schema::pointer::escape;
use crate::version::Wording;

/// Writes `param limit of list was removed`, or `param limit of list: bounds narrowed, max was 500, is 100`.
pub(super) const fn write(out: &mut Out<'_>, found: &Found<'_>) {
    subject(out, found);
    if let (true, Wording::Phrase(phrase)) = (found.is_whole(), found.judgement.wording) {
        out.str(" ");
        return out.str(phrase);
    }
    out.str(": ");
    out.str(found.judgement.rule.text);
    let name = found.attribute.in_lock;
    match (found.was, found.is) {
        // Whether it is there is all that it says, and the rule has said it.
        (Some(b""), _) | (_, Some(b"")) => {}
        _ if matches!(found.line.kind, Kind::Text | Kind::Texts) => {}
        _ if bytes::same(found.attribute.in_schema.as_bytes(), b"secret") => {}
        (was, is) => was_is(out, if name.is_empty() { "it" } else { name }, was, is),
    }
}

const fn was_is(out: &mut Out<'_>, name: &str, was: Option<&[u8]>, is: Option<&[u8]>) {
    out.str(", ");
    out.str(name);
    match (was, is) {
        (Some(was), Some(is)) => {
            out.str(" was ");
            out.bytes(was);
            out.str(", is ");
            out.bytes(is);
        }
        (Some(was), None) => {
            out.str(" was ");
            out.bytes(was);
        }
        (_, Some(is)) => {
            out.str(" is ");
            out.bytes(is);
        }
        _ => {}
    }
}

const fn subject(out: &mut Out<'_>, found: &Found<'_>) {
    let line = &found.line;
    match line.kind {
        Kind::Command | Kind::Text => {
            out.str("command ");
            out.bytes(line.name(0));
        }
        Kind::Texts => out.str("connection"),
        Kind::DefaultCommand => out.str("default command"),
        Kind::Output => {
            out.str("output ");
            out.bytes(line.name(1));
            of(out, line.name(0));
        }
        Kind::Connection => {
            out.str("connection field ");
            out.bytes(line.name(0));
        }
        Kind::ConnectionOption => {
            out.str("option ");
            out.bytes(line.name(1));
            out.str(" of connection field ");
            out.bytes(line.name(0));
        }
        Kind::Param => {
            out.str("param ");
            out.bytes(line.name(1));
            of(out, line.name(0));
        }
        Kind::Variable => {
            out.str("variable ");
            out.bytes(line.name(1));
            of(out, line.name(0));
        }
        Kind::VariableOption => {
            out.str("option ");
            out.bytes(line.name(2));
            out.str(" of variable ");
            out.bytes(line.name(1));
            of(out, line.name(0));
        }
        Kind::ParamOption => {
            out.str("option ");
            out.bytes(line.name(2));
            out.str(" of param ");
            out.bytes(line.name(1));
            of(out, line.name(0));
        }
    }
}

const fn of(out: &mut Out<'_>, command: &[u8]) {
    out.str(" of ");
    out.bytes(command);
}

/// The JSON pointer of a change.
pub(super) fn pointer(found: &Found<'_>) -> String {
    let line = &found.line;
    let text = |bytes: &[u8]| escape(&String::from_utf8_lossy(bytes)).into_owned();
    let mut pointer = match line.kind {
        Kind::Connection | Kind::ConnectionOption | Kind::Texts => "/connectionConfig".to_owned(),
        Kind::DefaultCommand => "/defaultCommand".to_owned(),
        _ => format!("/commands/{}", text(line.command())),
    };
    if matches!(line.kind, Kind::Param | Kind::ParamOption) {
        pointer.push_str("/paramSchema");
    }
    if line.is_variable() {
        // What is inside a variable is not judged by itself.
        let name = line.path();
        let name = bytes::slice(name, 0, bytes::find(name, b'.'));
        return format!("{pointer}/variables/{}", text(name));
    }
    for (depth, name) in line.path().split(|byte| *byte == b'.').filter(|name| !name.is_empty()).enumerate() {
        // From here on it goes through the field's own JSON Schema.
        if depth == 1 {
            pointer.push_str("/schema");
        }
        match name {
            b"[]" => pointer.push_str("/items"),
            b"{}" => pointer.push_str("/additionalProperties"),
            _ => {
                pointer.push_str(if depth == 0 { "/" } else { "/properties/" });
                pointer.push_str(&text(name));
            }
        }
    }
    match line.kind {
        Kind::Output => pointer.push_str("/outputs"),
        Kind::ConnectionOption | Kind::ParamOption => pointer.push_str("/options"),
        _ if !found.attribute.in_schema.is_empty() => {
            pointer.push('/');
            pointer.push_str(found.attribute.in_schema);
        }
        _ => {}
    }
    pointer
}
