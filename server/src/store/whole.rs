//! The database as a whole: its tables and their rows, its file, its soundness. For backups and checks, which work beside a
//! running server and change nothing.

use std::collections::BTreeMap;
use std::path::Path;

use sqlx::any::AnyConnectOptions;
use sqlx::{AssertSqlSafe, ConnectOptions as _, Connection as _};

use super::checkpoint::check_log;
use super::connection::{DatabaseConnection, DatabaseTransaction};
use super::migrate::{Dialect, newest};
use super::sql::Reader;
use super::url::{Target, sqlite_url};
use super::{OpenError, Store, StoreError};

/// The maximum number of faults that one check of the database names.
const MAX_FAULTS: i64 = 100;
/// The maximum number of bytes of a fault that SQLite tells.
const MAX_FAULT_BYTES: usize = 300;

/// What a database says of itself before anything else is asked of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Migrations {
    /// The newest migration in it; `None` if it is not a database of a server.
    pub found: Option<i64>,
    /// The newest that this release knows.
    pub known: i64,
}

/// A state of a PostgreSQL database that other connections can read too, as long as this exists.
#[derive(Debug)]
pub struct ExportedSnapshot {
    transaction: DatabaseTransaction,
    /// Its name, for `pg_dump --snapshot`.
    pub name: String,
}

impl ExportedSnapshot {
    /// Counts the rows of each table in this state.
    ///
    /// # Errors
    /// Database errors.
    pub async fn rows(&mut self) -> Result<BTreeMap<String, u64>, StoreError> {
        rows(&mut self.transaction, Dialect::Postgres).await
    }
}

/// Reads which migrations a database has. Nothing is created or migrated.
///
/// # Errors
/// If the database is not there or cannot be read, or lacks its write-ahead log.
pub async fn migrations_of(url: &str) -> Result<Migrations, OpenError> {
    super::open::install_drivers();
    let target = Target::parse(url)?;
    if let Target::Sqlite { path } = &target {
        check_log(path).await?;
    }
    let unreachable =
        |error: sqlx::Error| OpenError::Unreachable { target: target.to_string(), reason: error.to_string() };
    let options: AnyConnectOptions = target.driver_url().parse().map_err(unreachable)?;
    let mut connection = options.disable_statement_logging().connect().await.map_err(unreachable)?;
    let found = sqlx::query("SELECT MAX(version) AS version FROM _sqlx_migrations").fetch_one(&mut connection).await;
    if matches!(target, Target::Sqlite { .. }) {
        super::checkpoint::settle(&mut connection).await;
    }
    connection.close().await.map_err(unreachable)?;
    let found = match found {
        Ok(row) => Reader::new(&row, "_sqlx_migrations").value("version").unwrap_or_default(),
        // There is no such table. What is not a database at all says so here, too.
        Err(error) if error.as_database_error().is_some_and(|error| error.message().contains("_sqlx_migrations")) => {
            None
        }
        Err(error) => return Err(unreachable(error)),
    };
    Ok(Migrations { found, known: newest() })
}

/// Reads a value of the installation from a SQLite file that nobody uses, without changing it.
///
/// # Errors
/// If it cannot be read.
pub async fn setting_of_file(file: &Path, name: &str) -> Result<Option<String>, StoreError> {
    super::open::install_drivers();
    let options: AnyConnectOptions = format!("{}?mode=ro&immutable=true", sqlite_url(file)).parse()?;
    let mut connection = options.disable_statement_logging().connect().await?;
    let row = sqlx::query("SELECT value FROM setting WHERE name = $1").bind(name).fetch_optional(&mut connection).await;
    connection.close().await?;
    row?.map(|row| Reader::new(&row, "setting").text("value")).transpose()
}

impl Store {
    /// Counts the rows of each table.
    ///
    /// # Errors
    /// Database errors.
    pub async fn rows(&self) -> Result<BTreeMap<String, u64>, StoreError> {
        let mut snapshot = self.snapshot().await?;
        rows(&mut snapshot, self.dialect).await
    }

