//! The source of an imported connector: writing, reading back, and cutting.

use std::borrow::Cow;
use std::collections::HashSet;

use indexmap::IndexMap;
use serde::Serialize;
use serde_json::value::RawValue;

use super::{comment, earlier};
use crate::openapi::table::{Entry, Scheme, Variable};

/// What a reader is told first.
const HEAD: &str = "\
// A connector made of an OpenAPI document. Each command is a function; the comment above it says what it sends.
// The server itself executes an untouched function, from the table at the end. A function that you change runs in the
// sandbox: floh.operation(name, params) sends an operation and returns its result { success, payload, error, .. },
// beside status and headers; without params it sends those of the call.
";
const SECTION: &str = "//# ";
/// The name of the section that holds the table. No command has such a name.
const DATA: &str = "operations:";
const ABOUT: &str =
    "// What the connection's credentials are, variables of its base URL, and what each operation sends.\n";
const SCHEMES: &str = "var schemes = ";
const VARIABLES: &str = "var server = ";
const TABLE: &str = "var operations = {";
const TABLE_END: &str = "\n};";
/// The first byte of U+2028 and U+2029, and of others.
const SEPARATOR: u8 = 0xe2;

/// Writes the source.
pub(in crate::openapi) fn write(
    schemes: &IndexMap<String, Scheme>,
    variables: &[Variable],
    operations: &[(String, Entry)],
) -> String {
    let mut out = String::with_capacity(HEAD.len() + operations.len() * 900);
    out.push_str(HEAD);
    for (name, entry) in operations {
        out.push_str(&format!("\n{SECTION}{name}\n"));
        comment::write(&mut out, entry, schemes);
        out.push_str(&function(name));
    }
    out.push_str(&format!("\n{SECTION}{DATA}\n{ABOUT}"));
    out.push_str(&format!("{SCHEMES}{};\n{VARIABLES}{};\n\n", literal(schemes), literal(&variables)));
    out.push_str(TABLE);
    for (name, entry) in operations {
        out.push_str(&format!("\n  \"{name}\": {},", literal(entry)));
    }
    out.push_str(TABLE_END);
    out.push('\n');
    out
}

/// Writes a value as JSON that is also valid JavaScript, and safe inside HTML.
fn literal(value: &impl Serialize) -> String {
    let json = serde_json::to_string(value).unwrap_or_else(|_| "null".to_owned());
    // What the two separators begin with is looked for, because that is a byte.
    if !json.bytes().fold(false, |found, byte| found | matches!(byte, b'<' | SEPARATOR)) {
        return json;
    }
    // JSON has none of these outside of strings.
    json.replace('\u{2028}', "\\u2028").replace('\u{2029}', "\\u2029").replace('<', "\\u003c")
}

/// The function of a command.
fn function(name: &str) -> String {
    format!("function {name}() {{\n  return floh.operation(\"{name}\");\n}}\n")
}

/// A source, taken apart.
struct Parts<'s> {
    head: &'s str,
    /// The commands' names and functions, with their comments.
    sections: Vec<(&'s str, &'s str)>,
    data: Data<'s>,
}

/// The section of the table.
struct Data<'s> {
    whole: &'s str,
    schemes: &'s str,
    variables: &'s str,
    table: &'s str,
    /// Whether it holds nothing else.
    alone: bool,
}

impl<'s> Parts<'s> {
    fn of(source: &'s str) -> Option<Self> {
        let mut pieces = source.split("\n//# ");
        let head = pieces.next()?;
        let mut data = None;
        let mut sections = Vec::new();
        for piece in pieces {
            match piece.split_once('\n') {
                Some((DATA, whole)) => data = Some(whole),
                Some(section) => sections.push(section),
                None => {}
            }
        }
        Some(Self { head, sections, data: Data::of(data?)? })
    }

    fn section(&self, name: &str) -> Option<&'s str> {
        self.sections.iter().find(|(own, _)| *own == name).map(|(_, section)| *section)
    }
}

impl<'s> Data<'s> {
    fn of(whole: &'s str) -> Option<Self> {
        let (before, rest) = whole.split_once(SCHEMES)?;
        let (schemes, rest) = rest.split_once(";\n")?;
        let (between, rest) = rest.split_once(VARIABLES)?;
        let (variables, rest) = rest.split_once(";\n")?;
        let (last, rest) = rest.split_once(TABLE)?;
        let (table, after) = rest.split_once(TABLE_END)?;
        let plain = |text: &str| without_comments(text).is_empty();
        let alone = plain(before) && plain(between) && plain(last) && plain(after);
        Some(Self { whole, schemes, variables, table, alone })
    }
}

/// The lines of a text that are no comments.
fn without_comments(text: &str) -> String {
    let lines = text.lines().filter(|line| !line.trim_start().starts_with("//"));
    lines.collect::<Vec<_>>().join("\n").trim().to_owned()
}

fn is_untouched(name: &str, section: &str) -> bool {
    without_comments(section) == function(name).trim_end()
}

