//! The servers that run on the database: each has a row with a lease, which it renews by the database's clock.
//! Executions of a server without a live lease will not end; every other server settles them.

use std::cmp::Ordering;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use semver::Version;
use sqlx::any::AnyRow;
use uuid::Uuid;

use super::migrate::Dialect;
use super::sql::{Reader, Statement};
use super::{Store, StoreError};

/// How long a lease lasts from its last renewal.
pub const LEASE: Duration = Duration::from_secs(15);
/// How often a lease is renewed.
pub const HEARTBEAT: Duration = Duration::from_secs(3);

const TABLE: &str = "replica";

/// A server whose lease is live.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LiveReplica {
    /// Its id, random for each start.
    pub id: Uuid,
    /// When it started.
    pub started_at: Timestamp,
    /// When its lease ends unless it is renewed.
    pub lease_until: Timestamp,
    /// Its release.
    pub release: String,
    /// Its address, once it listens.
    pub address: Option<String>,
    /// The current time by the database's clock, which the other times use too.
    pub now: Timestamp,
}

impl LiveReplica {
    /// Returns how long its lease lasts unless it is renewed.
    pub fn remaining(&self) -> Duration {
        Duration::try_from(self.lease_until.duration_since(self.now)).unwrap_or_default()
    }

    /// Returns how long it has been running, in whole seconds.
    pub fn age(&self) -> SignedDuration {
        SignedDuration::from_secs(self.now.duration_since(self.started_at).as_secs())
    }
}

/// The servers of a [`Store`].
#[derive(Debug, Clone, Copy)]
pub struct Replicas<'s> {
    pub(super) store: &'s Store,
}

