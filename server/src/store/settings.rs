//! Single values of this installation, by name.

use super::audit::NewEntry;
use super::connection::DatabaseConnection;
use super::sql::Reader;
use super::{AuditAction, Store, StoreError};

/// The settings of a [`Store`].
#[derive(Debug, Clone, Copy)]
pub struct Settings<'s> {
    pub(super) store: &'s Store,
}

impl Settings<'_> {
    /// Reads a value.
    ///
    /// # Errors
    /// Database errors.
    pub async fn get(&self, name: &str) -> Result<Option<String>, StoreError> {
        let row = sqlx::query("SELECT value FROM setting WHERE name = $1")
            .bind(name)
            .fetch_optional(&self.store.read)
            .await?;
        row.map(|row| Reader::new(&row, "setting").text("value")).transpose()
    }

    /// Writes a value, replacing an existing one.
    ///
    /// # Errors
    /// Database errors.
    pub async fn put(&self, name: &str, value: &str) -> Result<(), StoreError> {
        let mut transaction = self.store.begin_change().await?;
        let before = read(&mut transaction, name).await?;
        if before.as_deref() == Some(value) {
            return Ok(());
        }
        sqlx::query(
            "INSERT INTO setting (name, value) VALUES ($1, $2) ON CONFLICT (name) DO UPDATE SET value = excluded.value",
        )
        .bind(name)
        .bind(value)
        .execute(&mut *transaction)
        .await?;
        let action = if before.is_some() { AuditAction::Changed } else { AuditAction::Created };
        transaction.trail(NewEntry::of_setting(name, action));
        transaction.commit().await
    }

    /// Writes a value unless there is one, and returns the stored value. Two processes that start at once both get the
    /// same.
    ///
    /// # Errors
    /// Database errors.
    pub async fn put_if_absent(&self, name: &str, value: &str) -> Result<String, StoreError> {
        let mut transaction = self.store.begin_change().await?;
        let written = sqlx::query("INSERT INTO setting (name, value) VALUES ($1, $2) ON CONFLICT (name) DO NOTHING")
            .bind(name)
            .bind(value)
            .execute(&mut *transaction)
            .await?;
        if written.rows_affected() > 0 {
            transaction.trail(NewEntry::of_setting(name, AuditAction::Created));
            transaction.commit().await?;
            return Ok(value.to_owned());
        }
        let stored = read(&mut transaction, name).await?;
        transaction.commit().await?;
        // Settings are never deleted while servers start, except for that of the environment's token.
        Ok(stored.unwrap_or_else(|| value.to_owned()))
    }
}

async fn read(connection: &mut DatabaseConnection, name: &str) -> Result<Option<String>, StoreError> {
    let row = sqlx::query("SELECT value FROM setting WHERE name = $1").bind(name).fetch_optional(connection).await?;
    row.map(|row| Reader::new(&row, "setting").text("value")).transpose()
}
