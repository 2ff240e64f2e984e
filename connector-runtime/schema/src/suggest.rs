//! What was meant by a name that is not known, and how such a name is shown.

use std::borrow::Cow;

/// The maximum number of characters of a name that a message repeats.
const MAX_SHOWN: usize = 100;
/// The number of letters with which forms of one word begin alike.
const MIN_STEM: usize = 4;
/// The number of letters that are compared.
const MAX_COMPARED: usize = 64;

/// Returns the known name that is nearest to one that is not, if it is near enough to be meant.
pub fn nearest_name<'n>(name: &str, known: impl IntoIterator<Item = &'n str>) -> Option<&'n str> {
    let folded = |name: &str| name.chars().take(MAX_COMPARED).flat_map(char::to_lowercase).collect::<String>();
    let own = folded(name);
    let distance = |known| edit_distance(&own, &folded(known), usize::MAX);
    let (distance, known) = known.into_iter().filter_map(|known| Some((distance(known)?, known))).min()?;
    (is_form_of(name, known) || distance <= 2.max(known.len() / 3)).then_some(known)
}

/// Returns whether two names begin alike, so that they are forms of one word, such as `retries` and `retry`.
fn is_form_of(name: &str, known: &str) -> bool {
    let stem = name.chars().zip(known.chars()).take_while(|(own, its)| own.eq_ignore_ascii_case(its)).count();
    stem >= MIN_STEM && 2 * stem >= name.len().max(known.len())
}

/// Returns a name for a message; a very long one is described.
pub fn shown_name(name: &str) -> Cow<'_, str> {
    match name.chars().count() {
        long if long > MAX_SHOWN => Cow::Owned(format!("a name of {long} characters")),
        _ => Cow::Borrowed(name),
    }
}

/// How many letters must be changed, put in or left out to make one text of the other (Levenshtein); `None` if that is
/// more than `most`.
pub fn edit_distance(one: &str, other: &str, most: usize) -> Option<usize> {
    if one.is_ascii() && other.is_ascii() {
        return distance(one.as_bytes(), other.as_bytes(), most);
    }
    let letters = |text: &str| text.chars().collect::<Vec<_>>();
    distance(&letters(one), &letters(other), most)
}

fn distance<T: PartialEq>(one: &[T], other: &[T], most: usize) -> Option<usize> {
    if one.len().abs_diff(other.len()) > most {
        return None;
    }
    // What both begin and end with costs nothing.
    let begin = one.iter().zip(other).take_while(|(own, its)| own == its).count();
    let (one, other) = (&one[begin..], &other[begin..]);
    let end = one.iter().rev().zip(other.iter().rev()).take_while(|(own, its)| own == its).count();
    let (one, other) = (&one[..one.len() - end], &other[..other.len() - end]);
    let mut row: Vec<usize> = (0..=other.len()).collect();
    for (at, letter) in one.iter().enumerate() {
        let mut before = row[0];
        row[0] = at + 1;
        for (index, own) in other.iter().enumerate() {
            let changed = before + usize::from(letter != own);
            before = row[index + 1];
            row[index + 1] = changed.min(before + 1).min(row[index] + 1);
        }
        if row.iter().all(|distance| *distance > most) {
            return None;
        }
    }
    Some(row[other.len()]).filter(|distance| *distance <= most)
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
            ("states", Some("state")),
            ("versioning", Some("version")),
            ("color", None),
            ("", None),
        ] {
            assert_eq!(nearest_name(name, known), meant, "{name}");
        }
        assert_eq!(nearest_name("state", []), None);
        assert_eq!(shown_name(&"x".repeat(101)), "a name of 101 characters");
    }

    #[test]
    fn a_distance_is_told_up_to_the_most() {
        for (one, other, distance) in [
            ("", "", 0),
            ("total", "total", 0),
            ("total", "totl", 1),
            ("total", "toatl", 2),
            ("kitten", "sitting", 3),
            ("", "abcd", 4),
            ("tötal", "total", 1),
            ("ab", "xy", 2),
        ] {
            for (one, other) in [(one, other), (other, one)] {
                assert_eq!(edit_distance(one, other, usize::MAX), Some(distance), "{one} {other}");
                assert_eq!(edit_distance(one, other, distance), Some(distance), "{one} {other}");
                assert_eq!(
                    distance.checked_sub(1).and_then(|most| edit_distance(one, other, most)),
                    None,
                    "{one} {other}"
                );
            }
        }
    }
}