/// Cuts the part that one command needs out of a whole source: everything except the other commands' lines of the table
/// and functions. A source that is not laid out as [`write`] does it is returned whole.
pub fn cut<'s>(source: &'s str, command: &str) -> Cow<'s, str> {
    match Parts::of(source) {
        Some(parts) => own_part(&parts, command).map_or(Cow::Borrowed(source), Cow::Owned),
        None => earlier::cut(source, command).map_or(Cow::Borrowed(source), Cow::Owned),
    }
}

fn own_part(parts: &Parts<'_>, command: &str) -> Option<String> {
    let section = parts.section(command)?;
    let Data { whole, table, .. } = parts.data;
    let lines = || table.lines().filter(|line| !line.is_empty());
    let own = format!("  \"{command}\": ");
    // A table that was edited by hand is not cut.
    let data = if lines().all(|line| line.starts_with("  \"")) {
        let line = lines().find(|line| line.starts_with(&own))?;
        Cow::Owned(whole.replacen(table, &format!("\n{line}"), 1))
    } else {
        Cow::Borrowed(whole)
    };
    Some(format!("{}\n{SECTION}{command}\n{section}\n{SECTION}{DATA}\n{data}", parts.head))
}

/// Returns the commands whose function a person has changed since [`write`] generated it.
pub fn changed(source: &str) -> Vec<String> {
    let Some(parts) = Parts::of(source) else { return earlier::changed(source) };
    let by_hand = parts.sections.iter().filter(|(name, section)| !is_untouched(name, section));
    by_hand.map(|(name, _)| (*name).to_owned()).collect()
}

/// Reads the table of operations back from a source.
pub fn table(source: &str) -> Option<IndexMap<String, Entry>> {
    let imported = Imported::read(source)?.ok()?;
    let entry = |(name, text): (String, Box<RawValue>)| Some((name, serde_json::from_str(text.get()).ok()?));
    imported.operations.into_iter().map(entry).collect()
}

/// Reads the security schemes back from a source, also from one of an earlier import; none if they cannot be read.
pub fn schemes(source: &str) -> IndexMap<String, Scheme> {
    let text = source.split_once(SCHEMES).and_then(|(_, rest)| rest.split_once(";\n"));
    text.and_then(|(schemes, _)| serde_json::from_str(schemes).ok()).unwrap_or_default()
}

/// Checks the table of a source, before it is stored. A source without a table is none of an import.
///
/// # Errors
/// Says which entry cannot be read, or is lacking.
pub fn check(source: &str) -> Result<(), String> {
    let Some(imported) = Imported::read(source) else { return Ok(()) };
    let Imported { operations, untouched, .. } = imported?;
    for (name, text) in &operations {
        if let Err(error) = serde_json::from_str::<Entry>(text.get()) {
            return Err(format!("the entry of {name} in the table of operations cannot be read: {error}"));
        }
    }
    match untouched.iter().filter(|name| !operations.contains_key(*name)).min() {
        Some(name) => {
            Err(format!("the table of operations has no entry {name}, which the function of this name sends"))
        }
        None => Ok(()),
    }
}

/// What the server needs of a source to execute its operations itself.
#[derive(Debug, Default)]
pub struct Imported {
    /// The security schemes, by the names that operations call them.
    pub schemes: IndexMap<String, Scheme>,
    /// The variables of the base URL.
    pub variables: Vec<Variable>,
    /// The entry of each operation, as JSON text of an [`Entry`].
    pub operations: IndexMap<String, Box<RawValue>>,
    /// The commands whose functions do nothing but send their operation.
    pub untouched: HashSet<String>,
}

impl Imported {
    /// Reads a source; `None` if it has no table, as one of an earlier import.
    ///
    /// # Errors
    /// Says what of the table cannot be read.
    pub fn read(source: &str) -> Option<Result<Self, String>> {
        let parts = Parts::of(source)?;
        Some(Self::of(&parts))
    }

    fn of(parts: &Parts<'_>) -> Result<Self, String> {
        let wrong = |what: &str, error: &serde_json::Error| {
            format!(
                "`{what}` of the imported script cannot be read as JSON: {error}; write it as JSON, or import the document again"
            )
        };
        let Data { schemes, variables, table, alone, .. } = parts.data;
        let schemes = serde_json::from_str(schemes).map_err(|error| wrong("schemes", &error))?;
        let variables = serde_json::from_str(variables).map_err(|error| wrong("server", &error))?;
        let table = table.trim_end();
        let table = format!("{{{}}}", table.strip_suffix(',').unwrap_or(table));
        let operations = serde_json::from_str(&table).map_err(|error| wrong("operations", &error))?;
        // Whatever else is in the script may have changed what its functions do.
        let plain = alone && parts.head.trim_end() == HEAD.trim_end();
        let untouched = parts.sections.iter().filter(|(name, section)| plain && is_untouched(name, section));
        let untouched = untouched.map(|(name, _)| (*name).to_owned()).collect();
        Ok(Self { schemes, variables, operations, untouched })
    }
}
