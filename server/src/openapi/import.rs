//! Reads a document and builds the draft of a connector from it: the whole import, from bytes to draft.

use std::collections::HashSet;

use connector_runtime::egress::Policy;
use connector_runtime::schema::destination::BASE_URL;
use connector_runtime::schema::json_text::{MAX_JSON_VALUES, VALUE_BYTES};
use connector_runtime::schema::{CONNECTOR_NAME_RULE, ConfigSchema, Source, is_connector_name};
use floh_client::answers::{ConnectorDraft, OperationView, Verdict, Warning};
use floh_client::words::ExecutionModel;
use indexmap::IndexMap;
use serde_json::{Map, Value};

use super::bundle;
use super::command::{Budget, Making, command};
use super::error::ImportError;
use super::names::Keys;
use super::notes::Notes;
use super::operations::Operation;
use super::resolve::{Document, cut};
use super::schema::Schemas;
use super::security::Security;
use super::servers::Servers;
use super::swagger;
use super::table::Scheme;

/// The maximum number of bytes of a draft's operations, without their schemas.
const MAX_HELD: usize = 64 << 20;

/// The options of an import.
#[derive(Debug, Clone, Default)]
pub struct Options {
    /// The connector's name; made from the title if absent.
    pub name: Option<String>,
    /// The commands to take; all if absent.
    pub include: Option<Vec<String>>,
    /// Other names for commands, by the name that the import gives them.
    pub rename: IndexMap<String, String>,
    /// Only operations of this tag.
    pub tag: Option<String>,
    /// Commands of an earlier import: they keep their names.
    pub known: Vec<(Source, String)>,
    /// Security schemes of an earlier import: those that are the same keep their names and fields.
    pub schemes: IndexMap<String, Scheme>,
    /// The egress rules by which the servers are judged; the strict ones if absent.
    pub egress: Option<Policy>,
}

/// Called with the number of finished operations, and of all operations.
pub type Watch<'w> = dyn FnMut(usize, usize) + 'w;

/// A parsed document, and the notes about it.
#[derive(Debug)]
pub struct Spec {
    value: Value,
    notes: Notes,
}

impl Spec {
    /// Reads a document from its bytes: JSON or YAML, plain or gzip.
    ///
    /// # Errors
    /// If they are neither, or exceed a limit.
    pub fn read(bytes: &[u8]) -> Result<Self, ImportError> {
        if bundle::is_archive(bytes) {
            return bundle::of_archive(bytes, None);
        }
        let mut notes = Notes::default();
        let value = super::read::read(bytes)?.noted(None, &mut notes);
        Self::noted(value, notes)
    }

    /// Accepts a document that is already a JSON value. A string is parsed as the text of a document. `{ "files": { path:
    /// text } }` and `{ "zip": base64 }` are documents of several files; `root` may name the one that begins it.
    ///
    /// # Errors
    /// As [`Spec::read`].
    pub fn of(value: Value) -> Result<Self, ImportError> {
        match value {
            value if bundle::is_several(&value) => bundle::several(value),
            Value::String(text) => Self::read(text.as_bytes()),
            value => Self::noted(value, Notes::default()),
        }
    }

    /// Takes a document about which something was noted.
    pub(super) fn noted(value: Value, mut notes: Notes) -> Result<Self, ImportError> {
        Ok(Self { value: rewritten(value, &mut notes)?, notes })
    }

    /// Returns the most memory that a document of so many bytes of text takes when it is read, beyond its text.
    pub fn memory(text: usize) -> usize {
        // A value takes two characters at least.
        (text / 2).min(MAX_JSON_VALUES).saturating_mul(VALUE_BYTES).saturating_add(text)
    }

    /// Returns the most memory that a document takes when it is read from its bytes, beyond these.
    pub fn room_of(bytes: &[u8]) -> usize {
        if bundle::is_archive(bytes) {
            bundle::room_of_archive(bytes)
        } else {
            Self::memory(super::read::length(bytes))
        }
    }

    /// Returns the most memory that a document takes when it is read, beyond what holds it.
    pub fn room(value: &Value) -> usize {
        match value {
            value if bundle::is_several(value) => bundle::room(value),
            Value::String(text) => Self::memory(text.len()),
            _ => 0,
        }
    }

    /// Says where the document came from: its servers may be relative to that.
    pub fn served_at(&mut self, at: &url::Url) {
        super::address::served_at(&mut self.value, at);
    }

    /// Returns the document.
    pub fn value(&self) -> &Value {
        &self.value
    }

    /// Returns its title; empty if it has none.
    pub fn title(&self) -> &str {
        self.value.pointer("/info/title").and_then(Value::as_str).unwrap_or_default().trim()
    }

    /// Returns the warnings about its text and its files.
    pub fn warnings(&self) -> Vec<Warning> {
        self.notes.clone().into_warnings()
    }

    /// Returns the name of its connector: the requested one, else one made from the title.
    ///
    /// # Errors
    /// If it is not an OpenAPI 3 document, or the requested name is not valid.
    pub fn name(&self, asked: Option<&str>) -> Result<String, ImportError> {
        name(asked, &super::root::check(&self.value, &mut Notes::default())?.title)
    }

    /// Imports it.
    ///
    /// # Errors
    /// If it is not an OpenAPI 3 document, or what the options ask for does not exist.
    pub fn draft(self, options: &Options) -> Result<ConnectorDraft, ImportError> {
        draft(&self.value, options, self.notes, &mut |_, _| ())
    }

