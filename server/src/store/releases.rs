//! Which releases share a database (docs/decisions/rolling-upgrade.md).
//!
//! Migrations only add, and say in the setting [`OLDEST`] which release may still run on what they leave. So a server that
//! finds migrations of a later release starts if it is not older than that, and takes nothing back.

use semver::Version;
use sqlx::AnyConnection;

use super::sql::Reader;
use super::{Store, StoreError};

/// The release of this program.
pub(super) const RELEASE: &str = env!("CARGO_PKG_VERSION");
/// The setting that has the oldest release that may run on the tables. Migrations write it.
const OLDEST: &str = "oldest_release";
/// The setting that has the newest release that has seeded its types.
const NEWEST: &str = "newest_release";

impl Store {
    /// Returns the newest migration of a later release, if there is one: then this server runs beside that release, or
    /// after it.
    pub fn later_migration(&self) -> Option<i64> {
        self.later_migration
    }

    /// Returns the release that has seeded its types, if it is later than this one.
    ///
    /// # Errors
    /// Database errors.
    pub async fn later_release(&self) -> Result<Option<String>, StoreError> {
        let newest = self.settings().get(NEWEST).await?;
        Ok(newest.filter(|newest| is_later(newest, RELEASE)))
    }

    /// Says that this release has seeded its types.
    ///
    /// # Errors
    /// Database errors.
    pub async fn note_release(&self) -> Result<(), StoreError> {
        // It is no decision of anybody, so the audit trail has no entry of it.
        sqlx::query(
            "INSERT INTO setting (name, value) VALUES ($1, $2) ON CONFLICT (name) DO UPDATE SET value = excluded.value \
             WHERE setting.value <> excluded.value",
        )
        .bind(NEWEST)
        .bind(RELEASE)
        .execute(&self.write)
        .await?;
        Ok(())
    }

    /// Returns the releases of other living servers that are not this one, each once.
    ///
    /// # Errors
    /// Database errors.
    pub async fn other_releases(&self) -> Result<Vec<String>, StoreError> {
        let living = self.replicas().living().await?;
        let mut others: Vec<String> =
            living.into_iter().map(|(server, _)| server.release).filter(|release| release != RELEASE).collect();
        others.sort();
        others.dedup();
        Ok(others)
    }
}

/// Reads the oldest release that may run on the tables; `None` if they do not say it.
pub(super) async fn oldest(connection: &mut AnyConnection) -> Option<String> {
    let row = sqlx::query("SELECT value FROM setting WHERE name = $1").bind(OLDEST).fetch_optional(connection).await;
    row.ok().flatten().and_then(|row| Reader::new(&row, "setting").text("value").ok())
}

/// Returns whether this release may run on tables that say so of the oldest one.
pub(super) fn may_run_on(oldest: &str) -> bool {
    Version::parse(oldest).is_ok() && !is_later(oldest, RELEASE)
}

/// Returns whether a release is later than another one. A text that is no version is not.
fn is_later(one: &str, other: &str) -> bool {
    matches!((Version::parse(one), Version::parse(other)), (Ok(one), Ok(other)) if one > other)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn releases_are_compared_as_versions() {
        for oldest in ["0.0.9", "0.1.0-rc.1", RELEASE] {
            assert!(may_run_on(oldest), "{oldest}");
        }
        for oldest in ["99.0.0", "0.99.0", "", "new"] {
            assert!(!may_run_on(oldest), "{oldest}");
        }
        assert!(is_later("0.10.0", "0.9.0") && !is_later("0.9.0", "0.10.0") && !is_later("?", "0.1.0"));
    }
}
