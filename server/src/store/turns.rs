//! Turns that servers on one database take: at the start, and at changes of types and connectors.
//!
//! A turn is an advisory lock of a transaction. It ends with the transaction, so it outlives no process, and a pooler that
//! assigns connections by transaction keeps it. On SQLite there is one server, which needs none.

use std::time::Duration;

use tokio::time::{Instant, interval};

use super::connection::DatabaseTransaction;
use super::sql::Statement;
use super::{Store, StoreError};

/// The number of the lock that servers hold at their start: the letters of the product's name.
const START_LOCK: i64 = 0x666c_6f68;

/// How long a start waits for that of another server: seeding many connectors anew takes seconds.
pub const START_PATIENCE: Duration = Duration::from_secs(60);
/// How often it looks whether the other one has ended.
const START_LOOK: Duration = Duration::from_millis(100);

/// The number of the lock that servers hold while they change a type.
const CHANGE_LOCK: i64 = 0x666c_6f69;
/// How long a change waits for that of another server. It goes on without its turn then: the revision of what it changes
/// still guards it.
const CHANGE_PATIENCE: Duration = Duration::from_secs(5);
/// PostgreSQL's code for a lock that was waited for in vain.
const LOCK_NOT_AVAILABLE: &str = "55P03";

/// The right to be at the start, which ends when this is dropped.
#[derive(Debug)]
pub struct StartTurn {
    _transaction: Option<DatabaseTransaction>,
}

/// The right to change types, which ends when this is dropped.
#[derive(Debug)]
pub struct ChangeTurn {
    _transaction: Option<DatabaseTransaction>,
}

impl Store {
    /// Waits until no other server on the database is at its start, and keeps others waiting until the result is dropped:
    /// types are seeded once, and there is one first token.
    ///
    /// # Errors
    /// [`StoreError::StartHeld`] if another one is at its start for longer than `patience`; database errors.
    pub async fn start_turn(&self, patience: Duration) -> Result<StartTurn, StoreError> {
        if !self.is_shared() {
            return Ok(StartTurn { _transaction: None });
        }
        let mut transaction = self.begin_turn().await?;
        let until = Instant::now() + patience;
        let mut ticks = interval(START_LOOK);
        for look in 0_u32.. {
            ticks.tick().await;
            let lock = sqlx::query("SELECT 1 AS one WHERE pg_try_advisory_xact_lock($1)").bind(START_LOCK);
            if lock.fetch_optional(&mut *transaction).await?.is_some() {
                break;
            }
            if Instant::now() >= until {
                return Err(StoreError::StartHeld);
            }
            if look == 0 {
                tracing::warn!(
                    seconds = patience.as_secs(),
                    "another server is at its start on this database; waiting for it"
                );
            }
        }
        Ok(StartTurn { _transaction: Some(transaction) })
    }

    /// Begins a transaction that may stand still: it locks no rows, and what is done in its turn takes as long as it takes.
    pub(super) async fn begin_turn(&self) -> Result<DatabaseTransaction, StoreError> {
        let mut transaction = self.begin().await?;
        let standstill = "SELECT set_config('idle_in_transaction_session_timeout', '0', true)";
        sqlx::query(standstill).execute(&mut *transaction).await?;
        Ok(transaction)
    }

    /// Waits until no other server on the database changes a type, for some seconds at most.
    ///
    /// # Errors
    /// Database errors.
    pub async fn change_turn(&self) -> Result<ChangeTurn, StoreError> {
        if !self.is_shared() {
            return Ok(ChangeTurn { _transaction: None });
        }
        let mut transaction = self.begin_turn().await?;
        let mut patience = Statement::new("SELECT set_config('lock_timeout', ");
        patience.bind(CHANGE_PATIENCE.as_millis().to_string()).push(", true)");
        patience.query().execute(&mut *transaction).await?;
        // The function returns nothing that the driver can read.
        let lock = sqlx::query("SELECT 1 AS one FROM pg_advisory_xact_lock($1)").bind(CHANGE_LOCK);
        match lock.fetch_optional(&mut *transaction).await {
            Ok(_) => Ok(ChangeTurn { _transaction: Some(transaction) }),
            Err(sqlx::Error::Database(refusal)) if refusal.code().is_some_and(|code| code == LOCK_NOT_AVAILABLE) => {
                tracing::warn!("another server has been changing a type for long; going on without a turn");
                Ok(ChangeTurn { _transaction: None })
            }
            Err(error) => Err(error.into()),
        }
    }
}
