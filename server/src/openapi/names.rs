//! Names of commands and params: made from the document's words, and the same at each import.
//!
//! A command is a function of the script, so its name must be an identifier that has no other meaning there. If several
//! operations want a name, path and method decide which one gets it, never the order in the document. A name of an
//! earlier import is kept.

mod reserved;
mod words;

use std::collections::{BTreeMap, HashMap, HashSet};
use std::rc::Rc;

use connector_runtime::schema::{Source, is_command_name, pointer};
use indexmap::IndexMap;
use sha2::{Digest, Sha256};

use self::reserved::RESERVED;
pub use self::words::words;
use self::words::{plain, shortened};
use super::error::ImportError;
use super::notes::Notes;
use super::operations::Operation;
use super::resolve::cut;

/// Returns whether a name has a meaning in scripts, or in those that an import writes.
pub fn is_reserved(name: &str) -> bool {
    RESERVED.contains(&name)
}

/// The maximum number of characters of a name; there is room left for a suffix.
const MOST: usize = 96;
/// The characters that the names of a connector and of a command may have together with two between them: what clients
/// of tools accept.
const MAX_WITH_CONNECTOR: usize = 64;
/// The characters that a name may have in any case.
const LEAST: usize = 32;

/// Splits a text at characters that are neither letters nor digits, and writes it as one word: `list-all users` becomes
/// `listAllUsers`.
pub(super) fn camel(text: &str) -> String {
    let mut out = String::with_capacity(text.len().min(2 * MOST));
    for part in text.split(|c: char| !c.is_ascii_alphanumeric()).filter(|part| !part.is_empty()) {
        let (first, rest) = part.split_at(1);
        out.push_str(&if out.is_empty() { first.to_ascii_lowercase() } else { first.to_ascii_uppercase() });
        out.push_str(rest);
    }
    out
}

/// Writes the first letter in upper case.
pub(super) fn capital(text: &str) -> String {
    let mut chars = text.chars();
    chars.next().map_or_else(String::new, |first| first.to_ascii_uppercase().to_string() + chars.as_str())
}

/// Limits the length of a name; one that was cut still differs from similar names.
fn bounded(name: String, of: &str) -> String {
    if name.len() <= MOST {
        return name;
    }
    let digest = Sha256::digest(of.as_bytes());
    let mark = const_hex::encode(&digest[..4]);
    format!("{}_{mark}", &name[..MOST - 9])
}

fn started(name: String) -> String {
    if name.starts_with(|c: char| c.is_ascii_digit()) { format!("_{name}") } else { name }
}

