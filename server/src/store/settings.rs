//! Single values of this installation, by name.

use super::sql::Reader;
use super::{Store, StoreError};

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
        sqlx::query(
            "INSERT INTO setting (name, value) VALUES ($1, $2) ON CONFLICT (name) DO UPDATE SET value = excluded.value",
        )
        .bind(name)
        .bind(value)
        .execute(&self.store.write)
        .await?;
        Ok(())
    }

    /// Writes a value unless there is one, and returns the stored value. Two processes that start at once both get the
    /// same.
    ///
    /// # Errors
    /// Database errors.
    pub async fn put_if_absent(&self, name: &str, value: &str) -> Result<String, StoreError> {
        let row = sqlx::query(
            "INSERT INTO setting (name, value) VALUES ($1, $2) ON CONFLICT (name) DO UPDATE SET value = setting.value RETURNING value",
        )
        .bind(name)
        .bind(value)
        .fetch_one(&self.store.write)
        .await?;
        Reader::new(&row, "setting").text("value")
    }
}
