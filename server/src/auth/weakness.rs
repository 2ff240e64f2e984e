//! Tells a chosen token that can be guessed from a random one, as the vault does for master keys.
//!
//! The rules refuse what people type instead of making a token: repetitions, rows of characters, sentences. Of random
//! texts of the least length they refuse fewer than one in a hundred thousand, whatever the alphabet.

use std::collections::HashSet;

/// The minimum number of different characters: 32 random digits have 6 or more.
const FEWEST_DIFFERENT: usize = 6;
/// The most frequent pairs of letters of English, which are 6 of 10 pairs in a sentence and 1 of 12 in random letters.
const PAIRS: &str = "th he in er an re nd at on nt ha es st en ed to it ou ea hi is or ti as te et ng of al de se le sa \
     si ar ve ra ld ur me ch ro il li ge ke ic ce";

/// Returns why a text is easy to guess; `None` for a random one.
pub(super) fn weakness(text: &str) -> Option<&'static str> {
    let bytes = text.as_bytes();
    let different: HashSet<&u8> = bytes.iter().collect();
    if different.len() == 1 {
        return Some("all its characters are equal");
    }
    if counts(bytes) {
        return Some("its characters count up");
    }
    if different.len() < FEWEST_DIFFERENT || repeats(bytes) {
        return Some("it repeats itself");
    }
    if is_words(bytes) {
        return Some("it is made of words");
    }
    None
}

/// Returns whether nine of ten characters follow the one before by the same step.
fn counts(bytes: &[u8]) -> bool {
    let steps: Vec<u8> = bytes.windows(2).map(|pair| pair[1].wrapping_sub(pair[0])).collect();
    let same = |step: u8| steps.iter().filter(|other| **other == step).count();
    steps.iter().any(|step| same(*step) * 10 >= steps.len() * 9)
}

/// Returns whether a half or less of the text gives nine tenths of the rest by repetition.
fn repeats(bytes: &[u8]) -> bool {
    (1..=bytes.len() / 2).any(|period| {
        let same = bytes.iter().zip(&bytes[period..]).filter(|(one, other)| one == other).count();
        same * 10 >= (bytes.len() - period) * 9
    })
}

/// Returns whether a third and more (35 of 100) of the pairs of neighbours are among the frequent ones of English.
fn is_words(bytes: &[u8]) -> bool {
    let frequent: HashSet<&[u8]> = PAIRS.split_ascii_whitespace().map(str::as_bytes).collect();
    let pairs = bytes.windows(2);
    // A word is not written with a capital in its middle, which random letters have.
    let found = pairs.filter(|pair| {
        let capital_inside = pair[0].is_ascii_lowercase() && pair[1].is_ascii_uppercase();
        !capital_inside && frequent.contains(pair.to_ascii_lowercase().as_slice())
    });
    found.count() * 100 >= bytes.len().saturating_sub(1) * 35
}

#[cfg(test)]
mod tests {
    use base64::Engine as _;
    use base64::engine::general_purpose::STANDARD;

    use sha2::{Digest as _, Sha512};

    use super::*;

    #[test]
    fn what_people_type_is_weak() {
        for (text, why) in [
            ("aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", "equal"),
            ("abcdefghijklmnopqrstuvwxyz{|}~ABC", "count"),
            ("ABCDEFGHIJKLMNOPQRSTUVWXYZ[\\]^_`a", "count"),
            ("12345678901234567890123456789012", "count"),
            ("0123456789abcdef0123456789abcdef", "count"),
            ("aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaab", "count"),
            ("hunter2-hunter2-hunter2-hunter2-", "repeats"),
            ("passwordpasswordpasswordpassword", "repeats"),
            ("abababababababababababababababcd", "repeats"),
            ("01010101110101010101000101010101", "repeats"),
            ("another-token-of-thirty-two-characters", "words"),
            ("this-is-my-super-secret-admin-token", "words"),
            ("ThisIsTheAdminTokenOfOurServer2026", "words"),
            ("correcthorsebatterystaplecorrect", "words"),
        ] {
            assert!(weakness(text).is_some_and(|found| found.contains(why)), "{text}: {:?}", weakness(text));
        }
    }

    #[test]
    fn random_texts_are_not_weak() {
        // Hashes of numbers: as good as random, and the same each time.
        for number in 0..4_000_u32 {
            let bytes = Sha512::digest(number.to_le_bytes());
            let digits: String = bytes[..32].iter().map(|byte| char::from(b'0' + byte % 10)).collect();
            let letters: String = bytes[..40].iter().map(|byte| char::from(b'a' + byte % 26)).collect();
            let hex = const_hex::encode(&bytes[..16]);
            for text in [STANDARD.encode(&bytes[..24]), STANDARD.encode(&bytes[..32]), hex, digits, letters] {
                assert_eq!(weakness(&text), None, "{text}");
            }
        }
    }

    #[test]
    fn a_random_part_behind_a_word_is_enough() {
        for text in [
            "schemathesis-59ab0e9d80a90c6a7a3d42f1e4f6d6c35f7d01b0a5ecb0d7",
            "end-to-end-admin-0123456789abcdef",
            "a-token-of-the-bench-0123456789-0123456789",
            "example-admin-token-0123456789abcdef",
            "floh_0123456789abcdefghijklmnopqrstuvwxyzABCDEFG",
        ] {
            assert_eq!(weakness(text), None, "{text}");
        }
    }
}
