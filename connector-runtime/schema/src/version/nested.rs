//! Two nested JSON Schemas side by side.
//!
//! Each keyword is compared by itself: more accepted is minor, less is major, and what is not understood
//! is major as soon as it differs. A property that is removed counts as breaking although an open schema
//! would still take it, and an optional one that is added does not: as with params. References inside the
//! document are followed, so that moving a part to `$defs` changes nothing; `$defs` itself is not compared.

use std::collections::HashSet;
use std::fmt::Display;

use serde_json::Value;

use super::aspect::{Aspect, Difference};
use super::field::DefaultChange;
use super::keywords::{self, Kind, Object};
use super::path::Path;
use super::said::{Said, WasIs, shown};
use super::same::{beside, is_alike, only_keyword};
use super::table::judge;
use super::{Change, Changes, Level, numbers};
use crate::number;

/// Most references that may lead straight to another one.
const MAX_HOPS: usize = 32;

/// Lists what changed in the nested schema of a field. No schema accepts everything.
pub(super) fn compare(
    named: &dyn Display,
    old: Option<&Value>,
    new: Option<&Value>,
    path: Path<'_>,
    changes: &mut Changes,
) {
    let (old, new) = (old.unwrap_or(&Value::Bool(true)), new.unwrap_or(&Value::Bool(true)));
    let before = changes.items.len();
    let mut walk = Walk { named, roots: [old, new], seen: HashSet::new(), changes };
    walk.schema(old, new, path, Mode::Free);
    if changes.items.len() == before {
        let schema = format!("the schema of {named}");
        changes.found(Aspect::Text, Difference::Rewritten, path, &Said::of(&schema));
    }
}

/// Whether a part that accepts more makes the whole accept more.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
enum Mode {
    Free,
    /// Not so: below `not`, `if` or `oneOf` more may be less.
    Strict,
}

struct Walk<'a> {
    named: &'a dyn Display,
    roots: [&'a Value; 2],
    /// Pairs behind references, so that a schema that refers to itself ends.
    seen: HashSet<(*const Value, *const Value, Mode)>,
    changes: &'a mut Changes,
}

