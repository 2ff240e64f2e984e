//! Looks for secrets in bytes: anchors are found first, and what surrounds one is compared with the secret.
//!
//! What finds anchors grows with the number of secrets and not with their length. Comparing is linear in the text, because
//! a form never looks twice at bytes that it has matched (the Z algorithm), and because the number of comparisons is
//! bounded: a text that exceeds it is masked as a whole.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::ops::{ControlFlow, Range};

use aho_corasick::{AhoCorasick, AhoCorasickKind, Input};

use super::anchor::{Family, Form, MAX_ANCHOR};
use super::few::Few;
use crate::Secret;

/// Work for each byte of a text: comparisons of a secret's form with a place of the text, and bytes of secrets whose
/// forms are written.
const MAX_WORK_PER_BYTE: usize = 32;
/// What it takes to write the forms of a short secret, as work.
const WORK_OF_FORMS: usize = 128;
/// Work that even short texts may take.
const MAX_WORK_OF_SHORT: usize = 16 * 1024;

/// Bytes of secrets' forms that a scan may hold at a time: the forms of the longest secret, a few times.
const MAX_FORM_BYTES: usize = 32 * 1024 * 1024;

/// What finds the anchors of some secrets.
pub(super) enum Search {
    /// There are no secrets.
    Nothing,
    Anchors(Anchors),
    /// It could not be built: everything counts as secret.
    Closed,
}

pub(super) struct Anchors {
    finder: Finder,
    /// For each anchor the end of its places in `places`.
    ends: Box<[u32]>,
    places: Box<[Place]>,
}

/// What finds anchors in bytes.
enum Finder {
    Few(Few),
    Many(AhoCorasick),
}

/// Where an anchor stands in a secret.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Place {
    secret: u32,
    at: u32,
    family: Family,
}

/// The work that may still be done, shared by all texts of one value: else many short texts would cost what one long
/// text may not.
pub(super) struct Work {
    left: usize,
}

impl Work {
    pub(super) const fn new() -> Self {
        Self { left: MAX_WORK_OF_SHORT }
    }

    fn add(&mut self, bytes: &[u8]) {
        self.left = self.left.saturating_add(bytes.len().saturating_mul(MAX_WORK_PER_BYTE));
    }

    /// Returns whether there is enough left.
    fn take(&mut self, work: usize) -> bool {
        let left = self.left.checked_sub(work);
        self.left = left.unwrap_or(0);
        left.is_some()
    }
}

/// How a scan ended.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Scanned {
    /// The whole text was looked at.
    All,
    /// The caller had seen enough.
    Stopped,
    /// The text could not be looked at within bounds: all of it counts as secret.
    Closed,
}

impl Search {
    pub(super) fn new(secrets: &[Secret]) -> Self {
        let mut known: HashMap<Vec<u8>, usize> = HashMap::new();
        let mut anchors: Vec<(Vec<u8>, Vec<Place>)> = Vec::new();
        for (index, secret) in secrets.iter().enumerate() {
            for family in Family::all() {
                let Some((at, windows)) = family.anchors(secret.expose()) else { continue };
                let (Ok(secret), Ok(at)) = (u32::try_from(index), u32::try_from(at)) else { return Self::Closed };
                for window in windows {
                    let id = *known.entry(window.clone()).or_insert_with(|| {
                        anchors.push((window, Vec::new()));
                        anchors.len() - 1
                    });
                    anchors[id].1.push(Place { secret, at, family });
                }
            }
        }
        if anchors.is_empty() {
            return Self::Nothing;
        }
        let mut places = Vec::new();
        let mut ends = Vec::with_capacity(anchors.len());
        for (_, of_anchor) in &anchors {
            places.extend_from_slice(of_anchor);
            let Ok(end) = u32::try_from(places.len()) else { return Self::Closed };
            ends.push(end);
        }
        match Finder::new(&anchors) {
            Some(finder) => Self::Anchors(Anchors { finder, ends: ends.into(), places: places.into() }),
            None => Self::Closed,
        }
    }

