//! The tokens that servers took from their environments (`FLOH_ADMIN_TOKEN`).
//!
//! Servers on one database may have different ones, and all of them work. Each server names its own beside its lease; one
//! that no living server names any more is removed, because its environment has another one now, or is gone.

use uuid::Uuid;

use super::change::ChangeTransaction;
use super::migrate::Dialect;
use super::sql::{Reader, Statement};
use super::tokens::{COLUMNS, TABLE, Tokens, from_row, insert, note_deleted};
use super::{NewTokenRow, StoreError};

impl Tokens<'_> {
    /// Finds the token of an environment by its hash.
    ///
    /// # Errors
    /// Database errors.
    pub async fn of_environment(&self, hash: &str) -> Result<Option<Uuid>, StoreError> {
        let mut statement = Statement::new("SELECT id FROM token WHERE environment = 1 AND hash = ");
        statement.bind(hash);
        let found = statement.query().fetch_optional(&self.store.read).await?;
        found.map(|row| Reader::new(&row, TABLE).id("id")).transpose()
    }

    /// Says that this server has a token in its environment, stores the token unless it is there, and removes those of
    /// environments that no living server has; returns the token's id. Nothing is written if nothing has changed.
    ///
    /// # Errors
    /// Database errors; then nothing is changed.
    pub async fn use_environment(&self, token: NewTokenRow) -> Result<Uuid, StoreError> {
        if let Some(id) = self.of_environment(&token.hash).await?
            && self.is_settled(id).await?
        {
            return Ok(id);
        }
        let mut transaction = self.store.begin_change().await?;
        if self.store.dialect == Dialect::Postgres {
            // Two servers that start with one new token make one row.
            sqlx::query("LOCK TABLE token IN SHARE ROW EXCLUSIVE MODE").execute(&mut *transaction).await?;
        }
        let mut known = Statement::new("SELECT id FROM token WHERE environment = 1 AND hash = ");
        known.bind(token.hash.as_str());
        let id = match known.query().fetch_optional(&mut *transaction).await? {
            Some(row) => Reader::new(&row, TABLE).id("id")?,
            None => {
                let id = insert(&mut transaction, token).await?.token.id;
                let mark = sqlx::query("UPDATE token SET environment = 1 WHERE id = $1").bind(id.to_string());
                mark.execute(&mut *transaction).await?;
                id
            }
        };
        sqlx::query("UPDATE replica SET environment_token = $1 WHERE id = $2")
            .bind(id.to_string())
            .bind(self.store.id.to_string())
            .execute(&mut *transaction)
            .await?;
        self.remove_unused(&mut transaction, id).await?;
        transaction.commit().await?;
        Ok(id)
    }

    /// Returns whether this server has said that the token is its own, and no other one is to be removed.
    async fn is_settled(&self, id: Uuid) -> Result<bool, StoreError> {
        let mut statement = Statement::new("SELECT 1 AS one FROM replica WHERE id = ");
        statement.bind(self.store.id.to_string()).push(" AND environment_token = ").bind(id.to_string());
        statement.push(" AND NOT EXISTS (SELECT 1 FROM token WHERE ");
        self.push_unused(&mut statement, id);
        statement.push(")");
        Ok(statement.query().fetch_optional(&self.store.read).await?.is_some())
    }

    async fn remove_unused(&self, transaction: &mut ChangeTransaction, own: Uuid) -> Result<(), StoreError> {
        let mut removal = Statement::new("DELETE FROM token WHERE ");
        self.push_unused(&mut removal, own);
        removal.push(" RETURNING ").push(COLUMNS);
        for row in removal.query().fetch_all(&mut **transaction).await? {
            note_deleted(transaction, &from_row(&row)?.token);
        }
        Ok(())
    }

    /// Writes the condition that a token is of an environment and that no living server, nor this one, has it.
    fn push_unused(&self, statement: &mut Statement, own: Uuid) {
        statement.push("token.environment = 1 AND token.id <> ").bind(own.to_string());
        statement.push(" AND NOT EXISTS (SELECT 1 FROM replica AS living WHERE living.environment_token = token.id AND living.id <> ");
        statement.bind(self.store.id.to_string()).push(" AND living.lease_until > ");
        statement.push(self.store.dialect.clock()).push(")");
    }
}
