//! What services answer to the refresh tokens of connectors: sealed in the database, and one refresher for each
//! connector, which outlives the instances that are loaded of it.

use std::collections::HashMap;
use std::sync::{Arc, Weak};
use std::time::Duration;

use connector_runtime::Secret;
use connector_runtime::outcome::BoxFuture;
use connector_runtime::schema::is_absent;
use futures_util::FutureExt as _;
use jiff::Timestamp;
use parking_lot::Mutex;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use tokio::time::{Instant, timeout_at};
use tokio_util::task::TaskTracker;
use uuid::Uuid;

use crate::connector_secrets;
use crate::error::Error;
use crate::script::{AccessTokens, RefreshStore, Refreshed, Refresher};
use crate::store::{REFRESH_TOKEN, REFRESHED, Store};
use crate::vault::Vault;

/// How long a server that stops stores what could not be stored before.
const MAX_LAST_STORE_TIME: Duration = Duration::from_secs(5);

/// The refreshers of a server, by connector. What is loaded of the connector keeps its refresher, and so does a refresher
/// itself as long as it has something to store.
#[derive(Debug, Clone, Default)]
pub struct Refreshers {
    by_id: Arc<Mutex<HashMap<Uuid, Weak<Refresher>>>>,
    /// Requests that are under way, which a shutdown waits for.
    tracker: TaskTracker,
}

impl Refreshers {
    /// Creates a set whose requests a shutdown waits for.
    pub fn new(tracker: TaskTracker) -> Self {
        Self { by_id: Arc::default(), tracker }
    }

    /// Returns how a connector gets access tokens, and the secrets among what was got before.
    ///
    /// # Errors
    /// If what was stored cannot be read.
    pub(super) async fn tokens(
        &self,
        store: &Store,
        vault: &Arc<Vault>,
        id: Uuid,
        config: &Map<String, Value>,
    ) -> Result<(AccessTokens, Vec<String>), Error> {
        if is_absent(config.get(REFRESH_TOKEN)) {
            return Ok(<_>::default());
        }
        let sealed = Sealed { store: store.clone(), vault: Arc::clone(vault), id };
        let kept = sealed.read().await?;
        let refresher = self.of(sealed);
        let secrets = kept.iter().flat_map(|kept| [&kept.refresh_token, &kept.access_token]);
        let secrets = secrets.map(|secret| secret.expose().to_owned()).filter(|secret| !secret.is_empty()).collect();
        Ok((AccessTokens::with_refresher(refresher, kept.and_then(|kept| kept.rejected)), secrets))
    }

    /// Stores what services answered and could not be stored before: the last chance when the server stops.
    pub(super) async fn store_unsaved(&self) {
        let refreshers: Vec<_> =
            self.by_id.lock().iter().filter_map(|(id, refresher)| Some((*id, refresher.upgrade()?))).collect();
        let end = Instant::now() + MAX_LAST_STORE_TIME;
        for (connector, refresher) in refreshers {
            let stored = timeout_at(end, refresher.store_unsaved()).await;
            if let Err(why) = stored.unwrap_or_else(|_| Err("it takes too long".to_owned())) {
                tracing::error!(
                    event = "refresh_token_lost", %connector, %why,
                    "what a service answered could not be stored; sign in there again and fill in refreshToken anew"
                );
            }
        }
    }

    fn of(&self, sealed: Sealed) -> Arc<Refresher> {
        let mut by_id = self.by_id.lock();
        if let Some(known) = by_id.get(&sealed.id).and_then(Weak::upgrade) {
            return known;
        }
        by_id.retain(|_, refresher| refresher.strong_count() > 0);
        let id = sealed.id;
        let refresher = Arc::new(Refresher::new(Box::new(sealed), self.tracker.clone()));
        by_id.insert(id, Arc::downgrade(&refresher));
        refresher
    }
}

/// Keeps what was answered for one connector in its row of the database, sealed.
#[derive(Debug)]
struct Sealed {
    store: Store,
    vault: Arc<Vault>,
    id: Uuid,
}

/// How it is written.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Written {
    given: String,
    refresh_token: String,
    access_token: String,
    asked: String,
    until: Timestamp,
    rejected: Option<String>,
}

impl Sealed {
    async fn read(&self) -> Result<Option<Refreshed>, Error> {
        let Some(sealed) = self.store.connectors().refreshed(self.id).await? else { return Ok(None) };
        let value = connector_secrets::open(&self.vault, self.id, &sealed)?;
        let damaged = || Error::internal(format!("what was stored of connector {}'s access is damaged", self.id));
        let written: Written = serde_json::from_value(value).map_err(|_| damaged())?;
        let key = |text: &str| {
            let mut key = [0; 32];
            const_hex::decode_to_slice(text, &mut key).map(|()| key).map_err(|_| damaged())
        };
        Ok(Some(Refreshed {
            given: key(&written.given)?,
            refresh_token: Secret::new(written.refresh_token),
            access_token: Secret::new(written.access_token),
            asked: key(&written.asked)?,
            until: written.until,
            rejected: written.rejected.as_deref().map(key).transpose()?,
        }))
    }

    async fn write(&self, refreshed: &Refreshed) -> Result<bool, Error> {
        let Refreshed { given, refresh_token, access_token, asked, until, rejected } = refreshed;
        let written = Written {
            given: const_hex::encode(given),
            refresh_token: refresh_token.expose().to_owned(),
            access_token: access_token.expose().to_owned(),
            asked: const_hex::encode(asked),
            until: *until,
            rejected: rejected.map(const_hex::encode),
        };
        let value = serde_json::to_value(written).map_err(Error::internal)?;
        let sealed = connector_secrets::seal(&self.vault, self.id, REFRESHED, &value)?;
        Ok(self.store.connectors().keep_refreshed(self.id, sealed.ciphertext).await?)
    }
}

impl RefreshStore for Sealed {
    fn load(&self) -> BoxFuture<'_, Result<Option<Refreshed>, String>> {
        async move { self.read().await.map_err(|error| error.to_string()) }.boxed()
    }

    fn save<'a>(&'a self, refreshed: &'a Refreshed) -> BoxFuture<'a, Result<bool, String>> {
        async move { self.write(refreshed).await.map_err(|error| error.to_string()) }.boxed()
    }
}
