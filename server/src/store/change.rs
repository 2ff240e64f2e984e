//! The transaction of every write to connectors, types, secrets and tokens: it writes the audit trail ([`super::audit`])
//! and raises the counter that other servers read; after the commit it notifies the subscribers in this process
//! ([`crate::changes`]).

use std::ops::{Deref, DerefMut};

use uuid::Uuid;

use super::audit::{Detail, NewEntry, Trail};
use super::connection::{DatabaseConnection, DatabaseTransaction};
use super::migrate::Dialect;
use super::{Author, Store, StoreError, change_log};
use crate::changes::{Action, Change, ChangeFeed, Subject};

/// A transaction whose writes are announced to other servers and to subscribers.
pub(super) struct ChangeTransaction {
    transaction: DatabaseTransaction,
    told: Told,
}

/// What a write changes. Dropping it notifies the subscribers, if the commit may have succeeded.
struct Told {
    changes: ChangeFeed,
    dialect: Dialect,
    replica: Uuid,
    noted: Vec<(Subject, Action)>,
    trail: Trail,
    outcome: Outcome,
}

/// The state of a commit.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Outcome {
    /// The commit was not requested: the transaction is rolled back.
    None,
    /// The commit was requested, and no answer arrived.
    Unknown,
    Committed,
}

impl Store {
    /// Begins a transaction that changes connectors, types, secrets or tokens.
    pub(super) async fn begin_change(&self) -> Result<ChangeTransaction, StoreError> {
        let trail = Trail::of(&self.author);
        let (changes, dialect, replica) = (self.changes.clone(), self.dialect, self.id);
        let told = Told { changes, dialect, replica, noted: Vec::new(), trail, outcome: Outcome::None };
        Ok(ChangeTransaction { transaction: self.begin().await?, told })
    }
}

impl ChangeTransaction {
    /// Records a change that the transaction makes; `detail` is what the audit trail shows of it.
    pub(super) fn note(&mut self, subject: Subject, action: Action, detail: Detail) {
        self.trail(NewEntry::of(&subject, action, detail));
        self.tell(subject, action);
    }

    /// Returns whom the trail names for the change.
    pub(super) fn author(&self) -> &Author {
        self.told.trail.author()
    }

    /// Records a change for the subscribers alone, if the trail has its parts.
    pub(super) fn tell(&mut self, subject: Subject, action: Action) {
        self.told.noted.push((subject, action));
    }

    /// Records a change for the trail alone, if subscribers learn of it otherwise or need not.
    pub(super) fn trail(&mut self, entry: NewEntry) {
        self.told.trail.push(entry);
    }

    /// Writes the trail, raises the counter, commits, and notifies the subscribers. They are notified also if the commit's answer is
    /// lost, because the write may have succeeded. If no change was recorded, the counter stays and nobody is notified.
    ///
    /// # Errors
    /// Database errors.
    pub(super) async fn commit(self) -> Result<(), StoreError> {
        let Self { mut transaction, mut told } = self;
        told.trail.write(&mut transaction).await?;
        if !told.noted.is_empty() {
            // The last statements: on PostgreSQL other writers wait for this row until the commit.
            match told.dialect {
                Dialect::Sqlite => {
                    sqlx::query("UPDATE change SET counter = counter + 1").execute(&mut *transaction).await?;
                }
                Dialect::Postgres => change_log::write(&mut transaction, told.replica, &told.noted).await?,
            }
        }
        told.outcome = Outcome::Unknown;
        transaction.commit().await?;
        told.outcome = Outcome::Committed;
        Ok(())
    }
}

impl Drop for Told {
    fn drop(&mut self) {
        if self.outcome == Outcome::None {
            return;
        }
        let certain = self.outcome == Outcome::Committed;
        self.trail.log(certain);
        for (subject, action) in self.noted.drain(..) {
            self.changes.publish(&Change { subject, action, certain });
        }
    }
}

impl Deref for ChangeTransaction {
    type Target = DatabaseConnection;

    fn deref(&self) -> &DatabaseConnection {
        &self.transaction
    }
}

impl DerefMut for ChangeTransaction {
    fn deref_mut(&mut self) -> &mut DatabaseConnection {
        &mut self.transaction
    }
}
