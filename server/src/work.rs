//! What requests may take of this machine: one budget of memory for everything that is at work, and how many costly
//! things are done at a time.
//!
//! A body is counted before it is read and again before it is parsed. What it reserved is held by the request's context
//! until its work is done, also if the caller has gone.

use std::sync::Arc;
use std::time::Duration;

use connector_runtime::egress::memory::{MemoryBudget, OutOfMemory, RefusedJson, Reserved};
use connector_runtime::schema::json_text::Unreadable;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::{Instant, timeout};

use crate::error::{Error, ErrorKind};

/// Documents that are parsed at a time: each may take a large part of the budget.
pub const MAX_DOCUMENTS: usize = 2;
/// How long a document waits for its turn.
const DOCUMENT_WAIT: Duration = Duration::from_secs(10);
/// The least memory budget, in bytes: what one large body takes.
pub const MIN_BUDGET: usize = 64 << 20;
/// The memory that is assumed where the system does not say how much it has, in bytes.
const ASSUMED_MEMORY: u64 = 4 << 30;

/// What is shared by everything that is at work. Clones share the same limits.
#[derive(Debug, Clone)]
pub struct WorkLimits {
    /// The memory for bodies, frames and answers.
    pub memory: MemoryBudget,
    documents: Arc<Semaphore>,
    checks: Arc<Semaphore>,
}

/// The work of one request: what it holds, and since when.
#[derive(Debug)]
pub struct Work {
    reserved: Reserved,
    document: Option<OwnedSemaphorePermit>,
    /// When its body had arrived: from then on its deadline counts.
    arrived: Instant,
    /// The bytes of its body.
    bytes: usize,
}

impl WorkLimits {
    /// Creates the limits of a server whose work may take so many bytes of memory.
    pub fn new(budget: usize) -> Self {
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        Self {
            memory: MemoryBudget::new(budget.max(MIN_BUDGET)),
            documents: Arc::new(Semaphore::new(MAX_DOCUMENTS)),
            checks: Arc::new(Semaphore::new(cores)),
        }
    }

    /// Waits until a document may be parsed.
    ///
    /// # Errors
    /// Unavailable if others take too long.
    pub async fn document(&self) -> Result<OwnedSemaphorePermit, Error> {
        let slot = timeout(DOCUMENT_WAIT, Arc::clone(&self.documents).acquire_owned()).await;
        slot.ok().and_then(Result::ok).ok_or_else(|| {
            Error::unavailable(format!(
                "{MAX_DOCUMENTS} documents are being read and this one has waited {} seconds; try again in a moment",
                DOCUMENT_WAIT.as_secs()
            ))
        })
    }

    /// Waits until a costly check of values may run; as many run as there are cores. The caller bounds how long.
    pub async fn check(&self) -> Option<OwnedSemaphorePermit> {
        Arc::clone(&self.checks).acquire_owned().await.ok()
    }
}

impl Work {
    /// Begins the work of a request whose body has arrived.
    pub fn begin(bytes: usize, reserved: Reserved) -> Self {
        Self { reserved, document: None, arrived: Instant::now(), bytes }
    }

    /// Adds memory to what it holds.
    pub fn hold(&mut self, more: Reserved) {
        self.reserved.add(more);
    }

    /// Makes it hold the turn of a document.
    pub fn hold_document(&mut self, slot: OwnedSemaphorePermit) {
        self.document = Some(slot);
    }

    /// Returns when its body had arrived.
    pub fn arrived(&self) -> Instant {
        self.arrived
    }

    /// Returns the bytes of its body.
    pub fn bytes(&self) -> usize {
        self.bytes
    }
}

impl From<OutOfMemory> for Error {
    fn from(out: OutOfMemory) -> Self {
        Self::unavailable(out.to_string())
    }
}

impl From<RefusedJson> for Error {
    fn from(refused: RefusedJson) -> Self {
        match refused {
            RefusedJson::OutOfMemory(out) => out.into(),
            RefusedJson::Unreadable(error @ Unreadable::TooManyValues { .. }) => {
                Self::new(ErrorKind::TooLarge, "too_many_values", format!("the body cannot be read: {error}"))
            }
            RefusedJson::Unreadable(error @ Unreadable::ReservedKey) => {
                Self::invalid_at("", format!("the body cannot be read: {error}"))
            }
        }
    }
}

/// Returns the usual memory budget: a quarter of the memory that this process may have, in bytes.
pub fn quarter_of_memory() -> usize {
    let machine = rustix::system::sysinfo();
    let machine = machine.totalram.saturating_mul(machine.mem_unit.into());
    let machine = if machine == 0 { ASSUMED_MEMORY } else { machine };
    // The limit of a container; without one the file says `max`.
    let limit = std::fs::read_to_string("/sys/fs/cgroup/memory.max").ok();
    let limit = limit.and_then(|text| text.trim().parse::<u64>().ok());
    usize::try_from(limit.map_or(machine, |limit| limit.min(machine)) / 4).unwrap_or(usize::MAX).max(MIN_BUDGET)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn two_documents_at_a_time() {
        let limits = WorkLimits::new(0);
        let first = limits.document().await.unwrap();
        let _second = limits.document().await.unwrap();
        assert_eq!(limits.document().await.unwrap_err().code(), "unavailable");
        drop(first);
        drop(limits.document().await.unwrap());
    }

    #[test]
    fn the_usual_budget_is_a_part_of_the_machine() {
        let usual = quarter_of_memory();
        assert!(usual >= MIN_BUDGET);
        let limits = WorkLimits::new(usual);
        assert!(limits.memory.free() > usual - 4096 && limits.memory.free() <= usual);
    }
}