impl Walk<'_> {
    /// Adds a difference. In strict mode more may be less, so everything but a text counts as narrowed.
    fn found(&mut self, aspect: Aspect, difference: Difference, mode: Mode, path: Path<'_>, said: Said<'_>) {
        let judgement = judge(aspect, difference);
        let strict = mode == Mode::Strict && judgement.rule.level > Level::Patch;
        let rule = if strict { judge(Aspect::Nested, Difference::Narrowed).rule } else { judgement.rule };
        let message = Said { within: Some(self.named), ..said }.message(judgement.wording);
        self.changes.items.push(Change { rule, pointer: path.pointer(), message });
    }

    /// Adds that the schema accepts less.
    fn narrowed(&mut self, mode: Mode, path: Path<'_>, what: &dyn Display) {
        self.found(Aspect::Nested, Difference::Narrowed, mode, path, Said::of(what));
    }

    /// Adds that the schema accepts more.
    fn widened(&mut self, mode: Mode, path: Path<'_>, what: &dyn Display) {
        self.found(Aspect::Nested, Difference::Widened, mode, path, Said::of(what));
    }

    fn schema(&mut self, old: &Value, new: &Value, path: Path<'_>, mode: Mode) {
        if keywords::is_reference(old) || keywords::is_reference(new) {
            if let (Value::Object(old), Value::Object(new)) = (old, new) {
                self.texts(old, new, path);
            }
            return self.targets(follow(self.roots[0], old), follow(self.roots[1], new), path, mode);
        }
        match (old, new) {
            (Value::Object(old), Value::Object(new)) => self.object(old, new, path, mode),
            (Value::Bool(true), Value::Object(new)) => self.object(&Object::new(), new, path, mode),
            (Value::Object(old), Value::Bool(true)) => self.object(old, &Object::new(), path, mode),
            _ if old == new => {}
            (Value::Bool(false), _) => self.widened(mode, path, &"what was refused is accepted"),
            (_, Value::Bool(false)) => self.narrowed(mode, path, &"what was accepted is refused"),
            _ => self.narrowed(mode, path, &"something that is not a schema changed"),
        }
    }

    fn targets(&mut self, old: Option<&Value>, new: Option<&Value>, path: Path<'_>, mode: Mode) {
        match (old, new) {
            (Some(old), Some(new)) if self.seen.insert((old, new, mode)) => self.schema(old, new, path, mode),
            (Some(_), Some(_)) => {}
            _ => self.unresolved(path, mode),
        }
    }

    /// Without its target a reference can only be judged by the whole document.
    fn unresolved(&mut self, path: Path<'_>, mode: Mode) {
        if self.roots[0] != self.roots[1] {
            self.narrowed(mode, path, &"a reference that cannot be followed is beside changes");
        }
    }

    fn texts(&mut self, old: &Object, new: &Object, path: Path<'_>) {
        for key in keywords::union(old, new).filter(|key| keywords::kind(key) == Kind::Annotation) {
            if keywords::get(old, key) != keywords::get(new, key) {
                let said = Said { key, ..Said::default() };
                self.found(Aspect::Text, Difference::Changed, Mode::Free, path.step(key), said);
            }
        }
    }

    fn object(&mut self, old: &Object, new: &Object, path: Path<'_>, mode: Mode) {
        match only_keyword(old, new).map(|key| (key, keywords::kind(key))) {
            Some(("properties", _)) => return self.properties(old, new, path, mode),
            Some((key, Kind::Bound { upper })) => {
                let (was, is) = (keywords::get(old, key), keywords::get(new, key));
                return self.bound(key, upper, was, is, path, mode);
            }
            _ => {}
        }
        self.texts(old, new, path);
        self.secret(old, new, path, mode);
        self.types(old, new, path, mode);
        self.values(old, new, path, mode);
        self.properties(old, new, path, mode);
        if let Some(default) =
            DefaultChange::between(keywords::get(old, "default"), keywords::get(new, "default"), false)
        {
            self.change(Aspect::DefaultValue, default.difference, mode, path, "default", (default.was, default.is));
        }
        for key in keywords::union(old, new) {
            let (was, is) = (keywords::get(old, key), keywords::get(new, key));
            let at = path.step(key);
            match keywords::kind(key) {
                Kind::Bound { upper } => self.bound(key, upper, was, is, path, mode),
                Kind::Schema => {
                    let any = &Value::Bool(true);
                    self.schema(was.unwrap_or(any), is.unwrap_or(any), at, mode);
                }
                Kind::Reference => match [was, is].map(|value| value.and_then(Value::as_str)) {
                    [Some(was), Some(is)] => {
                        let targets = (target(self.roots[0], was), target(self.roots[1], is));
                        self.targets(targets.0, targets.1, at, mode);
                    }
                    [Some(_), None] => self.widened(mode, at, &"a reference was removed"),
                    _ => self.narrowed(mode, at, &"a reference was added"),
                },
                Kind::Elsewhere => self.unresolved(at, mode),
                Kind::Strict => self.strict(key, was, is, at, mode),
                Kind::Branches => self.branches(key, was, is, at, mode),
                Kind::Named => self.named(key, was, is, at, mode),
                Kind::Format => {
                    let [was, is] = [old, new].map(keywords::format);
                    self.value(Aspect::Format, mode, path, "format", was, is);
                }
                Kind::Pattern => self.value(Aspect::Pattern, mode, path, "pattern", was, is),
                Kind::Other if was != is => {
                    let what = format!("{key} {}", WasIs(shown(was), shown(is)));
                    match is {
                        None if key == "multipleOf" || key == "uniqueItems" => self.widened(mode, at, &what),
                        Some(Value::Bool(false)) if key == "uniqueItems" => self.widened(mode, at, &what),
                        _ => self.narrowed(mode, at, &what),
                    }
                }
                _ => {}
            }
        }
    }

    /// Compares a keyword that is there or not, and the same or not.
    fn value(
        &mut self,
        aspect: Aspect,
        mode: Mode,
        path: Path<'_>,
        key: &str,
        was: Option<&Value>,
        is: Option<&Value>,
    ) {
        if let Some(difference) = Difference::of_value(was.is_some(), is.is_some(), was == is) {
            self.change(aspect, difference, mode, path, key, (shown(was), shown(is)));
        }
    }

    fn change(
        &mut self,
        aspect: Aspect,
        difference: Difference,
        mode: Mode,
        path: Path<'_>,
        key: &str,
        (was, is): (Option<&dyn Display>, Option<&dyn Display>),
    ) {
        self.found(aspect, difference, mode, path.step(key), Said { key, was, is, ..Said::default() });
    }

    fn secret(&mut self, old: &Object, new: &Object, path: Path<'_>, mode: Mode) {
        let path = path.step("writeOnly");
        match Difference::of_presence(keywords::is_secret(old), keywords::is_secret(new)) {
            Some(difference) => self.found(Aspect::SecretMark, difference, mode, path, Said::of(&"a value")),
            None if keywords::get(old, "writeOnly") != keywords::get(new, "writeOnly") => {
                let said = Said { key: "writeOnly", ..Said::default() };
                self.found(Aspect::Text, Difference::Changed, mode, path, said);
            }
            None => {}
        }
    }

    fn types(&mut self, old: &Object, new: &Object, path: Path<'_>, mode: Mode) {
        let [was, is] = [old, new].map(|schema| keywords::get(schema, "type").map(keywords::texts));
        let whole = |types: &[&str], ty: &str| types.contains(&ty) || ty == "integer" && types.contains(&"number");
        let within = |narrow: &Option<Vec<&str>>, wide: &Option<Vec<&str>>| match (narrow, wide) {
            (_, None) => true,
            (None, Some(_)) => false,
            (Some(narrow), Some(wide)) => narrow.iter().all(|ty| whole(wide, ty)),
        };
        let difference = match (within(&was, &is), within(&is, &was)) {
            (true, true) => return,
            (true, false) => Difference::Widened,
            (false, _) => Difference::Changed,
        };
        let values = (shown(keywords::get(old, "type")), shown(keywords::get(new, "type")));
        self.change(Aspect::Type, difference, mode, path, "type", values);
    }

    /// `enum` and `const` together, and a `oneOf` of nothing but constants, as a select writes it.
    fn values(&mut self, old: &Object, new: &Object, path: Path<'_>, mode: Mode) {
        self.value_sets(keywords::values(old), keywords::values(new), path, mode);
        if let (Some(was), Some(is)) = (keywords::choices(old), keywords::choices(new)) {
            let path = path.step("oneOf");
            self.value_sets(Some(was), Some(is), path, mode);
            for (index, (value, choice)) in keywords::constants(new).enumerate() {
                let before = keywords::constants(old).find(|(known, _)| number::is_same_value(known, value));
                if let Some((_, before)) = before {
                    self.texts(before, choice, path.index(index));
                }
            }
        }
    }

    fn value_sets(&mut self, was: Option<Vec<String>>, is: Option<Vec<String>>, path: Path<'_>, mode: Mode) {
        let (was, is) = match (was, is) {
            (None, None) => return,
            (None, Some(_)) => return self.narrowed(mode, path, &"the values were limited to a list"),
            (Some(_), None) => return self.widened(mode, path, &"the values are no longer limited"),
            (Some(was), Some(is)) => (was, is),
        };
        let (known, kept): (HashSet<&String>, HashSet<&String>) = (was.iter().collect(), is.iter().collect());
        for value in was.iter().filter(|value| !kept.contains(value)) {
            self.found(Aspect::SelectOption, Difference::Removed, mode, path, Said::of(&format!("value {value}")));
        }
        for value in is.iter().filter(|value| !known.contains(value)) {
            self.found(Aspect::SelectOption, Difference::Added, mode, path, Said::of(&format!("value {value}")));
        }
    }

    /// `properties` and `required` together.
    fn properties(&mut self, old: &Object, new: &Object, path: Path<'_>, mode: Mode) {
        let [was, is] = [old, new].map(|schema| keywords::map(schema, "properties"));
        let [needed, needs] = [old, new].map(|schema| {
            keywords::get(schema, "required")
                .map(keywords::texts)
                .unwrap_or_default()
                .into_iter()
                .collect::<HashSet<_>>()
        });
        let at = path.step("properties");
        for (name, property, now) in beside(was, is) {
            match now {
                Some(now) if is_alike(property, now) => {}
                Some(now) => self.schema(property, now, at.step(name), mode),
                None => self.property(Aspect::Property, Difference::Removed, mode, at, name),
            }
        }
        for name in is.keys().filter(|name| !was.contains_key(*name) && !needs.contains(name.as_str())) {
            self.property(Aspect::Property, Difference::Added, mode, at, name);
        }
        let mut both: Vec<&str> = needed.symmetric_difference(&needs).copied().collect();
        both.sort_unstable();
        for name in both {
            let (aspect, difference) = match (needs.contains(name), was.contains_key(name), is.contains_key(name)) {
                (true, true, _) => (Aspect::PropertyRequired, Difference::Added),
                (true, false, _) => (Aspect::Property, Difference::AddedWithoutValue),
                // Removed, which says enough.
                (false, true, false) => continue,
                (false, ..) => (Aspect::PropertyRequired, Difference::Removed),
            };
            self.property(aspect, difference, mode, at, name);
        }
    }

    fn property(&mut self, aspect: Aspect, difference: Difference, mode: Mode, at: Path<'_>, name: &str) {
        self.found(aspect, difference, mode, at.step(name), Said::of(&format!("property {name}")));
    }

    fn bound(&mut self, key: &str, upper: bool, was: Option<&Value>, is: Option<&Value>, path: Path<'_>, mode: Mode) {
        let bounds = [was, is].map(|value| value.and_then(Value::as_number));
        let odd = was.is_some() && bounds[0].is_none() || is.is_some() && bounds[1].is_none();
        let difference = if odd {
            (was != is).then_some(Difference::Narrowed)
        } else {
            numbers::bound(upper, bounds[0], bounds[1], number::compare)
        };
        if let Some(difference) = difference {
            self.change(Aspect::Bounds, difference, mode, path, key, (shown(was), shown(is)));
        }
    }

    /// A keyword below which more may be less.
    fn strict(&mut self, key: &str, was: Option<&Value>, is: Option<&Value>, path: Path<'_>, mode: Mode) {
        match (was, is) {
            (Some(was), Some(is)) => self.schema(was, is, path, Mode::Strict),
            _ => self.narrowed(mode, path, &format!("{key} was added or removed")),
        }
    }

    /// `allOf`, `anyOf`, `oneOf`, `prefixItems`: one schema beside another, compared by position.
    fn branches(&mut self, key: &str, was: Option<&Value>, is: Option<&Value>, path: Path<'_>, mode: Mode) {
        let lists = [was, is].map(|value| value.and_then(Value::as_array));
        let (was, is) = match lists {
            [Some(was), Some(is)] => (was, is),
            [Some(_), None] if key != "prefixItems" => {
                return self.widened(mode, path, &format!("{key} was removed"));
            }
            _ if was == is => return,
            _ => return self.narrowed(mode, path, &format!("{key} was added or removed")),
        };
        if key == "oneOf" && keywords::all_constant(was) && keywords::all_constant(is) {
            return;
        }
        // A branch of oneOf that accepts more may overlap another, and then both refuse.
        let below = if key == "oneOf" { Mode::Strict } else { mode };
        for (index, (was, is)) in was.iter().zip(is).enumerate() {
            self.schema(was, is, path.index(index), below);
        }
        if was.len() != is.len() {
            let grew = is.len() > was.len();
            let wider = key == "anyOf" && grew || key == "allOf" && !grew;
            let what = format!("{key} had {} branches, has {}", was.len(), is.len());
            if wider { self.widened(mode, path, &what) } else { self.narrowed(mode, path, &what) }
        }
    }

    /// `patternProperties`, `dependentSchemas`: schemas by name. Another set of names shifts what falls to
    /// `additionalProperties`.
    fn named(&mut self, key: &str, was: Option<&Value>, is: Option<&Value>, path: Path<'_>, mode: Mode) {
        let maps = [was, is].map(|value| value.and_then(Value::as_object));
        if let [Some(was), Some(is)] = maps
            && was.len() == is.len()
            && was.keys().all(|name| is.contains_key(name))
        {
            for (name, schema) in was {
                self.schema(schema, &is[name], path.step(name), mode);
            }
        } else if was != is {
            self.narrowed(mode, path, &format!("{key} changed"));
        }
    }
}

/// Returns the schema that a node means: a reference with nothing but texts beside it is followed.
fn follow<'v>(root: &'v Value, node: &'v Value) -> Option<&'v Value> {
    if !keywords::is_reference(node) {
        return Some(node);
    }
    target(root, node.get("$ref")?.as_str()?)
}

/// Returns the schema that a reference leads to in the end. A part with an `$id` of its own has references of its
/// own, and nothing in such a document is followed.
fn target<'v>(root: &'v Value, reference: &str) -> Option<&'v Value> {
    let mut reference = reference;
    for _ in 0..MAX_HOPS {
        let node = root.pointer(reference.strip_prefix('#')?)?;
        if !keywords::is_reference(node) {
            return (!keywords::has_inner_id(root)).then_some(node);
        }
        reference = node.get("$ref")?.as_str()?;
    }
    None
}
