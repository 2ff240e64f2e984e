//! Tokens as rows: what a token may do, and the SHA-256 of its text. [`crate::auth`] decides who may get one.

use jiff::Timestamp;
use sqlx::any::AnyRow;
use uuid::Uuid;

use super::audit::Detail;
use super::audit::detail::State;
use super::change::ChangeTransaction;
use super::error::Entity;
use super::sql::{Reader, Statement, json, now};
use super::{ConnectorBound, Page, PageRequest, Store, StoreError, TokenKind, page};
use crate::changes::{Action, Subject};

pub(super) const TABLE: &str = "token";
/// The columns of [`from_row`].
pub(super) const COLUMNS: &str =
    "id, name, kind, scopes, hash, agent_id, connector_names, created_at, expires_at, last_used_at";
const SELECT: &str = "SELECT id, name, kind, scopes, hash, agent_id, connector_names, created_at, expires_at, last_used_at FROM token WHERE 1 = 1";

/// A token to be stored. `Debug` omits its hash.
#[derive(Clone, PartialEq, Eq)]
pub struct NewTokenRow {
    /// Its id, part of its text.
    pub id: Uuid,
    /// The name that its owner chose.
    pub name: String,
    /// Its purpose.
    pub kind: TokenKind,
    /// Its scopes, by the names of the contract.
    pub scopes: Vec<String>,
    /// SHA-256 of its text, in hex.
    pub hash: String,
    /// The agent that it is bound to.
    pub agent_id: Option<String>,
    /// The connectors that the agent may serve, or that an api token is bound to; an empty list means all.
    pub connector_names: Vec<String>,
    /// When it expires.
    pub expires_at: Option<Timestamp>,
}

impl NewTokenRow {
    /// Returns which connectors it reaches; the ones of an agent are those that it may serve.
    pub fn bound(&self) -> ConnectorBound {
        match self.kind {
            TokenKind::Api => ConnectorBound::of_names(&self.connector_names),
            TokenKind::Agent => ConnectorBound::only(self.connector_names.iter().cloned()),
        }
    }
}

impl std::fmt::Debug for NewTokenRow {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("NewTokenRow")
            .field("id", &self.id)
            .field("name", &self.name)
            .field("kind", &self.kind)
            .field("scopes", &self.scopes)
            .field("agent_id", &self.agent_id)
            .field("connector_names", &self.connector_names)
            .field("expires_at", &self.expires_at)
            .finish_non_exhaustive()
    }
}

/// A token as it is stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TokenRow {
    /// The values that it was created with.
    pub token: NewTokenRow,
    /// When it was created.
    pub created_at: Timestamp,
    /// When it was last used; written with some delay.
    pub last_used_at: Option<Timestamp>,
}

/// The tokens of a [`Store`].
#[derive(Debug, Clone, Copy)]
pub struct Tokens<'s> {
    pub(super) store: &'s Store,
}

