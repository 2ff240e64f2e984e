//! The draft of a connector, as `POST /api/connectors` takes it.

use connector_runtime::schema::ConfigSchema;
use serde::Serialize;
use serde_json::{Map, Value};

use super::notes::{Reason, Verdict, Warning};

/// What an import makes of a document.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ConnectorDraft {
    /// The connector's name.
    pub name: String,
    /// The connector type's name.
    #[serde(rename = "type")]
    pub type_name: String,
    /// Always `oas_derived`.
    pub execution_model: &'static str,
    /// The document's version, as a semantic one.
    pub version: String,
    /// The document's title and first words.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// What the connector accepts and answers.
    pub config_schema: ConfigSchema,
    /// The script that serves it.
    pub script_source: String,
    /// The connection config; its fields have their defaults in the schema.
    pub config: Map<String, Value>,
    /// What became of each operation that was asked for.
    pub operations: Vec<OperationView>,
    /// What a person should know.
    pub warnings: Vec<Warning>,
}

/// What became of an operation.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct OperationView {
    /// The command.
    pub name: String,
    /// The method.
    pub method: String,
    /// The path template.
    pub path: String,
    /// What it does, in a line.
    pub summary: Option<String>,
    /// Whether the document calls it deprecated.
    pub deprecated: bool,
    /// How well the command stands for it.
    pub verdict: Verdict,
    /// Why it is not exact.
    pub reasons: Vec<Reason>,
}

/// Makes a connector's name of a title.
pub(super) fn slug(title: &str) -> String {
    let mut name = String::new();
    for part in title.split(|c: char| !c.is_ascii_alphanumeric()).filter(|part| !part.is_empty()) {
        if name.len() + part.len() + 1 > 60 {
            break;
        }
        if !name.is_empty() {
            name.push('-');
        }
        name.push_str(&part.to_ascii_lowercase());
    }
    if connector_runtime::schema::is_connector_name(&name) { name } else { "imported-api".to_owned() }
}

/// Makes a semantic version of what documents say: `v2`, `1.0`, `2024-06-01`.
pub(super) fn version(told: &str) -> String {
    if let Ok(version) = semver::Version::parse(told.trim().trim_start_matches(['v', 'V'])) {
        return format!("{}.{}.{}", version.major, version.minor, version.patch);
    }
    let mut numbers = told.split(|c: char| !c.is_ascii_digit()).filter_map(|part| part.parse::<u64>().ok());
    match numbers.next() {
        Some(major) => format!("{major}.{}.{}", numbers.next().unwrap_or(0), numbers.next().unwrap_or(0)),
        None => "1.0.0".to_owned(),
    }
}
