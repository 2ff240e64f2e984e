//! Drafts of the web pages, and of programs that make something in several calls, as rows. Their content is sealed; [`crate::drafts`] seals it and decides who may keep how much.

use jiff::Timestamp;
use sqlx::any::AnyRow;
use uuid::Uuid;

use super::connection::{DatabaseConnection, DatabaseTransaction};
use super::error::Entity;
use super::migrate::Dialect;
use super::sql::Reader;
use super::{Store, StoreError};

const TABLE: &str = "ui_draft";

/// A draft as it is stored. `Debug` omits its content.
#[derive(Clone, PartialEq, Eq)]
pub struct DraftRow {
    /// What is known of it without its content.
    pub head: DraftHead,
    /// The content, sealed for table `ui_draft`, row = its id, field `sealed`; empty once it was used.
    pub sealed: String,
}

impl std::fmt::Debug for DraftRow {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("DraftRow").field("head", &self.head).finish_non_exhaustive()
    }
}

/// A draft without its content.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DraftHead {
    /// Its id.
    pub id: Uuid,
    /// The form that it belongs to.
    pub kind: String,
    /// Increases with every save.
    pub revision: i64,
    /// The bytes of its content; none once it was used.
    pub bytes: u64,
    /// What it made, once it was used.
    pub result: Option<String>,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it was last saved or used.
    pub updated_at: Timestamp,
}

/// How much a token may keep.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DraftLimits {
    /// The maximum number of drafts that were not used.
    pub drafts: u64,
    /// The maximum number of bytes of their contents.
    pub bytes: u64,
}

/// How much a token keeps.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct DraftSums {
    /// The number of its drafts that were not used.
    pub drafts: u64,
    /// The bytes of their contents.
    pub bytes: u64,
}

/// Names the state of a draft that a write uses up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DraftUse {
    /// The token that the draft belongs to.
    pub token_id: Uuid,
    /// Its id.
    pub id: Uuid,
    /// The revision that was read.
    pub revision: i64,
}

/// The drafts of a [`Store`].
#[derive(Debug, Clone, Copy)]
pub struct Drafts<'s> {
    store: &'s Store,
}

impl Store {
    /// Drafts of the web pages.
    pub fn drafts(&self) -> Drafts<'_> {
        Drafts { store: self }
    }
}

