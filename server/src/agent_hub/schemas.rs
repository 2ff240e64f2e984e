//! Compares the schemas that an agent serves, by fingerprint, with those of the server.
//!
//! If the hashes differ, the agent is asked for its schema, so that the refusal can name the param or field. The result
//! is kept for the server's hash that it was computed with: after a change of the type it is computed again.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use connector_runtime::protocol::Fingerprint;
use connector_runtime::protocol::frames::ServerFrame;
use connector_runtime::schema::ConfigSchema;
use connector_runtime::version;
use parking_lot::Mutex;
use serde_json::Value;
use tokio::sync::Notify;

use super::connection::Connection;

/// How long an agent may take to answer `describe`.
const TIMEOUT: Duration = Duration::from_secs(2);
/// The maximum number of differences that a refusal names.
const MAX_NAMED: usize = 3;

/// The server's type for a connector's name.
#[derive(Debug, Clone)]
pub(super) struct Expected {
    /// The fingerprint of its type.
    pub(super) fingerprint: Fingerprint,
    /// The type's schema.
    pub(super) schema: Arc<ConfigSchema>,
}

impl Expected {
    pub(super) fn of(version: &str, schema: &Arc<ConfigSchema>) -> Self {
        Self { fingerprint: Fingerprint::of(version, schema), schema: Arc::clone(schema) }
    }
}

/// The schemas that the agent of one connection has announced, and the results of the comparison.
#[derive(Debug)]
pub(super) struct Schemas {
    announced: BTreeMap<String, String>,
    state: Mutex<State>,
    described: Notify,
    /// Allows one exchange of `describe` and `schemas` at a time.
    asking: tokio::sync::Mutex<()>,
}

#[derive(Debug, Default)]
struct State {
    verdicts: BTreeMap<String, Judged>,
    asked: BTreeSet<String>,
    answers: BTreeMap<String, Value>,
}

#[derive(Debug, Clone)]
struct Judged {
    /// The hash of the server's schema.
    against: String,
    refusal: Arc<str>,
}

impl Schemas {
    pub(super) fn new(announced: BTreeMap<String, String>) -> Self {
        Self { announced, state: Mutex::default(), described: Notify::new(), asking: tokio::sync::Mutex::default() }
    }

    /// Returns the connectors for which the agent sent fingerprints.
    pub(super) fn announced(&self) -> impl Iterator<Item = &str> {
        self.announced.keys().map(String::as_str)
    }

    /// Returns whether the agent has announced a connector with this fingerprint, or without any.
    pub(super) fn is_announced_as(&self, connector: &str, fingerprint: &str) -> bool {
        let Some(announced) = self.announced.get(connector) else { return true };
        let (own, asked) = (announced.parse::<Fingerprint>(), fingerprint.parse::<Fingerprint>());
        matches!((own, asked), (Ok(own), Ok(asked)) if own.sha256 == asked.sha256)
    }

    /// Returns the refused connectors, each with the reason.
    pub(super) fn refused(&self) -> BTreeMap<String, String> {
        let state = self.state.lock();
        state.verdicts.iter().map(|(name, verdict)| (name.clone(), verdict.refusal.to_string())).collect()
    }

    /// Stores the schemas that the agent sent. Schemas that it was not asked for are ignored.
    pub(super) fn described(&self, schemas: BTreeMap<String, Value>) {
        let mut state = self.state.lock();
        for (name, schema) in schemas {
            if state.asked.remove(&name) {
                state.answers.insert(name, schema);
            }
        }
        drop(state);
        self.described.notify_waiters();
    }
}

/// Returns why a connector is not accepted from an agent; `None` if it is accepted.
pub(super) async fn refusal(connection: &Connection, connector: &str, expected: &Expected) -> Option<Arc<str>> {
    let schemas = &connection.schemas;
    let announced = schemas.announced.get(connector)?;
    let own = announced.parse::<Fingerprint>();
    let server = &expected.fingerprint;
    if own.as_ref().is_ok_and(|own| own.sha256 == server.sha256) {
        schemas.state.lock().verdicts.remove(connector);
        return None;
    }
    let known = || {
        let state = schemas.state.lock();
        state.verdicts.get(connector).filter(|verdict| verdict.against == server.sha256).cloned()
    };
    if let Some(verdict) = known() {
        return Some(verdict.refusal);
    }
    let _asking = schemas.asking.lock().await;
    if let Some(verdict) = known() {
        return Some(verdict.refusal);
    }
    let text = match own {
        Err(error) => format!("its fingerprint of {connector} cannot be read: {error}"),
        Ok(own) => {
            let described = describe(connection, connector).await;
            let difference = difference(described.as_ref(), &expected.schema);
            format!(
                "it serves {connector} with another schema (version {}) than the server's (version {}): {difference}; \
                 bring both to one version",
                own.version, server.version
            )
        }
    };
    tracing::warn!(agent = connection.agent_id, connector, reason = text, "a connector is not taken from an agent");
    let refusal = Arc::<str>::from(text);
    let verdict = Judged { against: server.sha256.clone(), refusal: Arc::clone(&refusal) };
    schemas.state.lock().verdicts.insert(connector.to_owned(), verdict);
    Some(refusal)
}

/// Asks an agent for a schema; `None` if it does not answer in time.
async fn describe(connection: &Connection, connector: &str) -> Option<Value> {
    let schemas = &connection.schemas;
    schemas.state.lock().asked.insert(connector.to_owned());
    let frame = ServerFrame::Describe { connector_names: vec![connector.to_owned()] };
    connection.send(&frame).ok()?;
    let answer = async {
        loop {
            let notified = schemas.described.notified();
            let mut notified = std::pin::pin!(notified);
            // Registered before the check, so that an answer in between is not missed.
            notified.as_mut().enable();
            if let Some(answer) = schemas.state.lock().answers.remove(connector) {
                return answer;
            }
            notified.await;
        }
    };
    let answer = tokio::select! {
        answer = tokio::time::timeout(TIMEOUT, answer) => answer.ok(),
        _ = connection.ended() => None,
    };
    if answer.is_none() {
        schemas.state.lock().asked.remove(connector);
    }
    answer
}

/// Returns a text that names the differences.
fn difference(described: Option<&Value>, own: &ConfigSchema) -> String {
    let Some(described) = described else {
        return "the hashes differ, and the agent did not say in what".to_owned();
    };
    let theirs = match ConfigSchema::parse(described) {
        Ok(theirs) => theirs,
        Err(error) => return format!("the agent's cannot be read: {error}"),
    };
    let changes = version::diff(own, &theirs);
    let named: Vec<String> =
        changes.items.iter().take(MAX_NAMED).map(|change| format!("{}: {}", change.pointer, change.message)).collect();
    match changes.items.len().checked_sub(MAX_NAMED) {
        _ if named.is_empty() => "the hashes differ, but what the agent describes does not".to_owned(),
        None | Some(0) => named.join("; "),
        Some(more) => format!("{} and {more} more", named.join("; ")),
    }
}
