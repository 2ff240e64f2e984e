//! Calls that were refused because the database did not confirm their start.
//!
//! A statement whose answer did not come may have been carried out all the same, even much later: a stopped database
//! finds it in its socket when it goes on. Nothing was called, so the row of such a start and the claim of its idempotency
//! key are removed as soon as the database is back, and once more after [`SETTLED_AFTER`].

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::{Duration, Instant};

use parking_lot::Mutex;
use uuid::Uuid;

use super::idempotency::IdempotencyKey;
use super::{Store, StoreError, executions};

/// The maximum number of doubts that are kept: as many calls as may run at once, and their repetitions. What does not fit
/// is left as a call of a server that died in it would be.
const MAX_DOUBTS: usize = 16_384;
/// How long after the first removal a late statement may still write what was removed.
const SETTLED_AFTER: Duration = Duration::from_secs(5);
/// The maximum number of doubts that are settled in one transaction.
const BATCH: usize = 256;

/// What may have been written of calls that were not begun. Clones share it.
#[derive(Debug, Clone, Default)]
pub(super) struct Doubts(Arc<Mutex<VecDeque<Doubt>>>);

#[derive(Debug, Clone)]
struct Doubt {
    execution: Uuid,
    key: Option<IdempotencyKey>,
    /// When it was removed for the first time.
    removed: Option<Instant>,
}

impl Doubt {
    fn is_due(&self) -> bool {
        self.removed.is_none_or(|at| at.elapsed() >= SETTLED_AFTER)
    }
}

impl Store {
    /// Remembers that nothing was called for an execution, although its start, and the claim of its key, may be stored.
    pub fn doubt(&self, execution: Uuid, key: Option<IdempotencyKey>) {
        let mut doubts = self.doubts.0.lock();
        if doubts.len() < MAX_DOUBTS {
            doubts.push_back(Doubt { execution, key, removed: None });
        } else {
            tracing::warn!(%execution, "too many starts of executions are in doubt; this one may be shown as started");
        }
    }

    /// Removes what was stored of calls that were not begun, if the database is there; returns how many it was about.
    ///
    /// # Errors
    /// Database errors; the next call goes on.
    pub async fn settle_doubts(&self) -> Result<usize, StoreError> {
        let mut settled = 0;
        loop {
            if self.is_away() {
                return Ok(settled);
            }
            let due: Vec<Doubt> = {
                let doubts = self.doubts.0.lock();
                doubts.iter().filter(|doubt| doubt.is_due()).take(BATCH).cloned().collect()
            };
            if due.is_empty() {
                return Ok(settled);
            }
            let mut transaction = self.begin().await?;
            executions::remove_unfinished(&mut transaction, due.iter().map(|doubt| doubt.execution)).await?;
            transaction.commit().await?;
            for doubt in &due {
                if let Some(key) = &doubt.key {
                    self.idempotency().release(key, doubt.execution).await?;
                }
            }
            settled += due.len();
            self.note_settled(&due);
        }
    }

    fn note_settled(&self, due: &[Doubt]) {
        let now = Instant::now();
        let mut doubts = self.doubts.0.lock();
        let is_settled =
            |doubt: &Doubt| due.iter().any(|one| (one.execution, &one.key) == (doubt.execution, &doubt.key));
        doubts.retain_mut(|doubt| {
            let first = doubt.removed.is_none();
            if is_settled(doubt) && first {
                doubt.removed = Some(now);
            }
            first || !is_settled(doubt)
        });
    }
}
