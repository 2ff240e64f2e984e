//! Masks the secrets of one call in everything that is logged, recorded or shown.
//!
//! A [`Redactor`] knows the values and finds them raw and in the forms in which they are usually sent:
//! URL-encoded, base64 (also as a part of a longer text, as in a `Basic` header) and JSON-escaped, and each of these
//! after an upstream has read UTF-8 as Latin-1. A value of fewer than six characters is not searched for, because it
//! would mask half of every text. A private key in PEM is found with its lines, without them, and line by line.
//!
//! A secret's length is an input, so nothing is built from it that grows with it: a few bytes are searched for, and
//! what surrounds them is compared. What cannot be searched within bounds is masked as a whole.

mod anchor;
mod build;
mod few;
mod fields;
mod names;
mod pem;
mod runtime_secret;
mod search;
mod spelling;
#[cfg(test)]
mod tests;

use std::borrow::Cow;
use std::fmt;
use std::ops::Range;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};

use parking_lot::RwLock;
use serde_json::{Map, Value};

pub use self::fields::{mask_fields, secret_texts};
pub use self::names::{is_sensitive_name, mask_named, may_hold_named};
pub use self::runtime_secret::{RuntimeSecret, SecretTooLong};
use self::search::{Scanned, Search, Work};
use crate::Secret;

/// What replaces a secret.
pub const MASK: &str = "[redacted]";

/// Shortest secret that is searched for, in characters.
const MIN_SECRET_LENGTH: usize = 6;

/// Finds and masks the secrets of one call.
#[derive(Default)]
pub struct Redactor {
    /// Sorted, each once.
    secrets: Box<[Secret]>,
    search: OnceLock<Search>,
    /// Whether everything counts as secret, because the search was not built in time.
    is_closed: AtomicBool,
    /// Know more secrets: those of the connection, if this one knows those of a call.
    bases: [Option<Arc<Self>>; 2],
    /// The secrets that came up while the call ran.
    added: RwLock<Vec<RuntimeSecret>>,
}

impl Redactor {
    /// Makes a redactor for a set of secret texts.
    pub fn new(secrets: impl IntoIterator<Item = String>) -> Self {
        Self::of(secrets.into_iter().map(Secret::new))
    }

    /// Makes a redactor for a set of secrets.
    pub fn of(secrets: impl IntoIterator<Item = Secret>) -> Self {
        let is_long_enough = |secret: &Secret| secret.expose().chars().nth(MIN_SECRET_LENGTH - 1).is_some();
        let with_parts = |secret: Secret| pem::parts(&secret).into_iter().chain([secret]);
        let mut secrets: Vec<Secret> = secrets.into_iter().flat_map(with_parts).filter(is_long_enough).collect();
        secrets.sort_unstable_by(|left, right| left.expose().cmp(right.expose()));
        secrets.dedup();
        Self { secrets: secrets.into(), ..Self::default() }
    }

    /// Makes the redactor of one call: it knows the secrets of `base`, these texts, and those that are added.
    pub fn over(base: Arc<Self>, secrets: impl IntoIterator<Item = String>) -> Self {
        Self { bases: [Some(base), None], ..Self::new(secrets) }
    }

    /// Returns what knows all that two others know: one of them, if it knows the other.
    pub fn joined(left: &Arc<Self>, right: &Arc<Self>) -> Arc<Self> {
        if Arc::ptr_eq(left, right) || left.bases().any(|base| Arc::ptr_eq(base, right)) {
            return Arc::clone(left);
        }
        Arc::new(Self { bases: [Some(Arc::clone(left)), Some(Arc::clone(right))], ..Self::default() })
    }

    fn bases(&self) -> impl Iterator<Item = &Arc<Self>> {
        self.bases.iter().flatten()
    }

    /// Adds a secret that came up while the call ran; it is masked from now on.
    pub fn add_secret(&self, secret: RuntimeSecret) {
        let mut added = self.added.write();
        if !added.iter().any(|known| known.secret() == secret.secret()) {
            added.push(secret);
        }
    }

    /// Returns a redactor that knows more secrets, or `None` if this one knows them all already.
    #[must_use]
    pub fn with(self: &Arc<Self>, more: impl IntoIterator<Item = String>) -> Option<Self> {
        let new = Self::over(Arc::clone(self), more.into_iter().filter(|text| !self.knows(text)));
        (!new.secrets.is_empty()).then_some(new)
    }

    fn knows(&self, text: &str) -> bool {
        self.secrets.binary_search_by(|secret| secret.expose().cmp(text)).is_ok()
            || self.bases().any(|base| base.knows(text))
    }

    /// Returns whether there is nothing to search for.
    pub fn is_empty(&self) -> bool {
        self.secrets.is_empty() && self.bases().all(|base| base.is_empty()) && self.added.read().is_empty()
    }

    /// Returns whether everything counts as secret, because the secrets cannot be searched for.
    pub(crate) fn is_closed(&self) -> bool {
        !self.secrets.is_empty() && self.search().is_none_or(Search::is_closed)
            || self.bases().any(|base| base.is_closed())
            || self.added.read().iter().any(|added| added.redactor().is_closed())
    }

