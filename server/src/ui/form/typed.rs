//! What a person typed: the values of the inputs of a form, as text.

use std::collections::BTreeMap;
use std::fmt;

use serde::{Deserialize, Serialize};

/// The most inputs that a form may send.
pub(in crate::ui) const MAX_INPUTS: usize = 50_000;

/// The values of the inputs by their names. Its `Debug` shows no value: some are secrets.
#[derive(Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub(in crate::ui) struct Typed(BTreeMap<String, Vec<String>>);

impl fmt::Debug for Typed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.0.keys()).finish()
    }
}

impl Typed {
    /// Reads the body of a form. Browsers send line breaks as CRLF; here they are LF, as they were typed.
    ///
    /// # Errors
    /// If there are more than [`MAX_INPUTS`] inputs.
    pub(in crate::ui) fn parse(body: &[u8]) -> Result<Self, String> {
        let mut typed = Self::default();
        for (count, (name, value)) in url::form_urlencoded::parse(body).enumerate() {
            if count == MAX_INPUTS {
                return Err(format!("the form has more than {MAX_INPUTS} inputs"));
            }
            let value = if value.contains('\r') { value.replace("\r\n", "\n") } else { value.into_owned() };
            typed.0.entry(name.into_owned()).or_default().push(value);
        }
        Ok(typed)
    }

    /// Returns whether nothing was typed.
    pub(in crate::ui) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Returns the first value of an input.
    pub(in crate::ui) fn get(&self, name: &str) -> Option<&str> {
        self.0.get(name).and_then(|values| values.first()).map(String::as_str)
    }

    /// Returns the first value of an input; an empty text if it was not sent.
    pub(in crate::ui) fn text(&self, name: &str) -> &str {
        self.get(name).unwrap_or_default()
    }

    /// Returns all values of an input.
    pub(in crate::ui) fn all(&self, name: &str) -> &[String] {
        self.0.get(name).map(Vec::as_slice).unwrap_or_default()
    }

    /// Replaces the values of an input with one.
    pub(in crate::ui) fn set(&mut self, name: impl Into<String>, value: impl Into<String>) {
        self.0.insert(name.into(), vec![value.into()]);
    }

    /// Replaces the values of an input.
    pub(in crate::ui) fn set_all(&mut self, name: impl Into<String>, values: Vec<String>) {
        self.0.insert(name.into(), values);
    }

    /// Takes the first value of an input away.
    pub(in crate::ui) fn take(&mut self, name: &str) -> Option<String> {
        self.0.remove(name).and_then(|values| values.into_iter().next())
    }

    /// Forgets a place and everything in it: its own input, those of its parts, and what describes it.
    pub(in crate::ui) fn forget(&mut self, at: &str) {
        self.0.retain(|name, _| !is_within(name, at));
    }

    /// Returns whether anything was typed at a place or within it.
    pub(in crate::ui) fn has_within(&self, at: &str) -> bool {
        self.0.iter().any(|(name, values)| {
            !name.ends_with(COUNT) && is_within(name, at) && values.iter().any(|value| !value.is_empty())
        })
    }

    /// Returns whether a value was typed at a place or within it; what only describes the place does not count.
    pub(in crate::ui) fn has_value(&self, at: &str) -> bool {
        let is_value = |name: &str| is_within(name, at) && !name.contains('~');
        self.0.iter().any(|(name, values)| is_value(name) && values.iter().any(|value| !value.is_empty()))
    }

    /// Takes over what was typed at a place or within it elsewhere.
    pub(in crate::ui) fn adopt(&mut self, other: &Self, at: &str) {
        let found = other.0.iter().filter(|(name, _)| is_within(name, at));
        self.0.extend(found.map(|(name, values)| (name.clone(), values.clone())));
    }

    /// Returns the number of items of a list.
    pub(in crate::ui) fn count(&self, at: &str) -> usize {
        self.get(&format!("{at}{COUNT}")).and_then(|count| count.parse().ok()).unwrap_or(0).min(MAX_COUNT)
    }

    /// Writes the number of items of a list.
    pub(in crate::ui) fn set_count(&mut self, at: &str, count: usize) {
        self.set(format!("{at}{COUNT}"), count.min(MAX_COUNT).to_string());
    }

    /// Returns whether a place is shown in this mode.
    pub(in crate::ui) fn is_in_mode(&self, at: &str, mode: &str) -> bool {
        self.get(&format!("{at}{MODE}")) == Some(mode)
    }

    /// Shows a place in this mode.
    pub(in crate::ui) fn set_mode(&mut self, at: &str, mode: &str) {
        self.set(format!("{at}{MODE}"), mode);
    }

    /// Moves what was typed from one place to another.
    pub(in crate::ui) fn rename(&mut self, from: &str, to: &str) {
        let names: Vec<String> = self.0.keys().filter(|name| is_within(name, from)).cloned().collect();
        for name in names {
            if let Some(values) = self.0.remove(&name) {
                self.0.insert(format!("{to}{}", &name[from.len()..]), values);
            }
        }
    }

    /// Returns the inputs with their values, for a form that passes them on.
    pub(in crate::ui) fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().flat_map(|(name, values)| values.iter().map(|value| (name.as_str(), value.as_str())))
    }
}

/// What follows the pointer of a list in the name of the input with the number of its items. `~` and a letter are in no
/// JSON pointer, so no field can have such a name.
pub(in crate::ui) const COUNT: &str = "~n";
/// What follows a pointer in the name of the input that says how the place is shown.
pub(in crate::ui) const MODE: &str = "~as";
/// What follows the pointer of a secret in the name of the input that says what happens to it.
pub(in crate::ui) const ACTION: &str = "~do";
/// What follows the pointer of a pair in the name of the input with its key.
pub(in crate::ui) const KEY: &str = "~key";
/// The mode of a place that is shown as JSON.
pub(in crate::ui) const AS_JSON: &str = "json";
/// The mode of a place that is shown as a plain line of text.
pub(in crate::ui) const AS_TEXT: &str = "text";
/// The most items of a list that a form shows; a longer one is shown as JSON.
pub(in crate::ui) const MAX_ITEMS: usize = 100;
/// The most items of any list of a form: that of the fields of a schema is longer than those of a call.
pub(in crate::ui) const MAX_COUNT: usize = 500;

fn is_within(name: &str, at: &str) -> bool {
    name.strip_prefix(at).is_some_and(|rest| rest.is_empty() || rest.starts_with(['/', '~']))
}

/// Returns the id of the control of a place: its pointer with dashes. Other characters than letters, digits and `_` are
/// written as their code, so that two places never have the same id.
pub(in crate::ui) fn id(at: &str) -> String {
    let mut id = String::with_capacity(at.len() + 1);
    id.push('f');
    for character in at.chars() {
        match character {
            '/' => id.push('-'),
            c if c.is_ascii_alphanumeric() || c == '_' => id.push(c),
            other => id += &format!(".{:x}", u32::from(other)),
        }
    }
    id
}
