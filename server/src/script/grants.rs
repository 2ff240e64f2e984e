//! The memory that a run gets for what it is given: what a script may receive, its engine can hold.
//!
//! A script's own limit is for its own work. An answer of 10 MiB becomes up to 200 MiB in an engine, which no fixed limit
//! allows without allowing it to all scripts at all times. So the engine gets more memory with each large answer, and
//! the server's memory budget pays for it until the run ends. If the budget is used up, nothing is granted: the script's
//! own memory may still hold the answer.

use connector_runtime::egress::memory::{MemoryBudget, Reserved};

use super::limits::{MAX_GRANT, held};

/// The grants of a run.
#[derive(Debug)]
pub(super) struct Grants {
    memory: MemoryBudget,
    reserved: Reserved,
    bytes: usize,
}

impl Grants {
    pub(super) fn new(memory: &MemoryBudget) -> Self {
        Self { memory: memory.clone(), reserved: Reserved::nothing(), bytes: 0 }
    }

    /// Returns the bytes that were granted so far.
    pub(super) const fn bytes(&self) -> usize {
        self.bytes
    }

    /// Returns the bytes that the engine gets to hold a text, and so many raw bytes.
    pub(super) fn grant(&mut self, text: &str, raw: usize) -> usize {
        let wanted = (held(text.as_bytes()) + 3 * raw).min(MAX_GRANT - self.bytes);
        let Ok(reserved) = self.memory.reserve(wanted) else { return 0 };
        if wanted > 0 {
            self.reserved.add(reserved);
            self.bytes += wanted;
        }
        wanted
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_granted_is_paid_for_and_bounded() {
        let budget = MemoryBudget::new(1 << 30);
        let mut grants = Grants::new(&budget);
        assert_eq!((grants.grant("[1]", 0), budget.free()), (0, 1 << 30));
        let list = format!("[{}]", "{\"a\":1},".repeat(100_000));
        let granted = grants.grant(&list, 0);
        assert!(granted > 200 * 100_000 && budget.free() <= (1 << 30) - granted, "{granted}");
        for _ in 0..20 {
            grants.grant(&list, 1 << 20);
        }
        assert_eq!(grants.bytes, MAX_GRANT);
        drop(grants);
        assert_eq!(budget.free(), 1 << 30);
        assert_eq!(Grants::new(&MemoryBudget::new(1 << 20)).grant(&list, 0), 0);
    }
}
