//! What an entry of the trail shows of the state before and after a change.
//!
//! Secrets appear as the time at which they were set. Of a connection config and of mock settings the trail keeps no
//! text, only numbers, flags and the origins of URLs: a field may become a secret later, and its earlier values must not
//! be found here then. Schemas and scripts appear as hashes; the history of the type has them in full.

use std::path::Path;

use serde_json::{Map, Value, json};
use sha2::{Digest as _, Sha256};
use url::Url;

use super::super::rework::{Rework, StoredConfig};
use super::super::sql::json as json_text;
use super::super::{ConnectorRow, ExecutionRow, NewTokenRow, TypeFields};
use super::{AgentEntry, DatabaseEvent};

/// The maximum number of bytes of each of `before` and `after`, as JSON.
pub(super) const MAX_DETAIL: usize = 4 * 1024;
/// The maximum number of characters that are shown of a text.
pub(super) const MAX_TEXT: usize = 200;
/// The maximum number of items that are shown of a list or of a config.
pub(super) const MAX_ITEMS: usize = 50;

/// The key under which an entry says what it leaves out.
const LEFT_OUT: &str = "leftOut";
/// The parts of a connector that are compared key by key.
const NESTED: [&str; 3] = ["config", "mock", "secrets"];
/// The parts of a connector whose texts are not shown.
const WITHOUT_TEXTS: [&str; 2] = ["config", "mock"];

type Shown = Map<String, Value>;

/// What an entry shows.
#[derive(Debug, Clone, Default, PartialEq)]
pub(in crate::store) struct Detail {
    pub before: Option<Shown>,
    pub after: Option<Shown>,
}

impl Detail {
    /// Shows what was created.
    pub(in crate::store) fn created(after: State) -> Self {
        Self { before: None, after: Some(after.show()) }
    }

    /// Shows what was deleted.
    pub(in crate::store) fn deleted(before: State) -> Self {
        Self { before: Some(before.show()), after: None }
    }

    /// Shows what a change made different.
    pub(in crate::store) fn changed(before: State, after: State) -> Self {
        let (State(mut before), State(mut after)) = (before, after);
        for part in NESTED {
            if let (Some(Value::Object(before)), Some(Value::Object(after))) =
                (before.get_mut(part), after.get_mut(part))
            {
                drop_equal(before, after);
            }
        }
        drop_equal(&mut before, &mut after);
        Self { before: Some(State(before).show()), after: Some(State(after).show()) }
    }

    /// Shows which execution it was: who called what and when, and how it ended.
    pub(super) fn of_execution(row: &ExecutionRow) -> Self {
        let shown = object([
            ("connectorId", json!(row.connector_id)),
            ("connector", json!(row.connector)),
            ("type", json!(row.type_name)),
            ("command", json!(row.command.as_deref().map(cut))),
            ("status", json!(row.status)),
            ("actor", json!(row.actor.as_ref().map(|actor| cut(&actor.name)))),
            ("startedAt", json!(row.started_at)),
        ]);
        Self { before: Some(bounded(shown)), after: None }
    }

    /// Shows which master keys there were and are, by their ids.
    pub(in crate::store) fn of_keys(before: &[&str], after: &[&str], rewrapped: u64) -> Self {
        let shown = |ids: &[&str]| {
            let ids: Vec<String> = ids.iter().map(|id| (*id).to_owned()).collect();
            Shown::from_iter([("primary".to_owned(), json!(ids.first())), ("keys".to_owned(), list(&ids))])
        };
        let mut after = shown(after);
        if rewrapped > 0 {
            after.insert("rewrapped".into(), json!(rewrapped));
        }
        Self { before: Some(shown(before)), after: Some(after) }
    }

    /// Shows what was done to the database as a whole.
    pub(super) fn of_database(event: &DatabaseEvent<'_>) -> Self {
        let folder = |folder: &Path| json!(cut(&folder.to_string_lossy()));
        let shown = match event {
            DatabaseEvent::BackedUp { folder: path, with_key } => {
                object([("folder", folder(path)), ("withKey", json!(with_key))])
            }
            DatabaseEvent::Restored { folder: path, made_at, release } => {
                object([("folder", folder(path)), ("madeAt", json!(made_at)), ("release", json!(cut(release)))])
            }
            DatabaseEvent::LossAccepted { missing } => object([("missing", json!(missing))]),
        };
        Self { before: None, after: Some(bounded(shown)) }
    }

