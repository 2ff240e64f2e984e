//! Compares a document with what a server has.

use std::collections::{BTreeMap, BTreeSet};

use floh_client::Revision;
use floh_client::answers::{ConnectorView, TypeView};
use floh_client::bodies::{ConnectorPatch, NewConnector, TypeChange};
use floh_client::words::TypeSource;
use serde_json::{Map, Value};

use super::{ConfigDocument, ConnectorEntry, TypeEntry};
use crate::catalog::{Planned, would_clear};

/// The maximum number of characters that are shown of a value.
const MAX_SHOWN: usize = 80;

/// A request that a document asks for.
#[derive(Debug, Clone, PartialEq)]
pub enum Step {
    /// A connector is created, and its type if it is a new one.
    Create {
        /// What is sent.
        new: Box<NewConnector>,
        /// Whether the type is created, too.
        new_type: bool,
    },
    /// A type is changed.
    ChangeType {
        /// Its name.
        name: String,
        /// What is sent.
        change: Box<TypeChange>,
        /// The state that was compared.
        seen: Option<Revision>,
        /// What is different, for people.
        differences: Vec<String>,
    },
    /// A connector is changed.
    ChangeConnector {
        /// Its name.
        name: String,
        /// The name of its type.
        type_name: String,
        /// What is sent.
        patch: Box<ConnectorPatch>,
        /// The state that was compared.
        seen: Option<Revision>,
        /// What is different, for people.
        differences: Vec<String>,
        /// The secrets that the change would clear, because they would go elsewhere.
        clears: Vec<String>,
    },
}

impl Step {
    /// What it is about: `type NAME` or `connector NAME`.
    pub fn subject(&self) -> String {
        match self {
            Self::Create { new, .. } => format!("connector {}", new.name),
            Self::ChangeType { name, .. } => format!("type {name}"),
            Self::ChangeConnector { name, .. } => format!("connector {name}"),
        }
    }

    /// The type that it depends on.
    pub fn type_name(&self) -> &str {
        match self {
            Self::Create { new, .. } => &new.type_name,
            Self::ChangeType { name, .. } => name,
            Self::ChangeConnector { type_name, .. } => type_name,
        }
    }
}

/// An entry that cannot be applied, and why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// `type NAME` or `connector NAME`.
    pub subject: String,
    /// Why, and how to mend it.
    pub reason: String,
}

/// What a document asks for.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Plan {
    /// The requests, in the order in which they are sent: types before their connectors.
    pub steps: Vec<Step>,
    /// What cannot be applied.
    pub problems: Vec<Problem>,
    /// How many entries are as they should be.
    pub unchanged: usize,
    /// The secrets that the document names, by connector.
    pub secrets: BTreeMap<String, Vec<String>>,
}

/// Compares a document with the types and connectors that a server has under its names. `types` has the types of the
/// document and of its connectors, as far as they exist.
pub fn plan(document: &ConfigDocument, types: &[TypeView], connectors: &[ConnectorView]) -> Plan {
    let types: BTreeMap<&str, &TypeView> = types.iter().map(|one| (one.name.as_str(), one)).collect();
    let connectors: BTreeMap<&str, &ConnectorView> = connectors.iter().map(|one| (one.name.as_str(), one)).collect();
    let wanted: BTreeMap<&str, &TypeEntry> = document.types.iter().map(|one| (one.name.as_str(), one)).collect();
    let mut plan = Plan::default();
    for entry in &document.types {
        match types.get(entry.name.as_str()) {
            Some(known) => plan.of_type(entry, known),
            None if document.connectors.iter().any(|one| one.type_name == entry.name) => {}
            None => plan.problem(
                format!("type {}", entry.name),
                "no connector of the document has this type, and a type is created with its first connector; add one, or take the type out",
            ),
        }
    }
    let mut made = BTreeSet::new();
    for entry in &document.connectors {
        if !entry.secrets.is_empty() {
            plan.secrets.insert(entry.name.clone(), entry.secrets.clone());
        }
        let known_type = types.get(entry.type_name.as_str()).copied();
        let new_type = wanted.get(entry.type_name.as_str()).copied().filter(|_| known_type.is_none());
        match connectors.get(entry.name.as_str()) {
            Some(known) => plan.of_connector(entry, known, known_type),
            None => {
                let first = new_type.filter(|_| made.insert(entry.type_name.clone()));
                plan.steps.push(Step::Create { new: Box::new(new_connector(entry, first)), new_type: first.is_some() });
                // A new type begins with a copy of its first connector's texts.
                plan.steps.extend(first.and_then(|first| own_texts(first, entry)));
            }
        }
    }
    plan
}

