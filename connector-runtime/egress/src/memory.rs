//! The memory that work may take: one budget for the bytes of all bodies, frames and answers that are at work.
//!
//! A limit for each input does not bound a server, because many come at once: eight legal bodies filled one of 4 GiB.
//! So whoever takes bytes in reserves memory for them first, and more for the tree before it parses them. What cannot be
//! reserved is refused before it costs anything.

use std::fmt;
use std::sync::Arc;

use connector_schema::json_text::{Unreadable, VALUE_BYTES, count_values};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// Bytes of one unit of the budget.
const UNIT: usize = 1024;
/// How often the bytes of a text are in memory while it is at work: as it came, in its tree, as it is sent on, as it is
/// recorded, and on their ways.
pub const TEXT_COPIES: usize = 6;

/// Memory for work. Clones share the same budget.
#[derive(Clone)]
pub struct MemoryBudget {
    units: Arc<Semaphore>,
    bytes: usize,
}

/// A reserved part of the budget, given back on drop.
#[derive(Debug)]
pub struct Reserved {
    permit: Option<OwnedSemaphorePermit>,
}

/// The budget is used up now.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the server has no memory left for more work now (its budget is {budget} MiB); try again in a moment")]
pub struct OutOfMemory {
    /// The whole budget, in MiB.
    pub budget: usize,
}

/// Why a JSON text is not parsed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum RefusedJson {
    /// It has too many values, or a key that is reserved.
    #[error(transparent)]
    Unreadable(#[from] Unreadable),
    /// There is no memory for its tree now.
    #[error(transparent)]
    OutOfMemory(#[from] OutOfMemory),
}

impl MemoryBudget {
    /// Creates a budget of so many bytes.
    pub fn new(bytes: usize) -> Self {
        let units = (bytes / UNIT).clamp(1, Semaphore::MAX_PERMITS);
        Self { units: Arc::new(Semaphore::new(units)), bytes }
    }

    /// Creates a budget that never ends, for programs that run one call at a time.
    pub fn unlimited() -> Self {
        Self::new(usize::MAX)
    }

    /// Returns the bytes of the whole budget.
    pub fn bytes(&self) -> usize {
        self.bytes
    }

    /// Returns the bytes that are free.
    pub fn free(&self) -> usize {
        self.units.available_permits().saturating_mul(UNIT)
    }

    /// Reserves memory for a text of so many bytes.
    ///
    /// # Errors
    /// If there is not enough left.
    pub fn text(&self, bytes: usize) -> Result<Reserved, OutOfMemory> {
        self.reserve(bytes.saturating_mul(TEXT_COPIES))
    }

    /// Counts the values of a JSON text and reserves memory for their tree.
    ///
    /// # Errors
    /// If the text has more than `most` values or a reserved key, or there is not enough memory left.
    pub fn tree(&self, text: &[u8], most: usize) -> Result<Reserved, RefusedJson> {
        let values = count_values(text, most)?;
        Ok(self.reserve(values.saturating_mul(VALUE_BYTES))?)
    }

    /// Reserves more for a text that has grown to so many bytes, in steps, because a part of a text may be one byte.
    ///
    /// # Errors
    /// If there is not enough left.
    pub fn grow(&self, reserved: &mut Reserved, bytes: usize) -> Result<(), OutOfMemory> {
        let held = reserved.bytes();
        let wanted = bytes.saturating_mul(TEXT_COPIES);
        if wanted > held {
            reserved.add(self.reserve((wanted - held).max(held / 4))?);
        }
        Ok(())
    }

    /// Reserves memory.
    ///
    /// # Errors
    /// If there is not enough left.
    pub fn reserve(&self, bytes: usize) -> Result<Reserved, OutOfMemory> {
        let out = OutOfMemory { budget: self.bytes >> 20 };
        let permit = Arc::clone(&self.units).try_acquire_many_owned(units(bytes)).map_err(|_| out)?;
        Ok(Reserved { permit: Some(permit) })
    }

    /// Waits until there is memory. The caller bounds how long.
    ///
    /// # Errors
    /// If there will never be so much.
    pub async fn wait(&self, bytes: usize) -> Result<Reserved, OutOfMemory> {
        let out = OutOfMemory { budget: self.bytes >> 20 };
        if bytes > self.bytes {
            return Err(out);
        }
        let permit = Arc::clone(&self.units).acquire_many_owned(units(bytes)).await.map_err(|_| out)?;
        Ok(Reserved { permit: Some(permit) })
    }
}

impl Reserved {
    /// Reserves nothing.
    pub const fn nothing() -> Self {
        Self { permit: None }
    }

    /// Adds what another one holds.
    pub fn add(&mut self, other: Self) {
        match (&mut self.permit, other.permit) {
            (Some(own), Some(more)) => own.merge(more),
            (own @ None, more) => *own = more,
            (Some(_), None) => {}
        }
    }

    /// Returns the reserved bytes.
    pub fn bytes(&self) -> usize {
        self.permit.as_ref().map_or(0, |permit| permit.num_permits() * UNIT)
    }
}

fn units(bytes: usize) -> u32 {
    u32::try_from(bytes.div_ceil(UNIT)).unwrap_or(u32::MAX)
}

/// A budget that never ends.
impl Default for MemoryBudget {
    fn default() -> Self {
        Self::unlimited()
    }
}

impl fmt::Debug for MemoryBudget {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MemoryBudget").field("bytes", &self.bytes).field("free", &self.free()).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_reserved_comes_back() {
        let budget = MemoryBudget::new(64 << 10);
        let mut held = budget.text(4 << 10).unwrap();
        held.add(budget.reserve(1).unwrap());
        held.add(Reserved::nothing());
        assert_eq!((held.bytes(), budget.free()), (25 << 10, 39 << 10));
        assert_eq!(budget.reserve(40 << 10).unwrap_err(), OutOfMemory { budget: 0 });
        drop(held);
        assert_eq!(budget.free(), 64 << 10);
    }

    #[test]
    fn a_tree_costs_by_its_values_and_is_refused_before_it_is_built() {
        let budget = MemoryBudget::new(1 << 20);
        let text = format!("[{}]", vec!["0"; 1_000].join(","));
        let held = budget.tree(text.as_bytes(), 1_001).unwrap();
        assert!(held.bytes() >= 1_001 * VALUE_BYTES);
        let refused = budget.tree(text.as_bytes(), 1_000).unwrap_err();
        assert_eq!(refused, RefusedJson::Unreadable(Unreadable::TooManyValues { most: 1_000 }));
        let text = format!("[{}]", vec!["0"; 5_000].join(","));
        assert!(matches!(budget.tree(text.as_bytes(), 10_000), Err(RefusedJson::OutOfMemory(_))));
    }

    #[tokio::test]
    async fn waiting_ends_when_there_is_memory_or_never_will_be() {
        let budget = MemoryBudget::new(4 << 10);
        let held = budget.reserve(4 << 10).unwrap();
        let waiting = budget.wait(2 << 10);
        tokio::pin!(waiting);
        assert!(futures_util::poll!(&mut waiting).is_pending());
        drop(held);
        assert_eq!(waiting.await.unwrap().bytes(), 2 << 10);
        assert!(budget.wait(5 << 10).await.is_err());
    }

    #[test]
    fn an_unlimited_one_never_ends() {
        let budget = MemoryBudget::unlimited();
        let held: Vec<_> = (0..1_000).map(|_| budget.reserve(1 << 40).unwrap()).collect();
        assert_eq!(held.len(), 1_000);
    }
}