    pub(super) fn of_agent(agent: &AgentEntry) -> Self {
        let mut shown = Shown::new();
        shown.insert("connectorNames".into(), list(&agent.connector_names));
        shown.insert("agentVersion".into(), json!(agent.agent_version.as_deref().map(cut)));
        if let Some(why) = &agent.ended {
            shown.insert("ended".into(), json!(cut(why)));
        }
        if agent.left_out > 0 {
            shown.insert("entriesLeftOut".into(), json!(agent.left_out));
        }
        let shown = Some(bounded(shown));
        if agent.ended.is_some() { Self { before: shown, after: None } } else { Self { before: None, after: shown } }
    }
}

/// The state of a subject. What it may show is decided when it is shown, so that changes of what is not shown are found.
#[derive(Debug, Clone, PartialEq)]
pub(in crate::store) struct State(Shown);

impl State {
    pub(in crate::store) fn of_connector(row: &ConnectorRow) -> Self {
        let fields = &row.fields;
        let secrets: Shown = row.secrets.iter().map(|(name, at)| (plain_name(name), json!(at))).collect();
        Self(object([
            ("name", json!(fields.name)),
            ("type", json!(row.type_name)),
            ("executionModel", json!(row.execution_model)),
            ("description", json!(cut(&fields.description))),
            ("category", json!(fields.category.as_deref().map(cut))),
            ("tags", list(&fields.tags)),
            ("enabled", json!(fields.enabled)),
            ("logLevel", json!(fields.log_level)),
            ("timeoutMs", json!(fields.timeout_ms)),
            ("record", json!(fields.record)),
            ("endpointUrl", json!(fields.endpoint_url.as_deref().map(url))),
            ("mock", Value::Object(fields.mock.clone())),
            ("config", Value::Object(fields.config.clone())),
            ("secrets", Value::Object(secrets)),
        ]))
    }

    /// The part of a connector that a change of its type rewrites, before and after.
    pub(in crate::store) fn of_rework(stored: StoredConfig, rework: &Rework) -> (Self, Self) {
        let changes = &rework.secrets;
        let mut after: Shown = stored.secrets.iter().map(|secret| (plain_name(&secret.field), json!("set"))).collect();
        let before = after.clone();
        for name in &changes.remove {
            after.remove(&plain_name(name));
        }
        after.extend(changes.put.iter().map(|secret| (plain_name(&secret.field), json!("set"))));
        let state = |config: Shown, secrets: Shown| {
            Self(object([("config", Value::Object(config)), ("secrets", Value::Object(secrets))]))
        };
        (state(stored.config, before), state(rework.config.clone(), after))
    }

    pub(in crate::store) fn of_type(fields: &TypeFields) -> Self {
        Self(object([
            ("version", json!(fields.version)),
            ("description", json!(cut(&fields.description))),
            ("category", json!(fields.category.as_deref().map(cut))),
            ("tags", list(&fields.tags)),
            ("endpointUrl", json!(fields.endpoint_url.as_deref().map(url))),
            ("configSchema", json!(hash(fields.config_schema.as_text()))),
            ("scriptSource", json!(fields.script_source.as_deref().map(hash))),
        ]))
    }

    /// A seeded type: its version, and whether it is compiled in.
    pub(in crate::store) fn of_seeded(version: &str, available: bool) -> Self {
        Self(object([("version", json!(version)), ("available", json!(available))]))
    }

    pub(in crate::store) fn of_token(token: &NewTokenRow) -> Self {
        Self(object([
            ("kind", json!(token.kind)),
            ("scopes", json!(token.scopes)),
            ("agentId", json!(token.agent_id)),
            ("connectorNames", list(&token.connector_names)),
            ("expiresAt", json!(token.expires_at)),
        ]))
    }

