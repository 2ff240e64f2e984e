//! Two maps of named things side by side: commands, connection fields, params.

use indexmap::IndexMap;

/// Two maps. Mostly they have the same names in the same order; then nothing is looked up.
pub(super) struct Pairs<'m, T> {
    old: &'m IndexMap<String, T>,
    new: &'m IndexMap<String, T>,
    aligned: bool,
}

impl<'m, T> Pairs<'m, T> {
    pub(super) fn of(old: &'m IndexMap<String, T>, new: &'m IndexMap<String, T>) -> Self {
        Self { old, new, aligned: old.keys().eq(new.keys()) }
    }

    /// Returns what was there, each with what it is now.
    pub(super) fn iter(&self) -> impl Iterator<Item = (&'m str, &'m T, Option<&'m T>)> {
        let (new, aligned) = (self.new, self.aligned);
        self.old.iter().enumerate().map(move |(index, (name, old))| {
            let now = if aligned { new.get_index(index).map(|(_, now)| now) } else { new.get(name) };
            (name.as_str(), old, now)
        })
    }

    /// Returns what is new.
    pub(super) fn added(&self) -> impl Iterator<Item = (&'m String, &'m T)> {
        let (old, aligned) = (self.old, self.aligned);
        self.new.iter().filter(move |(name, _)| !aligned && !old.contains_key(*name))
    }

    /// Returns whether what both have is in another order.
    pub(super) fn reordered(&self) -> bool {
        let (old, new) = (self.old, self.new);
        let kept = || old.keys().filter(|name| new.contains_key(*name));
        !self.aligned && kept().ne(new.keys().filter(|name| old.contains_key(*name)))
    }
}
