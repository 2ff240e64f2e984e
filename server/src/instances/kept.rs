//! What is kept by id and found by name, up to a number; what was not used for the longest time makes room.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use uuid::Uuid;

/// The maximum number of entries.
pub(super) const MAX_KEPT: usize = 10_000;
/// How many are dropped at a time when there is no room: finding those that were not used looks at all.
const DROPPED: usize = MAX_KEPT / 16;

/// The id of a connector, and whether a mock answers its calls.
pub(super) type Id = (Uuid, bool);

/// Entries by id and by name. A name leads to one id.
#[derive(Debug)]
pub(super) struct Kept<T> {
    by_id: HashMap<Id, Entry<T>>,
    by_name: HashMap<Arc<str>, Uuid>,
    /// Increases with each entry that is added: the time by which uses are compared.
    now: u64,
}

#[derive(Debug)]
struct Entry<T> {
    value: Arc<T>,
    name: Arc<str>,
    /// When it was last used.
    used: AtomicU64,
}

impl<T> Default for Kept<T> {
    fn default() -> Self {
        Self { by_id: HashMap::new(), by_name: HashMap::new(), now: 0 }
    }
}

impl<T> Kept<T> {
    /// Returns the number of entries.
    pub(super) fn len(&self) -> usize {
        self.by_id.len()
    }

    /// Returns the id that a name leads to.
    pub(super) fn id_of(&self, name: &str) -> Option<Uuid> {
        self.by_name.get(name).copied()
    }

    /// Returns an entry, which counts as a use of it.
    pub(super) fn get(&self, id: Id) -> Option<&Arc<T>> {
        let entry = self.by_id.get(&id)?;
        // Not written again if it is the same: all cores read it.
        if entry.used.load(Ordering::Relaxed) != self.now {
            entry.used.store(self.now, Ordering::Relaxed);
        }
        Some(&entry.value)
    }

    /// Adds an entry, or replaces it.
    pub(super) fn insert(&mut self, id: Id, name: Arc<str>, value: Arc<T>) {
        self.now += 1;
        self.by_name.insert(Arc::clone(&name), id.0);
        self.by_id.insert(id, Entry { value, name, used: AtomicU64::new(self.now) });
    }

    /// Drops what was not used for the longest time if there is no room for one more; returns whether it did.
    pub(super) fn make_room(&mut self) -> bool {
        if self.by_id.len() < MAX_KEPT {
            return false;
        }
        let mut uses: Vec<(u64, Id)> =
            self.by_id.iter().map(|(id, entry)| (entry.used.load(Ordering::Relaxed), *id)).collect();
        let (oldest, ..) = uses.select_nth_unstable(DROPPED);
        for (_, id) in oldest {
            self.by_id.remove(id);
        }
        self.forget_names();
        true
    }

    /// Drops the entries of an id.
    pub(super) fn remove(&mut self, id: Uuid) {
        for is_mocked in [false, true] {
            if let Some(entry) = self.by_id.remove(&(id, is_mocked)) {
                self.by_name.remove(&entry.name);
            }
        }
    }

    /// Drops the entries that `is_kept` does not keep.
    pub(super) fn retain(&mut self, is_kept: impl Fn(&T) -> bool) {
        self.by_id.retain(|_, entry| is_kept(&entry.value));
        self.forget_names();
    }

    fn forget_names(&mut self) {
        let by_id = &self.by_id;
        self.by_name.retain(|_, id| [false, true].iter().any(|is_mocked| by_id.contains_key(&(*id, *is_mocked))));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Fills it with numbers named after themselves.
    fn full() -> Kept<usize> {
        let mut kept = Kept::default();
        (0..MAX_KEPT).for_each(|number| insert(&mut kept, number));
        kept
    }

    fn id(number: usize) -> Id {
        (Uuid::from_u128(number as u128), false)
    }

    fn insert(kept: &mut Kept<usize>, number: usize) {
        kept.insert(id(number), number.to_string().into(), Arc::new(number));
    }

    #[test]
    fn what_was_not_used_for_the_longest_time_makes_room() {
        let mut kept = full();
        assert!(kept.get(id(0)).is_some(), "the oldest is used");
        assert!(kept.make_room());
        assert_eq!(kept.len(), MAX_KEPT - DROPPED, "the others stay");
        let left = |number: usize| kept.by_id.contains_key(&id(number));
        assert!(left(0), "what was used stays");
        assert!((1..=DROPPED).all(|number| !left(number)));
        assert!((DROPPED + 1..MAX_KEPT).all(left));
        assert_eq!((kept.id_of("0"), kept.id_of("1")), (Some(id(0).0), None), "its name goes with an entry");
    }

    #[test]
    fn it_never_holds_more_than_the_limit() {
        let mut kept = full();
        for number in MAX_KEPT..3 * MAX_KEPT {
            kept.make_room();
            insert(&mut kept, number);
            assert!(kept.len() <= MAX_KEPT);
            assert!(kept.get(id(number)).is_some(), "what comes last is there");
        }
        assert!(!Kept::<usize>::default().make_room(), "where there is room, nothing is dropped");
    }

    #[test]
    fn a_connector_is_dropped_with_its_mocked_entry() {
        let mut kept = Kept::default();
        for is_mocked in [false, true] {
            kept.insert((Uuid::from_u128(1), is_mocked), "one".into(), Arc::new(1));
        }
        kept.insert((Uuid::from_u128(2), false), "two".into(), Arc::new(2));
        kept.remove(Uuid::from_u128(1));
        assert_eq!((kept.len(), kept.id_of("one"), kept.id_of("two")), (1, None, Some(Uuid::from_u128(2))));
        kept.retain(|number| *number != 2);
        assert_eq!((kept.len(), kept.id_of("two")), (0, None));
    }
}
