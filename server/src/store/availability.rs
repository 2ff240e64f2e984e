//! Whether PostgreSQL answers.
//!
//! A server whose database is away must say so within a second, and a database can be away in silence: its machine is
//! gone, or its processes are stopped, and connections stay open. So a task asks it on a connection of its own whenever no
//! other statement was answered for a moment. Without an answer to anything for [`SILENCE`] it counts as away: statements
//! that wait for it end with an error, further ones fail at once, and the task goes on asking until it answers again.
//!
//! A database that is merely busy answers something all the time, so load alone never makes it count as away; neither
//! does a statement that waits for a lock.

use std::io;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use sqlx::any::AnyConnectOptions;
use sqlx::{AnyConnection, ConnectOptions as _, Connection as _};
use tokio::sync::{Notify, watch};
use tokio::time::{MissedTickBehavior, interval, timeout, timeout_at};
use tokio_util::sync::CancellationToken;

/// Within this time everybody is told that the database is away.
pub(super) const MAX_DETECTION: Duration = Duration::from_secs(1);
/// How often it is asked while nothing else is answered, and while it is away.
const LOOK: Duration = Duration::from_millis(200);
/// How long it may answer nothing at all.
const SILENCE: Duration = Duration::from_millis(500);
/// How long one attempt to reach a database that is away may take. It is longer than the second after which a lost first
/// packet is sent again.
const ATTEMPT: Duration = Duration::from_secs(2);
/// How long the task's connection may rest before it is replaced: firewalls forget connections that are not used.
const MAX_REST: Duration = Duration::from_secs(60);

const _: () = assert!(LOOK.as_millis() + SILENCE.as_millis() < MAX_DETECTION.as_millis());

/// Whether the database answers, as far as is known.
#[derive(Debug)]
pub(super) struct Availability {
    is_away: watch::Sender<bool>,
    began: Instant,
    /// When it last answered a statement, in milliseconds since `began`.
    answered_ms: AtomicU64,
    /// A connection broke: it is asked now.
    doubted: Notify,
    closing: CancellationToken,
}

/// The database is away, so a statement was not sent, or nobody waits for its answer any more.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Away;

impl From<Away> for sqlx::Error {
    fn from(_: Away) -> Self {
        Self::Io(io::Error::new(io::ErrorKind::TimedOut, "it does not answer at the moment"))
    }
}

impl Availability {
    /// Starts to watch a database that answers now.
    pub(super) fn watch(options: AnyConnectOptions) -> Arc<Self> {
        let availability = Arc::new(Self {
            is_away: watch::Sender::new(false),
            began: Instant::now(),
            answered_ms: AtomicU64::new(0),
            doubted: Notify::new(),
            closing: CancellationToken::new(),
        });
        tokio::spawn(Arc::clone(&availability).run(options));
        availability
    }

    /// Returns whether it is away.
    pub(super) fn is_away(&self) -> bool {
        *self.is_away.borrow()
    }

    /// Ends the watch.
    pub(super) fn close(&self) {
        self.closing.cancel();
    }

    /// Waits for the answer to a statement, as long as the database is not away. Nothing is sent to one that is.
    ///
    /// # Errors
    /// [`Away`]: then the outcome of the statement is unknown, and its connection is of no use.
    pub(super) async fn answer<T>(
        &self,
        statement: impl Future<Output = Result<T, sqlx::Error>>,
    ) -> Result<Result<T, sqlx::Error>, Away> {
        let mut is_away = self.is_away.subscribe();
        if *is_away.borrow() {
            return Err(Away);
        }
        let answer = tokio::select! {
            biased;
            answer = statement => answer,
            _ = is_away.wait_for(|is_away| *is_away) => return Err(Away),
        };
        match &answer {
            Err(sqlx::Error::PoolTimedOut | sqlx::Error::PoolClosed) => {}
            Err(error) if !is_answer(error) => self.doubted.notify_one(),
            Ok(_) | Err(_) => self.note_answer(),
        }
        Ok(answer)
    }

