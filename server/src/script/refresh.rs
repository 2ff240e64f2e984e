//! Access tokens that are got with a refresh token (RFC 6749, section 6).
//!
//! Many services answer a new refresh token and reject the one before. Losing an answer would cost the connection, so:
//!
//! * One request at a time is sent for a connector, whatever its config changes to meanwhile, and it is carried to its
//!   end though the call that began it ends early.
//! * What was answered is stored before any of it is used. A new refresh token that cannot be stored is held in memory,
//!   whatever becomes of the connector's instances, and tried again until it is stored: in the background, by the next call,
//!   which sends no request before that has succeeded, and when the server stops.
//! * What is stored belongs to the refresh token that a person filled in; another one begins anew.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use connector_runtime::Secret;
use connector_runtime::egress::oauth::{
    Answered, ClientAuthentication, Fetched, Flights, Grant, Key, MAX_SEARCH_TIME, Refusal, ask, named,
};
use connector_runtime::egress::{Backoff, Client};
use connector_runtime::outcome::BoxFuture;
use connector_runtime::redact::RuntimeSecret;
use futures_util::FutureExt as _;
use jiff::{SignedDuration, Timestamp};
use parking_lot::Mutex;
use sha2::{Digest, Sha256};
use tokio::time::Instant;
use tokio_util::task::TaskTracker;

use super::sandbox::HttpFault;
use super::tokens::{AccessTokens, Token, TokenCall, refused};
use crate::run_to_completion::RunToCompletion;

/// How long a service may take to answer, whatever time the calls have that wait for it.
const MAX_REQUEST_TIME: Duration = Duration::from_secs(30);

/// The waits before what was answered is stored again.
const STORE_AGAIN: Backoff = Backoff::new(Duration::from_millis(500), Duration::from_secs(30));

/// What a service answered to a refresh token. `Debug` shows nothing of it.
#[derive(Clone, PartialEq, Eq)]
pub struct Refreshed {
    /// Names the refresh token that a person filled in, and where it is sent.
    pub given: Key,
    /// The refresh token that is sent next.
    pub refresh_token: Secret,
    /// The access token; empty if the service answered none.
    pub access_token: Secret,
    /// Names what the access token was asked for.
    pub asked: Key,
    /// Until when the access token is used.
    pub until: Timestamp,
    /// Names the access token that a person filled in, if it was rejected.
    pub rejected: Option<Key>,
}

impl fmt::Debug for Refreshed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Refreshed").field("until", &self.until).finish_non_exhaustive()
    }
}

/// Where a connector's [`Refreshed`] is kept.
pub trait RefreshStore: fmt::Debug + Send + Sync {
    /// Reads it.
    ///
    /// # Errors
    /// Says why it cannot be read.
    fn load(&self) -> BoxFuture<'_, Result<Option<Refreshed>, String>>;

    /// Writes it. Returns false if the connector has no refresh token any more.
    ///
    /// # Errors
    /// Says why it cannot be written.
    fn save<'a>(&'a self, refreshed: &'a Refreshed) -> BoxFuture<'a, Result<bool, String>>;
}

/// Keeps it for as long as the process runs.
#[derive(Debug, Default)]
struct Memory(Mutex<Option<Refreshed>>);

impl RefreshStore for Memory {
    fn load(&self) -> BoxFuture<'_, Result<Option<Refreshed>, String>> {
        std::future::ready(Ok(self.0.lock().clone())).boxed()
    }

    fn save<'a>(&'a self, refreshed: &'a Refreshed) -> BoxFuture<'a, Result<bool, String>> {
        *self.0.lock() = Some(refreshed.clone());
        std::future::ready(Ok(true)).boxed()
    }
}

/// Renews the access tokens of one connector. It outlives changes of the connector.
#[derive(Debug)]
pub struct Refresher {
    store: Box<dyn RefreshStore>,
    /// A shutdown waits for the requests that are under way.
    tracker: TaskTracker,
    tokens: Flights<Token, HttpFault>,
    /// What was answered and could not be stored. Its lock is the turn of the one who asks.
    unsaved: tokio::sync::Mutex<Option<Refreshed>>,
}

