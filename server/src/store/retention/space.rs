//! Space: how large the database is, and giving back what is free in it.
//!
//! A SQLite file of this release is made with `auto_vacuum = INCREMENTAL`: free pages can be taken from its end while it
//! is used. A file of an earlier release becomes one at a start, if it is small; else its free pages are used again, but
//! not given back. PostgreSQL does both by itself.

use std::time::{Duration, Instant};

use sqlx::AssertSqlSafe;

use super::super::migrate::Dialect;
use super::super::sql::Reader;
use super::super::{Store, StoreError};
use super::Pace;
use super::ledger::count;
use crate::store::connection::DatabaseConnection;

/// The maximum size of a file that a start rewrites, in bytes: that takes seconds, and as much space again.
pub const MAX_START_VACUUM: u64 = 256 << 20;
/// The pages that stay free in any case, because new rows need them soon.
const MIN_FREE_PAGES: u64 = 250;
/// The part of a file that may stay free: one of so many pages.
const FREE_PART: u64 = 10;
/// SQLite's number for `auto_vacuum = INCREMENTAL`.
const INCREMENTAL: u64 = 2;

impl Store {
    /// Returns the size of the database in bytes.
    ///
    /// # Errors
    /// Database errors.
    pub async fn size(&self) -> Result<u64, StoreError> {
        match self.dialect {
            Dialect::Sqlite => Ok(self.pragma("page_count").await? * self.pragma("page_size").await?),
            Dialect::Postgres => {
                let row =
                    sqlx::query("SELECT pg_database_size(current_database()) AS size").fetch_one(&self.read).await?;
                Ok(count(Reader::new(&row, "database").value("size")?))
            }
        }
    }

    /// Gives free pages of a SQLite file back to the system, a batch at a time; returns how many.
    ///
    /// # Errors
    /// Database errors; the next call goes on.
    pub async fn give_back_space(&self, pace: &mut Pace) -> Result<u64, StoreError> {
        let mut given = 0;
        if self.dialect != Dialect::Sqlite || self.pragma("auto_vacuum").await? != INCREMENTAL {
            return Ok(given);
        }
        while pace.goes_on() {
            let (free, all) = (self.pragma("freelist_count").await?, self.pragma("page_count").await?);
            let kept = MIN_FREE_PAGES.max(all / FREE_PART);
            if free <= kept {
                break;
            }
            let pages = u64::from(pace.rows()).min(free - kept);
            let held = self.vacuum(pages).await?;
            given += pages;
            pace.pause(held).await;
        }
        Ok(given)
    }

    async fn vacuum(&self, pages: u64) -> Result<Duration, StoreError> {
        let mut writer = self.write.acquire().await?;
        let began = Instant::now();
        let statement = AssertSqlSafe(format!("PRAGMA incremental_vacuum({pages})"));
        sqlx::query(statement).persistent(false).fetch_all(&mut writer).await?;
        Ok(began.elapsed())
    }

    async fn pragma(&self, name: &'static str) -> Result<u64, StoreError> {
        pragma(&mut self.read.acquire().await?, name).await
    }

    /// Rewrites a small SQLite file of an earlier release so that its space can be given back.
    pub(in crate::store) async fn prepare_space(&self) -> Result<(), StoreError> {
        let mut writer = self.write.acquire().await?;
        if self.dialect != Dialect::Sqlite || pragma(&mut writer, "auto_vacuum").await? == INCREMENTAL {
            return Ok(());
        }
        let bytes = pragma(&mut writer, "page_count").await? * pragma(&mut writer, "page_size").await?;
        if bytes > MAX_START_VACUUM {
            tracing::warn!(
                bytes,
                max = MAX_START_VACUUM,
                "the database file was made by an earlier release: space that becomes free in it is used again, but not given back to the \
                 system. To change that, stop the server and run: sqlite3 floh.db 'PRAGMA auto_vacuum = INCREMENTAL; VACUUM;'"
            );
            return Ok(());
        }
        sqlx::raw_sql("PRAGMA auto_vacuum = INCREMENTAL; VACUUM").execute(&mut writer).await?;
        tracing::info!(
            bytes,
            "the database file of an earlier release was rewritten, so that its space can be given back"
        );
        Ok(())
    }
}

async fn pragma(connection: &mut DatabaseConnection, name: &'static str) -> Result<u64, StoreError> {
    let statement = AssertSqlSafe(format!("SELECT CAST({name} AS INTEGER) AS value FROM pragma_{name}"));
    let row = sqlx::query(statement).fetch_one(connection).await?;
    Ok(count(Reader::new(&row, "pragma").value("value")?))
}
