//! Compares the schema of a service with that of its type (docs/contract.md#protocol-20, fingerprints).
//!
//! A service without a fingerprint is not checked. Others are asked at `/schema` before their first call, and
//! before the next call after an answer with another fingerprint: a command is sent only while the two match,
//! and a command that was sent keeps its result. The check compares only what a call can observe; a different
//! version alone, or other texts and order, are not a mismatch. While they do not match each call asks again,
//! so that nothing has to be done here once the service, or the type, is corrected.

use std::time::Duration;

use parking_lot::RwLock;

use crate::egress::{Client, EgressError};
use crate::outcome::Fail;
use crate::protocol::Fingerprint;
use crate::schema::ConfigSchema;
use crate::version::{Change, Level, diff};
use serde_json::json;
use tokio::sync::Mutex;
use url::Url;

use super::probe::{ProbeError, ask_schema};

/// How long a service may take to send its schema before a call.
const TIMEOUT: Duration = Duration::from_secs(5);
/// The most differences that a text names.
const MAX_NAMED: usize = 5;
/// The most differences in the diagnostics.
const MAX_LISTED: usize = 20;

/// The type as it is here.
#[derive(Debug)]
pub struct Expected {
    /// Its name.
    pub type_name: String,
    /// Its version.
    pub version: String,
    /// Whether it is compiled in, so that its schema cannot be fetched anew.
    pub compiled: bool,
    /// Its version and the hash of its schema.
    pub fingerprint: Fingerprint,
}

/// The difference between a service's schema and that of its type.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SchemaMismatch {
    text: String,
    serves: String,
    changes: Vec<Change>,
}

/// The last comparison with a service.
#[derive(Debug, Default)]
pub(super) struct SchemaComparison {
    known: RwLock<Known>,
    turn: Mutex<()>,
}

#[derive(Debug, Default)]
struct Known {
    /// The fingerprint that the service named last.
    serves: Option<Fingerprint>,
    /// The header that named it; nearly every answer has the same one.
    header: Option<String>,
    last: Option<Comparison>,
    comparisons: u64,
}

#[derive(Debug)]
struct Comparison {
    expected: Fingerprint,
    serves: Option<Fingerprint>,
    misfit: Option<SchemaMismatch>,
}

impl Expected {
    /// Describes a type.
    pub fn new(type_name: &str, version: &str, compiled: bool, schema: &ConfigSchema) -> Self {
        let fingerprint = Fingerprint::of(version, schema);
        Self { type_name: type_name.to_owned(), version: version.to_owned(), compiled, fingerprint }
    }
}

impl SchemaComparison {
    /// Keeps the header of an answer; a header that is not a fingerprint is ignored.
    pub(super) fn note(&self, header: Option<&str>) {
        let Some(header) = header else { return };
        if self.known.read().header.as_deref() == Some(header) {
            return;
        }
        let Ok(serves) = header.parse::<Fingerprint>() else { return };
        self.serving(Some((serves, header.to_owned())));
    }

    /// Returns what the service named last.
    pub(super) fn serves(&self) -> Option<String> {
        self.known.read().serves.as_ref().map(ToString::to_string)
    }

    /// Returns the difference, as far as the two have been compared.
    pub(super) fn mismatch(&self, expected: &Fingerprint) -> Option<String> {
        let known = self.known.read();
        let serves = known.serves.as_ref().filter(|serves| serves.sha256 != expected.sha256)?;
        match &known.last {
            Some(last) if last.serves.as_ref() == Some(serves) && last.expected == *expected => {
                last.misfit.as_ref().map(|misfit| misfit.text.clone())
            }
            _ => Some(format!("the service serves {serves}, the type is {expected}; the next call compares them")),
        }
    }