impl Default for Refresher {
    fn default() -> Self {
        Self::new(Box::<Memory>::default(), TaskTracker::new())
    }
}

/// A request for an access token by a refresh token.
#[derive(Debug)]
pub(super) struct Renewal {
    pub(super) client: Client,
    /// The URLs where the connection says that tokens are fetched. A client's credentials may go there, and to the
    /// client's scope.
    pub(super) trusted: Vec<String>,
    pub(super) asked: TokenCall,
    /// The refresh token that a person filled in.
    pub(super) refresh_token: Secret,
    /// The access token of the run, if it was rejected.
    pub(super) rejected: Option<Secret>,
}

impl Renewal {
    /// Names the refresh token, the client it was issued to, and all the URLs where the connection says that it is sent:
    /// every scheme sends the same one. The client's secret may change.
    fn given(&self) -> Key {
        let urls = self.trusted.iter().map(String::as_str);
        named([self.refresh_token.expose(), &self.asked.client_id].into_iter().chain(urls))
    }

    /// Names the access token by all that it depends on.
    fn key(&self) -> Key {
        let mut hash = Sha256::new();
        hash.update(self.given());
        hash.update(self.asked.key());
        hash.finalize().into()
    }
}

impl Refresher {
    /// Creates the refresher of a connector.
    pub fn new(store: Box<dyn RefreshStore>, tracker: TaskTracker) -> Self {
        Self { store, tracker, tokens: Flights::default(), unsaved: tokio::sync::Mutex::default() }
    }

    /// Returns an access token that is not the rejected one.
    pub(super) async fn get(
        self: &Arc<Self>,
        tokens: &Arc<AccessTokens>,
        renewal: Renewal,
    ) -> Result<Token, HttpFault> {
        let (refresher, tokens) = (Arc::clone(self), Arc::clone(tokens));
        let work = async move {
            let (refresher, tokens, renewal) = (&refresher, &*tokens, &renewal);
            let is_rejected = |token: &Token| renewal.rejected.as_ref() == Some(token.secret.secret());
            let fetch = |before: Option<Token>| refresher.renew(tokens, renewal, before.and_then(|token| token.style));
            refresher.tokens.get(renewal.key(), is_rejected, fetch).await
        };
        RunToCompletion::new(&self.tracker, work).await
    }

    /// Stores what could not be stored before, if there is something.
    ///
    /// # Errors
    /// Says why it cannot be stored now.
    pub async fn store_unsaved(&self) -> Result<(), String> {
        store(&*self.store, &mut *self.unsaved.lock().await).await
    }

    /// Tries until it is stored. Meanwhile it keeps the refresher, and so what is unsaved, whatever changes of the connector.
    fn store_later(self: &Arc<Self>) {
        let refresher = Arc::clone(self);
        tokio::spawn(async move {
            let mut repeats = 0;
            loop {
                tokio::time::sleep(STORE_AGAIN.wait(repeats)).await;
                match refresher.store_unsaved().await {
                    Ok(()) => return,
                    Err(why) => tracing::warn!(event = "refresh_token_not_stored", %why, repeats, "it is tried again"),
                }
                repeats = repeats.saturating_add(1);
            }
        });
    }

