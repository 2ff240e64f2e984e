//! Which known name was meant by one that is not known.

use connector_schema::edit_distance;

/// The most changes of letters between a name and the one that was meant.
pub const MAX_DISTANCE: usize = 2;
/// The most known names that are looked at.
const MAX_CANDIDATES: usize = 1_000;
/// Names longer than this, in bytes, are only compared without regard to case.
const MAX_COMPARED: usize = 128;

/// Returns the known name that was probably meant: one that differs in case alone, else the first of the nearest ones
/// within [`MAX_DISTANCE`] changes (Levenshtein) that keeps at least one letter.
pub fn nearest<'n>(name: &str, known: impl IntoIterator<Item = &'n str>) -> Option<&'n str> {
    let mut best: Option<(usize, &str)> = None;
    for candidate in known.into_iter().take(MAX_CANDIDATES) {
        if candidate.eq_ignore_ascii_case(name) {
            return Some(candidate);
        }
        let least = best.map_or(MAX_DISTANCE, |(distance, _)| distance.saturating_sub(1));
        if let Some(distance) = distance_within(name, candidate, least) {
            best = Some((distance, candidate));
        }
    }
    best.map(|(_, candidate)| candidate)
}

/// Returns the distance of two names if it is at most `most`, and less than all letters.
fn distance_within(one: &str, other: &str, most: usize) -> Option<usize> {
    if one.len() > MAX_COMPARED || other.len() > MAX_COMPARED {
        return None;
    }
    let longest = || one.chars().count().max(other.chars().count());
    edit_distance(one, other, most).filter(|distance| *distance < longest())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_changes_or_another_case_are_near_enough() {
        let known = ["total", "items", "firstName", "id"];
        for (name, meant) in [
            ("totl", Some("total")),
            ("toatl", Some("total")),
            ("FIRSTNAME", Some("firstName")),
            ("item", Some("items")),
            ("ix", Some("id")),
            ("xy", None),
            ("first_nam", None),
            ("", None),
            ("tötal", Some("total")),
        ] {
            assert_eq!(nearest(name, known), meant, "{name}");
        }
        assert_eq!(nearest(&"x".repeat(1000), known), None);
        assert_eq!(nearest("ab", ["xb", "AB"]), Some("AB"), "another case comes first");
    }
}
