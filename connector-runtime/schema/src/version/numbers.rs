//! Numbers side by side. Through a float, neighbours beyond 2^53 would be equal.

use std::cmp::Ordering;

use serde_json::Number;

use super::aspect::Difference;

/// Compares exactly.
pub(super) fn compare(a: &Number, b: &Number) -> Ordering {
    match (a.as_i128(), b.as_i128()) {
        (Some(a), Some(b)) => a.cmp(&b),
        (Some(a), None) => with_float(a, b.as_f64().unwrap_or(f64::NAN)),
        (None, Some(b)) => with_float(b, a.as_f64().unwrap_or(f64::NAN)).reverse(),
        (None, None) => a.as_f64().partial_cmp(&b.as_f64()).unwrap_or(Ordering::Equal),
    }
}

fn with_float(whole: i128, float: f64) -> Ordering {
    const FAR: f64 = 1e38;
    if float.abs() >= FAR {
        return if float > 0.0 { Ordering::Less } else { Ordering::Greater };
    }
    #[expect(clippy::cast_possible_truncation, reason = "within the range, and the fraction is looked at below")]
    let truncated = float.trunc() as i128;
    whole.cmp(&truncated).then(0.0.partial_cmp(&float.fract()).unwrap_or(Ordering::Equal))
}

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
