//! Bounds side by side.

use std::cmp::Ordering;

use super::aspect::Difference;

/// Returns how a bound changed; one that means the same is no difference here.
pub(super) fn bound<T>(
    upper: bool,
    was: Option<&T>,
    is: Option<&T>,
    compare: impl Fn(&T, &T) -> Ordering,
) -> Option<Difference> {
    let order = was.zip(is).map(|(was, is)| compare(is, was));
    Difference::of_bound(upper, was.is_some(), is.is_some(), order).filter(|found| *found != Difference::Rewritten)
}
