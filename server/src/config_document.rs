//! Connectors and the types that users made, without secrets, as one document: for review, for git, and to carry them to
//! another server (docs/decisions/config-document.md).
//!
//! The form is stable: types and connectors by name, keys in one order. Numbers keep their text. A secret appears by its
//! name alone, as something to set. Nothing here speaks to a server: [`plan`] compares a document with what a server has,
//! and says what to send.

mod plan;
mod yaml;

use std::collections::{BTreeMap, BTreeSet};

use floh_client::answers::{ConnectorView, TypeView};
use floh_client::words::{ExecutionModel, LogLevel, Recording, TypeSource};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

pub use self::plan::{Plan, Problem, Step, plan};
use self::yaml::to_yaml;
use crate::openapi::{ImportError, read_value};

/// The version of the form.
pub const FORMAT: u32 = 1;
/// The maximum number of connectors of a document, and of types.
pub const MAX_ENTRIES: usize = 10_000;

/// A document.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ConfigDocument {
    /// The version of the form.
    pub floh: u32,
    /// The types that users made and that the connectors need, by name.
    #[serde(default)]
    pub types: Vec<TypeEntry>,
    /// The connectors, by name.
    #[serde(default)]
    pub connectors: Vec<ConnectorEntry>,
}

/// A connector type that a user made.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct TypeEntry {
    /// Unique name.
    pub name: String,
    /// How its commands are served.
    pub execution_model: ExecutionModel,
    /// Semantic version.
    pub version: String,
    /// What it connects to.
    #[serde(default)]
    pub description: String,
    /// Its category.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub category: Option<String>,
    /// Its tags.
    #[serde(default)]
    pub tags: Vec<String>,
    /// Where an external type is served.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub endpoint_url: Option<String>,
    /// Connection fields and commands.
    pub config_schema: Value,
    /// The JavaScript of a script type.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub script_source: Option<String>,
}

/// A connector.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ConnectorEntry {
    /// Unique name.
    pub name: String,
    /// Name of its type.
    #[serde(rename = "type")]
    pub type_name: String,
    /// How its commands are served.
    pub execution_model: ExecutionModel,
    /// Where an external instance of a built-in type is served.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub endpoint_url: Option<String>,
    /// What it is for.
    #[serde(default)]
    pub description: String,
    /// Its category.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub category: Option<String>,
    /// Its tags.
    #[serde(default)]
    pub tags: Vec<String>,
    /// Whether it may be executed.
    #[serde(default = "yes")]
    pub enabled: bool,
    /// Lowest level of log lines that are kept.
    #[serde(default = "info")]
    pub log_level: LogLevel,
    /// Its own deadline in milliseconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub timeout_ms: Option<u32>,
    /// How much of its executions is kept.
    #[serde(default)]
    pub record: Recording,
    /// Its mock settings.
    #[serde(default, skip_serializing_if = "Map::is_empty")]
    pub mock: Map<String, Value>,
    /// Its connection config without secrets.
    #[serde(default)]
    pub config: Map<String, Value>,
    /// The names of its secrets, to be set by hand; their values are in no document.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub secrets: Vec<String>,
}

fn yes() -> bool {
    true
}

fn info() -> LogLevel {
    LogLevel::Info
}

/// Why a text is not a document. Each text says how to fix it.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DocumentError {
    /// It is neither JSON nor YAML.
    #[error("{0}")]
    Text(String),
    /// It has another form.
    #[error("it is not a document of floh export: {0}")]
    Form(String),
    /// A name is given twice.
    #[error("the {what} {name} is in it twice; leave one")]
    Twice {
        /// Type or connector.
        what: &'static str,
        /// Its name.
        name: String,
    },
}

impl From<ImportError> for DocumentError {
    fn from(error: ImportError) -> Self {
        Self::Text(error.to_string())
    }
}

