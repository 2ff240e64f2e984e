//! Sessions as rows: the SHA-256 of their secret, their token and their times. [`crate::auth`] decides who gets one and how
//! long it lasts.

use std::collections::BTreeMap;

use jiff::Timestamp;
use sqlx::any::AnyRow;
use uuid::Uuid;

use super::error::Entity;
use super::sql::{Reader, Statement};
use super::{Store, StoreError};

const TABLE: &str = "session";
const SELECT: &str =
    "SELECT id_hash, token_id, created_at, last_seen_at, expires_at, user_agent FROM session WHERE 1 = 1";

/// A session as it is stored. `Debug` omits its hash.
#[derive(Clone, PartialEq, Eq)]
pub struct SessionRow {
    /// SHA-256 of its secret, in hex.
    pub id_hash: String,
    /// The token that it stands for.
    pub token_id: Uuid,
    /// When it was opened.
    pub created_at: Timestamp,
    /// When it was last used; written with some delay.
    pub last_seen_at: Timestamp,
    /// When it ends at the latest.
    pub expires_at: Timestamp,
    /// The browser, as it names itself.
    pub user_agent: Option<String>,
}

impl std::fmt::Debug for SessionRow {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SessionRow")
            .field("token_id", &self.token_id)
            .field("created_at", &self.created_at)
            .field("last_seen_at", &self.last_seen_at)
            .field("expires_at", &self.expires_at)
            .field("user_agent", &self.user_agent)
            .finish_non_exhaustive()
    }
}

/// The sessions of a [`Store`].
#[derive(Debug, Clone, Copy)]
pub struct Sessions<'s> {
    store: &'s Store,
}

impl Store {
    /// Sessions of the web pages.
    pub fn sessions(&self) -> Sessions<'_> {
        Sessions { store: self }
    }
}

