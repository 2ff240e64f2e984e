//! Two connection fields or params of one name side by side.

use std::collections::{HashMap, HashSet};
use std::fmt::{self, Display};

use serde_json::Value;

use super::aspect::{Aspect, Difference};
use super::path::Path;
use super::said::{Said, shown};
use super::same::{is_same, is_same_beside_schema};
use super::{Changes, nested, numbers};
use crate::{Choice, Field, FieldKind, NestedSchema, number};

/// Where a field is.
#[derive(Clone, Copy)]
pub(super) enum Side<'a> {
    Connection,
    /// Among the params of the command of this name.
    Param(&'a str),
}

/// A field as a message names it.
#[derive(Clone, Copy)]
pub(super) struct Named<'a>(Side<'a>, &'a str);

impl Display for Named<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self(side, name) = self;
        match side {
            Side::Connection => write!(f, "connection field {name}"),
            Side::Param(command) => write!(f, "param {name} of {command}"),
        }
    }
}

impl<'a> Side<'a> {
    /// Returns how a message names a field.
    pub(super) fn named(self, name: &'a str) -> Named<'a> {
        Named(self, name)
    }

    pub(super) fn aspect(self) -> Aspect {
        match self {
            Self::Connection => Aspect::ConnectionField,
            Self::Param(_) => Aspect::Param,
        }
    }

    /// Returns how a message names all fields.
    pub(super) fn all(self) -> String {
        match self {
            Self::Connection => "the connection fields".to_owned(),
            Self::Param(command) => format!("the params of {command}"),
        }
    }

    /// Returns how a field was added. A default of null does not help a field that is required.
    pub(super) fn added(self, field: &Field) -> Difference {
        let filled = field.default.as_ref().is_some_and(|default| !(field.required && default.is_null()));
        match self {
            Self::Connection if !field.required => Difference::Added,
            _ if filled => Difference::Added,
            _ => Difference::AddedWithoutValue,
        }
    }
}

pub(super) fn compare(side: Side<'_>, name: &str, old: &Field, new: &Field, path: Path<'_>, changes: &mut Changes) {
    let documents = [old, new].map(|field| field.schema.as_ref().map(NestedSchema::document));
    let same_schema = is_same(documents[0], documents[1]);
    if same_schema && is_same_beside_schema(old, new) {
        return;
    }
    let named = &side.named(name);
    let before = changes.items.len();
    let mut comparison = Comparison { named, path, changes };
    if old.kind != new.kind {
        // What else differs belongs to the new type, and nothing outweighs this.
        return comparison.found(Aspect::Type, Some(Difference::Changed), "type", Some(&old.kind), Some(&new.kind));
    }
    comparison.flags(old, new);
    comparison.bounds(old, new);
    comparison.texts(old, new);
    if old.options != new.options {
        options(named, old, new, path.step("options"), changes);
    }
    if !same_schema {
        nested::compare(named, documents[0], documents[1], path.step("schema"), changes);
    }
    if changes.items.len() == before {
        // Equal in meaning, such as 1 and 1.0.
        changes.found(Aspect::Text, Difference::Rewritten, path, &Said::of(named));
    }
}

/// Two fields of the same type.
struct Comparison<'a> {
    named: &'a Named<'a>,
    path: Path<'a>,
    changes: &'a mut Changes,
}