    /// Imports it as [`Spec::draft`] does, and reports its progress.
    ///
    /// # Errors
    /// As [`Spec::draft`].
    pub fn draft_watched(&self, options: &Options, watch: &mut Watch<'_>) -> Result<ConnectorDraft, ImportError> {
        draft(&self.value, options, self.notes.clone(), watch)
    }
}

/// Imports a document from its bytes: JSON or YAML, plain or gzip.
///
/// # Errors
/// If it is not an OpenAPI 3 document, or what the options ask for does not exist.
pub fn import(bytes: &[u8], options: &Options) -> Result<ConnectorDraft, ImportError> {
    Spec::read(bytes)?.draft(options)
}

/// Imports a document that is already a JSON value. A string is parsed as the text of a document.
///
/// # Errors
/// As [`import`].
pub fn import_value(value: &Value, options: &Options) -> Result<ConnectorDraft, ImportError> {
    match value {
        value if swagger::is_swagger(value) || bundle::is_several(value) => Spec::of(value.clone())?.draft(options),
        Value::String(text) => import(text.as_bytes(), options),
        value => draft(value, options, Notes::default(), &mut |_, _| ()),
    }
}

/// Returns a document of OpenAPI 3: a Swagger 2.0 one rewritten, any other one as it is.
fn rewritten(value: Value, notes: &mut Notes) -> Result<Value, ImportError> {
    if swagger::is_swagger(&value) { swagger::rewrite(value, notes) } else { Ok(value) }
}

fn name(asked: Option<&str>, title: &str) -> Result<String, ImportError> {
    match asked {
        Some(name) if !is_connector_name(name) => {
            let message = format!("{:?} cannot name a connector: {CONNECTOR_NAME_RULE}", cut(name, 80));
            Err(ImportError::new("invalid_name", message).at("/name"))
        }
        Some(name) => Ok(name.to_owned()),
        None => Ok(super::connector_draft::slug(title)),
    }
}

fn draft(
    root: &Value,
    options: &Options,
    mut notes: Notes,
    watch: &mut Watch<'_>,
) -> Result<ConnectorDraft, ImportError> {
    notes.judged_by(options.egress.clone());
    let super::root::Root { latest, title, version, description } = super::root::check(root, &mut notes)?;
    let name = name(options.name.as_deref(), &title)?;
    let nodes = super::limits::check_root(root)?;
    let document = Document::new(root);
    let operations = super::operations::list(&document, latest, &mut notes)?;
    super::limits::check_operations(&document, &operations)?;
    if operations.is_empty() {
        notes.warn("no_operations", "/paths", super::root::nothing(root));
    }
    let names = super::names::commands(&name, &operations, &options.known, &mut notes);
    let chosen = chosen(&operations, &names, options)?;
    let names = super::names::renamed(names, &chosen, &options.rename)?;
    let mut security = Security::read(&document, &operations, &mut notes);
    security.keep(&options.schemes, &mut notes);
    let servers = Servers::read(root, security.fields(), &mut notes);
    security.meet(root, &servers.fields);
    let schemas = Schemas::new(&document);
    let budget = Budget::of(nodes, chosen.len());
    let mut held = 0;
    let mut views = Vec::with_capacity(chosen.len());
    let mut entries = Vec::with_capacity(chosen.len());
    let mut commands = IndexMap::with_capacity(chosen.len());
    let all = chosen.len();
    for (done, index) in chosen.into_iter().enumerate() {
        watch(done, all);
        let (operation, name) = (&operations[index], &names[index]);
        let making =
            Making { document: &document, schemas: &schemas, notes: &mut notes, keys: Keys::default(), budget };
        let (made, mut entry) = command(making, operation, &servers, &security);
        held += entry.length();
        schemas.spend(entry.length());
        if held > MAX_HELD {
            let message = "the document's operations repeat so much that no connector could hold them all; choose some of them with include, or a tag";
            return Err(ImportError::new("too_large", message));
        }
        let (verdict, reasons) = notes.verdict();
        if verdict == Verdict::Refused {
            entry.refused = reasons.iter().map(|reason| reason.message.clone()).collect();
        }
        let summary = operation.says("summary").and_then(Value::as_str).map(|text| cut(text.trim(), 300).to_owned());
        views.push(OperationView {
            name: name.clone(),
            method: entry.method.clone(),
            path: entry.path.clone(),
            summary,
            tag: operation.tag().map(|tag| cut(tag.trim(), 100).to_owned()).filter(|tag| !tag.is_empty()),
            deprecated: made.deprecated,
            verdict,
            reasons,
        });
        commands.insert(name.clone(), made);
        entries.push((name.clone(), entry));
    }
    let method = security.finish(&entries.iter().map(|(_, entry)| &entry.auth).collect::<Vec<_>>());
    let script_source = super::script::write(&security.schemes, &servers.variables, &entries);
    let mut connection = servers.fields;
    connection.extend(method.map(|field| ("authMethod".to_owned(), field)));
    connection.extend(security.fields().clone());
    Ok(ConnectorDraft {
        type_name: name.clone(),
        name,
        execution_model: ExecutionModel::OasDerived,
        version: super::connector_draft::version(&version),
        description,
        config_schema: ConfigSchema {
            connection,
            commands,
            egress: Some(vec![BASE_URL.to_owned()]),
            ..ConfigSchema::default()
        },
        script_source,
        config: Map::new(),
        operations: views,
        warnings: notes.into_warnings(),
    })
}

/// Returns the operations that the options ask for, by index.
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
