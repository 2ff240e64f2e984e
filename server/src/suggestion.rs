//! The name that somebody probably meant.

/// Characters of a name that are compared.
const MAX_COMPARED: usize = 64;

/// Letters with which two names have to begin alike to be forms of one word, such as `retries` and `retry`.
const MIN_STEM: usize = 4;

/// Returns the known name that is most like another one, if it is like it at all.
pub(crate) fn nearest<'n>(name: &str, known: impl IntoIterator<Item = &'n str>) -> Option<&'n str> {
    let (distance, known) = known.into_iter().map(|known| (distance(name, known), known)).min()?;
    let stem = name.chars().zip(known.chars()).take_while(|(own, its)| own.eq_ignore_ascii_case(its)).count();
    let is_form = stem >= MIN_STEM && 2 * stem >= name.len().max(known.len());
    (is_form || distance <= 2.max(known.len() / 3)).then_some(known)
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
    use super::nearest;

    #[test]
    fn a_name_is_suggested_if_it_is_like_it() {
        let known = ["retry", "timeoutMs", "json"];
        for (name, like) in
            [("retries", Some("retry")), ("TimeoutMS", Some("timeoutMs")), ("jsno", Some("json")), ("headers", None)]
        {
            assert_eq!(nearest(name, known), like, "{name}");
        }
        assert_eq!(nearest(&"x".repeat(1 << 20), known), None);
    }
}
