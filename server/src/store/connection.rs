//! The pools, connections and transactions of a store.
//!
//! They are those of sqlx, except that on PostgreSQL each statement waits only as long as the database is there
//! ([`super::availability`]). A connection on which a statement was given up is closed, so that it is not in the way of
//! others. On SQLite nothing is added.

use std::io;
use std::ops::{Deref, DerefMut};
use std::sync::Arc;

use futures_util::future::BoxFuture;
use futures_util::stream::{self, BoxStream};
use futures_util::{StreamExt as _, TryStreamExt as _};
use sqlx::any::{AnyQueryResult, AnyRow, AnyStatement, AnyTransactionManager as Manager, AnyTypeInfo};
use sqlx::pool::PoolConnection;
use sqlx::{Any, AnyConnection, AnyPool, Either, Execute, Executor, SqlSafeStr as _, SqlStr};
use sqlx_core::transaction::TransactionManager as _;

use super::OpenError;
use super::availability::{Availability, Away};

/// A pool of connections. Clones share it.
#[derive(Debug, Clone)]
pub(super) struct DatabasePool {
    pool: AnyPool,
    watch: Option<Watch>,
}

#[derive(Debug, Clone)]
struct Watch {
    availability: Arc<Availability>,
    /// Ends the watch with the last clone of the pool.
    _end: Arc<EndOfWatch>,
}

#[derive(Debug)]
struct EndOfWatch(Arc<Availability>);

impl Drop for EndOfWatch {
    fn drop(&mut self) {
        self.0.close();
    }
}

impl DatabasePool {
    /// Wraps a pool whose database is always there.
    pub(super) fn unwatched(pool: AnyPool) -> Self {
        Self { pool, watch: None }
    }

    /// Wraps a pool whose database may be away.
    pub(super) fn watched(pool: AnyPool, availability: Arc<Availability>) -> Self {
        let end = Arc::new(EndOfWatch(Arc::clone(&availability)));
        Self { pool, watch: Some(Watch { availability, _end: end }) }
    }

    /// Returns whether the database is known to be away.
    pub(super) fn is_away(&self) -> bool {
        self.watch.as_ref().is_some_and(|watch| watch.availability.is_away())
    }

    /// Returns how many connections are open, how many of them are in use, and how many there may be.
    pub(super) fn connections(&self) -> (u32, u32, u32) {
        let idle = u32::try_from(self.pool.num_idle()).unwrap_or(u32::MAX);
        let open = self.pool.size();
        (open, open.saturating_sub(idle), self.pool.options().get_max_connections())
    }

    /// Takes a connection.
    pub(super) async fn acquire(&self) -> Result<DatabaseConnection, sqlx::Error> {
        let availability = self.watch.as_ref().map(|watch| Arc::clone(&watch.availability));
        let live = match &availability {
            None => self.pool.acquire().await?,
            Some(availability) => availability.answer(self.pool.acquire()).await??,
        };
        Ok(DatabaseConnection { live: Some(live), availability })
    }

    /// Begins a transaction.
    pub(super) async fn begin(&self) -> Result<DatabaseTransaction, sqlx::Error> {
        self.begin_by(None).await
    }

    /// Begins a transaction by a statement.
    pub(super) async fn begin_with(&self, statement: &'static str) -> Result<DatabaseTransaction, sqlx::Error> {
        self.begin_by(Some(statement.into_sql_str())).await
    }

    async fn begin_by(&self, statement: Option<SqlStr>) -> Result<DatabaseTransaction, sqlx::Error> {
        self.acquire().await?.begin_by(statement).await
    }

    /// Closes every connection after its current statement.
    pub(super) async fn close(&self) {
        if let Some(watch) = &self.watch {
            if watch.availability.is_away() {
                // Nobody answers the farewell; the system ends the connections with the process.
                return;
            }
            watch.availability.close();
        }
        self.pool.close().await;
    }
}

