//! The nonces of accepted signatures, so that a recorded request is refused when it is sent again.
//!
//! Only nonces that were signed with the secret are kept, each until its signature would be too old anyway, so that a
//! stranger cannot fill the memory. It belongs to one process: after a restart, and with several copies of a service behind
//! one address, a recorded request can be answered once more by each within five minutes.

use std::cmp::Reverse;
use std::collections::hash_map::RandomState;
use std::collections::{BinaryHeap, HashSet};
use std::hash::BuildHasher as _;

use parking_lot::Mutex;

/// The maximum number of nonces that are kept: 1,600 calls a second for five minutes, in about 24 MB.
pub const MAX_NONCES: usize = 500_000;

/// Why a nonce is not accepted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum NonceRefused {
    /// It was used before.
    Used,
    /// There are too many to remember one more.
    Full,
}

/// Remembers nonces.
#[derive(Debug, Default)]
pub(super) struct Nonces {
    kept: Mutex<Kept>,
    /// Nonces are kept as hashes under a random key: 8 bytes instead of up to 128.
    hasher: RandomState,
}

#[derive(Debug, Default)]
struct Kept {
    seen: HashSet<u64>,
    /// The unix time at which each may be forgotten.
    ends: BinaryHeap<Reverse<(u64, u64)>>,
}

impl Nonces {
    /// Accepts a nonce that was not used before, and remembers it until `valid_until`; times are unix seconds.
    pub(super) fn accept(&self, nonce: &str, valid_until: u64, now: u64) -> Result<(), NonceRefused> {
        let nonce = self.hasher.hash_one(nonce);
        let mut kept = self.kept.lock();
        let Kept { seen, ends } = &mut *kept;
        while let Some(Reverse((_, over))) = ends.peek().copied().filter(|Reverse((end, _))| *end < now) {
            ends.pop();
            seen.remove(&over);
        }
        if seen.contains(&nonce) {
            return Err(NonceRefused::Used);
        }
        if seen.len() >= MAX_NONCES {
            return Err(NonceRefused::Full);
        }
        seen.insert(nonce);
        ends.push(Reverse((valid_until, nonce)));
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_nonce_is_accepted_once_and_forgotten_when_its_signature_is_too_old() {
        let nonces = Nonces::default();
        assert_eq!(nonces.accept("one", 1_300, 1_000), Ok(()));
        assert_eq!(nonces.accept("two", 1_310, 1_010), Ok(()));
        for now in [1_000, 1_299, 1_300] {
            assert_eq!(nonces.accept("one", 1_300, now), Err(NonceRefused::Used), "{now}");
        }
        assert_eq!(nonces.accept("three", 1_601, 1_301), Ok(()));
        let kept = nonces.kept.lock();
        assert_eq!((kept.seen.len(), kept.ends.len()), (2, 2), "what is over is dropped");
    }

    #[test]
    fn beyond_the_maximum_calls_are_refused_until_nonces_are_over() {
        let nonces = Nonces::default();
        for number in 0..MAX_NONCES {
            nonces.accept(&number.to_string(), 1_300, 1_000).unwrap();
        }
        assert_eq!(nonces.accept("more", 1_300, 1_000), Err(NonceRefused::Full));
        assert_eq!(nonces.accept("0", 1_300, 1_000), Err(NonceRefused::Used));
        assert_eq!(nonces.accept("more", 1_601, 1_301), Ok(()));
    }
}