impl ConfigDocument {
    /// Builds the document of connectors and their types.
    pub fn of(connectors: &[ConnectorView], types: &[TypeView]) -> Self {
        let by_name: BTreeMap<&str, &TypeView> = types.iter().map(|one| (one.name.as_str(), one)).collect();
        let needed: BTreeSet<&str> = connectors.iter().map(|one| one.type_name.as_str()).collect();
        let user = |name: &&str| by_name.get(name).filter(|one| one.source == TypeSource::User).copied();
        let types = needed.iter().filter_map(user).map(TypeEntry::of).collect();
        let mut entries: Vec<ConnectorEntry> = connectors
            .iter()
            .map(|one| ConnectorEntry::of(one, by_name.get(one.type_name.as_str()).copied()))
            .collect();
        entries.sort_by(|one, other| one.name.cmp(&other.name));
        Self { floh: FORMAT, types, connectors: entries }
    }

    /// Reads JSON or YAML.
    ///
    /// # Errors
    /// [`DocumentError`].
    pub fn read(bytes: &[u8]) -> Result<Self, DocumentError> {
        let value = read_value(bytes)?;
        match value.get("floh").and_then(Value::as_u64) {
            Some(format) if format == u64::from(FORMAT) => {}
            Some(other) => {
                return Err(DocumentError::Form(format!("its form is {other}, and this release reads form {FORMAT}")));
            }
            None => return Err(DocumentError::Form(format!("the key floh with the form ({FORMAT}) is missing"))),
        }
        let document: Self = serde_json::from_value(value).map_err(|error| DocumentError::Form(error.to_string()))?;
        if document.types.len().max(document.connectors.len()) > MAX_ENTRIES {
            return Err(DocumentError::Form(format!("it has more than {MAX_ENTRIES} entries; cut it into several")));
        }
        once("type", document.types.iter().map(|one| &one.name))?;
        once("connector", document.connectors.iter().map(|one| &one.name))?;
        Ok(document)
    }

    /// Writes indented JSON.
    pub fn to_json(&self) -> String {
        serde_json::to_string_pretty(self).expect("maps with text keys, lists and scalars always serialise")
    }

    /// Writes YAML; `None` if its reader would not read the same document, for example because of a number that would not
    /// keep its text there. JSON keeps everything.
    pub fn to_yaml(&self) -> Option<String> {
        let value = serde_json::to_value(self).expect("maps with text keys, lists and scalars always serialise");
        to_yaml(&value).filter(|text| Self::read(text.as_bytes()).is_ok_and(|read| read == *self))
    }
}

fn once<'n>(what: &'static str, names: impl Iterator<Item = &'n String>) -> Result<(), DocumentError> {
    let mut seen = BTreeSet::new();
    for name in names {
        if !seen.insert(name) {
            return Err(DocumentError::Twice { what, name: name.clone() });
        }
    }
    Ok(())
}

impl TypeEntry {
    /// A type as a server shows it.
    pub fn of(view: &TypeView) -> Self {
        Self {
            name: view.name.clone(),
            execution_model: view.execution_model,
            version: view.version.clone(),
            description: view.description.clone(),
            category: view.category.clone(),
            tags: view.tags.clone(),
            endpoint_url: view.endpoint_url.clone(),
            config_schema: view.config_schema.clone(),
            script_source: view.script_source.clone(),
        }
    }
}

impl ConnectorEntry {
    /// A connector as a server shows it. An endpoint that its type has is not its own.
    pub fn of(view: &ConnectorView, connector_type: Option<&TypeView>) -> Self {
        let of_type = connector_type.is_some_and(|one| one.execution_model == ExecutionModel::External);
        let set = view.secrets.iter().filter(|(_, state)| state.set);
        Self {
            name: view.name.clone(),
            type_name: view.type_name.clone(),
            execution_model: view.execution_model,
            endpoint_url: view.endpoint_url.clone().filter(|_| !of_type),
            description: view.description.clone(),
            category: view.category.clone(),
            tags: view.tags.clone(),
            enabled: view.enabled,
            log_level: view.log_level,
            timeout_ms: view.timeout_ms,
            record: view.record,
            mock: sorted(&view.mock),
            config: sorted(&view.config),
            secrets: set.map(|(name, _)| name.clone()).collect(),
        }
    }
}

/// The keys of a map in one order, at every depth.
fn sorted(map: &Map<String, Value>) -> Map<String, Value> {
    let mut value = Value::Object(map.clone());
    value.sort_all_objects();
    match value {
        Value::Object(map) => map,
        _ => Map::new(),
    }
}

#[cfg(test)]
mod tests;
