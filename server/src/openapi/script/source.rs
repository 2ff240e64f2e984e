//! The source of an imported connector: writing, reading back, and cutting.

use std::borrow::Cow;

use indexmap::IndexMap;
use serde::Serialize;

use crate::openapi::table::Entry;

const CLIENT: &str = include_str!("client.js");
const TABLE: &str = "var operations = {\n";
const TABLE_END: &str = "};\n";
const SECTION: &str = "//# ";

/// Writes the source.
pub(in crate::openapi) fn write(
    schemes: &impl Serialize,
    variables: &[(String, String)],
    operations: &[(String, Entry)],
) -> String {
    #[derive(Serialize)]
    struct Variable<'a> {
        name: &'a str,
        field: &'a str,
    }
    let variables: Vec<_> = variables.iter().map(|(name, field)| Variable { name, field }).collect();
    let mut out = String::with_capacity(CLIENT.len() + operations.len() * 500);
    out.push_str(CLIENT);
    out.push_str("\n// What the connection's credentials are, and variables of its base URL.\n");
    out.push_str(&format!("var schemes = {};\nvar server = {};\n\n", literal(schemes), literal(&variables)));
    out.push_str(TABLE);
    for (name, entry) in operations {
        out.push_str(&format!("  \"{name}\": {},\n", literal(entry)));
    }
    out.push_str(TABLE_END);
    for (name, _) in operations {
        out.push_str(&format!("\n{SECTION}{name}\n{}", function(name)));
    }
    out
}

/// Writes a value as JSON that is also valid JavaScript, and safe inside HTML.
fn literal(value: &impl Serialize) -> String {
    let json = serde_json::to_string(value).unwrap_or_else(|_| "null".to_owned());
    if !json.contains(['\u{2028}', '\u{2029}', '<']) {
        return json;
    }
    // JSON has none of these outside of strings.
    json.replace('\u{2028}', "\\u2028").replace('\u{2029}', "\\u2029").replace('<', "\\u003c")
}

/// Cuts the part that one command needs out of a whole source: everything except the other commands' lines of the table
/// and functions. A source that is not laid out as [`write`] does it is returned whole.
pub fn cut<'s>(source: &'s str, command: &str) -> Cow<'s, str> {
    parts(source, command).map_or(Cow::Borrowed(source), Cow::Owned)
}

fn parts(source: &str, command: &str) -> Option<String> {
    let (head, rest) = source.split_once(TABLE)?;
    let (table, rest) = rest.split_once("\n};\n")?;
    let own = format!("  \"{command}\": ");
    let entry = table.lines().find(|line| line.starts_with(&own))?;
    // A table that was edited by hand is not cut.
    if table.lines().any(|line| !line.starts_with("  \"")) {
        return None;
    }
    let mut sections = rest.split("\n//# ");
    let before = sections.next()?;
    let own = sections.find(|section| section.strip_prefix(command).is_some_and(|after| after.starts_with('\n')))?;
    let mut out = String::with_capacity(head.len() + entry.len() + own.len() + before.len() + 64);
    for part in [head, TABLE, entry, "\n", TABLE_END, before, "\n", SECTION, own] {
        out.push_str(part);
    }
    Some(out)
}

/// Returns the commands whose function a person has changed since [`write`] generated it.
pub fn changed(source: &str) -> Vec<String> {
    let Some((_, rest)) = source.split_once(TABLE).and_then(|(_, rest)| rest.split_once("\n};\n")) else {
        return Vec::new();
    };
    let sections = rest.split("\n//# ").skip(1).filter_map(|section| section.split_once('\n'));
    let by_hand = sections.filter(|(name, own)| own.trim_end() != function(name).trim_end());
    by_hand.map(|(name, _)| name.to_owned()).collect()
}

/// The function of a command.
fn function(name: &str) -> String {
    format!("function {name}() {{\n  return api.call(operations.{name});\n}}\n")
}

/// Reads the table of operations back from a source.
pub fn table(source: &str) -> Option<IndexMap<String, Entry>> {
    let (_, rest) = source.split_once(TABLE)?;
    let (table, _) = rest.split_once("\n};\n").unwrap_or(("", rest));
    table
        .lines()
        .map(|line| {
            let (name, entry) = line.trim_start().split_once(": ")?;
            let entry = serde_json::from_str(entry.strip_suffix(',').unwrap_or(entry)).ok()?;
            Some((name.trim_matches('"').to_owned(), entry))
        })
        .collect()
}
