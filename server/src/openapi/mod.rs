//! OpenAPI 3.0, 3.1 and 3.2 documents -> drafts of connectors.
//!
//! `read` takes the bytes, `resolve` follows local references, `operations` finds every operation, and
//! `command` makes a command of each: `params`, `body`, `outputs`, `servers` and `security` say what a
//! request holds, `schema` what its values are. `script` writes what runs in the sandbox. Nothing is ever
//! fetched, and no operation is left out: what cannot be had exactly is said with its place.

mod body;
mod command;
mod draft;
mod error;
mod names;
mod notes;
mod operations;
mod outputs;
mod params;
mod read;
mod resolve;
mod root;
mod schema;
mod script;
mod security;
mod servers;
mod table;
#[cfg(test)]
mod tests;

use std::collections::HashSet;

use connector_runtime::schema::{ConfigSchema, Source, is_connector_name};
use indexmap::IndexMap;
use serde_json::{Map, Value};

pub use self::draft::{Draft, OperationView};
pub use self::error::ImportError;
pub use self::notes::{Reason, Verdict, Warning};
pub use self::read::MOST_BYTES;
pub use self::script::{cut as cut_script, table as script_table};
pub use self::table::{Body, BodyField, BodyKind, Entry, Form, Need, Pages, Param};

use self::command::{Budget, Making, command};
use self::names::Keys;
use self::notes::Notes;
use self::operations::Operation;
use self::resolve::{Document, cut};
use self::schema::Schemas;
use self::security::Security;
use self::servers::Servers;

/// What is asked of an import.
#[derive(Debug, Clone, Default)]
pub struct Options {
    /// The connector's name; made of the title where absent.
    pub name: Option<String>,
    /// The commands to take; all where absent.
    pub include: Option<Vec<String>>,
    /// Only operations of this tag.
    pub tag: Option<String>,
    /// Commands of an earlier import: they keep their names.
    pub known: Vec<(Source, String)>,
}

/// Imports a document from its bytes: JSON or YAML, plain or gzip.
///
/// # Errors
/// Where it is no OpenAPI 3 document, or what the options ask for is not there.
pub fn import(bytes: &[u8], options: &Options) -> Result<Draft, ImportError> {
    let read::Loaded { value, nodes, repeated, latin, mended } = read::read(bytes)?;
    let mut notes = Notes::default();
    for pointer in &repeated {
        let key = pointer.rsplit('/').next().unwrap_or_default();
        notes.warn("duplicate_key", pointer, format!("the key `{}` stands twice; the last one is used", cut(key, 100)));
    }
    if let Some(at) = latin {
        notes.warn("encoding", "", format!("the document is not UTF-8 text (byte {at}); it is read as Latin-1"));
    }
    if mended {
        notes.warn("encoding", "", "the document holds halves of characters (`\\ud800` alone); they are replaced");
    }
    draft(&value, nodes, options, notes)
}

/// Imports a document that is a JSON value already. A text in it is read as a document's text.
///
/// # Errors
/// As [`import`].
pub fn import_value(value: &Value, options: &Options) -> Result<Draft, ImportError> {
    match value {
        Value::String(text) => import(text.as_bytes(), options),
        value => draft(value, read::count(value), options, Notes::default()),
    }
}

fn draft(root: &Value, nodes: usize, options: &Options, mut notes: Notes) -> Result<Draft, ImportError> {
    let root::Root { latest, title, version, description } = root::check(root, &mut notes)?;
    let name = match &options.name {
        Some(name) if !is_connector_name(name) => {
            let message = format!(
                "{:?} cannot name a connector: a name has lower-case letters, digits and single dashes",
                cut(name, 80)
            );
            return Err(ImportError::new("invalid_name", message).at("/name"));
        }
        Some(name) => name.clone(),
        None => draft::slug(&title),
    };
    let document = Document::new(root);
    let operations = operations::list(&document, latest, &mut notes);
    if operations.is_empty() {
        notes.warn("no_operations", "/paths", root::nothing(root));
    }
    let names = names::commands(&operations, &options.known, &mut notes);
    let chosen = chosen(&operations, &names, options)?;
    let mut security = Security::read(&document, &operations, &mut notes);
    let servers = Servers::read(root, &security.fields, &mut notes);
    let schemas = Schemas::new(&document);
    let budget = Budget::of(nodes, operations.len());
    let mut views = Vec::with_capacity(chosen.len());
    let mut entries = Vec::with_capacity(chosen.len());
    let mut commands = IndexMap::with_capacity(chosen.len());
    for index in chosen {
        let (operation, name) = (&operations[index], &names[index]);
        let making =
            Making { document: &document, schemas: &schemas, notes: &mut notes, keys: Keys::default(), budget };
        let (made, mut entry) = command(making, operation, &servers, &security);
        let (verdict, reasons) = notes.verdict();
        if verdict == Verdict::Refused {
            entry.refused = reasons.iter().map(|reason| reason.message.clone()).collect();
        }
        let summary = operation.own.get("summary").and_then(Value::as_str).map(|text| cut(text.trim(), 300).to_owned());
        views.push(OperationView {
            name: name.clone(),
            method: entry.method.clone(),
            path: entry.path.clone(),
            summary,
            deprecated: made.deprecated,
            verdict,
            reasons,
        });
        commands.insert(name.clone(), made);
        entries.push((name.clone(), entry));
    }
    let method = security.finish(&entries.iter().map(|(_, entry)| &entry.auth).collect::<Vec<_>>());
    let script_source = script::write(&security.schemes, &servers.variables, &entries);
    let mut connection = servers.fields;
    connection.extend(method.map(|field| ("authMethod".to_owned(), field)));
    connection.extend(security.fields);
    Ok(Draft {
        type_name: name.clone(),
        name,
        execution_model: "oas_derived",
        version: draft::version(&version),
        description,
        config_schema: ConfigSchema { connection, commands, ..ConfigSchema::default() },
        script_source,
        config: Map::new(),
        operations: views,
        warnings: notes.into_warnings(),
    })
}

/// The operations that the options ask for, by their places.
fn chosen(operations: &[Operation<'_>], names: &[String], options: &Options) -> Result<Vec<usize>, ImportError> {
    if let Some(include) = &options.include {
        let known: HashSet<&String> = names.iter().collect();
        for (index, wanted) in include.iter().enumerate() {
            if !known.contains(wanted) {
                let wanted = cut(wanted, 128);
                let message = format!("there is no operation {wanted}; import without a choice to see their names");
                return Err(ImportError::new("unknown_operation", message).at(format!("/include/{index}")));
            }
        }
    }
    let tagged =
        |operation: &Operation<'_>| options.tag.as_deref().is_none_or(|tag| operation.tags().any(|own| own == tag));
    let wanted: Option<HashSet<&String>> = options.include.as_ref().map(|include| include.iter().collect());
    let included = |name: &String| wanted.as_ref().is_none_or(|wanted| wanted.contains(name));
    let chosen: Vec<usize> =
        (0..operations.len()).filter(|index| tagged(&operations[*index]) && included(&names[*index])).collect();
    if let Some(tag) = options.tag.as_deref().filter(|_| chosen.is_empty()) {
        let message = format!("no operation has the tag {}", cut(tag, 128));
        return Err(ImportError::new("unknown_tag_filter", message).at("/tag"));
    }
    Ok(chosen)
}