impl Plan {
    fn problem(&mut self, subject: String, reason: impl Into<String>) {
        self.problems.push(Problem { subject, reason: reason.into() });
    }

    fn of_type(&mut self, entry: &TypeEntry, view: &TypeView) {
        let (subject, known) = (format!("type {}", entry.name), TypeEntry::of(view));
        if view.source == TypeSource::Code {
            return self.problem(subject, "it is compiled into this server; take it out of the document");
        }
        if known.execution_model != entry.execution_model {
            let (has, wants) = (known.execution_model, entry.execution_model);
            return self.problem(
                subject,
                format!("its execution model is {has} and cannot become {wants}; choose another name"),
            );
        }
        let mut differences = Vec::new();
        let mut change = TypeChange {
            version: differing("version", known.version, &entry.version, &mut differences),
            ..TypeChange::default()
        };
        if entry.config_schema != known.config_schema {
            differences.push("configSchema differs".to_owned());
            change.config_schema = Some(entry.config_schema.clone());
        }
        if entry.script_source != known.script_source
            && let Some(source) = &entry.script_source
        {
            differences.push("scriptSource differs".to_owned());
            change.script_source = Some(source.clone());
        }
        if entry.endpoint_url != known.endpoint_url
            && let Some(url) = &entry.endpoint_url
        {
            differences.push(changed("endpointUrl", &known.endpoint_url.into(), &Value::from(url.clone())));
            change.endpoint_url = Some(url.clone());
        }
        change.description = differing("description", known.description, &entry.description, &mut differences);
        change.category = differing("category", known.category, &entry.category, &mut differences);
        change.tags = differing("tags", known.tags, &entry.tags, &mut differences);
        if differences.is_empty() {
            self.unchanged += 1;
        } else {
            let (name, seen, change) = (entry.name.clone(), view.revision, Box::new(change));
            self.steps.push(Step::ChangeType { name, change, seen, differences });
        }
    }

    fn of_connector(&mut self, entry: &ConnectorEntry, view: &ConnectorView, connector_type: Option<&TypeView>) {
        let known = ConnectorEntry::of(view, connector_type);
        if known.type_name != entry.type_name || known.execution_model != entry.execution_model {
            let reason = format!(
                "it exists with type {} ({}), and the document has {} ({}), which cannot be changed; choose another name, or delete it first",
                known.type_name, known.execution_model, entry.type_name, entry.execution_model
            );
            return self.problem(format!("connector {}", entry.name), reason);
        }
        let mut differences = Vec::new();
        let mut patch = ConnectorPatch {
            endpoint_url: differing("endpointUrl", known.endpoint_url, &entry.endpoint_url, &mut differences),
            description: differing("description", known.description, &entry.description, &mut differences),
            category: differing("category", known.category, &entry.category, &mut differences),
            tags: differing("tags", known.tags, &entry.tags, &mut differences),
            enabled: differing("enabled", known.enabled, &entry.enabled, &mut differences),
            ..ConnectorPatch::default()
        };
        if entry.log_level != known.log_level {
            let (before, after) = (known.log_level.to_string(), entry.log_level.to_string());
            differences.push(changed("logLevel", &before.into(), &after.into()));
            patch.log_level = Some(entry.log_level);
        }
        let timeout = differing("timeoutMs", known.timeout_ms, &entry.timeout_ms, &mut differences);
        patch.timeout_ms = timeout.map(|timeout| timeout.map(u64::from));
        if entry.record != known.record {
            let (before, after) = (known.record.to_string(), entry.record.to_string());
            differences.push(changed("record", &before.into(), &after.into()));
            patch.record = Some(entry.record);
        }
        patch.mock = merge("mock", &known.mock, &entry.mock, &mut differences);
        patch.config = merge("config", &known.config, &entry.config, &mut differences);
        if differences.is_empty() {
            self.unchanged += 1;
            return;
        }
        let stored = view.secrets.iter().filter(|(_, state)| state.set).map(|(name, _)| name.as_str());
        let clears = connector_type.map_or_else(Vec::new, |connector_type| {
            let planned = |config, endpoint_url| Planned {
                execution_model: view.execution_model,
                endpoint_url,
                name: &view.name,
                config_schema: &connector_type.config_schema,
                config,
            };
            let types = connector_type.endpoint_url.as_deref();
            let before = planned(&known.config, view.endpoint_url.as_deref());
            let after = planned(&entry.config, entry.endpoint_url.as_deref().or(types));
            would_clear(&before, &after, stored)
        });
        let (name, type_name, seen) = (entry.name.clone(), entry.type_name.clone(), view.revision);
        let patch = Box::new(patch);
        self.steps.push(Step::ChangeConnector { name, type_name, patch, seen, differences, clears });
    }
}