    /// Returns whether everything counts as secret.
    pub(super) fn is_closed(&self) -> bool {
        matches!(self, Self::Closed)
    }

    /// Calls `found` with each form of a secret in some bytes, until it returns true.
    pub(super) fn scan(
        &self,
        secrets: &[Secret],
        bytes: &[u8],
        work: &mut Work,
        found: &mut dyn FnMut(&Secret, Range<usize>) -> bool,
    ) -> Scanned {
        match self {
            Self::Nothing => Scanned::All,
            Self::Anchors(anchors) => anchors.scan(secrets, bytes, work, found),
            Self::Closed if bytes.is_empty() => Scanned::All,
            Self::Closed => Scanned::Closed,
        }
    }

    /// Returns the bytes that it holds on the heap.
    #[cfg(test)]
    pub(super) fn held_bytes(&self) -> usize {
        match self {
            Self::Nothing | Self::Closed => 0,
            Self::Anchors(anchors) => {
                let finder = match &anchors.finder {
                    Finder::Few(few) => few.held_bytes(),
                    Finder::Many(automaton) => automaton.memory_usage(),
                };
                finder + size_of_val(&*anchors.ends) + size_of_val(&*anchors.places)
            }
        }
    }
}

impl Finder {
    /// Returns `None` if it cannot be built.
    fn new(anchors: &[(Vec<u8>, Vec<Place>)]) -> Option<Self> {
        if let Some(few) = Few::new(anchors.iter().map(|(anchor, _)| &**anchor)) {
            return Some(Self::Few(few));
        }
        // Of many, a DFA would be large. Without dense states an automaton is a third as large, and a scan takes one or two percent
        // longer: each connector in memory may have one.
        let mut builder = AhoCorasick::builder();
        builder.kind(Some(AhoCorasickKind::ContiguousNFA)).dense_depth(0);
        Some(Self::Many(builder.build(anchors.iter().map(|(anchor, _)| anchor)).ok()?))
    }

    /// Calls `found` with the number of an anchor and where it stands, for each that a text has.
    fn find<B>(&self, text: &[u8], mut found: impl FnMut(usize, Range<usize>) -> ControlFlow<B>) -> ControlFlow<B> {
        match self {
            Self::Few(few) => few.find(text, found),
            Self::Many(automaton) => {
                // Most texts hold no anchor, and this way of asking is the quickest. No other anchor ends before the first one.
                let Some(first) = automaton.find(text) else { return ControlFlow::Continue(()) };
                let from = first.end().saturating_sub(MAX_ANCHOR);
                automaton
                    .find_overlapping_iter(Input::new(text).span(from..text.len()))
                    .try_for_each(|hit| found(hit.pattern().as_usize(), hit.range()))
            }
        }
    }
}

impl Anchors {
    fn scan(
        &self,
        secrets: &[Secret],
        bytes: &[u8],
        work: &mut Work,
        found: &mut dyn FnMut(&Secret, Range<usize>) -> bool,
    ) -> Scanned {
        let mut comparison = None;
        let ended = self.finder.find(bytes, |anchor, range| {
            let comparison = comparison.get_or_insert_with(|| {
                work.add(bytes);
                Comparison { form_bytes_left: MAX_FORM_BYTES, candidates: HashMap::new() }
            });
            let of_anchor = anchor.checked_sub(1).map_or(0, |before| self.ends[before])..self.ends[anchor];
            for index in of_anchor {
                let place = self.places[index as usize];
                let secret = &secrets[place.secret as usize];
                // No form is shorter than the secret.
                if secret.expose().len() > bytes.len() {
                    continue;
                }
                let Some(forms) = comparison.forms(index, place, secret, &bytes[range.clone()], bytes.len(), work)
                else {
                    return ControlFlow::Break(Scanned::Closed);
                };
                for form in forms {
                    if let Some(range) = form.find_at(bytes, range.start)
                        && found(secret, range)
                    {
                        return ControlFlow::Break(Scanned::Stopped);
                    }
                }
            }
            ControlFlow::Continue(())
        });
        ended.break_value().unwrap_or(Scanned::All)
    }
}