impl Tokens<'_> {
    /// Stores a token.
    ///
    /// # Errors
    /// Database errors.
    pub async fn create(&self, token: NewTokenRow) -> Result<TokenRow, StoreError> {
        let mut transaction = self.store.begin_change().await?;
        let row = insert(&mut transaction, token).await?;
        transaction.commit().await?;
        Ok(row)
    }

    /// Finds a token by id.
    ///
    /// # Errors
    /// Database errors.
    pub async fn find(&self, id: Uuid) -> Result<Option<TokenRow>, StoreError> {
        let mut statement = Statement::new(SELECT);
        statement.push(" AND id = ").bind(id.to_string());
        statement.query().fetch_optional(&self.store.read).await?.as_ref().map(from_row).transpose()
    }

    /// Lists tokens, newest first.
    ///
    /// # Errors
    /// [`StoreError::BadCursor`].
    pub async fn list(&self, page: &PageRequest) -> Result<Page<TokenRow>, StoreError> {
        let mut statement = Statement::new(SELECT);
        if let Some(id) = page.after('k')? {
            statement.push(" AND id < ").bind(id);
        }
        statement.push(" ORDER BY id DESC LIMIT ").bind(i64::from(page.limit()) + 1);
        let rows = statement.query().fetch_all(&self.store.read).await?;
        let items = rows.iter().map(from_row).collect::<Result<_, _>>()?;
        Ok(page::cut(items, page, 'k', |last: &TokenRow| last.token.id.to_string()))
    }

    /// Deletes a token.
    ///
    /// # Errors
    /// [`StoreError::NotFound`].
    pub async fn delete(&self, id: Uuid) -> Result<(), StoreError> {
        let mut transaction = self.store.begin_change().await?;
        let deleted = sqlx::query(
            "DELETE FROM token WHERE id = $1 RETURNING id, name, kind, scopes, hash, agent_id, connector_names, created_at, \
             expires_at, last_used_at",
        )
        .bind(id.to_string())
        .fetch_optional(&mut *transaction)
        .await?;
        let deleted = deleted.ok_or_else(|| StoreError::NotFound { entity: Entity::Token, key: id.to_string() })?;
        note_deleted(&mut transaction, &from_row(&deleted)?.token);
        transaction.commit().await
    }

    /// Returns whether there is an unexpired token with all scopes, for all connectors.
    ///
    /// # Errors
    /// Database errors.
    pub async fn has_admin(&self, now: Timestamp) -> Result<bool, StoreError> {
        let mut statement = Statement::new(SELECT);
        statement.push(" AND (expires_at IS NULL OR expires_at > ").bind(now.as_millisecond()).push(")");
        for row in statement.query().fetch_all(&self.store.read).await? {
            let token = from_row(&row)?.token;
            if token.connector_names.is_empty() && token.scopes.iter().any(|scope| scope == "admin") {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Returns whether there is a token, or ever was one that the audit trail remembers.
    ///
    /// # Errors
    /// Database errors.
    pub async fn any(&self) -> Result<bool, StoreError> {
        let found = sqlx::query("SELECT 1 FROM token UNION ALL SELECT 1 FROM audit WHERE subject = 'token' LIMIT 1")
            .fetch_optional(&self.store.read)
            .await?;
        Ok(found.is_some())
    }

    /// Writes when tokens were last used, in one transaction. Deleted tokens are skipped. Subscribers are not notified,
    /// because this does not change what a token may do.
    ///
    /// # Errors
    /// Database errors; then nothing is written.
    pub async fn touch(&self, used: &[(Uuid, Timestamp)]) -> Result<(), StoreError> {
        if used.is_empty() {
            return Ok(());
        }
        let mut transaction = self.store.begin().await?;
        for (id, at) in used {
            sqlx::query("UPDATE token SET last_used_at = $1 WHERE id = $2")
                .bind(at.as_millisecond())
                .bind(id.to_string())
                .execute(&mut *transaction)
                .await?;
        }
        transaction.commit().await?;
        Ok(())
    }
}

fn subject(token: &NewTokenRow) -> Subject {
    Subject::Token { id: token.id, name: token.name.clone() }
}

pub(super) fn note_deleted(transaction: &mut ChangeTransaction, token: &NewTokenRow) {
    transaction.note(subject(token), Action::Deleted, Detail::deleted(State::of_token(token)));
}

pub(super) async fn insert(transaction: &mut ChangeTransaction, token: NewTokenRow) -> Result<TokenRow, StoreError> {
    let created_at = now();
    sqlx::query(
        "INSERT INTO token (id, name, kind, scopes, hash, agent_id, connector_names, created_at, expires_at) \
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)",
    )
    .bind(token.id.to_string())
    .bind(token.name.as_str())
    .bind(token.kind.as_str())
    .bind(json(&token.scopes))
    .bind(token.hash.as_str())
    .bind(token.agent_id.as_deref())
    .bind(json(&token.connector_names))
    .bind(created_at.as_millisecond())
    .bind(token.expires_at.map(Timestamp::as_millisecond))
    .execute(&mut **transaction)
    .await
    .map_err(|error| if StoreError::is_unique_violation(&error) { StoreError::TokenMade } else { error.into() })?;
    transaction.note(subject(&token), Action::Created, Detail::created(State::of_token(&token)));
    Ok(TokenRow { token, created_at, last_used_at: None })
}

pub(super) fn from_row(row: &AnyRow) -> Result<TokenRow, StoreError> {
    let row = Reader::new(row, TABLE);
    Ok(TokenRow {
        token: NewTokenRow {
            id: row.id("id")?,
            name: row.text("name")?,
            kind: row.word("kind")?,
            scopes: row.json("scopes")?,
            hash: row.text("hash")?,
            agent_id: row.value("agent_id")?,
            connector_names: row.json("connector_names")?,
            expires_at: row.optional_time("expires_at")?,
        },
        created_at: row.time("created_at")?,
        last_used_at: row.optional_time("last_used_at")?,
    })
}
