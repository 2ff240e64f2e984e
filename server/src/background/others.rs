//! What the other servers on the database mean to this one: what they wrote is dropped from its memory, and what dead ones
//! left at work is settled. A server that alone has its database does neither.

use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::sync::Mutex;
use tokio::time::sleep;

use super::Background;
use super::driver::Outcome;
use super::tasks::work;
use crate::agent_hub::Hub;
use crate::services::{Services, WeakServices};
use crate::store::{News, NewsLine, Notifications, SeenNews, Store, StoreError};

/// The name of the task that learns what other servers wrote.
pub const FOLLOW: &str = "writes of other servers";
/// The name of the task that settles what dead servers left.
pub const SETTLE: &str = "calls of dead servers";

/// How often other servers' writes are looked for. It is half of the age up to which what is kept is trusted
/// (`changes::MAX_AGE`), so that one look may be late.
const LOOK: Duration = Duration::from_millis(500);
/// How long to wait before the database is asked anew to tell of writes.
const LISTEN_AGAIN: Duration = Duration::from_secs(5);
/// How often calls of dead servers are looked for.
const SETTLE_LOOK: Duration = Duration::from_secs(5);

/// Follows what other servers write.
#[derive(Debug)]
pub(crate) struct Follower {
    store: Store,
    agents: Hub,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    /// Up to where their writes are published here.
    seen: SeenNews,
    line: Option<NewsLine>,
}

impl Follower {
    /// Begins to follow. From now on what is kept in memory is trusted only while the others' writes are read.
    ///
    /// # Errors
    /// Database errors.
    pub(crate) async fn begin(store: &Store, agents: &Hub) -> Result<Arc<Self>, StoreError> {
        let follower = Arc::new(Self { store: store.clone(), agents: agents.clone(), state: Mutex::default() });
        follower.look().await?;
        Ok(follower)
    }

    /// Publishes what other servers have written.
    async fn look(&self) -> Result<(), StoreError> {
        let mut state = self.state.lock().await;
        let mut line = match state.line.take() {
            Some(line) => line,
            None => self.store.news_line().await?,
        };
        let at = Instant::now();
        let News { counter, changes, agents } = line.read(state.seen).await?;
        let feed = self.store.changes();
        match &changes {
            Some(changes) => changes.iter().for_each(|change| feed.publish(change)),
            None => feed.publish_gap(),
        }
        self.agents.take_directory(self.store.id(), &agents.rows);
        let seen = SeenNews { counter: Some(counter), agents: Some(agents.version) };
        *state = State { seen, line: Some(line) };
        feed.followed(at);
        Ok(())
    }
}

/// Starts both tasks; `settle` settles what dead servers left.
pub(crate) fn spawn_tasks_of_others<F>(
    background: &Background,
    services: &WeakServices,
    follower: Arc<Follower>,
    settle: impl Fn(Services) -> F + Send + Sync + 'static,
) where
    F: Future<Output = Outcome> + Send + 'static,
{
    let store = follower.store.clone();
    background.spawn(FOLLOW, LOOK, move || {
        let follower = Arc::clone(&follower);
        Some(Box::pin(async move {
            let looked = follower.look().await;
            looked.map_err(|error| {
                format!("what other servers wrote could not be read, so nothing is answered from memory: {error}")
            })
        }))
    });
    background.spawn_until_closed(look_when_told(store, background.clone()));
    background.spawn(SETTLE, SETTLE_LOOK, work(services.clone(), settle));
}

/// Looks as soon as the database tells of a write, until the server stops. Where it does not tell, as through a pooler that assigns
/// connections by transaction, the regular looks are enough.
async fn look_when_told(store: Store, background: Background) {
    loop {
        match store.notifications().await {
            Ok(None) => return,
            Ok(Some(told)) => {
                let error = pass_on(told, &background).await;
                tracing::debug!(%error, "the database tells of writes no longer");
            }
            Err(error) => tracing::debug!(%error, "the database does not tell of writes"),
        }
        sleep(LISTEN_AGAIN).await;
    }
}

async fn pass_on(mut told: Notifications, background: &Background) -> StoreError {
    loop {
        if let Err(error) = told.next().await {
            return error;
        }
        background.run_now(FOLLOW).await;
    }
}
