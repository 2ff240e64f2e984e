//! Sorting in const evaluation, where slices have no `sort`.

use std::cmp::Ordering;

use super::super::bytes;
use crate::descriptor::FieldSpec;

/// Returns whether a name comes after `last`, and before the best found so far.
pub(super) const fn is_next(last: &str, name: &str, best: Option<&str>) -> bool {
    let after = matches!(bytes::compare(name.as_bytes(), last.as_bytes()), Ordering::Greater);
    after
        && match best {
            Some(best) => matches!(bytes::compare(name.as_bytes(), best.as_bytes()), Ordering::Less),
            None => true,
        }
}

/// The fields by name, as places in the list: sorted once, as every list is walked several times.
pub(super) struct Order(pub(super) [u16; MAX_FIELDS]);

/// Most fields of one list.
const MAX_FIELDS: usize = 512;

impl Order {
    pub(super) const fn of(specs: &[FieldSpec]) -> Self {
        let count = specs.len();
        assert!(count <= MAX_FIELDS, "a connector with more than 512 fields in one list takes `lock = false`");
        let mut order = [0; MAX_FIELDS];
        let mut at = 0;
        while at < count {
            let name = specs[at].name.as_bytes();
            let mut to = at;
            while to > 0
                && matches!(bytes::compare(name, specs[order[to - 1] as usize].name.as_bytes()), Ordering::Less)
            {
                order[to] = order[to - 1];
                to -= 1;
            }
            #[expect(clippy::cast_possible_truncation, reason = "below 512")]
            let place = at as u16;
            order[to] = place;
            at += 1;
        }
        Self(order)
    }
}
