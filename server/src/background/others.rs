//! What the other servers on the database mean to this one: what they wrote is dropped from its memory, and what dead ones
//! left at work is settled. A server that alone has its database does neither.

use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::sync::Mutex;

use super::Background;
use super::driver::Outcome;
use super::tasks::work;
use crate::services::{Services, WeakServices};
use crate::store::{News, NewsLine, Store, StoreError};

/// The name of the task that learns what other servers wrote.
pub const FOLLOW: &str = "writes of other servers";
/// The name of the task that settles what dead servers left.
pub const SETTLE: &str = "calls of dead servers";

/// How often other servers' writes are looked for. It is half of the age up to which what is kept is trusted
/// (`changes::MAX_AGE`), so that one look may be late.
const LOOK: Duration = Duration::from_millis(500);
/// How often calls of dead servers are looked for.
const SETTLE_LOOK: Duration = Duration::from_secs(5);

/// Follows what other servers write.
#[derive(Debug)]
pub(crate) struct Follower {
    store: Store,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    /// The value of the counter up to which their writes are published here.
    seen: Option<i64>,
    line: Option<NewsLine>,
}

impl Follower {
    /// Begins to follow. From now on what is kept in memory is trusted only while the others' writes are read.
    ///
    /// # Errors
    /// Database errors.
    pub(crate) async fn begin(store: &Store) -> Result<Arc<Self>, StoreError> {
        let follower = Arc::new(Self { store: store.clone(), state: Mutex::default() });
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
        let News { counter, changes } = line.read(state.seen).await?;
        let feed = self.store.changes();
        match &changes {
            Some(changes) => changes.iter().for_each(|change| feed.publish(change)),
            None => feed.publish_gap(),
        }
        *state = State { seen: Some(counter), line: Some(line) };
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
    background.spawn(FOLLOW, LOOK, move || {
        let follower = Arc::clone(&follower);
        Some(Box::pin(async move {
            let looked = follower.look().await;
            looked.map_err(|error| {
                format!("what other servers wrote could not be read, so nothing is answered from memory: {error}")
            })
        }))
    });
    background.spawn(SETTLE, SETTLE_LOOK, work(services.clone(), settle));
}