impl Comparison<'_> {
    fn found(
        &mut self,
        aspect: Aspect,
        difference: Option<Difference>,
        key: &str,
        was: Option<&dyn Display>,
        is: Option<&dyn Display>,
    ) {
        if let Some(difference) = difference {
            let said = Said::key(key, self.named).values(was, is);
            self.changes.found(aspect, difference, self.path.step(key), &said);
        }
    }

    fn flags(&mut self, old: &Field, new: &Field) {
        let presence = Difference::of_presence;
        self.found(Aspect::Required, presence(old.required, new.required), "required", None, None);
        self.found(Aspect::SecretMark, presence(old.secret, new.secret), "secret", None, None);
        let (was, is) = (old.default.as_ref(), new.default.as_ref());
        if let Some(default) = DefaultChange::between(was, is, new.required) {
            self.found(Aspect::DefaultValue, Some(default.difference), "default", default.was, default.is);
        }
        self.found(Aspect::Integer, presence(old.integer, new.integer), "integer", None, None);
    }

    fn bounds(&mut self, old: &Field, new: &Field) {
        for (key, upper, was, is) in [
            ("minimum", false, old.minimum.as_ref(), new.minimum.as_ref()),
            ("maximum", true, old.maximum.as_ref(), new.maximum.as_ref()),
        ] {
            self.found(Aspect::Bounds, numbers::bound(upper, was, is, number::compare), key, shown(was), shown(is));
        }
        for (key, upper, was, is) in [
            ("minLength", false, old.min_length.as_ref(), new.min_length.as_ref()),
            ("maxLength", true, old.max_length.as_ref(), new.max_length.as_ref()),
        ] {
            self.found(Aspect::Bounds, numbers::bound(upper, was, is, u64::cmp), key, shown(was), shown(is));
        }
    }

    fn texts(&mut self, old: &Field, new: &Field) {
        let [was, is] = [old, new].map(|field| field.pattern.as_ref().map(|pattern| pattern.as_str()));
        let difference = Difference::of_value(was.is_some(), is.is_some(), was == is);
        self.found(Aspect::Pattern, difference, "pattern", shown(was.as_ref()), shown(is.as_ref()));
        let (was, is) = (old.format.as_ref(), new.format.as_ref());
        let difference = Difference::of_value(was.is_some(), is.is_some(), was == is);
        if old.kind == FieldKind::Select && old.is_open_choice() != new.is_open_choice() {
            let difference = Difference::of_presence(old.is_open_choice(), new.is_open_choice());
            let said = format!("any URL as an option of {}", self.named);
            if let Some(difference) = difference {
                self.changes.found(Aspect::SelectOption, difference, self.path.step("format"), &Said::of(&said));
            }
        } else {
            self.found(Aspect::Format, difference, "format", shown(was), shown(is));
        }
        for (key, same) in [
            ("description", old.description == new.description),
            ("label", old.label == new.label),
            ("placeholder", old.placeholder == new.placeholder),
            ("example", old.example == new.example),
        ] {
            self.found(Aspect::Text, (!same).then_some(Difference::Changed), key, None, None);
        }
    }
}

/// How a default changed, with what a message shows of it.
pub(super) struct DefaultChange<'a> {
    pub(super) difference: Difference,
    pub(super) was: Option<&'a dyn Display>,
    pub(super) is: Option<&'a dyn Display>,
}

impl<'a> DefaultChange<'a> {
    /// Compares two defaults. Null is no value for what is required, so that it removes the default.
    pub(super) fn between(was: Option<&'a Value>, is: Option<&'a Value>, required: bool) -> Option<Self> {
        if let (Some(old), Some(Value::Null)) = (was, is)
            && required
            && !old.is_null()
        {
            let refused: &dyn Display = &"null, which a required field refuses";
            return Some(Self { difference: Difference::Removed, was: shown(was), is: Some(refused) });
        }
        let difference = Difference::of_value(was.is_some(), is.is_some(), was == is)?;
        Some(Self { difference, was: shown(was), is: shown(is) })
    }
}

fn options(named: &Named<'_>, old: &Field, new: &Field, path: Path<'_>, changes: &mut Changes) {
    let stays_valid = new.is_open_choice();
    let (old, new) = (&old.options[..], &new.options[..]);
    // By text: a number and a text that read alike are told apart by their quotes.
    let index = |choices: &[Choice]| -> HashMap<String, usize> {
        choices.iter().enumerate().map(|(index, choice)| (number::common_text(&choice.value), index)).collect()
    };
    let option = |value: &str| format!("option {value} of {named}");
    let (was, is) = (index(old), index(new));
    for (at, choice) in old.iter().enumerate() {
        let (value, meant) = (choice.value.to_string(), number::common_text(&choice.value));
        match is.get(&meant) {
            // It is no longer offered, and still accepted.
            None if stays_valid => {
                changes.found(Aspect::Text, Difference::Changed, path.index(at), &Said::of(&option(&value)));
            }
            None => {
                changes.found(Aspect::SelectOption, Difference::Removed, path.index(at), &Said::of(&option(&value)));
            }
            Some(now) if new[*now].label != choice.label => {
                let place = path.index(*now);
                let said = option(&value);
                changes.found(Aspect::Text, Difference::Changed, place.step("label"), &Said::key("label", &said));
            }
            Some(_) => {}
        }
    }
    for (at, choice) in new.iter().enumerate() {
        let (value, meant) = (choice.value.to_string(), number::common_text(&choice.value));
        if !was.contains_key(&meant) {
            changes.found(Aspect::SelectOption, Difference::Added, path.index(at), &Said::of(&option(&value)));
        }
    }
    let kept: HashSet<&str> = was.keys().filter(|value| is.contains_key(*value)).map(String::as_str).collect();
    let order = |choices: &[Choice]| -> Vec<String> {
        choices
            .iter()
            .map(|choice| number::common_text(&choice.value))
            .filter(|value| kept.contains(value.as_str()))
            .collect()
    };
    if order(old) != order(new) {
        changes.found(Aspect::Order, Difference::Changed, path, &Said::of(&format!("the options of {named}")));
    }
}