/// Returns the step that gives a type that was created with a connector the texts of its own.
fn own_texts(entry: &TypeEntry, first: &ConnectorEntry) -> Option<Step> {
    let mut change = TypeChange::default();
    let mut differences = Vec::new();
    if entry.description != first.description {
        differences.push("its own description".to_owned());
        change.description = Some(entry.description.clone());
    }
    if entry.category != first.category {
        differences.push("its own category".to_owned());
        change.category = Some(entry.category.clone());
    }
    if entry.tags != first.tags {
        differences.push("its own tags".to_owned());
        change.tags = Some(entry.tags.clone());
    }
    let (name, change) = (entry.name.clone(), Box::new(change));
    (!differences.is_empty()).then_some(Step::ChangeType { name, change, seen: None, differences })
}

/// Returns what has to be merged by key, with null for what goes.
fn merge(
    part: &str,
    before: &Map<String, Value>,
    after: &Map<String, Value>,
    differences: &mut Vec<String>,
) -> Option<Map<String, Value>> {
    let mut merged = Map::new();
    for (key, value) in after {
        if before.get(key) != Some(value) {
            differences.push(changed(&format!("{part}.{key}"), before.get(key).unwrap_or(&Value::Null), value));
            merged.insert(key.clone(), value.clone());
        }
    }
    for (key, value) in before.iter().filter(|(key, _)| !after.contains_key(*key)) {
        differences.push(changed(&format!("{part}.{key}"), value, &Value::Null));
        merged.insert(key.clone(), Value::Null);
    }
    (!merged.is_empty()).then_some(merged)
}

/// Returns a value that differs from the known one, and notes the difference.
fn differing<T: PartialEq + Clone + Into<Value>>(
    what: &str,
    known: T,
    wanted: &T,
    differences: &mut Vec<String>,
) -> Option<T> {
    if known == *wanted {
        return None;
    }
    differences.push(changed(what, &known.into(), &wanted.clone().into()));
    Some(wanted.clone())
}

fn changed(what: &str, before: &Value, after: &Value) -> String {
    format!("{what}: {} -> {}", shown(before), shown(after))
}

fn shown(value: &Value) -> String {
    if value.is_null() {
        return "none".to_owned();
    }
    let text = value.to_string();
    let mut cut: String = text.chars().take(MAX_SHOWN).collect();
    if cut.len() < text.len() {
        cut.push('…');
    }
    cut
}

fn new_connector(entry: &ConnectorEntry, new_type: Option<&TypeEntry>) -> NewConnector {
    let mut new = NewConnector {
        name: entry.name.clone(),
        type_name: entry.type_name.clone(),
        execution_model: entry.execution_model,
        endpoint_url: entry.endpoint_url.clone(),
        description: Some(entry.description.clone()),
        category: entry.category.clone(),
        tags: Some(entry.tags.clone()),
        config: Some(entry.config.clone()),
        enabled: Some(entry.enabled),
        log_level: Some(entry.log_level),
        timeout_ms: entry.timeout_ms.map(u64::from),
        record: Some(entry.record),
        mock: (!entry.mock.is_empty()).then(|| entry.mock.clone()),
        ..NewConnector::default()
    };
    if let Some(new_type) = new_type {
        new.version = Some(new_type.version.clone());
        new.config_schema = Some(new_type.config_schema.clone());
        new.script_source = new_type.script_source.clone();
        new.endpoint_url = new_type.endpoint_url.clone().or(new.endpoint_url);
    }
    new
}