    /// Compares the service with the type, unless the result is known. A service that cannot be asked passes: the
    /// call itself will fail.
    ///
    /// # Errors
    /// If it has another schema.
    pub(super) async fn check(
        &self,
        client: &Client,
        endpoint: &Url,
        expected: &Expected,
        schema: &ConfigSchema,
        most: Duration,
    ) -> Result<(), SchemaMismatch> {
        let Some(comparisons) = self.is_open(expected) else { return Ok(()) };
        let _turn = self.turn.lock().await;
        {
            // The call that had the turn before has compared for all that were waiting.
            let known = self.known.read();
            if let Some(last) = known.last.as_ref().filter(|last| {
                known.comparisons != comparisons && last.serves == known.serves && last.expected == expected.fingerprint
            }) {
                return last.misfit.clone().map_or(Ok(()), Err);
            }
        }
        let (header, answered) = match ask_schema(client, endpoint, TIMEOUT.min(most)).await {
            Ok(answered) => answered,
            Err(error) => {
                let before = self.misfit(expected);
                if before.is_none() && matches!(error, EgressError::Timeout { .. }) {
                    tracing::debug!(%endpoint, "a service did not send its schema in time; it is not compared");
                    self.settle(expected, None);
                }
                return before.map_or(Ok(()), Err);
            }
        };
        let Some((serves, header)) = header.and_then(|header| Some((header.parse::<Fingerprint>().ok()?, header)))
        else {
            // A temporary error does not change what is known of the service.
            let temporary = matches!(&answered, Err(ProbeError::Status { status: 500.., .. }));
            if let Some(misfit) = self.misfit(expected).filter(|_| temporary) {
                return Err(misfit);
            }
            self.serving(None);
            self.settle(expected, None);
            return Ok(());
        };
        self.serving(Some((serves.clone(), header)));
        let changes = match answered {
            _ if serves.sha256 == expected.fingerprint.sha256 => Ok(Vec::new()),
            Ok(answered) => Ok(diff(schema, &answered.config_schema).items),
            Err(error) => Err(error.to_string()),
        };
        let misfit = SchemaMismatch::of(expected, &serves, changes);
        if let Some(misfit) = &misfit {
            tracing::warn!(event = "schema_mismatch", %endpoint, "{}", misfit.text);
        }
        self.settle(expected, misfit.clone());
        misfit.map_or(Ok(()), Err)
    }

    /// Returns how often the two have been compared, if they have to be compared; `None` if they match.
    fn is_open(&self, expected: &Expected) -> Option<u64> {
        let known = self.known.read();
        let same = known.serves.as_ref().is_some_and(|serves| serves.sha256 == expected.fingerprint.sha256);
        let settled = known.last.as_ref().is_some_and(|last| {
            last.misfit.is_none() && last.serves == known.serves && last.expected == expected.fingerprint
        });
        (!same && !settled).then_some(known.comparisons)
    }

    /// Returns the difference that the last comparison found.
    fn misfit(&self, expected: &Expected) -> Option<SchemaMismatch> {
        let known = self.known.read();
        let last = known.last.as_ref().filter(|last| last.expected == expected.fingerprint)?;
        last.misfit.clone()
    }

    /// Keeps the fingerprint that the service named.
    fn serving(&self, said: Option<(Fingerprint, String)>) {
        let mut known = self.known.write();
        (known.serves, known.header) = said.unzip();
    }

    fn settle(&self, expected: &Expected, misfit: Option<SchemaMismatch>) {
        let mut known = self.known.write();
        known.comparisons += 1;
        let serves = known.serves.clone();
        known.last = Some(Comparison { expected: expected.fingerprint.clone(), serves, misfit });
    }
}

impl SchemaMismatch {
    /// Returns the differences that a call can observe.
    fn of(expected: &Expected, serves: &Fingerprint, changes: Result<Vec<Change>, String>) -> Option<Self> {
        let Expected { type_name, version, compiled, .. } = expected;
        let (what, changes) = match changes {
            Ok(changes) => {
                let changes: Vec<Change> = changes.into_iter().filter(|change| change.level() > Level::Patch).collect();
                if changes.is_empty() {
                    return None;
                }
                let named = changes.iter().take(MAX_NAMED).map(|change| change.message.as_str());
                let mut what = named.collect::<Vec<_>>().join("; ");
                if let Some(more) = changes.len().checked_sub(MAX_NAMED).filter(|more| *more > 0) {
                    what.push_str(&format!("; and {more} more"));
                }
                (what, changes)
            }
            Err(error) => (format!("its hash differs, and its schema cannot be read: {error}"), Vec::new()),
        };
        let mend = if *compiled {
            format!("run the same release on both sides, or a service of version {version}")
        } else {
            format!("take it over with POST /api/connector-types/{type_name}/refresh, or run version {version} there")
        };
        let serving = &serves.version;
        let text = format!(
            "External service serves another schema (version {serving}) than connector type {type_name} {version} has: \
             {what}. Nothing was sent; {mend}"
        );
        Some(Self { text, serves: serves.to_string(), changes })
    }

    /// Makes the failure of the call that was not sent.
    pub(super) fn fail(&self) -> Fail {
        let fail = Fail::new(&*self.text).diagnostic("serves", &*self.serves);
        let changes = self.changes.iter().take(MAX_LISTED);
        let changes = changes.map(|change| json!({ "pointer": change.pointer, "message": change.message }));
        fail.diagnostic("changes", changes.collect::<Vec<_>>())
    }
}