impl Drafts<'_> {
    /// Stores a new draft of a token.
    ///
    /// # Errors
    /// [`StoreError::TooManyDrafts`] if the token would keep too much; [`StoreError::NotFound`] if the token is gone.
    pub async fn create(&self, token_id: Uuid, row: &DraftRow, limits: DraftLimits) -> Result<(), StoreError> {
        let DraftRow { head, sealed } = row;
        let mut transaction = self.begin_of(token_id).await?;
        let more = DraftSums { drafts: 1, bytes: head.bytes };
        check_room(&mut transaction, token_id, None, more, limits).await?;
        sqlx::query(
            "INSERT INTO ui_draft (id, token_id, kind, revision, sealed, bytes, created_at, updated_at) \
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8)",
        )
        .bind(head.id.to_string())
        .bind(token_id.to_string())
        .bind(head.kind.as_str())
        .bind(head.revision)
        .bind(sealed.as_str())
        .bind(i64::try_from(head.bytes).unwrap_or(i64::MAX))
        .bind(head.created_at.as_millisecond())
        .bind(head.updated_at.as_millisecond())
        .execute(&mut *transaction)
        .await?;
        Ok(transaction.commit().await?)
    }

    /// Finds a draft of a token that was saved or used after a time.
    ///
    /// # Errors
    /// [`StoreError::NotFound`].
    pub async fn get(&self, token_id: Uuid, id: Uuid, after: Timestamp) -> Result<DraftRow, StoreError> {
        let row = sqlx::query(
            "SELECT id, kind, revision, bytes, result, created_at, updated_at, sealed FROM ui_draft \
             WHERE id = $1 AND token_id = $2 AND updated_at > $3",
        )
        .bind(id.to_string())
        .bind(token_id.to_string())
        .bind(after.as_millisecond())
        .fetch_optional(&self.store.read)
        .await?
        .ok_or_else(|| not_found(id))?;
        Ok(DraftRow { head: head(&row)?, sealed: Reader::new(&row, TABLE).text("sealed")? })
    }

    /// Lists the drafts of a token that were not used and were saved after a time, the last saved first.
    ///
    /// # Errors
    /// Database errors.
    pub async fn list(&self, token_id: Uuid, after: Timestamp) -> Result<Vec<DraftHead>, StoreError> {
        let rows = sqlx::query(
            "SELECT id, kind, revision, bytes, result, created_at, updated_at FROM ui_draft \
             WHERE token_id = $1 AND updated_at > $2 AND result IS NULL ORDER BY updated_at DESC, id DESC",
        )
        .bind(token_id.to_string())
        .bind(after.as_millisecond())
        .fetch_all(&self.store.read)
        .await?;
        rows.iter().map(head).collect()
    }

    /// Replaces the content of a draft; returns its new revision.
    ///
    /// # Errors
    /// [`StoreError::Stale`] if it was saved since that revision, [`StoreError::DraftUsed`] if it was used,
    /// [`StoreError::NotFound`] if it is gone, [`StoreError::TooManyDrafts`] if the token would keep too much.
    pub async fn save(
        &self,
        draft: &DraftUse,
        sealed: &str,
        bytes: u64,
        limits: DraftLimits,
        now: Timestamp,
    ) -> Result<i64, StoreError> {
        let mut transaction = self.begin_of(draft.token_id).await?;
        let more = DraftSums { drafts: 0, bytes };
        check_room(&mut transaction, draft.token_id, Some(draft.id), more, limits).await?;
        let saved = sqlx::query(
            "UPDATE ui_draft SET sealed = $4, bytes = $5, updated_at = $6, revision = revision + 1 \
             WHERE id = $1 AND token_id = $2 AND revision = $3 AND result IS NULL",
        )
        .bind(draft.id.to_string())
        .bind(draft.token_id.to_string())
        .bind(draft.revision)
        .bind(sealed)
        .bind(i64::try_from(bytes).unwrap_or(i64::MAX))
        .bind(now.as_millisecond())
        .execute(&mut *transaction)
        .await?;
        if saved.rows_affected() == 0 {
            return Err(why_not(&mut transaction, draft).await?);
        }
        transaction.commit().await?;
        Ok(draft.revision + 1)
    }

    /// Uses a draft up for something that no transaction of the store makes; `result` says what.
    ///
    /// # Errors
    /// [`StoreError::DraftUsed`], [`StoreError::Stale`], [`StoreError::NotFound`].
    pub async fn take(&self, draft: &DraftUse, result: &str, now: Timestamp) -> Result<(), StoreError> {
        let mut transaction = self.store.begin().await?;
        take(&mut transaction, draft, result, now).await?;
        Ok(transaction.commit().await?)
    }

    /// Removes a draft; returns whether it was there.
    ///
    /// # Errors
    /// Database errors.
    pub async fn delete(&self, token_id: Uuid, id: Uuid) -> Result<bool, StoreError> {
        let deleted = sqlx::query("DELETE FROM ui_draft WHERE id = $1 AND token_id = $2")
            .bind(id.to_string())
            .bind(token_id.to_string())
            .execute(&self.store.write)
            .await?;
        Ok(deleted.rows_affected() > 0)
    }

    /// Removes the drafts that were last saved or used by a time; returns how many.
    ///
    /// # Errors
    /// Database errors.
    pub async fn purge(&self, until: Timestamp) -> Result<u64, StoreError> {
        let purged = sqlx::query("DELETE FROM ui_draft WHERE updated_at <= $1")
            .bind(until.as_millisecond())
            .execute(&self.store.write)
            .await?;
        Ok(purged.rows_affected())
    }

    /// Wipes the drafts of a kind that were last saved by a time and not used; `result` says so, until they are purged. Returns
    /// how many.
    ///
    /// # Errors
    /// Database errors.
    pub async fn end(&self, kind: &str, until: Timestamp, result: &str) -> Result<u64, StoreError> {
        let ended = sqlx::query(
            "UPDATE ui_draft SET sealed = '', bytes = 0, result = $3 \
             WHERE kind = $1 AND updated_at <= $2 AND result IS NULL",
        )
        .bind(kind)
        .bind(until.as_millisecond())
        .bind(result)
        .execute(&self.store.write)
        .await?;
        Ok(ended.rows_affected())
    }

    /// Begins a transaction in which nobody else adds to the drafts of a token.
    async fn begin_of(&self, token_id: Uuid) -> Result<DatabaseTransaction, StoreError> {
        let mut transaction = self.store.begin().await?;
        // SQLite has one writer anyway.
        let lock = match self.store.dialect {
            Dialect::Sqlite => "SELECT id FROM token WHERE id = $1",
            Dialect::Postgres => "SELECT id FROM token WHERE id = $1 FOR UPDATE",
        };
        let token = sqlx::query(lock).bind(token_id.to_string()).fetch_optional(&mut *transaction).await?;
        match token {
            Some(_) => Ok(transaction),
            None => Err(StoreError::NotFound { entity: Entity::Token, key: token_id.to_string() }),
        }
    }
}

