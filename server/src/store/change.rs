//! The transaction of every write to connectors, types, secrets and tokens: it raises the counter that tells other
//! servers of it, and after the commit tells this process ([`crate::changes`]).

use std::ops::{Deref, DerefMut};

use sqlx::{Any, AnyConnection, Transaction};

use super::{Store, StoreError};
use crate::changes::{Action, Change, ChangeFeed, Subject};

/// A transaction whose writes others have to hear of.
pub(super) struct ChangeTransaction {
    transaction: Transaction<'static, Any>,
    told: Told,
}

/// What a write changes; told to the subscribers when this is dropped, if the commit may have come through.
struct Told {
    changes: ChangeFeed,
    noted: Vec<(Subject, Action)>,
    outcome: Outcome,
}

/// How far a commit has come.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Outcome {
    /// It was not asked for: the transaction is rolled back.
    None,
    /// It was asked for, and no answer came.
    Unknown,
    Committed,
}

impl Store {
    /// Begins a transaction that changes connectors, types, secrets or tokens.
    pub(super) async fn begin_change(&self) -> Result<ChangeTransaction, StoreError> {
        let told = Told { changes: self.changes.clone(), noted: Vec::new(), outcome: Outcome::None };
        Ok(ChangeTransaction { transaction: self.begin().await?, told })
    }
}

impl ChangeTransaction {
    /// Notes what the transaction does.
    pub(super) fn note(&mut self, subject: Subject, action: Action) {
        self.told.noted.push((subject, action));
    }

    /// Raises the counter, commits, and tells the subscribers, who are also told where the commit's answer is lost:
    /// the write may be there. Where nothing was noted, nothing is raised or told.
    ///
    /// # Errors
    /// Those of the database.
    pub(super) async fn commit(self) -> Result<(), StoreError> {
        let Self { mut transaction, mut told } = self;
        if !told.noted.is_empty() {
            // The last statement: on PostgreSQL other writers wait for this row until the commit.
            sqlx::query("UPDATE change SET counter = counter + 1").execute(&mut *transaction).await?;
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
        for (subject, action) in self.noted.drain(..) {
            self.changes.publish(&Change { subject, action, certain });
        }
    }
}

impl Deref for ChangeTransaction {
    type Target = AnyConnection;

    fn deref(&self) -> &AnyConnection {
        &self.transaction
    }
}

impl DerefMut for ChangeTransaction {
    fn deref_mut(&mut self) -> &mut AnyConnection {
        &mut self.transaction
    }
}