impl Sessions<'_> {
    /// Stores a session and removes the oldest ones of its token beyond `most`. Returns the hashes of those removed.
    ///
    /// # Errors
    /// [`StoreError::NotFound`] if its token is gone.
    pub async fn create(&self, row: &SessionRow, most: u32) -> Result<Vec<String>, StoreError> {
        let token_id = row.token_id.to_string();
        let mut transaction = self.store.begin().await?;
        let inserted = sqlx::query(
            "INSERT INTO session (id_hash, token_id, created_at, last_seen_at, expires_at, user_agent) \
             SELECT $1, id, CAST($3 AS BIGINT), CAST($4 AS BIGINT), CAST($5 AS BIGINT), $6 FROM token WHERE id = $2",
        )
        .bind(row.id_hash.as_str())
        .bind(token_id.as_str())
        .bind(row.created_at.as_millisecond())
        .bind(row.last_seen_at.as_millisecond())
        .bind(row.expires_at.as_millisecond())
        .bind(row.user_agent.as_deref())
        .execute(&mut *transaction)
        .await?;
        if inserted.rows_affected() == 0 {
            return Err(StoreError::NotFound { entity: Entity::Token, key: token_id });
        }
        let dropped = sqlx::query(
            "DELETE FROM session WHERE token_id = $1 AND id_hash NOT IN \
             (SELECT id_hash FROM session WHERE token_id = $1 ORDER BY created_at DESC, id_hash DESC LIMIT $2) RETURNING id_hash",
        )
        .bind(token_id.as_str())
        .bind(i64::from(most))
        .fetch_all(&mut *transaction)
        .await?;
        transaction.commit().await?;
        hashes(&dropped)
    }

    /// Finds a session by the hash of its secret.
    ///
    /// # Errors
    /// Database errors.
    pub async fn find(&self, id_hash: &str) -> Result<Option<SessionRow>, StoreError> {
        let mut statement = Statement::new(SELECT);
        statement.push(" AND id_hash = ").bind(id_hash.to_owned());
        statement.query().fetch_optional(&self.store.read).await?.as_ref().map(from_row).transpose()
    }

    /// Lists the sessions of a token, newest first. There are not many: [`Sessions::create`] removes the oldest.
    ///
    /// # Errors
    /// Database errors.
    pub async fn of_token(&self, token_id: Uuid) -> Result<Vec<SessionRow>, StoreError> {
        let mut statement = Statement::new(SELECT);
        statement.push(" AND token_id = ").bind(token_id.to_string());
        statement.push(" ORDER BY created_at DESC, id_hash DESC");
        statement.query().fetch_all(&self.store.read).await?.iter().map(from_row).collect()
    }

    /// Counts the sessions of some tokens that have not ended. A token without one has no entry.
    ///
    /// # Errors
    /// Database errors.
    pub async fn count(
        &self,
        tokens: &[Uuid],
        now: Timestamp,
        seen_after: Timestamp,
    ) -> Result<BTreeMap<Uuid, u64>, StoreError> {
        if tokens.is_empty() {
            return Ok(BTreeMap::new());
        }
        let mut statement = Statement::new("SELECT token_id, COUNT(*) AS sessions FROM session WHERE expires_at > ");
        statement.bind(now.as_millisecond()).push(" AND last_seen_at > ").bind(seen_after.as_millisecond());
        statement.push(" AND token_id IN (").list(tokens.iter().map(Uuid::to_string)).push(") GROUP BY token_id");
        let rows = statement.query().persistent(false).fetch_all(&self.store.read).await?;
        rows.iter()
            .map(|row| {
                let row = Reader::new(row, TABLE);
                Ok((row.id("token_id")?, u64::try_from(row.value::<i64>("sessions")?).unwrap_or_default()))
            })
            .collect()
    }

    /// Removes a session; returns whether it was there.
    ///
    /// # Errors
    /// Database errors.
    pub async fn delete(&self, id_hash: &str) -> Result<bool, StoreError> {
        let deleted = sqlx::query("DELETE FROM session WHERE id_hash = $1").bind(id_hash);
        Ok(deleted.execute(&self.store.write).await?.rows_affected() > 0)
    }

    /// Writes when sessions were last used, in one transaction. Sessions that are gone are skipped, and no time goes back.
    ///
    /// # Errors
    /// Database errors; then nothing is written.
    pub async fn touch(&self, used: &[(String, Timestamp)]) -> Result<(), StoreError> {
        if used.is_empty() {
            return Ok(());
        }
        let mut transaction = self.store.begin().await?;
        for (id_hash, at) in used {
            sqlx::query("UPDATE session SET last_seen_at = $1 WHERE id_hash = $2 AND last_seen_at < $1")
                .bind(at.as_millisecond())
                .bind(id_hash.as_str())
                .execute(&mut *transaction)
                .await?;
        }
        transaction.commit().await?;
        Ok(())
    }

    /// Removes the sessions that have ended by `now`, or were not used after `seen_after`; returns how many.
    ///
    /// # Errors
    /// Database errors.
    pub async fn purge(&self, now: Timestamp, seen_after: Timestamp) -> Result<u64, StoreError> {
        let purged = sqlx::query("DELETE FROM session WHERE expires_at <= $1 OR last_seen_at <= $2")
            .bind(now.as_millisecond())
            .bind(seen_after.as_millisecond())
            .execute(&self.store.write)
            .await?;
        Ok(purged.rows_affected())
    }
}

fn hashes(rows: &[AnyRow]) -> Result<Vec<String>, StoreError> {
    rows.iter().map(|row| Reader::new(row, TABLE).text("id_hash")).collect()
}

fn from_row(row: &AnyRow) -> Result<SessionRow, StoreError> {
    let row = Reader::new(row, TABLE);
    Ok(SessionRow {
        id_hash: row.text("id_hash")?,
        token_id: row.id("token_id")?,
        created_at: row.time("created_at")?,
        last_seen_at: row.time("last_seen_at")?,
        expires_at: row.time("expires_at")?,
        user_agent: row.value("user_agent")?,
    })
}
