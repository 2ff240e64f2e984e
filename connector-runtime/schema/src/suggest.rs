//! What was meant by a name that is not known, and how such a name is shown.

use std::borrow::Cow;

/// The maximum number of characters of a name that a message repeats.
const MAX_SHOWN: usize = 100;
/// The number of letters that are compared.
const MAX_COMPARED: usize = 64;

/// Returns the known name that is nearest to one that is not, if it is near enough to be meant.
pub fn nearest_name<'n>(name: &str, known: impl IntoIterator<Item = &'n str>) -> Option<&'n str> {
    let nearest = known.into_iter().map(|known| (distance(name, known), known)).min()?;
    Some(nearest).filter(|(distance, known)| *distance <= 2.max(known.len() / 3)).map(|(_, known)| known)
}

/// Returns a name for a message; a very long one is described.
pub fn shown_name(name: &str) -> Cow<'_, str> {
    match name.chars().count() {
        long if long > MAX_SHOWN => Cow::Owned(format!("a name of {long} characters")),
        _ => Cow::Borrowed(name),
    }
}

/// How many letters must be changed, without regard to case (Levenshtein).
fn distance(one: &str, other: &str) -> usize {
    let letters = |text: &str| text.chars().take(MAX_COMPARED).flat_map(char::to_lowercase).collect::<Vec<_>>();
    let (one, other) = (letters(one), letters(other));
    let mut row: Vec<usize> = (0..=other.len()).collect();
    for (at, letter) in one.iter().enumerate() {
        let mut before = row[0];
        row[0] = at + 1;
        for (index, own) in other.iter().enumerate() {
            let changed = before + usize::from(letter != own);
            before = row[index + 1];
            row[index + 1] = changed.min(before + 1).min(row[index] + 1);
        }
    }
    row[other.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_that_is_nearly_right_is_suggested() {
        let known = ["state", "version", "firstName"];
        for (name, meant) in [
            ("sate", Some("state")),
            ("VERSION", Some("version")),
            ("first_name", Some("firstName")),
            ("color", None),
            ("", None),
        ] {
            assert_eq!(nearest_name(name, known), meant, "{name}");
        }
        assert_eq!(nearest_name("state", []), None);
        assert_eq!(shown_name(&"x".repeat(101)), "a name of 101 characters");
    }
}
