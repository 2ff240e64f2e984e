//! Whether a service serves what the type says (contract section 6, fingerprints).
//!
//! A service that names no fingerprint is not checked. One is asked at `/schema` before its first call, and before
//! the next one where an answer named another fingerprint: a command goes out only while the two fit, and what has
//! gone out keeps its result. What is told apart is what a call can notice: with equal hashes, or where only texts
//! and order differ, another version is no matter. While they do not fit each call asks again, so that nothing has
//! to be done here once the service, or the type, is mended.

use std::sync::{PoisonError, RwLock};
use std::time::Duration;

use crate::egress::{Client, EgressError};
use crate::outcome::Fail;
use crate::protocol::Fingerprint;
use crate::schema::ConfigSchema;
use crate::version::{Change, Level, diff};
use serde_json::json;
use tokio::sync::Mutex;
use url::Url;

use super::probe::{ProbeError, ask_schema};

/// How long a service may take to tell its schema before a call.
const TIMEOUT: Duration = Duration::from_secs(5);
/// How many differences a text names.
const MAX_NAMED: usize = 5;
/// How many differences stand in the diagnostics.
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

/// A service that serves something else.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SchemaMismatch {
    text: String,
    serves: String,
    changes: Vec<Change>,
}

/// What the last look at a service has shown.
#[derive(Debug, Default)]
pub(super) struct Fit {
    known: RwLock<Known>,
    turn: Mutex<()>,
}

#[derive(Debug, Default)]
struct Known {
    /// The fingerprint that the service named last.
    serves: Option<Fingerprint>,
    /// The header by which it did so: nearly every answer has the same.
    header: Option<String>,
    looked: Option<Looked>,
    looks: u64,
}

#[derive(Debug)]
struct Looked {
    expected: Fingerprint,
    serves: Option<Fingerprint>,
    misfit: Option<SchemaMismatch>,
}

impl Expected {
    /// Says what a type is.
    pub fn new(type_name: &str, version: &str, compiled: bool, schema: &ConfigSchema) -> Self {
        let fingerprint = Fingerprint::of(version, schema);
        Self { type_name: type_name.to_owned(), version: version.to_owned(), compiled, fingerprint }
    }
}

impl Fit {
    /// Keeps the header of an answer; one that is no fingerprint is passed over.
    pub(super) fn note(&self, header: Option<&str>) {
        let Some(header) = header else { return };
        if self.known.read().unwrap_or_else(PoisonError::into_inner).header.as_deref() == Some(header) {
            return;
        }
        let Ok(serves) = header.parse::<Fingerprint>() else { return };
        self.serving(Some((serves, header.to_owned())));
    }

    /// Returns what the service named last.
    pub(super) fn serves(&self) -> Option<String> {
        self.known.read().unwrap_or_else(PoisonError::into_inner).serves.as_ref().map(ToString::to_string)
    }

    /// Returns what does not fit, as far as it has been looked at.
    pub(super) fn mismatch(&self, expected: &Fingerprint) -> Option<String> {
        let known = self.known.read().unwrap_or_else(PoisonError::into_inner);
        let serves = known.serves.as_ref().filter(|serves| serves.sha256 != expected.sha256)?;
        match &known.looked {
            Some(looked) if looked.serves.as_ref() == Some(serves) && looked.expected == *expected => {
                looked.misfit.as_ref().map(|misfit| misfit.text.clone())
            }
            _ => Some(format!("the service serves {serves}, the type is {expected}; the next call compares them")),
        }
    }