    async fn renew(
        self: &Arc<Self>,
        tokens: &AccessTokens,
        renewal: &Renewal,
        known: Option<ClientAuthentication>,
    ) -> Result<Fetched<Token>, HttpFault> {
        let mut unsaved = self.unsaved.lock().await;
        store(&*self.store, &mut unsaved).await.map_err(|why| not_stored(&why))?;
        let given = renewal.given();
        let kept = self.store.load().await.map_err(|why| not_read(&why))?.filter(|kept| kept.given == given);
        if let Some(kept) = &kept
            && kept.asked == renewal.asked.key()
            && renewal.rejected.as_ref() != Some(&kept.access_token)
            && let Some(fetched) = still_valid(kept).await
        {
            return Ok(fetched);
        }
        let current = kept.map_or_else(|| renewal.refresh_token.clone(), |kept| kept.refresh_token);
        let style = renewal.asked.style()?.or(known);
        // Whoever waits for it may leave earlier.
        let client = renewal.client.with_timeout(MAX_REQUEST_TIME);
        let client = client.watching([current.clone(), Secret::from(renewal.asked.client_secret.as_str())]);
        let (client, url) = tokens.place(client, &renewal.trusted, &renewal.asked).await?;
        let answered = ask(&client, &url, &renewal.asked.with(Grant::Refresh(&current)), style).await?;
        let (answered, style) = answered.map_err(advised)?;
        let Answered { access, refresh, kept_for, began } = answered;
        let until = SignedDuration::try_from(kept_for.saturating_sub(began.elapsed())).unwrap_or_default();
        let is_new = refresh.as_ref().is_some_and(|refresh| *refresh != current);
        // Without an access token only a new refresh token is worth storing: before anything else is done, and in any case.
        let (token, until) = match &access {
            Ok(access) => (access.secret().clone(), Timestamp::now().saturating_add(until).unwrap_or(Timestamp::MAX)),
            Err(why) if !is_new => return Err(refused(why)),
            Err(_) => (Secret::from(""), Timestamp::now()),
        };
        let next = Refreshed {
            given,
            refresh_token: refresh.unwrap_or(current),
            access_token: token,
            asked: renewal.asked.key(),
            until,
            rejected: tokens.rejected(),
        };
        match self.store.save(&next).await {
            Ok(true) => {}
            Ok(false) => {
                let why = "the connection's refreshToken was removed while its access token was renewed";
                return Err(refused(why));
            }
            Err(why) if is_new => {
                *unsaved = Some(next);
                self.store_later();
                return Err(not_stored(&why));
            }
            // Nothing is lost: the refresh token is the one that is stored already.
            Err(why) => tracing::warn!(event = "access_token_not_stored", %why, "a restart renews the access token"),
        }
        let access = access.map_err(|why| refused(&why))?;
        access.build(began + MAX_SEARCH_TIME).await;
        Ok(Fetched { value: Token { secret: access, style: Some(style) }, until: began + kept_for })
    }
}

async fn store(store: &dyn RefreshStore, unsaved: &mut Option<Refreshed>) -> Result<(), String> {
    if let Some(answered) = unsaved.as_ref() {
        // Whether the connection still has its refresh token or not: nothing is left to store.
        store.save(answered).await?;
        *unsaved = None;
    }
    Ok(())
}

/// Returns the access token that is kept, unless its time is over.
async fn still_valid(kept: &Refreshed) -> Option<Fetched<Token>> {
    let left = kept.until.duration_since(Timestamp::now());
    let left = Duration::try_from(left).ok().filter(|left| !left.is_zero())?;
    let secret = RuntimeSecret::new(kept.access_token.clone()).ok()?;
    secret.build(Instant::now() + MAX_SEARCH_TIME).await;
    Some(Fetched { value: Token { secret, style: None }, until: Instant::now() + left })
}

fn advised(refusal: Refusal) -> HttpFault {
    let Refusal { code, why, .. } = refusal;
    let mut fault = refused(&why);
    fault.message.push_str(match code.as_deref() {
        Some("invalid_grant") => {
            "; the connection's refresh token has expired, was revoked or was used elsewhere: sign in at the service \
             again and fill in `refreshToken` anew"
        }
        Some("invalid_client" | "unauthorized_client") => {
            "; check `clientId`, `clientSecret` and `clientAuthentication` of the connection"
        }
        _ => "",
    });
    fault
}

fn not_stored(why: &str) -> HttpFault {
    refused(&format!(
        "the service answered a new refresh token, which could not be stored ({why}); it is not used before it is \
         stored, which is tried again in the background and by the next call. If the server stops before that, sign in at the service again and fill \
         in `refreshToken` anew"
    ))
}

fn not_read(why: &str) -> HttpFault {
    refused(&format!(
        "the refresh token that the service answered last cannot be read ({why}); an earlier one is not sent, because \
         services take that for theft. Try again when the database answers"
    ))
}