impl Replicas<'_> {
    /// Takes a lease for this server, and removes what is left of servers whose lease is over.
    ///
    /// On SQLite there cannot be another one: the caller holds the lock on the file, so leases of others belong to dead
    /// processes, however long they still last.
    ///
    /// # Errors
    /// Database errors.
    pub async fn claim(&self, release: &str) -> Result<(), StoreError> {
        let dialect = self.store.dialect;
        let own = self.store.id.to_string();
        let mut transaction = self.store.begin().await?;
        let mut dead = Statement::new("DELETE FROM replica WHERE id <> ");
        dead.bind(own.as_str());
        if dialect == Dialect::Postgres {
            dead.push(" AND lease_until <= ").push(dialect.clock());
        }
        dead.query().execute(&mut *transaction).await?;
        let mut claim = Statement::new("INSERT INTO replica (id, release, started_at, lease_until) VALUES (");
        claim.bind(own.as_str()).push(", ").bind(release).push(", ").push(dialect.clock());
        claim.push(", ").push(dialect.clock()).push(" + ").bind(lease_ms());
        claim.push(") ON CONFLICT (id) DO UPDATE SET lease_until = excluded.lease_until");
        claim.query().execute(&mut *transaction).await?;
        transaction.commit().await?;
        Ok(())
    }

    /// Renews this server's lease. One that has run out is taken again.
    ///
    /// # Errors
    /// Database errors; the lease then keeps running out.
    pub async fn renew(&self, release: &str) -> Result<(), StoreError> {
        let clock = self.store.dialect.clock();
        let mut statement = Statement::new("UPDATE replica SET lease_until = ");
        statement.push(clock).push(" + ").bind(lease_ms()).push(" WHERE id = ").bind(self.store.id.to_string());
        statement.push(" AND lease_until > ").push(clock);
        let renewed = statement.query().execute(&self.store.write).await?;
        if renewed.rows_affected() == 1 { Ok(()) } else { self.claim(release).await }
    }

    /// Returns whether this server has its lease: others may take one that was stalled for dead.
    ///
    /// # Errors
    /// Database errors.
    pub async fn is_living(&self) -> Result<bool, StoreError> {
        let mut statement = Statement::new("SELECT 1 AS one FROM replica WHERE id = ");
        statement.bind(self.store.id.to_string()).push(" AND lease_until > ").push(self.store.dialect.clock());
        Ok(statement.query().fetch_optional(&self.store.read).await?.is_some())
    }

    /// Returns whether another server lives on the database.
    ///
    /// # Errors
    /// Database errors.
    pub async fn has_other(&self) -> Result<bool, StoreError> {
        let mut statement = Statement::new("SELECT 1 AS one FROM replica WHERE id <> ");
        statement.bind(self.store.id.to_string()).push(" AND lease_until > ").push(self.store.dialect.clock());
        statement.push(" LIMIT 1");
        Ok(self.store.is_shared() && statement.query().fetch_optional(&self.store.read).await?.is_some())
    }

    /// Records the address at which this server listens.
    ///
    /// # Errors
    /// Database errors.
    pub async fn announce(&self, address: &str) -> Result<(), StoreError> {
        sqlx::query("UPDATE replica SET address = $1 WHERE id = $2")
            .bind(address)
            .bind(self.store.id.to_string())
            .execute(&self.store.write)
            .await?;
        Ok(())
    }

    /// Records under which master key this server seals. Writes nothing if that is recorded.
    ///
    /// # Errors
    /// Database errors.
    pub async fn tell_sealing_key(&self, key_id: &str) -> Result<(), StoreError> {
        let known = sqlx::query("SELECT sealing_key FROM replica WHERE id = $1 AND sealing_key = $2")
            .bind(self.store.id.to_string())
            .bind(key_id)
            .fetch_optional(&self.store.read)
            .await?;
        if known.is_none() {
            sqlx::query("UPDATE replica SET sealing_key = $1 WHERE id = $2")
                .bind(key_id)
                .bind(self.store.id.to_string())
                .execute(&self.store.write)
                .await?;
        }
        Ok(())
    }

    /// Reads the servers whose leases are live, each with the id of the master key under which it seals, once it has said
    /// so.
    ///
    /// # Errors
    /// Database errors.
    pub async fn living(&self) -> Result<Vec<(LiveReplica, Option<String>)>, StoreError> {
        let clock = self.store.dialect.clock();
        let mut statement = Statement::new("SELECT id, started_at, lease_until, release, address, sealing_key, ");
        statement
            .push(clock)
            .push(" AS now FROM replica WHERE lease_until > ")
            .push(clock)
            .push(" ORDER BY started_at");
        let rows = statement.query().fetch_all(&self.store.read).await?;
        rows.iter().map(|row| Ok((from_row(row)?, Reader::new(row, TABLE).value("sealing_key")?))).collect()
    }

    /// Gives up this server's lease: whatever it has not finished will not end.
    ///
    /// # Errors
    /// Database errors; then the lease runs out by itself.
    pub async fn release(&self) -> Result<(), StoreError> {
        sqlx::query("DELETE FROM replica WHERE id = $1")
            .bind(self.store.id.to_string())
            .execute(&self.store.write)
            .await?;
        Ok(())
    }
}

/// Writes the condition that no living server owns a row of `table`.
pub(super) fn push_ownerless(statement: &mut Statement, dialect: Dialect, table: &str) {
    statement.push("NOT EXISTS (SELECT 1 FROM replica WHERE replica.id = ").push(table);
    statement.push(".owner AND replica.lease_until > ").push(dialect.clock()).push(")");
}

/// Compares two releases; what is not a version counts as older than what is one.
pub fn release_order(one: &str, other: &str) -> Ordering {
    Version::parse(one).ok().cmp(&Version::parse(other).ok()).then_with(|| one.cmp(other))
}

fn lease_ms() -> i64 {
    i64::try_from(LEASE.as_millis()).unwrap_or(i64::MAX)
}

fn from_row(row: &AnyRow) -> Result<LiveReplica, StoreError> {
    let row = Reader::new(row, TABLE);
    Ok(LiveReplica {
        id: row.id("id")?,
        started_at: row.time("started_at")?,
        lease_until: row.time("lease_until")?,
        release: row.text("release")?,
        address: row.value("address")?,
        now: row.time("now")?,
    })
}