    fn note_answer(&self) {
        let ms = u64::try_from(self.began.elapsed().as_millis()).unwrap_or(u64::MAX);
        self.answered_ms.fetch_max(ms, Ordering::Relaxed);
    }

    fn last_answer(&self) -> Instant {
        self.began + Duration::from_millis(self.answered_ms.load(Ordering::Relaxed))
    }

    async fn run(self: Arc<Self>, options: AnyConnectOptions) {
        let mut line = Line { options, open: None };
        let mut ticks = interval(LOOK);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            let is_doubted = tokio::select! {
                biased;
                () = self.closing.cancelled() => break,
                () = self.doubted.notified() => true,
                _ = ticks.tick() => false,
            };
            let was_away = self.is_away();
            if !is_doubted && !was_away && self.last_answer().elapsed() < LOOK {
                continue;
            }
            let answers =
                async { if was_away { line.answers_again().await } else { self.still_answers(&mut line).await } };
            let answers = tokio::select! {
                biased;
                () = self.closing.cancelled() => break,
                answers = answers => answers,
            };
            if answers {
                self.note_answer();
            }
            self.is_away.send_replace(!answers);
            match (was_away, answers) {
                (false, false) => {
                    tracing::warn!(
                        event = "database_away",
                        "the database does not answer; until it does, all is refused"
                    );
                }
                (true, true) => tracing::info!(event = "database_back", "the database answers again"),
                _ => {}
            }
        }
        if let Some((open, _)) = line.open {
            // The database notices the end in any case.
            timeout(SILENCE, open.close()).await.ok();
        }
    }

    /// Asks the database; it also answers by answering somebody else.
    async fn still_answers(&self, line: &mut Line) -> bool {
        let mut asking = pin!(line.answers());
        let asked = Instant::now();
        loop {
            let until = asked.max(self.last_answer()) + SILENCE;
            if let Ok(answers) = timeout_at(until.into(), &mut asking).await {
                return answers;
            }
            if self.last_answer().elapsed() >= SILENCE {
                return false;
            }
        }
    }
}

/// The connection of the task, and when it was last used. It is gone while it is used, so that none survives in the middle
/// of a statement.
struct Line {
    options: AnyConnectOptions,
    open: Option<(AnyConnection, Instant)>,
}

impl Line {
    /// Asks on the open connection. If that broke, as it does when the database is started again, it asks on a new one.
    async fn answers(&mut self) -> bool {
        if let Some((mut open, used)) = self.open.take()
            && used.elapsed() < MAX_REST
            && ask(&mut open).await.is_ok()
        {
            self.open = Some((open, Instant::now()));
            return true;
        }
        self.answers_anew().await
    }

    /// Asks on a new connection.
    async fn answers_anew(&mut self) -> bool {
        let asked = async {
            let mut new = self.options.connect().await?;
            ask(&mut new).await?;
            Ok::<_, sqlx::Error>(new)
        };
        match asked.await {
            Ok(new) => {
                self.open = Some((new, Instant::now()));
                true
            }
            Err(error) => is_answer(&error),
        }
    }

    /// Asks a database that was away.
    async fn answers_again(&mut self) -> bool {
        self.open = None;
        timeout(ATTEMPT, self.answers_anew()).await.unwrap_or(false)
    }
}

async fn ask(connection: &mut AnyConnection) -> Result<(), sqlx::Error> {
    sqlx::raw_sql("SELECT 1").execute(connection).await.map(drop)
}

/// Returns whether an error is one that a working database gives: one that refuses a statement, or another connection as
/// it has too many, is not away. One that starts or stops is.
fn is_answer(error: &sqlx::Error) -> bool {
    match error {
        sqlx::Error::Database(refusal) => !refusal.code().is_some_and(|code| code.starts_with("57P")),
        sqlx::Error::Io(_) | sqlx::Error::Tls(_) | sqlx::Error::Protocol(_) | sqlx::Error::WorkerCrashed => false,
        _ => true,
    }
}
