//! The few bytes by which a secret is looked for.
//!
//! A secret is not looked for as a whole: of each [`Family`] of spellings a window of at most [`MAX_ANCHOR`] bytes goes
//! into the automaton, taken from the middle, because tokens and keys of a kind begin alike.

use std::ops::Range;

use super::spelling::{Reading, Spelling, base64_core, base64_texts};

/// The most bytes of an anchor.
pub(super) const MAX_ANCHOR: usize = 8;
/// The fewest letters and digits that make a good anchor: no spelling changes them, so all share it.
const MIN_RUN: usize = 6;
/// How many bytes in the middle of a secret are looked at first for an anchor.
const MIDDLE: usize = 1024;

/// Spellings of one secret that are found by anchors at one place of it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Family {
    pub(super) reading: Reading,
    /// `None`: spelled character by character. Else base64, with so many bytes (mod 3) before the secret.
    pub(super) base64: Option<u8>,
}

/// A spelling of a secret, and where its anchor stands in it.
pub(super) struct Form {
    pub(super) text: Box<[u8]>,
    pub(super) anchor: usize,
}

impl Family {
    /// Lists the families of a secret.
    pub(super) fn all() -> impl Iterator<Item = Self> {
        Reading::ALL.into_iter().flat_map(|reading| {
            [None, Some(0), Some(1), Some(2)].into_iter().map(move |base64| Self { reading, base64 })
        })
    }

    /// Returns where a secret's anchors stand, in bytes, and the distinct anchors; `None` if it has no such spellings.
    pub(super) fn anchors(self, secret: &str) -> Option<(usize, Vec<Vec<u8>>)> {
        let text = self.reading.read(secret)?;
        let mut anchors: Vec<Vec<u8>> = Vec::new();
        let mut add = |part: &[u8]| {
            let part = &part[..part.len().min(MAX_ANCHOR)];
            if !anchors.iter().any(|known| known == part) {
                anchors.push(part.to_owned());
            }
        };
        let Some(shift) = self.base64 else {
            let window = window(&text);
            let part = &text[window.clone()];
            Spelling::all(part).for_each(|spelling| add(spelling.write(part).as_bytes()));
            return Some((window.start, anchors));
        };
        let core = base64_core(&text, shift.into(), false)?;
        let window = window(&core);
        add(&core.as_bytes()[window.clone()]);
        if let Some(core) = base64_core(&text, shift.into(), true) {
            add(&core.as_bytes()[window.clone()]);
        }
        Some((window.start, anchors))
    }

    /// Writes the spellings of a secret that have at most `most` bytes; `place` is where its anchors stand.
    pub(super) fn forms(self, secret: &str, place: usize, most: usize) -> Vec<Form> {
        let mut forms: Vec<Form> = Vec::new();
        let mut add = |text: &[u8], anchor: usize| {
            if text.len() <= most && !forms.iter().any(|known| *known.text == *text) {
                forms.push(Form { text: text.into(), anchor });
            }
        };
        let Some(text) = self.reading.read(secret) else { return forms };
        match self.base64 {
            None => {
                for spelling in Spelling::all(&text) {
                    add(spelling.write(&text).as_bytes(), spelling.write(&text[..place]).len());
                }
            }
            Some(shift) => base64_texts(&text, shift.into()).iter().for_each(|text| add(text.as_bytes(), place)),
        }
        forms
    }
}

/// Picks the part of a text that serves as its anchor: letters and digits where there are enough, of as many kinds as
/// possible.
fn window(text: &str) -> Range<usize> {
    let middle = text.len() / 2;
    let around = middle.saturating_sub(MIDDLE / 2)..text.len().min(middle + MIDDLE / 2);
    let run = best_run(text.as_bytes(), around).or_else(|| best_run(text.as_bytes(), 0..text.len()));
    run.unwrap_or_else(|| {
        let mut start = text.floor_char_boundary(middle.saturating_sub(MAX_ANCHOR / 2));
        while is_hex_place(text.as_bytes(), start) {
            start -= 1;
        }
        start..text.ceil_char_boundary(text.len().min(start + MAX_ANCHOR))
    })
}

/// Returns the letters and digits of a part of a text, at least [`MIN_RUN`] in a row, that have the most kinds.
fn best_run(text: &[u8], part: Range<usize>) -> Option<Range<usize>> {
    let mut best: Option<(usize, Range<usize>)> = None;
    let mut run = part.start;
    for (end, byte) in text.iter().enumerate().take(part.end).skip(part.start).map(|(at, byte)| (at + 1, byte)) {
        if !byte.is_ascii_alphanumeric() || is_hex_place(text, end - 1) {
            run = end;
        }
        let window = end.saturating_sub(MAX_ANCHOR).max(run)..end;
        if window.len() >= MIN_RUN {
            let kinds = kinds(&text[window.clone()]);
            if best.as_ref().is_none_or(|(most, _)| kinds > *most) {
                best = Some((kinds, window));
            }
        }
    }
    best.map(|(_, window)| window)
}

/// Returns whether a byte may be a digit of a percent-encoding, whose case may change.
fn is_hex_place(text: &[u8], at: usize) -> bool {
    text[at.saturating_sub(2)..at].contains(&b'%')
}

fn kinds(window: &[u8]) -> usize {
    window.iter().enumerate().filter(|(index, byte)| !window[..*index].contains(byte)).count()
}
