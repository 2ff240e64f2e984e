//! Finds a few anchors by a rare byte of each: a connector that is kept in memory has some, and an automaton for them would take ten
//! times as much as they do.

use std::ops::{ControlFlow, Range};

use memchr::memchr3_iter;

use super::anchor::MAX_ANCHOR;

/// The most anchors that are looked for in this way. At each place of a text that has nothing but their rare bytes, all are compared.
pub(super) const MAX_FEW: usize = 12;

/// A few anchors, in groups that are looked for together.
pub(super) struct Few(Box<[Group]>);

/// Anchors each of which has one of three bytes.
struct Group {
    rare: [u8; 3],
    anchors: Box<[Anchor]>,
}

struct Anchor {
    /// Its bytes as a number, so that it is compared at once; those beyond its length are 0, here and in `mask`.
    bytes: u64,
    mask: u64,
    length: u8,
    /// Where its rare byte stands first.
    rare_at: u8,
    /// Which anchor it is.
    index: u8,
}

impl Few {
    /// Returns `None` for more than [`MAX_FEW`] anchors.
    pub(super) fn new<'a>(anchors: impl ExactSizeIterator<Item = &'a [u8]>) -> Option<Self> {
        if anchors.len() > MAX_FEW {
            return None;
        }
        let mut groups: Vec<(Vec<u8>, Vec<Anchor>)> = Vec::new();
        for (index, text) in anchors.enumerate() {
            let (rare_at, byte) = text.iter().enumerate().min_by_key(|(_, byte)| commonness(**byte))?;
            // A byte that is looked for already serves, if it is as rare.
            let serves = |byte: &u8, rare: &[u8]| rare.contains(byte) && commonness(*byte) == commonness(text[rare_at]);
            let shared = groups
                .iter()
                .enumerate()
                .find_map(|(group, (rare, _))| Some((group, text.iter().position(|byte| serves(byte, rare))?)));
            let (group, rare_at) = shared.unwrap_or_else(|| {
                let group = groups.iter().position(|(rare, _)| rare.len() < 3).unwrap_or(groups.len());
                if group == groups.len() {
                    groups.push((Vec::new(), Vec::new()));
                }
                groups[group].0.push(*byte);
                (group, rare_at)
            });
            groups[group].1.push(Anchor::new(text, rare_at, index)?);
        }
        let boxed = |(rare, anchors): (Vec<u8>, Vec<Anchor>)| {
            let first = rare[0];
            let byte = |at: usize| rare.get(at).copied().unwrap_or(first);
            Group { rare: [first, byte(1), byte(2)], anchors: anchors.into() }
        };
        Some(Self(groups.into_iter().map(boxed).collect()))
    }

    /// Calls `found` with the number of an anchor and where it stands, for each that a text has.
    pub(super) fn find<B>(
        &self,
        text: &[u8],
        mut found: impl FnMut(usize, Range<usize>) -> ControlFlow<B>,
    ) -> ControlFlow<B> {
        for Group { rare: [first, second, third], anchors } in &self.0 {
            for at in memchr3_iter(*first, *second, *third, text) {
                for anchor in anchors {
                    if let Some(range) = anchor.around(text, at) {
                        found(anchor.index.into(), range)?;
                    }
                }
            }
        }
        ControlFlow::Continue(())
    }

    /// Returns the bytes that it holds on the heap.
    #[cfg(test)]
    pub(super) fn held_bytes(&self) -> usize {
        self.0.iter().map(|group| size_of_val(group) + size_of_val(&*group.anchors)).sum()
    }
}

impl Anchor {
    /// Returns `None` for a text that is too long.
    fn new(text: &[u8], rare_at: usize, index: usize) -> Option<Self> {
        let number = |byte: &dyn Fn(u8) -> u8| {
            let mut bytes = [0; MAX_ANCHOR];
            bytes.get_mut(..text.len())?.iter_mut().zip(text).for_each(|(place, own)| *place = byte(*own));
            Some(u64::from_le_bytes(bytes))
        };
        let [length, rare_at, index] = [text.len(), rare_at, index].map(|small| u8::try_from(small).ok());
        Some(Self {
            bytes: number(&|byte| byte)?,
            mask: number(&|_| u8::MAX)?,
            length: length?,
            rare_at: rare_at?,
            index: index?,
        })
    }

    /// Returns where it stands if its rare byte is that at a place of a text.
    fn around(&self, text: &[u8], at: usize) -> Option<Range<usize>> {
        let start = at.checked_sub(self.rare_at.into())?;
        let (range, rest) = (start..start + usize::from(self.length), &text[start..]);
        let is_here = match rest.first_chunk() {
            Some(bytes) => u64::from_le_bytes(*bytes) & self.mask == self.bytes,
            None => rest.get(..range.len())? == &self.bytes.to_le_bytes()[..range.len()],
        };
        is_here.then_some(range)
    }
}

/// Returns how often a byte is met in what is searched: JSON, logs and messages.
const fn commonness(byte: u8) -> u8 {
    match byte {
        b'A'..=b'Z' => 0,
        b'j' | b'k' | b'q' | b'v' | b'x' | b'z' => 1,
        b'a' | b'e' | b'i' | b'n' | b'o' | b'r' | b's' | b't' => 3,
        b'0'..=b'9' | b'a'..=b'z' => 2,
        _ => 4,
    }
}