impl<'p> Executor<'p> for &'_ DatabasePool {
    type Database = Any;

    fn fetch_many<'e, 'q: 'e, E>(self, query: E) -> BoxStream<'e, Result<Either<AnyQueryResult, AnyRow>, sqlx::Error>>
    where
        'p: 'e,
        E: 'q + Execute<'q, Any>,
    {
        let pool = self.clone();
        let answer = async move {
            let mut connection = pool.acquire().await?;
            connection.fetch_many(query).try_collect::<Vec<_>>().await
        };
        rows_of(answer)
    }

    fn fetch_optional<'e, 'q: 'e, E>(self, query: E) -> BoxFuture<'e, Result<Option<AnyRow>, sqlx::Error>>
    where
        'p: 'e,
        E: 'q + Execute<'q, Any>,
    {
        let pool = self.clone();
        Box::pin(async move { pool.acquire().await?.fetch_optional(query).await })
    }

    fn prepare_with<'e>(
        self,
        sql: SqlStr,
        parameters: &'e [AnyTypeInfo],
    ) -> BoxFuture<'e, Result<AnyStatement, sqlx::Error>>
    where
        'p: 'e,
    {
        let pool = self.clone();
        Box::pin(async move { pool.acquire().await?.prepare_with(sql, parameters).await })
    }
}

/// A connection. It returns to its pool when it is dropped.
#[derive(Debug)]
pub(crate) struct DatabaseConnection {
    /// `None` once a statement was given up.
    live: Option<PoolConnection<Any>>,
    availability: Option<Arc<Availability>>,
}

impl<'c> Executor<'c> for &'c mut DatabaseConnection {
    type Database = Any;

    /// All rows are read before the first is given: nothing here reads more than it keeps.
    fn fetch_many<'e, 'q: 'e, E>(self, query: E) -> BoxStream<'e, Result<Either<AnyQueryResult, AnyRow>, sqlx::Error>>
    where
        'c: 'e,
        E: 'q + Execute<'q, Any>,
    {
        let answer = async move {
            let DatabaseConnection { live, availability } = self;
            let answer = open(live)?.fetch_many(query).try_collect::<Vec<_>>();
            let answer = wait(availability.as_deref(), answer).await;
            settle(live, answer)
        };
        rows_of(answer)
    }

    fn fetch_optional<'e, 'q: 'e, E>(self, query: E) -> BoxFuture<'e, Result<Option<AnyRow>, sqlx::Error>>
    where
        'c: 'e,
        E: 'q + Execute<'q, Any>,
    {
        Box::pin(async move {
            let DatabaseConnection { live, availability } = self;
            let answer = wait(availability.as_deref(), open(live)?.fetch_optional(query)).await;
            settle(live, answer)
        })
    }

    fn prepare_with<'e>(
        self,
        sql: SqlStr,
        parameters: &'e [AnyTypeInfo],
    ) -> BoxFuture<'e, Result<AnyStatement, sqlx::Error>>
    where
        'c: 'e,
    {
        Box::pin(async move {
            let DatabaseConnection { live, availability } = self;
            let answer = wait(availability.as_deref(), open(live)?.prepare_with(sql, parameters)).await;
            settle(live, answer)
        })
    }
}

impl DatabaseConnection {
    /// Begins a transaction on it.
    pub(super) async fn begin(self) -> Result<DatabaseTransaction, sqlx::Error> {
        self.begin_by(None).await
    }

    /// Closes it, which rolls back what is open on it. The pool opens another one when it needs it.
    pub(super) async fn close(mut self) {
        if let Some(live) = self.live.take()
            && let Err(error) = live.close().await
        {
            tracing::debug!(%error, "a connection could not be closed well");
        }
    }

    async fn begin_by(self, statement: Option<SqlStr>) -> Result<DatabaseTransaction, sqlx::Error> {
        // It is open before the statement is sent: one that is dropped meanwhile is rolled back.
        let mut transaction = DatabaseTransaction { connection: self, is_open: true };
        let Self { live, availability } = &mut transaction.connection;
        let begun = wait(availability.as_deref(), Manager::begin(open(live)?, statement)).await;
        settle(live, begun)?;
        Ok(transaction)
    }