/// Uses a draft up in the transaction of what it is used for: its content goes, and `result` stays until it is purged.
///
/// # Errors
/// [`StoreError::DraftUsed`] with the result of the use before; [`StoreError::Stale`]; [`StoreError::NotFound`].
pub(super) async fn take(
    connection: &mut DatabaseConnection,
    draft: &DraftUse,
    result: &str,
    now: Timestamp,
) -> Result<(), StoreError> {
    let taken = sqlx::query(
        "UPDATE ui_draft SET sealed = '', bytes = 0, result = $4, updated_at = $5 \
         WHERE id = $1 AND token_id = $2 AND revision = $3 AND result IS NULL",
    )
    .bind(draft.id.to_string())
    .bind(draft.token_id.to_string())
    .bind(draft.revision)
    .bind(result)
    .bind(now.as_millisecond())
    .execute(&mut *connection)
    .await?;
    if taken.rows_affected() == 1 { Ok(()) } else { Err(why_not(connection, draft).await?) }
}

/// Returns why a draft could not be written.
async fn why_not(connection: &mut DatabaseConnection, draft: &DraftUse) -> Result<StoreError, StoreError> {
    let row = sqlx::query("SELECT result FROM ui_draft WHERE id = $1 AND token_id = $2")
        .bind(draft.id.to_string())
        .bind(draft.token_id.to_string())
        .fetch_optional(connection)
        .await?;
    let Some(row) = row else { return Ok(not_found(draft.id)) };
    Ok(match Reader::new(&row, TABLE).value::<Option<String>>("result")? {
        Some(result) => StoreError::DraftUsed { result },
        None => StoreError::Stale { entity: Entity::Draft, revision: draft.revision },
    })
}

/// Refuses what would be more than a token may keep; `but` is the draft that is replaced.
async fn check_room(
    connection: &mut DatabaseConnection,
    token_id: Uuid,
    but: Option<Uuid>,
    more: DraftSums,
    limits: DraftLimits,
) -> Result<(), StoreError> {
    let row = sqlx::query(
        "SELECT COUNT(*) AS drafts, CAST(COALESCE(SUM(bytes), 0) AS BIGINT) AS bytes FROM ui_draft \
         WHERE token_id = $1 AND result IS NULL AND id <> $2",
    )
    .bind(token_id.to_string())
    .bind(but.map(|id| id.to_string()).unwrap_or_default())
    .fetch_one(connection)
    .await?;
    let row = Reader::new(&row, TABLE);
    let sum = |column| Ok::<_, StoreError>(u64::try_from(row.value::<i64>(column)?).unwrap_or_default());
    let kept = DraftSums { drafts: sum("drafts")?, bytes: sum("bytes")? };
    if kept.drafts + more.drafts > limits.drafts || kept.bytes.saturating_add(more.bytes) > limits.bytes {
        return Err(StoreError::TooManyDrafts { kept, more });
    }
    Ok(())
}

fn not_found(id: Uuid) -> StoreError {
    StoreError::NotFound { entity: Entity::Draft, key: id.to_string() }
}

fn head(row: &AnyRow) -> Result<DraftHead, StoreError> {
    let row = Reader::new(row, TABLE);
    Ok(DraftHead {
        id: row.id("id")?,
        kind: row.text("kind")?,
        revision: row.value("revision")?,
        bytes: u64::try_from(row.value::<i64>("bytes")?).unwrap_or_default(),
        result: row.value("result")?,
        created_at: row.time("created_at")?,
        updated_at: row.time("updated_at")?,
    })
}
