//! What holds for all locks: both engines give the same rules, and const code compares as the standard library does.

use proptest::prelude::*;

use super::fixture::grown;
use super::schema_text::lock_of;
use crate::lock::{bytes, diff, number, parse, print};
use crate::schema::describe;
use crate::version::{Changes, Level, diff as schema_diff};

/// The rules above a patch, with what they are about. Texts have one line for many.
fn rules(changes: &Changes) -> Vec<(&'static str, String)> {
    let list = changes.items.iter().filter(|change| change.level() > Level::Patch);
    let mut list: Vec<_> = list
        .map(|change| {
            let (pointer, last) = change.pointer.rsplit_once('/').unwrap_or_default();
            let index = last.bytes().all(|byte| byte.is_ascii_digit());
            (change.rule.id, if index { pointer.to_owned() } else { change.pointer.clone() })
        })
        .collect();
    list.sort();
    list
}

/// The lines of a lock, but for the hashes of its texts.
fn without_hashes(text: &str) -> Vec<&str> {
    let hashed = |line: &&str| line.starts_with("text ") || line.starts_with("texts ");
    text.lines().filter(|line| !hashed(line)).collect()
}

proptest! {
    #[test]
    fn both_engines_give_the_same_rules(
        genes in prop::collection::vec(any::<u8>(), 160),
        edits in prop::collection::vec((0..160_usize, any::<u8>()), 0..6),
    ) {
        let mut other = genes.clone();
        for (at, gene) in edits {
            other[at] = gene;
        }
        let (old, new) = (grown(&genes), grown(&other));
        let (old_text, new_text) = (print(&old), print(&new));
        prop_assert_eq!(&parse(&new_text).unwrap().to_string(), &new_text);
        prop_assert!(diff(&old_text, &old_text).unwrap().is_empty());
        let (by_lock, by_schema) = (diff(&old_text, &new_text).unwrap(), schema_diff(&describe(&old), &describe(&new)));
        prop_assert_eq!(rules(&by_lock), rules(&by_schema), "{}\n{}", old_text, new_text);
        prop_assert_eq!(by_lock.is_empty(), by_schema.is_empty());
    }

    #[test]
    fn the_lock_of_a_schema_is_the_one_of_its_descriptor(genes in prop::collection::vec(any::<u8>(), 160)) {
        let descriptor = grown(&genes);
        let (of_schema, of_descriptor) = (lock_of(&describe(&descriptor)), print(&descriptor));
        prop_assert_eq!(without_hashes(&of_schema), without_hashes(&of_descriptor));
    }

    #[test]
    fn decimals_compare_as_numbers_do(a in -999_i32..999, b in -999_i32..999, places in 0..3_usize) {
        let text = |value: i32| format!("{:.places$}", f64::from(value) / 10_f64.powi(places.try_into().unwrap()));
        prop_assert_eq!(number::compare(text(a).as_bytes(), text(b).as_bytes()), Some(a.cmp(&b)));
    }

    #[test]
    fn versions_compare_by_precedence(a in version(), b in version()) {
        let ours = number::version(a.as_bytes()).unwrap().compare(&number::version(b.as_bytes()).unwrap());
        let theirs = semver::Version::parse(&a).unwrap().cmp_precedence(&semver::Version::parse(&b).unwrap());
        prop_assert_eq!(ours, theirs, "{} {}", a, b);
    }

    #[test]
    fn bytes_compare_as_slices_do(a in prop::collection::vec(0..3_u8, 0..5), b in prop::collection::vec(0..3_u8, 0..5)) {
        prop_assert_eq!(bytes::compare(&a, &b), a.cmp(&b));
    }
}

fn version() -> impl Strategy<Value = String> {
    "[0-2]\\.[0-2]\\.[0-2](-(rc|a|0|1|10)(\\.(rc|a|0|2|10)){0,2})?(\\+b)?"
}
