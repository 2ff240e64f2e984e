//! Buttons that change a form: add, move and remove items, show a value as JSON and back.

use connector_runtime::schema::pointer;
use serde_json::{Map, Value, json};

use super::fill::{fill_field, pretty};
use super::mistakes::Mistakes;
use super::read;
use super::spec::{Item, JsonOf, Kind, Spec};
use super::typed::{AS_JSON, Typed};

/// Applies a button: its verb and the pointer that it changes, such as `add /params/tags`. Returns what cannot be done.
pub(in crate::ui) fn edit(button: &str, at: &str, specs: &[Spec], typed: &mut Typed) -> Mistakes {
    let mut mistakes = Mistakes::default();
    let Some((verb, place)) = button.split_once(' ') else { return mistakes };
    match verb {
        "add" => typed.set_count(place, shown_count(place, at, specs, typed) + 1),
        "remove" => with_item(place, |list, number| {
            let count = shown_count(list, at, specs, typed);
            remove(list, number, count, typed);
        }),
        "up" => with_item(place, |list, number| {
            if number > 0 && number < typed.count(list) {
                swap(list, number - 1, number, typed);
            }
        }),
        "down" => with_item(place, |list, number| {
            if number + 1 < typed.count(list) {
                swap(list, number, number + 1, typed);
            }
        }),
        "json" | "form" | "example" | "text" => {
            if let Some(spec) = find(place, at, specs) {
                show(verb, place, spec, typed, &mut mistakes);
            }
        }
        _ => {}
    }
    mistakes
}

/// Returns the number of items that are shown: an object of texts always shows one row.
fn shown_count(place: &str, at: &str, specs: &[Spec], typed: &Typed) -> usize {
    let is_pairs = find(place, at, specs).is_some_and(|spec| matches!(spec.kind, Kind::Pairs));
    typed.count(place).max(usize::from(is_pairs))
}

fn with_item(place: &str, change: impl FnOnce(&str, usize)) {
    if let Some((list, number)) = place.rsplit_once('/')
        && let Ok(number) = number.parse()
    {
        change(list, number);
    }
}

fn remove(list: &str, number: usize, count: usize, typed: &mut Typed) {
    if number >= count {
        return;
    }
    typed.forget(&format!("{list}/{number}"));
    for next in number + 1..count {
        typed.rename(&format!("{list}/{next}"), &format!("{list}/{}", next - 1));
    }
    typed.set_count(list, count - 1);
}

fn swap(list: &str, left: usize, right: usize, typed: &mut Typed) {
    let (left, right, aside) = (format!("{list}/{left}"), format!("{list}/{right}"), format!("{list}/~aside"));
    typed.rename(&left, &aside);
    typed.rename(&right, &left);
    typed.rename(&aside, &right);
}

fn show(verb: &str, place: &str, spec: &Spec, typed: &mut Typed, mistakes: &mut Mistakes) {
    match verb {
        "json" => {
            let value = read::value(spec, place, typed);
            typed.forget(place);
            typed.set_mode(place, AS_JSON);
            typed.set(place, value.as_ref().map(pretty).unwrap_or_default());
        }
        "form" if typed.is_in_mode(place, AS_JSON) => {
            let text = typed.text(place).to_owned();
            if text.trim().is_empty() {
                typed.forget(place);
                return;
            }
            match serde_json::from_str::<Value>(&text) {
                Ok(value) => {
                    let mut changed = typed.clone();
                    changed.forget(place);
                    fill_field(spec, place, &value, &mut changed);
                    if changed.is_in_mode(place, AS_JSON) {
                        mistakes.add(place, "the form cannot show this value as it is, so it stays JSON");
                    } else {
                        *typed = changed;
                    }
                }
                Err(error) => {
                    mistakes.add(place, format!("line {}, column {}: not JSON", error.line(), error.column()));
                }
            }
        }
        "example" => typed.set(place, pretty(&example(spec))),
        "text" => {
            let text = typed.text(place).to_owned();
            typed.set(place, Value::String(text).to_string());
        }
        _ => {}
    }
}

/// Finds the field of a pointer.
fn find<'s>(place: &str, at: &str, specs: &'s [Spec]) -> Option<&'s Spec> {
    let rest = place.strip_prefix(at)?.strip_prefix('/')?;
    let (step, deeper) = rest.split_once('/').map_or((rest, None), |(step, deeper)| (step, Some(deeper)));
    let name = pointer::unescape(step);
    let spec = specs.iter().find(|spec| spec.name == name)?;
    let here = pointer::join(at, &spec.name);
    match (&spec.kind, deeper) {
        (_, None) => Some(spec),
        (Kind::Group(fields), Some(_)) => find(place, &here, fields),
        (Kind::Items { fields, .. }, Some(deeper)) => {
            let item = deeper.split('/').next().unwrap_or_default();
            find(place, &format!("{here}/{item}"), fields)
        }
        _ => None,
    }
}

/// Returns a value to start from: the example of the schema, else one of the right shape.
fn example(spec: &Spec) -> Value {
    if let Some(example) = spec.example.as_ref().or(spec.default.as_ref()).filter(|value| !value.is_null()) {
        return example.clone();
    }
    match &spec.kind {
        Kind::Number { .. } => json!(0),
        Kind::Flag { .. } => json!(false),
        Kind::Choice { options, .. } => options.first().map(|option| option.value.clone()).unwrap_or_default(),
        Kind::Lines(Item::Text) => json!([""]),
        Kind::Lines(Item::Number { .. }) => json!([0]),
        Kind::Items { fields, .. } => json!([object(fields)]),
        Kind::Group(fields) => object(fields),
        Kind::Checks(_) | Kind::Json(JsonOf::List) => json!([]),
        Kind::Pairs | Kind::Json(JsonOf::Object | JsonOf::Any) => json!({ "key": "value" }),
        Kind::Text { .. } | Kind::Day | Kind::Moment | Kind::Time => json!(""),
    }
}

fn object(fields: &[Spec]) -> Value {
    let values: Map<String, Value> = fields.iter().map(|field| (field.name.clone(), example(field))).collect();
    Value::Object(values)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ui::form::typed::KEY;

    #[test]
    fn items_are_moved_with_everything_in_them() {
        let mut typed = Typed::default();
        typed.set_count("/p/list", 3);
        for number in 0..3 {
            typed.set(format!("/p/list/{number}/name"), format!("name {number}"));
            typed.set_count(&format!("/p/list/{number}/inner"), number);
            typed.set(format!("/p/list/{number}{KEY}"), number.to_string());
        }
        assert!(edit("down /p/list/0", "/p", &[], &mut typed).is_empty());
        assert_eq!(typed.text("/p/list/0/name"), "name 1");
        assert_eq!(typed.count("/p/list/1/inner"), 0);
        edit("remove /p/list/0", "/p", &[], &mut typed);
        assert_eq!(typed.count("/p/list"), 2);
        assert_eq!((typed.text("/p/list/0/name"), typed.text("/p/list/1/name")), ("name 0", "name 2"));
        assert_eq!(typed.text(&format!("/p/list/1{KEY}")), "2");
        assert!(!typed.has_within("/p/list/2"));
        // A button of a stale page changes nothing.
        let before = typed.clone();
        for stale in ["remove /p/list/7", "up /p/list/9", "down /p/list/1", "remove /p/list/x", "nonsense", "form /q"] {
            edit(stale, "/p", &[], &mut typed);
        }
        assert_eq!(typed, before);
    }
}