    /// Looks whether the service fits, where that is not known. Where it cannot be asked it passes: the call itself
    /// will tell.
    ///
    /// # Errors
    /// Where it serves another schema.
    pub(super) async fn check(
        &self,
        client: &Client,
        endpoint: &Url,
        expected: &Expected,
        schema: &ConfigSchema,
        most: Duration,
    ) -> Result<(), SchemaMismatch> {
        let Some(looks) = self.is_open(expected) else { return Ok(()) };
        let _turn = self.turn.lock().await;
        {
            // Whoever had the turn before has looked for all who were waiting.
            let known = self.known.read().unwrap_or_else(PoisonError::into_inner);
            if let Some(looked) = known.looked.as_ref().filter(|looked| {
                known.looks != looks && looked.serves == known.serves && looked.expected == expected.fingerprint
            }) {
                return looked.misfit.clone().map_or(Ok(()), Err);
            }
        }
        let (header, told) = match ask_schema(client, endpoint, TIMEOUT.min(most)).await {
            Ok(told) => told,
            Err(error) => {
                let before = self.misfit(expected);
                if before.is_none() && matches!(error, EgressError::Timeout { .. }) {
                    tracing::debug!(%endpoint, "a service did not tell its schema in time; it is not compared");
                    self.settle(expected, None);
                }
                return before.map_or(Ok(()), Err);
            }
        };
        let Some((serves, header)) = header.and_then(|header| Some((header.parse::<Fingerprint>().ok()?, header)))
        else {
            // An error in passing takes back nothing of what the service has said.
            let passing = matches!(&told, Err(ProbeError::Status { status: 500.., .. }));
            if let Some(misfit) = self.misfit(expected).filter(|_| passing) {
                return Err(misfit);
            }
            self.serving(None);
            self.settle(expected, None);
            return Ok(());
        };
        self.serving(Some((serves.clone(), header)));
        let changes = match told {
            _ if serves.sha256 == expected.fingerprint.sha256 => Ok(Vec::new()),
            Ok(told) => Ok(diff(schema, &told.config_schema).items),
            Err(error) => Err(error.to_string()),
        };
        let misfit = SchemaMismatch::of(expected, &serves, changes);
        if let Some(misfit) = &misfit {
            tracing::warn!(event = "schema_mismatch", %endpoint, "{}", misfit.text);
        }
        self.settle(expected, misfit.clone());
        misfit.map_or(Ok(()), Err)
    }

    /// Tells whether there is something to look at, and how often that has been done; `None` where they fit.
    fn is_open(&self, expected: &Expected) -> Option<u64> {
        let known = self.known.read().unwrap_or_else(PoisonError::into_inner);
        let same = known.serves.as_ref().is_some_and(|serves| serves.sha256 == expected.fingerprint.sha256);
        let settled = known.looked.as_ref().is_some_and(|looked| {
            looked.misfit.is_none() && looked.serves == known.serves && looked.expected == expected.fingerprint
        });
        (!same && !settled).then_some(known.looks)
    }

    /// Returns what did not fit when the service was last looked at.
    fn misfit(&self, expected: &Expected) -> Option<SchemaMismatch> {
        let known = self.known.read().unwrap_or_else(PoisonError::into_inner);
        let looked = known.looked.as_ref().filter(|looked| looked.expected == expected.fingerprint)?;
        looked.misfit.clone()
    }

    /// Keeps what the service says that it serves.
    fn serving(&self, said: Option<(Fingerprint, String)>) {
        let mut known = self.known.write().unwrap_or_else(PoisonError::into_inner);
        (known.serves, known.header) = said.unzip();
    }

    fn settle(&self, expected: &Expected, misfit: Option<SchemaMismatch>) {
        let mut known = self.known.write().unwrap_or_else(PoisonError::into_inner);
        known.looks += 1;
        let serves = known.serves.clone();
        known.looked = Some(Looked { expected: expected.fingerprint.clone(), serves, misfit });
    }
}

impl SchemaMismatch {
    /// Says what differs, where a call can notice it.
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
            Err(error) => (format!("its hash differs, and what it is cannot be told: {error}"), Vec::new()),
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

    /// Words the call that did not go out.
    pub(super) fn fail(&self) -> Fail {
        let fail = Fail::new(&*self.text).diagnostic("serves", &*self.serves);
        let changes = self.changes.iter().take(MAX_LISTED);
        let changes = changes.map(|change| json!({ "pointer": change.pointer, "message": change.message }));
        fail.diagnostic("changes", changes.collect::<Vec<_>>())
    }
}
