//! The words of a name, as people write them.

use super::camel;

/// Splits a text into its words, in lower case: `APIKeys_listAll` has `api`, `keys`, `list` and `all`.
pub fn words(text: &str) -> Vec<String> {
    let mut words = Vec::new();
    for part in text.split(|c: char| !c.is_ascii_alphanumeric()).filter(|part| !part.is_empty()) {
        let mut rest = part;
        while !rest.is_empty() {
            let (word, after) = rest.split_at(first_word(rest));
            words.push(word.to_ascii_lowercase());
            rest = after;
        }
    }
    words
}

/// Returns the length of the first word of letters and digits. Letters in upper case are one word, up to the one that
/// begins the next word: `API` of `APIKeys`, `URLs` of `URLsList`.
fn first_word(part: &str) -> usize {
    let bytes = part.as_bytes();
    let upper = bytes.iter().take_while(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit()).count();
    let small_after =
        |at: usize| bytes[at..].iter().position(|byte| byte.is_ascii_uppercase()).map_or(bytes.len(), |next| at + next);
    match upper {
        0 | 1 => small_after(upper.min(bytes.len())),
        all if all == bytes.len() => all,
        // A plural: `s` and nothing else in lower case.
        all if bytes[all] == b's' && bytes.get(all + 1).is_none_or(|next| !next.is_ascii_lowercase()) => all + 1,
        all if bytes[all - 1].is_ascii_digit() => small_after(all),
        all => all - 1,
    }
}

/// Writes a name as [`camel`] does, and its first word as people do: `APIKeysList` becomes `apiKeysList`.
pub(super) fn plain(text: &str) -> String {
    let name = camel(text);
    let begins = text.trim_start_matches(|c: char| !c.is_ascii_alphanumeric());
    let end = begins.find(|c: char| !c.is_ascii_alphanumeric()).unwrap_or(begins.len());
    let first = first_word(&begins[..end]);
    match (name.get(..first), name.get(first..)) {
        (Some(word), Some(rest)) => word.to_ascii_lowercase() + rest,
        _ => name,
    }
}

/// Shortens a name to its first word, which is mostly the verb, and as many of its last words as there is room for: they
/// tell more than the first ones, and more than a hash.
pub(super) fn shortened(name: String, room: usize) -> String {
    if name.len() <= room {
        return name;
    }
    let mut starts = Vec::new();
    let mut at = 0;
    while at < name.len() {
        starts.push(at);
        at += first_word(&name[at..]).max(1);
    }
    let verb = starts.get(1).copied().filter(|end| *end <= room / 3).unwrap_or(0);
    match starts.iter().find(|start| **start > verb && verb + name.len() - **start <= room) {
        Some(start) => format!("{}{}", &name[..verb], &name[*start..]),
        // One long word.
        None => name[..room].to_owned(),
    }
}
