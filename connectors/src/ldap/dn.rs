//! Distinguished names (RFC 4514): made of parts, and split.

use connector_runtime::prelude::*;
use ldap3::dn_escape;

use super::filter::{check_attribute, texts};
use crate::shared::invalid;

/// Makes the relative name of an entry: `cn=Ada`, or of several attributes `cn=Ada+uid=7`.
pub(super) fn relative(parts: &Map<String, Value>) -> Result<String, Fail> {
    if parts.is_empty() {
        return Err(invalid("The relative name has no attribute; write it as { \"cn\": \"Ada Lovelace\" }"));
    }
    let mut made = Vec::with_capacity(parts.len());
    for (name, value) in parts {
        check_attribute(name)?;
        let [text] = texts(name, value)?.try_into().map_err(|_| invalid(format!("{name} has to be one value")))?;
        if text.is_empty() {
            return Err(invalid(format!("{name} may not be empty")));
        }
        made.push(format!("{name}={}", dn_escape(text)));
    }
    Ok(made.join("+"))
}

/// Makes the name of an entry below another one.
pub(super) fn below(parent: &str, relative: &str) -> String {
    if parent.trim().is_empty() { relative.to_owned() } else { format!("{relative},{parent}") }
}

/// Splits a name into its first part and the name of the entry above.
pub(super) fn split(dn: &str) -> (&str, &str) {
    let mut escaped = false;
    let mut quoted = false;
    for (at, c) in dn.char_indices() {
        match c {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            '"' => quoted = !quoted,
            ',' | ';' if !quoted => return (&dn[..at], dn[at + 1..].trim_start()),
            _ => {}
        }
    }
    (dn, "")
}

/// Returns how many entries are above one.
pub(super) fn depth(mut dn: &str) -> usize {
    let mut depth = 0;
    while !dn.is_empty() {
        dn = split(dn).1;
        depth += 1;
    }
    depth
}
