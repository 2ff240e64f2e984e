//! Refresh tokens whose answers cannot be stored.

use std::sync::Arc;

use connector_runtime::Secret;
use connector_runtime::egress::{Client, Policy};
use connector_runtime::outcome::BoxFuture;
use futures_util::FutureExt as _;
use parking_lot::Mutex;
use serde_json::json;
use test_support::{Reply, Upstream};
use tokio_util::task::TaskTracker;

use crate::script::refresh::{RefreshStore, Refreshed, Refresher, Renewal};
use crate::script::tokens::{AccessTokens, TokenCall};

/// A store that does not work as long as it says why.
#[derive(Debug, Clone, Default)]
struct Faulty(Arc<Mutex<Kept>>);

#[derive(Debug, Default)]
struct Kept {
    refreshed: Option<Refreshed>,
    fault: Option<&'static str>,
    is_gone: bool,
}

impl RefreshStore for Faulty {
    fn load(&self) -> BoxFuture<'_, Result<Option<Refreshed>, String>> {
        let Kept { refreshed, fault, .. } = &*self.0.lock();
        let loaded = if *fault == Some("unreadable") { Err("unreadable".to_owned()) } else { Ok(refreshed.clone()) };
        std::future::ready(loaded).boxed()
    }

    fn save<'a>(&'a self, refreshed: &'a Refreshed) -> BoxFuture<'a, Result<bool, String>> {
        let Kept { refreshed: kept, fault, is_gone } = &mut *self.0.lock();
        let saved = match fault {
            Some(why) => Err((*why).to_owned()),
            None if *is_gone => Ok(false),
            None => {
                *kept = Some(refreshed.clone());
                Ok(true)
            }
        };
        std::future::ready(saved).boxed()
    }
}

/// Requests of a scheme that says where tokens are fetched, and of one with a discovery document.
#[derive(Debug, Clone, Copy)]
enum By {
    TokenUrl,
    Discovery,
}

struct Rotating {
    upstream: Upstream,
    store: Faulty,
    tokens: Arc<AccessTokens>,
}

impl Rotating {
    /// Each refresh token is answered with another one, unless the service keeps it.
    async fn start(keeps: bool) -> Self {
        Self::answering(move |sent| {
            let mut answer = json!({ "access_token": format!("access-{sent}"), "expires_in": 1 });
            if !keeps {
                answer["refresh_token"] = json!("r".repeat(sent + 1));
            }
            answer
        })
        .await
    }

    /// `answer` gets the length of the refresh token that was sent.
    async fn answering(answer: impl Fn(usize) -> serde_json::Value + Send + Sync + 'static) -> Self {
        let upstream = Upstream::start(move |request| {
            if request.path().starts_with("/known") {
                let host = request.header("host").unwrap();
                return Reply::json(200, &json!({ "token_endpoint": format!("http://{host}/token") }));
            }
            let sent = request.body.split("refresh_token=").nth(1).unwrap().len();
            Reply::json(200, &answer(sent))
        })
        .await;
        let store = Faulty::default();
        let refresher = Refresher::new(Box::new(store.clone()), TaskTracker::new());
        let tokens = Arc::new(AccessTokens::with_refresher(Arc::new(refresher), None));
        Self { upstream, store, tokens }
    }

    async fn token(&self) -> Result<String, String> {
        self.token_by(By::TokenUrl).await
    }

    async fn token_by(&self, by: By) -> Result<String, String> {
        let (url, document) = (self.upstream.url("/token"), self.upstream.url("/known"));
        let client = Client::new(Policy::parse(&[self.upstream.address().to_string()], &[]).unwrap());
        let asked = match by {
            By::TokenUrl => TokenCall { token_url: url.clone(), ..TokenCall::default() },
            By::Discovery => TokenCall { open_id_connect_url: document.clone(), ..TokenCall::default() },
        };
        let refresh_token = Secret::from("rrrrrrr");
        let renewal = Renewal { client, trusted: vec![url, document], asked, refresh_token, rejected: None };
        let token = self.tokens.renewed(renewal).await.map_err(|fault| fault.message)?;
        Ok(token.secret.secret().expose().to_owned())
    }

    fn breaks(&self, why: Option<&'static str>) {
        self.store.0.lock().fault = why;
    }

    fn sent(&self) -> Vec<usize> {
        let received = self.upstream.received();
        received.iter().filter_map(|sent| Some(sent.body.split("refresh_token=").nth(1)?.len())).collect()
    }
}