    /// Returns the connection itself, whose statements wait as long as it takes: for migrations.
    ///
    /// # Errors
    /// If an earlier statement on it was given up.
    pub(super) fn unwatched(&mut self) -> Result<&mut AnyConnection, OpenError> {
        open(&mut self.live).map_err(|error| OpenError::Migration(error.to_string()))
    }
}

/// A transaction, which is rolled back unless it is committed.
#[derive(Debug)]
pub(crate) struct DatabaseTransaction {
    connection: DatabaseConnection,
    is_open: bool,
}

impl DatabaseTransaction {
    /// Commits it.
    ///
    /// # Errors
    /// Database errors. If the answer did not come, it may have been committed.
    pub(super) async fn commit(self) -> Result<(), sqlx::Error> {
        self.commit_for_more().await.map(drop)
    }

    /// Commits it, and returns the connection for more.
    ///
    /// # Errors
    /// As [`DatabaseTransaction::commit`].
    pub(super) async fn commit_for_more(mut self) -> Result<DatabaseConnection, sqlx::Error> {
        let DatabaseConnection { live, availability } = &mut self.connection;
        let committed = wait(availability.as_deref(), Manager::commit(open(live)?)).await;
        settle(live, committed)?;
        self.is_open = false;
        Ok(DatabaseConnection { live: live.take(), availability: availability.take() })
    }

    /// Rolls it back and waits for that.
    ///
    /// # Errors
    /// Database errors.
    pub(crate) async fn rollback(mut self) -> Result<(), sqlx::Error> {
        let DatabaseConnection { live, availability } = &mut self.connection;
        let rolled_back = wait(availability.as_deref(), Manager::rollback(open(live)?)).await;
        settle(live, rolled_back)?;
        self.is_open = false;
        Ok(())
    }
}

impl Drop for DatabaseTransaction {
    fn drop(&mut self) {
        if self.is_open
            && let Some(live) = &mut self.connection.live
        {
            Manager::start_rollback(live);
        }
    }
}

impl Deref for DatabaseTransaction {
    type Target = DatabaseConnection;

    fn deref(&self) -> &DatabaseConnection {
        &self.connection
    }
}

impl DerefMut for DatabaseTransaction {
    fn deref_mut(&mut self) -> &mut DatabaseConnection {
        &mut self.connection
    }
}

/// Returns the open connection.
fn open(live: &mut Option<PoolConnection<Any>>) -> Result<&mut AnyConnection, sqlx::Error> {
    let lost = || io::Error::new(io::ErrorKind::NotConnected, "an earlier statement on the connection was given up");
    Ok(live.as_deref_mut().ok_or_else(lost)?)
}

async fn wait<T>(
    availability: Option<&Availability>,
    statement: impl Future<Output = Result<T, sqlx::Error>>,
) -> Result<Result<T, sqlx::Error>, Away> {
    match availability {
        None => Ok(statement.await),
        Some(availability) => availability.answer(statement).await,
    }
}

/// Closes the connection if its statement was given up: nobody will ever read the answer.
fn settle<T>(
    live: &mut Option<PoolConnection<Any>>,
    answer: Result<Result<T, sqlx::Error>, Away>,
) -> Result<T, sqlx::Error> {
    answer.unwrap_or_else(|away| {
        drop(live.take().map(PoolConnection::detach));
        Err(away.into())
    })
}

fn rows_of<'e, T: Send + 'e>(
    answer: impl Future<Output = Result<Vec<T>, sqlx::Error>> + Send + 'e,
) -> BoxStream<'e, Result<T, sqlx::Error>> {
    stream::once(answer).map_ok(|rows| stream::iter(rows.into_iter().map(Ok))).try_flatten().boxed()
}
