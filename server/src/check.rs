//! Checks an installation without changing it: the database is sound and of this release, the key fits, every secret opens.
//! Works beside a running server.

use std::collections::BTreeMap;

use crate::store::{OpenError, SealedCursor, Store, StoreError, migrations_of};
use crate::vault::{CHECK_SETTING, KeySource, UnlockError, Vault, open_batch, open_vault};

/// The maximum number of faults that are named.
pub const MAX_FAULTS: usize = 200;

/// Something that is wrong.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    /// What was checked.
    pub check: &'static str,
    /// What is wrong, and how to mend it.
    pub message: String,
}

/// What a check found.
#[derive(Debug, Default)]
pub struct Report {
    /// What was checked, in order, and what was found in a few words.
    pub checked: Vec<(&'static str, String)>,
    /// What is wrong; the first [`MAX_FAULTS`].
    pub faults: Vec<Fault>,
    /// How many faults there are in all.
    pub fault_count: usize,
    /// The number of rows of each table.
    pub rows: BTreeMap<String, u64>,
    /// The bytes of the database.
    pub bytes: u64,
    /// How many of these bytes are free.
    pub free_bytes: u64,
}

impl Report {
    fn fault(&mut self, check: &'static str, message: impl std::fmt::Display) {
        self.fault_count += 1;
        if self.faults.len() < MAX_FAULTS {
            self.faults.push(Fault { check, message: message.to_string() });
        }
    }

    fn passed(&mut self, check: &'static str, found: impl std::fmt::Display) {
        self.checked.push((check, found.to_string()));
    }
}

/// Checks a database and its key. What cannot be looked at is a fault, too, so there is always a report.
pub async fn check(database_url: &str, keys: &KeySource) -> Report {
    let mut report = Report::default();
    let migrations = match migrations_of(database_url).await {
        Ok(migrations) => migrations,
        Err(error) => {
            report.fault("database", error);
            return report;
        }
    };
    let known = migrations.known;
    match migrations.found {
        None => report.fault("database", "no server has made tables in it: this is not the database of a server"),
        Some(found) if found > known => {
            report.fault("migrations", OpenError::NewerSchema { found, known, oldest: None });
        }
        Some(found) if found < known => report.fault(
            "migrations",
            format_args!("the database has migration {found} and this release {known}: start the server of this release once, or check with the older one"),
        ),
        Some(found) => report.passed("migrations", found),
    }
    if report.fault_count > 0 {
        return report;
    }
    let store = match Store::open(database_url).await {
        Ok(store) => store,
        Err(error) => {
            report.fault("database", error);
            return report;
        }
    };
    if let Err(error) = look(&store, keys, &mut report).await {
        report.fault("database", error);
    }
    store.close().await;
    report
}

async fn look(store: &Store, keys: &KeySource, report: &mut Report) -> Result<(), StoreError> {
    let unsound = store.unsound().await?;
    match unsound.len() {
        0 if store.is_sqlite() => report.passed("integrity", "every page, index and reference"),
        0 => report.passed("integrity", "left to PostgreSQL (pg_amcheck)"),
        _ => {}
    }
    for fault in unsound {
        report.fault("integrity", format_args!("{fault}; restore a backup"));
    }
    match open_vault(store, keys).await {
        Ok((loaded, vault)) => {
            report.passed("key", loaded.primary_id());
            secrets(store, &vault, report).await?;
        }
        Err(UnlockError::Damaged) if store.settings().get(CHECK_SETTING).await?.is_none() => {
            report.fault("key", "no server has sealed anything in the database: it has never been started");
        }
        Err(error) => report.fault("key", error),
    }
    report.rows = store.rows().await?;
    (report.bytes, report.free_bytes) = store.bytes().await?;
    Ok(())
}

async fn secrets(store: &Store, vault: &Vault, report: &mut Report) -> Result<(), StoreError> {
    let (mut cursor, mut opened) = (SealedCursor::default(), 0_usize);
    loop {
        let batch = store.sealed().next(&mut cursor, None).await?;
        if batch.is_empty() {
            break;
        }
        let faults = open_batch(vault, &batch);
        opened += batch.len() - faults.len();
        for fault in faults {
            report.fault("secrets", format_args!("{fault}; set it again"));
        }
    }
    report.passed("secrets", format_args!("{opened} open"));
    Ok(())
}