#[tokio::test]
async fn what_cannot_be_stored_is_not_used_and_not_lost() {
    let service = Rotating::start(false).await;
    assert_eq!(service.token().await.unwrap(), "access-7");
    service.breaks(Some("disk full"));
    let told = service.token().await.unwrap_err();
    assert!(told.contains("could not be stored (disk full)") && told.contains("fill in `refreshToken` anew"), "{told}");
    assert_eq!(service.sent(), [7, 8]);
    // Until it is stored nothing is sent: the service has forgotten the token that is stored.
    service.token().await.unwrap_err();
    assert_eq!(service.sent(), [7, 8]);
    service.breaks(None);
    assert_eq!(service.token().await.unwrap(), "access-9");
    assert_eq!(service.sent(), [7, 8, 9]);
    assert_eq!(service.store.0.lock().refreshed.as_ref().unwrap().refresh_token.expose().len(), 10);
}

#[tokio::test]
async fn an_earlier_token_is_not_sent_while_the_last_one_cannot_be_read() {
    let service = Rotating::start(false).await;
    service.breaks(Some("unreadable"));
    let told = service.token().await.unwrap_err();
    assert!(told.contains("cannot be read (unreadable)"), "{told}");
    assert!(service.sent().is_empty());
}

#[tokio::test]
async fn without_a_new_token_nothing_is_lost() {
    let service = Rotating::start(true).await;
    service.breaks(Some("disk full"));
    assert_eq!(service.token().await.unwrap(), "access-7");
    assert_eq!(service.token().await.unwrap(), "access-7");
    assert_eq!(service.sent(), [7, 7]);
}

#[tokio::test]
async fn a_token_that_was_removed_meanwhile_is_not_stored() {
    let service = Rotating::start(false).await;
    service.store.0.lock().is_gone = true;
    let told = service.token().await.unwrap_err();
    assert!(told.contains("was removed while its access token was renewed"), "{told}");
    assert!(service.store.0.lock().refreshed.is_none());
}

#[tokio::test]
async fn what_cannot_be_stored_outlives_the_instances_and_is_stored_later() {
    let Rotating { upstream, store, tokens } = {
        let service = Rotating::start(false).await;
        service.breaks(Some("disk full"));
        service.token().await.unwrap_err();
        service
    };
    let refresher = Arc::downgrade(tokens.refresher());
    // A change of the connector drops what was loaded of it.
    drop(tokens);
    let kept = refresher.upgrade().expect("it has something to store");
    kept.store_unsaved().await.unwrap_err();
    let tokens = Arc::new(AccessTokens::with_refresher(kept, None));
    let service = Rotating { upstream, store, tokens };
    service.token().await.unwrap_err();
    assert_eq!(service.sent(), [7], "the used-up token is not sent again");
    drop(service.tokens);
    service.store.0.lock().fault = None;
    // It is stored without a call; then nothing keeps it any more.
    let stored = async {
        while refresher.strong_count() > 0 {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(std::time::Duration::from_secs(30), stored).await.expect("it is stored in the background");
    assert_eq!(service.store.0.lock().refreshed.as_ref().unwrap().refresh_token.expose().len(), 8);
}

#[tokio::test]
async fn schemes_that_share_a_refresh_token_send_the_latest_one() {
    let service = Rotating::start(false).await;
    assert_eq!(service.token_by(By::TokenUrl).await.unwrap(), "access-7");
    assert_eq!(service.token_by(By::Discovery).await.unwrap(), "access-8", "each has its own access token");
    assert_eq!(service.token_by(By::TokenUrl).await.unwrap(), "access-9");
    assert_eq!(service.sent(), [7, 8, 9]);
}

#[tokio::test]
async fn a_new_refresh_token_counts_though_its_access_token_cannot_be_used() {
    for access in [json!(null), json!("x".repeat(connector_runtime::schema::MAX_SECRET_BYTES + 1))] {
        let service = Rotating::answering(move |sent| {
            let access = if sent == 7 { access.clone() } else { json!("sound") };
            json!({ "access_token": access, "refresh_token": "r".repeat(sent + 1), "expires_in": 3600 })
        })
        .await;
        let told = service.token().await.unwrap_err();
        assert!(told.contains("without an access_token") || told.contains("too long"), "{told}");
        assert_eq!(service.token().await.unwrap(), "sound");
        assert_eq!(service.sent(), [7, 8]);
    }
}
