//! Look-ups that are shared, remembered when they fail, and limited for each connection.
//!
//! A look-up holds a thread until the system has given up, which for a dead zone takes many seconds. So calls that ask
//! for the same name at the same time share one look-up; a name that could not be found is not asked for again for a
//! moment; and the calls of one connection hold only some of the threads. An answer is not kept: a name is looked up for
//! each connection that opens.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt;
use futures_util::future::Shared;
use parking_lot::Mutex;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, oneshot};
use tokio::time::Instant;

use super::Rule;
use super::policy::Clearance;
use super::resolver::{self, BoxFuture, MAX_LENGTH, Resolve};

/// The most look-ups of one connection at the same time.
pub(super) const MAX_OF_A_CONNECTION: usize = 8;
/// How long a failed look-up is remembered. A request that is tried again waits for it.
pub(super) const FAILED_FOR: Duration = Duration::from_secs(1);
/// The most failed look-ups that are remembered; further ones are not.
const MAX_FAILED: usize = 1024;

tokio::task_local! {
    /// The permits of the connection whose request opens a connection.
    static PERMITS: Arc<Semaphore>;
}

/// Returns the permits of one connection.
pub(super) fn permits() -> Arc<Semaphore> {
    Arc::new(Semaphore::new(MAX_OF_A_CONNECTION))
}

/// Sends a request whose look-ups need these permits. The HTTP engine opens connections and knows only their URLs, so
/// the permits come by the task.
pub(super) async fn with_permits<T>(permits: Arc<Semaphore>, request: impl Future<Output = T>) -> T {
    PERMITS.scope(permits, request).await
}

/// Returns the permits of the request that opens a connection; fresh ones if there is none.
pub(super) fn current_permits() -> Arc<Semaphore> {
    PERMITS.try_with(Arc::clone).unwrap_or_else(|_| permits())
}

type Answered = Result<Vec<IpAddr>, Rule>;

/// Looks names up for all connections.
#[derive(Debug)]
pub(super) struct LookUps {
    resolver: Arc<dyn Resolve>,
    state: Arc<Mutex<State>>,
}

#[derive(Debug, Default)]
struct State {
    running: HashMap<Key, Running>,
    failed: HashMap<Key, (Rule, Instant)>,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct Key {
    name: String,
    clearance: Clearance,
}

/// A look-up that goes on until the system answers, even if nobody waits any more.
type Running = Shared<BoxFuture<'static, Answered>>;

impl LookUps {
    pub(super) fn new(resolver: Arc<dyn Resolve>) -> Self {
        Self { resolver, state: Arc::default() }
    }

    /// Looks a name up, together with everybody who asks for it now; fails with the rule that the answer breaks.
    pub(super) async fn look_up(&self, name: &str, clearance: Clearance, permits: &Arc<Semaphore>) -> Answered {
        let key = Key { name: name.to_owned(), clearance };
        let asking = self.ask(key, permits);
        tokio::time::timeout(MAX_LENGTH, asking).await.unwrap_or(Err(Rule::DnsTimeout))
    }

    async fn ask(&self, key: Key, permits: &Arc<Semaphore>) -> Answered {
        let known = self.state.lock().known(&key);
        let running = match known {
            Some(running) => running?,
            None => {
                let permit = Arc::clone(permits).acquire_owned().await.map_err(|_| Rule::DnsFailed)?;
                self.start(key, permit)?
            }
        };
        running.await
    }

    /// Starts a look-up, unless somebody else has meanwhile.
    fn start(&self, key: Key, permit: OwnedSemaphorePermit) -> Result<Running, Rule> {
        let mut state = self.state.lock();
        if let Some(known) = state.known(&key) {
            return known;
        }
        let (answer, answered) = oneshot::channel();
        let answered = async move { answered.await.unwrap_or(Err(Rule::DnsFailed)) };
        let running = (Box::pin(answered) as BoxFuture<'static, _>).shared();
        state.running.insert(key.clone(), running.clone());
        let (resolver, state) = (Arc::clone(&self.resolver), Arc::clone(&self.state));
        tokio::spawn(async move {
            let found = resolver::judge_count(resolver.resolve(&key.name, key.clearance).await);
            drop(permit);
            state.lock().end(key, &found);
            drop(answer.send(found));
        });
        Ok(running)
    }
}

impl State {
    /// Returns the look-up of a name that runs, or why one need not be started.
    fn known(&mut self, key: &Key) -> Option<Result<Running, Rule>> {
        if let Some(running) = self.running.get(key) {
            return Some(Ok(running.clone()));
        }
        let &(rule, at) = self.failed.get(key)?;
        if at.elapsed() < FAILED_FOR {
            return Some(Err(rule));
        }
        self.failed.remove(key);
        None
    }

    fn end(&mut self, key: Key, found: &Answered) {
        self.running.remove(&key);
        let Err(rule) = found else { return };
        if self.failed.len() >= MAX_FAILED {
            self.failed.retain(|_, (_, at)| at.elapsed() < FAILED_FOR);
        }
        if self.failed.len() < MAX_FAILED {
            self.failed.insert(key, (*rule, Instant::now()));
        }
    }
}