    fn show(self) -> Shown {
        let Self(mut state) = self;
        for part in WITHOUT_TEXTS {
            if let Some(Value::Object(values)) = state.get_mut(part) {
                values.values_mut().for_each(|value| *value = without_text(value));
            }
        }
        for part in NESTED {
            match state.get_mut(part) {
                Some(Value::Object(values)) if values.is_empty() => drop(state.shift_remove(part)),
                Some(Value::Object(values)) if values.len() > MAX_ITEMS => {
                    *values = first_items(std::mem::take(values), MAX_ITEMS);
                }
                _ => {}
            }
        }
        state.retain(|_, value| !value.is_null());
        bounded(state)
    }
}

fn object<const N: usize>(pairs: [(&str, Value); N]) -> Shown {
    pairs.into_iter().map(|(key, value)| (key.to_owned(), value)).collect()
}

fn drop_equal(before: &mut Shown, after: &mut Shown) {
    let equal: Vec<String> =
        before.iter().filter(|(key, value)| after.get(*key) == Some(value)).map(|(key, _)| key.clone()).collect();
    for key in equal {
        before.shift_remove(&key);
        after.shift_remove(&key);
    }
}

/// The name of a secret as the API shows it.
fn plain_name(name: &str) -> String {
    name.trim_start_matches('$').to_owned()
}

/// Shows of a text its length or, if it is a URL, its origin.
fn without_text(value: &Value) -> Value {
    match value {
        Value::Null | Value::Bool(_) | Value::Number(_) => value.clone(),
        Value::String(text) => json!(url(text)),
        Value::Array(items) => json!(format!("[list of {}]", items.len())),
        Value::Object(values) => json!(format!("[object of {} keys]", values.len())),
    }
}

/// Shows the origin of a URL and how much follows it: a path may hold a secret, as those of webhooks do.
fn url(text: &str) -> String {
    let characters = |text: &str| format!("[{} characters]", text.chars().count());
    let Some(parsed) = Url::parse(text).ok().filter(|url| matches!(url.scheme(), "http" | "https")) else {
        return characters(text);
    };
    let origin = cut(&parsed.origin().ascii_serialization());
    let rest = &parsed[url::Position::BeforePath..];
    if rest == "/" { format!("{origin}/") } else { format!("{origin}/{}", characters(rest)) }
}

fn cut(text: &str) -> String {
    let mut shown: String = text.chars().take(MAX_TEXT).collect();
    if shown.len() < text.len() {
        shown.push('…');
    }
    shown
}

fn list(items: &[String]) -> Value {
    let mut shown: Vec<String> = items.iter().take(MAX_ITEMS).map(|item| cut(item)).collect();
    if items.len() > MAX_ITEMS {
        shown.push(format!("and {} more", items.len() - MAX_ITEMS));
    }
    json!(shown)
}

fn hash(text: &str) -> String {
    format!("sha256:{}", const_hex::encode(Sha256::digest(text)))
}

/// Shortens the largest part of a state until the state is small enough, so that nobody hides what was done to one part
/// behind another one.
fn bounded(mut shown: Shown) -> Shown {
    while json_text(&shown).len() > MAX_DETAIL {
        let Some(largest) = shown.values_mut().max_by_key(|value| json_text(value).len()) else { break };
        *largest = match largest.take() {
            Value::Object(values) if items(&values) > 1 => {
                let half = items(&values) / 2;
                Value::Object(first_items(values, half))
            }
            other => json!({ "truncated": { "bytes": json_text(&other).len() } }),
        };
    }
    shown
}

/// Returns the number of values that are shown.
fn items(values: &Shown) -> usize {
    values.len() - usize::from(values.contains_key(LEFT_OUT))
}

/// Keeps the first values, and counts the others. Origins of URLs come first, as they tell where secrets go, and then
/// values with short names.
fn first_items(mut values: Shown, max: usize) -> Shown {
    let earlier = values.shift_remove(LEFT_OUT).and_then(|count| count.as_u64()).unwrap_or_default();
    let left_out = earlier + values.len().saturating_sub(max) as u64;
    let mut values: Vec<(String, Value)> = values.into_iter().collect();
    let is_url = |value: &Value| value.as_str().is_some_and(|text| text.starts_with("http"));
    values.sort_by_key(|(name, value)| (!is_url(value), name.len()));
    values.truncate(max);
    values.into_iter().chain([(LEFT_OUT.to_owned(), json!(left_out))]).collect()
}

#[cfg(test)]
mod tests;
