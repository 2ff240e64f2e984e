//! A few anchors are found as the plainest search finds them.

use std::collections::BTreeSet;
use std::ops::{ControlFlow, Range};

use proptest::collection::{btree_set, vec};
use proptest::prelude::*;

use super::super::anchor::MAX_ANCHOR;
use super::super::few::{Few, MAX_FEW};
use super::super::search::Search;
use crate::Secret;

/// Bytes of each commonness, and one that is no ASCII.
fn byte() -> impl Strategy<Value = u8> {
    proptest::sample::select(b"ABj1a%\xc3".to_vec())
}

fn found(few: &Few, text: &[u8]) -> Vec<(usize, Range<usize>)> {
    let mut found = Vec::new();
    let ended = few.find(text, |anchor, range| {
        found.push((anchor, range));
        ControlFlow::<()>::Continue(())
    });
    assert!(ended.is_continue());
    found
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn all_places_of_all_anchors_are_found_once(
        anchors in btree_set(vec(byte(), 1..=MAX_ANCHOR), 1..=MAX_FEW),
        text in vec(byte(), 0..60),
    ) {
        let anchors: Vec<Vec<u8>> = anchors.into_iter().collect();
        // Also one that is certainly there.
        let text = [&text[..], &anchors[0], &text].concat();
        let few = Few::new(anchors.iter().map(|anchor| &**anchor)).expect("they are few");
        let at = |index: usize, anchor: &[u8]| -> Vec<(usize, Range<usize>)> {
            let places = text.windows(anchor.len()).enumerate().filter(|(_, window)| *window == anchor);
            places.map(|(start, window)| (index, start..start + window.len())).collect()
        };
        let wanted: BTreeSet<_> =
            anchors.iter().enumerate().flat_map(|(index, anchor)| at(index, anchor)).map(|(index, range)| (index, range.start, range.end)).collect();
        let found = found(&few, &text);
        prop_assert_eq!(found.len(), wanted.len(), "each once");
        prop_assert_eq!(found.into_iter().map(|(index, range)| (index, range.start, range.end)).collect::<BTreeSet<_>>(), wanted);
    }
}

#[test]
fn more_than_a_few_are_left_to_an_automaton() {
    let anchors: Vec<[u8; 2]> = (0..=u8::try_from(MAX_FEW).unwrap()).map(|number| [b'a', number]).collect();
    let few = |count: usize| Few::new(anchors[..count].iter().map(|anchor| &anchor[..]));
    assert!(few(MAX_FEW).is_some());
    assert!(few(MAX_FEW + 1).is_none());
}

/// Each connector in memory has a search, and most have one token.
#[test]
fn the_search_for_a_token_holds_few_bytes() {
    let held = Search::new(&[Secret::new("ghp_16C7e42F292c6912E7710c838347Ae178B4a")]).held_bytes();
    assert!((1..=256).contains(&held), "{held} bytes");
}