    /// Masks the secrets in a text.
    pub fn text<'t>(&self, text: &'t str) -> Cow<'t, str> {
        self.text_within(text, &mut Work::new())
    }

    fn text_within<'t>(&self, text: &'t str, work: &mut Work) -> Cow<'t, str> {
        if text.is_empty() {
            return text.into();
        }
        let mut found: Vec<Range<usize>> = Vec::new();
        let scanned = self.scan(text.as_bytes(), work, &mut |_, range| {
            match found.last_mut() {
                Some(last) if (last.start..last.end).contains(&range.start) => last.end = last.end.max(range.end),
                _ => found.push(range),
            }
            false
        });
        if scanned == Scanned::Closed {
            return MASK.into();
        }
        if found.is_empty() {
            return Cow::Borrowed(text);
        }
        found.sort_unstable_by_key(|range| (range.start, range.end));
        let mut masked = String::new();
        let mut done = 0;
        let mut ranges = found.into_iter().peekable();
        while let Some(mut range) = ranges.next() {
            // If secrets overlap, all of both is masked.
            while let Some(next) = ranges.next_if(|next| next.start < range.end) {
                range.end = range.end.max(next.end);
            }
            masked.push_str(&text[done..range.start]);
            masked.push_str(MASK);
            done = range.end;
        }
        masked.push_str(&text[done..]);
        Cow::Owned(masked)
    }

    /// Returns whether a text holds a secret in any of its forms.
    pub fn finds(&self, text: &str) -> bool {
        self.finds_in(text.as_bytes())
    }

    /// Returns whether bytes hold a secret in any of its forms.
    pub(crate) fn finds_in(&self, bytes: &[u8]) -> bool {
        self.scan(bytes, &mut Work::new(), &mut |_, _| true) != Scanned::All
    }

    fn finds_within(&self, text: &str, work: &mut Work) -> bool {
        self.scan(text.as_bytes(), work, &mut |_, _| true) != Scanned::All
    }

    /// Returns the secrets that a text holds in any of their forms; all of them if it cannot be searched.
    pub(crate) fn secrets_in(&self, text: &str) -> Vec<Secret> {
        let mut held: Vec<Secret> = Vec::new();
        let scanned = self.scan(text.as_bytes(), &mut Work::new(), &mut |secret, _| {
            if !held.contains(secret) {
                held.push(secret.clone());
            }
            false
        });
        if scanned == Scanned::Closed {
            held.clear();
            self.collect(&mut held);
        }
        held
    }

    fn collect(&self, secrets: &mut Vec<Secret>) {
        secrets.extend(self.secrets.iter().cloned());
        self.bases().for_each(|base| base.collect(secrets));
        self.added.read().iter().for_each(|added| added.redactor().collect(secrets));
    }

    /// Calls `found` with each form of a secret in some bytes, until it returns true.
    fn scan(&self, bytes: &[u8], work: &mut Work, found: &mut dyn FnMut(&Secret, Range<usize>) -> bool) -> Scanned {
        if !self.secrets.is_empty() {
            let own = self.search().map_or(Scanned::Closed, |search| search.scan(&self.secrets, bytes, work, found));
            if own != Scanned::All {
                return own;
            }
        }
        for base in self.bases() {
            let scanned = base.scan(bytes, work, found);
            if scanned != Scanned::All {
                return scanned;
            }
        }
        let added = self.added.read();
        let mut scans = added.iter().map(|secret| secret.redactor().scan(bytes, work, found));
        scans.find(|scanned| *scanned != Scanned::All).unwrap_or(Scanned::All)
    }

    /// Returns what searches for the own secrets; `None` if it was not built in time.
    fn search(&self) -> Option<&Search> {
        match self.search.get() {
            None if self.is_closed.load(Ordering::Relaxed) => None,
            None => Some(self.search.get_or_init(|| Search::new(&self.secrets))),
            built => built,
        }
    }

    /// Masks the secrets in every text of a value, in keys and in numbers that spell one.
    pub fn value(&self, value: &mut Value) {
        if !self.is_empty() {
            self.walk(value, &mut Work::new());
        }
    }

    fn walk(&self, value: &mut Value, work: &mut Work) {
        match value {
            Value::String(text) => {
                if let Cow::Owned(masked) = self.text_within(text, work) {
                    *text = masked;
                }
            }
            Value::Number(number) => {
                if self.finds_within(&number.to_string(), work) {
                    *value = Value::String(MASK.to_owned());
                }
            }
            Value::Array(list) => list.iter_mut().for_each(|part| self.walk(part, work)),
            Value::Object(map) => self.walk_object(map, work),
            Value::Null | Value::Bool(_) => {}
        }
    }

    fn walk_object(&self, map: &mut Map<String, Value>, work: &mut Work) {
        if map.keys().any(|key| self.finds_within(key, work)) {
            let mut shown = Map::with_capacity(map.len());
            for (key, part) in std::mem::take(map) {
                shown.insert(free_key(&shown, self.text_within(&key, work).into_owned()), part);
            }
            *map = shown;
        }
        map.values_mut().for_each(|part| self.walk(part, work));
    }
}

impl fmt::Debug for Redactor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Redactor").field("secrets", &self.secrets.len()).finish()
    }
}

/// Returns a key that is not taken yet: two masked keys must not become one.
fn free_key(map: &Map<String, Value>, key: String) -> String {
    if !map.contains_key(&key) {
        return key;
    }
    let free = (2_u32..).map(|number| format!("{key} {number}")).find(|key| !map.contains_key(key));
    free.unwrap_or(key)
}