    /// Writes the database, as it is at one moment, into an empty file. Writers go on meanwhile. SQLite only.
    ///
    /// # Errors
    /// Database errors, and no room.
    pub async fn copy_into(&self, file: &Path) -> Result<(), StoreError> {
        let path = file.to_string_lossy().into_owned();
        // A connection of its own: the readers of a store may not write, and the writer has other work.
        let Some(own) = &self.file else { return Ok(()) };
        let options: AnyConnectOptions = format!("{}?mode=rw&cache=private", sqlite_url(own)).parse()?;
        let mut connection = options.disable_statement_logging().connect().await?;
        let copied = sqlx::query("VACUUM INTO $1").bind(path).execute(&mut connection).await;
        connection.close().await?;
        Ok(copied.map(drop)?)
    }

    /// Holds a state of a PostgreSQL database, so that `pg_dump` writes what is counted here.
    ///
    /// # Errors
    /// Database errors.
    pub async fn export_snapshot(&self) -> Result<ExportedSnapshot, StoreError> {
        let mut transaction = self.snapshot().await?;
        let row = sqlx::query("SELECT pg_export_snapshot() AS name").fetch_one(&mut *transaction).await?;
        let name = Reader::new(&row, "snapshot").text("name")?;
        Ok(ExportedSnapshot { transaction, name })
    }

    /// Has SQLite read every page and every index, and returns what is wrong. PostgreSQL has no such check; nothing is
    /// wrong there.
    ///
    /// # Errors
    /// Database errors.
    pub async fn unsound(&self) -> Result<Vec<String>, StoreError> {
        if self.dialect == Dialect::Postgres {
            return Ok(Vec::new());
        }
        let rows = sqlx::query("PRAGMA integrity_check(100)").fetch_all(&self.read).await?;
        let mut faults = Vec::new();
        for row in &rows {
            let mut text = Reader::new(row, "integrity_check").text("integrity_check")?;
            text.truncate(text.floor_char_boundary(MAX_FAULT_BYTES));
            if text != "ok" {
                faults.push(text);
            }
        }
        for row in sqlx::query("PRAGMA foreign_key_check").fetch_all(&self.read).await?.iter().take(100) {
            let row = Reader::new(row, "foreign_key_check");
            let (table, parent) = (row.text("table")?, row.text("parent")?);
            faults.push(format!("a row of {table} refers to a row of {parent} that is not there"));
        }
        debug_assert!(i64::try_from(faults.len()).is_ok_and(|count| count <= 2 * MAX_FAULTS));
        Ok(faults)
    }

    /// Returns how many bytes the database takes, and how many of them are free.
    ///
    /// # Errors
    /// Database errors.
    pub async fn bytes(&self) -> Result<(u64, u64), StoreError> {
        let sql = match self.dialect {
            Dialect::Sqlite => {
                "SELECT page_count * page_size AS bytes, freelist_count * page_size AS free \
                 FROM pragma_page_count(), pragma_page_size(), pragma_freelist_count()"
            }
            Dialect::Postgres => "SELECT pg_database_size(current_database()) AS bytes, CAST(0 AS BIGINT) AS free",
        };
        let row = sqlx::query(sql).fetch_one(&self.read).await?;
        let row = Reader::new(&row, "database");
        let number =
            |column| -> Result<u64, StoreError> { Ok(u64::try_from(row.value::<i64>(column)?).unwrap_or_default()) };
        Ok((number("bytes")?, number("free")?))
    }

    /// Returns whether this is SQLite.
    pub fn is_sqlite(&self) -> bool {
        self.dialect == Dialect::Sqlite
    }
}

async fn rows(connection: &mut DatabaseConnection, dialect: Dialect) -> Result<BTreeMap<String, u64>, StoreError> {
    let tables = match dialect {
        Dialect::Sqlite => {
            "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite~_%' ESCAPE '~'"
        }
        Dialect::Postgres => {
            "SELECT CAST(table_name AS TEXT) AS name FROM information_schema.tables \
             WHERE table_schema = current_schema() AND table_type = 'BASE TABLE'"
        }
    };
    let mut counted = BTreeMap::new();
    for row in sqlx::query(tables).fetch_all(&mut *connection).await? {
        let table = Reader::new(&row, "tables").text("name")?;
        // The name comes from the database's own catalogue.
        let count = AssertSqlSafe(format!("SELECT COUNT(*) AS texts FROM \"{}\"", table.replace('"', "\"\"")));
        let row = sqlx::query(count).fetch_one(&mut *connection).await?;
        let rows: i64 = Reader::new(&row, "tables").value("texts")?;
        counted.insert(table, u64::try_from(rows).unwrap_or_default());
    }
    Ok(counted)
}