/// What is compared with one text.
struct Comparison {
    form_bytes_left: usize,
    /// The forms of each place whose anchor was found.
    candidates: HashMap<u32, Vec<Candidate>>,
}

impl Comparison {
    /// Returns the forms of a secret that have this anchor, and at most `most` bytes; `None` if that is more work than is left.
    fn forms(
        &mut self,
        index: u32,
        place: Place,
        secret: &Secret,
        anchor: &[u8],
        most: usize,
        work: &mut Work,
    ) -> Option<&mut Vec<Candidate>> {
        let forms = match self.candidates.entry(index) {
            Entry::Occupied(known) => known.into_mut(),
            Entry::Vacant(new) => {
                if !work.take(WORK_OF_FORMS + secret.expose().len()) {
                    return None;
                }
                let mut forms = place.family.forms(secret.expose(), place.at as usize, most);
                forms.retain(|form| form.has_anchor(anchor));
                let size = forms.iter().map(|form| form.text.len()).sum();
                self.form_bytes_left = self.form_bytes_left.checked_sub(size)?;
                new.insert(forms.into_iter().map(Candidate::new).collect())
            }
        };
        work.take(forms.len().max(1)).then_some(forms)
    }
}

impl Form {
    fn has_anchor(&self, anchor: &[u8]) -> bool {
        self.text.get(self.anchor..).is_some_and(|rest| rest.starts_with(anchor))
    }
}

/// A form of a secret that is compared with places of one text, from its beginning to its end.
struct Candidate {
    form: Form,
    /// How many bytes at each place of the form are those of its beginning. Computed when it is needed first.
    same: Vec<u32>,
    /// The part of the text that was found to be the beginning of the form, and reaches furthest.
    seen: Range<usize>,
}

impl Candidate {
    fn new(form: Form) -> Self {
        Self { form, same: Vec::new(), seen: 0..0 }
    }

    /// Returns the range of the form in the text if its anchor stands at `anchor`.
    fn find_at(&mut self, text: &[u8], anchor: usize) -> Option<Range<usize>> {
        let form = &self.form.text;
        let start = anchor.checked_sub(self.form.anchor)?;
        let end = start.checked_add(form.len()).filter(|end| *end <= text.len())?;
        let mut same = 0;
        if start < self.seen.end && start >= self.seen.start {
            if self.same.is_empty() {
                self.same = same_as_beginning(form);
            }
            let (known, in_seen) = (self.same[start - self.seen.start] as usize, self.seen.end - start);
            if known < in_seen {
                return (known == form.len()).then_some(start..end);
            }
            same = in_seen;
        }
        same += text[start + same..end].iter().zip(&form[same..]).take_while(|(left, right)| left == right).count();
        if start + same >= self.seen.end {
            self.seen = start..start + same;
        }
        (same == form.len()).then_some(start..end)
    }
}

/// Returns for each place of a text how many bytes from there are those of its beginning (the Z function).
fn same_as_beginning(text: &[u8]) -> Vec<u32> {
    let mut same = vec![0_u32; text.len()];
    let mut seen = 0..0;
    for start in 0..text.len() {
        let mut length = 0;
        if start < seen.end {
            length = (same[start - seen.start] as usize).min(seen.end - start);
        }
        if start > 0 {
            while start + length < text.len() && text[length] == text[start + length] {
                length += 1;
            }
        } else {
            length = text.len();
        }
        if start > 0 && start + length > seen.end {
            seen = start..start + length;
        }
        same[start] = u32::try_from(length).unwrap_or(u32::MAX);
    }
    same
}
