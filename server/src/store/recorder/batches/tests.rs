use tokio::sync::oneshot;

use super::super::entry::Row;
use super::*;

fn entry(id: Uuid) -> Entry {
    Entry { id, row: Row::Removed, answer: None, run: None, written: oneshot::channel().0 }
}

fn waiting(ids: &[Uuid]) -> Waiting {
    Waiting { entries: ids.iter().map(|id| entry(*id)).collect(), busy: HashSet::new() }
}

fn ids(entries: &[Entry]) -> Vec<Uuid> {
    entries.iter().map(|entry| entry.id).collect()
}

const ONE: Uuid = Uuid::from_u128(1);
const TWO: Uuid = Uuid::from_u128(2);
const THREE: Uuid = Uuid::from_u128(3);

#[test]
fn a_row_waits_for_an_earlier_one_of_its_execution() {
    let mut waiting = waiting(&[ONE, TWO, ONE, ONE, THREE]);
    let (first, written) = waiting.next_batch();
    assert_eq!(ids(&first), [ONE, TWO, THREE]);
    assert_eq!(ids(&waiting.entries), [ONE, ONE]);
    // What is under way is not overtaken.
    let (none, nothing) = waiting.next_batch();
    assert!(none.is_empty() && nothing.rows == 0 && waiting.entries.len() == 2);
    assert_eq!(waiting.has_written(&written), 3);
    let (second, written) = waiting.next_batch();
    assert_eq!((ids(&second), ids(&waiting.entries)), (vec![ONE], vec![ONE]));
    assert_eq!(waiting.has_written(&written), 1);
    assert_eq!(ids(&waiting.next_batch().0), [ONE]);
}

#[test]
fn others_pass_a_row_that_waits() {
    let mut waiting = waiting(&[ONE]);
    let (_, written) = waiting.next_batch();
    waiting.entries.extend([entry(ONE), entry(TWO)]);
    assert_eq!(ids(&waiting.next_batch().0), [TWO]);
    assert_eq!(waiting.has_written(&written), 1);
    assert_eq!(ids(&waiting.next_batch().0), [ONE]);
    assert_eq!(waiting.entries.len(), 0);
}