/// Names each operation of a connector; the names are in the order of the operations.
pub(super) fn commands(
    connector: &str,
    operations: &[Operation<'_>],
    known: &[(Source, String)],
    notes: &mut Notes,
) -> Vec<String> {
    let room = MAX_WITH_CONNECTOR.saturating_sub(connector.len() + 2).clamp(LEAST, MOST);
    let mut names: Vec<Option<String>> = earlier(operations, known, notes);
    let mut used: HashSet<String> = names.iter().flatten().map(|name| name.to_ascii_lowercase()).collect();
    let bases: Vec<String> = operations.iter().map(|operation| base(operation, room, notes)).collect();
    let mut groups: BTreeMap<String, Vec<usize>> = BTreeMap::new();
    for (index, base) in bases.iter().enumerate() {
        groups.entry(base.to_ascii_lowercase()).or_default().push(index);
    }
    let mut waiting = Vec::new();
    for (lower, mut group) in groups {
        group.sort_by_key(|index| (operations[*index].path, operations[*index].method.as_str()));
        let mut unnamed: Vec<usize> = group.iter().copied().filter(|index| names[*index].is_none()).collect();
        if !unnamed.is_empty() && used.insert(lower) {
            let first = unnamed.remove(0);
            names[first] = Some(bases[first].clone());
        }
        let group: Rc<[usize]> = group.into();
        waiting.extend(unnamed.into_iter().map(|index| (index, Rc::clone(&group))));
    }
    waiting.sort_by_key(|(index, _)| (operations[*index].path, operations[*index].method.as_str()));
    let mut next: HashMap<&str, usize> = HashMap::new();
    for (index, group) in &waiting {
        let operation = &operations[*index];
        let base = &bases[*index];
        let alone = |by: &dyn Fn(&Operation<'_>) -> String| {
            let own = by(operation);
            let fits = !own.is_empty() && group.iter().filter(|other| by(&operations[**other]) == own).count() == 1;
            fits.then(|| bounded(format!("{base}{own}"), &own))
        };
        let by_method = || alone(&|operation| capital(&operation.method.to_ascii_lowercase()));
        let by_tag = || alone(&|operation| capital(&camel(operation.tag().unwrap_or_default())));
        // A long list of equal names is numbered consecutively.
        let few = group.len() <= 64;
        let mut free = |name: &String| used.insert(name.to_ascii_lowercase());
        let name =
            few.then(by_method).flatten().filter(&mut free).or_else(|| few.then(by_tag).flatten().filter(&mut free));
        let name = name.unwrap_or_else(|| {
            let number = next.entry(base).or_insert(2);
            loop {
                let name = format!("{base}{number}");
                *number += 1;
                if free(&name) {
                    break name;
                }
            }
        });
        tell(operation, base, &name, group.len(), notes);
        names[*index] = Some(name);
    }
    names.into_iter().map(Option::unwrap_or_default).collect()
}

/// Gives commands other names. Only those that are taken have to differ.
///
/// # Errors
/// If there is no such command, or the name is no name or one of two.
pub(super) fn renamed(
    names: Vec<String>,
    taken: &[usize],
    rename: &IndexMap<String, String>,
) -> Result<Vec<String>, ImportError> {
    if rename.is_empty() {
        return Ok(names);
    }
    let places: HashMap<&String, usize> = names.iter().enumerate().map(|(index, name)| (name, index)).collect();
    let place = |name: &str| format!("/names/{}", pointer::escape(cut(name, 300)));
    let mut changed: HashMap<usize, (&String, &String)> = HashMap::with_capacity(rename.len());
    for (name, wanted) in rename {
        let Some(index) = places.get(name) else {
            let message = format!("there is no operation {}; import without names to see them", cut(name, 128));
            return Err(ImportError::new("unknown_operation", message).at(place(name)));
        };
        if wanted.len() > MOST || !is_command_name(wanted) || RESERVED.contains(&wanted.as_str()) {
            let message = format!(
                "{:?} cannot name a command: a letter or _, then letters, digits and _, at most {MOST} characters, \
                 and no word of the language",
                cut(wanted, 128)
            );
            return Err(ImportError::new("invalid_command_name", message).at(place(name)));
        }
        changed.insert(*index, (name, wanted));
    }
    let mut used: HashMap<String, usize> = HashMap::with_capacity(taken.len());
    for index in taken {
        let name = changed.get(index).map_or(&names[*index], |(_, wanted)| wanted);
        if let Some(other) = used.insert(name.to_ascii_lowercase(), *index) {
            let asked = changed.get(index).or_else(|| changed.get(&other)).map_or("", |(name, _)| name.as_str());
            let message = format!("two commands would be called {name}; give one of them another name");
            return Err(ImportError::new("command_name_taken", message).at(place(asked)));
        }
    }
    let changed: Vec<(usize, String)> =
        changed.into_iter().map(|(index, (_, wanted))| (index, wanted.clone())).collect();
    let mut names = names;
    for (index, wanted) in changed {
        names[index] = wanted;
    }
    Ok(names)
}

fn tell(operation: &Operation<'_>, base: &str, name: &str, times: usize, notes: &mut Notes) {
    let message = match &operation.id {
        Some(id) => {
            let id = cut(id, 100);
            format!("the operationId `{id}` is used {times} times, or its name is taken; this command is called {name}")
        }
        None => format!("the name {base} is taken; this command is called {name}"),
    };
    let code = if operation.id.is_some() { "operationId_duplicate" } else { "name_taken" };
    notes.warn(code, &operation.pointer, message);
}

/// Tells that an operation is called otherwise, or is elsewhere, than at the earlier import.
fn tell_renamed(operation: &Operation<'_>, source: &Source, name: &str, notes: &mut Notes) {
    let shown =
        |id: &Option<String>| id.as_deref().map_or("without an operationId".to_owned(), |id| cut(id, 100).to_owned());
    if source.operation_id != operation.id {
        let (was, is) = (shown(&source.operation_id), shown(&operation.id));
        let message = format!("the operation was {was} and is {is} now; its command is still called {name}");
        notes.warn("operation_renamed", &operation.pointer, message);
    } else if source.path != operation.path || source.method != operation.method {
        let (was, is) = (cut(&source.path, 200), cut(operation.path, 200));
        let message = format!(
            "the operation was {} {was} and is {} {is} now; its command is still called {name}",
            source.method, operation.method
        );
        notes.warn("operation_moved", &operation.pointer, message);
    }
}

/// Returns whether an operation is the one that a command came from.
type Rule = fn(&Operation<'_>, &Source) -> bool;

/// Assigns names of an earlier import: first to operations that are equal in everything, then in method and path, then
/// in the id.
fn earlier(operations: &[Operation<'_>], known: &[(Source, String)], notes: &mut Notes) -> Vec<Option<String>> {
    let mut names = vec![None; operations.len()];
    if known.is_empty() {
        return names;
    }
    let mut taken = vec![false; known.len()];
    let rules: [Rule; 3] = [
        |o, s| s.method == o.method && s.path == o.path && s.operation_id == o.id,
        |o, s| s.method == o.method && s.path == o.path,
        |o, s| o.id.is_some() && s.operation_id == o.id,
    ];
    for rule in rules {
        for (index, operation) in operations.iter().enumerate() {
            if names[index].is_some() {
                continue;
            }
            let found = (0..known.len()).find(|at| !taken[*at] && rule(operation, &known[*at].0));
            if let Some(at) = found {
                taken[at] = true;
                let (source, name) = &known[at];
                tell_renamed(operation, source, name, notes);
                names[index] = Some(name.clone());
            }
        }
    }
    names
}

/// Returns the name that an operation would have without any others.
fn base(operation: &Operation<'_>, room: usize, notes: &mut Notes) -> String {
    let Some(id) = &operation.id else { return from_path(operation, room) };
    let own = plain(id);
    if own.is_empty() {
        notes.warn("unsafe_name", &operation.pointer, "the operationId has no letter or digit; the path names it");
        return from_path(operation, room);
    }
    let odd = |c: char| !c.is_alphanumeric() && !"_-./: #(),{}[]+&|~@$*".contains(c);
    if id.contains(odd) {
        let message = "the operationId holds characters that a name cannot have; they are left out";
        notes.warn("unsafe_name", &operation.pointer, message);
    }
    let own = if RESERVED.contains(&id.as_str()) { id.clone() } else { started(own) };
    if own.len() > room {
        let message = format!("the operationId is too long ({} characters); the command's name is cut", id.len());
        notes.warn("name_too_long", &operation.pointer, message);
    }
    let name = shortened(own, room);
    if RESERVED.contains(&name.as_str()) {
        let other = format!("{}Operation", plain(&name));
        let message = format!("`{name}` cannot be a command's name in the script; it is called {other}");
        notes.warn("reserved_name", &operation.pointer, message);
        return other;
    }
    name
}

/// Returns the verb, the path's words, and `ByX` for a parameter.
fn from_path(operation: &Operation<'_>, room: usize) -> String {
    let mut name = camel(&operation.method.to_ascii_lowercase());
    for segment in operation.path.split('/') {
        let mut rest = segment;
        while let Some((before, after)) = rest.split_once('{') {
            let (inner, after) = after.split_once('}').unwrap_or((after, ""));
            name.push_str(&capital(&camel(before)));
            name.push_str("By");
            name.push_str(&capital(&camel(inner)));
            rest = after;
        }
        name.push_str(&capital(&camel(rest)));
    }
    let name = if name.is_empty() { "call".to_owned() } else { started(name) };
    let name = shortened(name, room);
    if RESERVED.contains(&name.as_str()) { format!("{name}Operation") } else { name }
}

/// Assigns the names of one command's params.
#[derive(Debug, Default)]
pub(super) struct Keys {
    used: HashSet<String>,
}

impl Keys {
    /// Returns the name of a param: the wire's name if it is an identifier, else one made from it; if that is taken,
    /// the location is put before it. The flag says whether that happened.
    pub(super) fn take(&mut self, wire: &str, location: &str) -> (String, bool) {
        let identifier = is_command_name(wire) && wire.len() <= MOST;
        let plain = if identifier { wire.to_owned() } else { bounded(started(camel(wire)), wire) };
        let plain = if plain.is_empty() { "param".to_owned() } else { plain };
        let free = !matches!(plain.as_str(), "command" | "__proto__");
        if free && self.used.insert(plain.clone()) {
            return (plain, false);
        }
        let placed = format!("{location}{}", capital(&camel(&plain)));
        let mut key = placed.clone();
        let mut number = 2;
        while !self.used.insert(key.clone()) {
            key = format!("{placed}{number}");
            number += 1;
        }
        (key, true)
    }
}
