//! Checks of defaults: against the type of a field, its bounds, and what is inside lists and objects.

use super::{holds, number, same};
use crate::descriptor::{FieldSpec, Literal, TypeSpec};
use crate::lock::Writer;
use crate::schema::FieldKind;

/// Maximum number of values that the refusal of a select's default names.
const MAX_NAMED_CHOICES: usize = 20;

/// Checks a default against the type of its field and the bounds beside it.
#[track_caller]
pub const fn default(ty: &TypeSpec, value: Literal, minimum: Option<Literal>, maximum: Option<Literal>) {
    if ty.nullable {
        panic!("a default on an Option: drop the Option, or the default");
    }
    if ty.secret {
        panic!("a secret takes no default: it would be in the source code");
    }
    match (ty.kind, value) {
        (FieldKind::String, Literal::Str(text)) => default_text(ty, text),
        (FieldKind::Date, Literal::Str(text)) => default_date(ty, text),
        (FieldKind::Boolean, Literal::Bool(_)) | (FieldKind::Raw, _) => {}
        (FieldKind::Number, Literal::Int(_) | Literal::Float(_)) => default_number(ty, value, minimum, maximum),
        (FieldKind::Select, Literal::Str(text)) => default_choice(ty, text),
        (FieldKind::Array, Literal::List(items)) => default_list(ty, items),
        (FieldKind::Object, Literal::Map(members)) => default_map(ty, members),
        (FieldKind::String, _) => panic!("the default of this field is a text in quotes"),
        (FieldKind::Date, _) => panic!("the default of a date is an RFC 3339 text in quotes"),
        (FieldKind::Number, _) => panic!("the default of this field is a number"),
        (FieldKind::Boolean, _) => panic!("the default of this field is `true` or `false`"),
        (FieldKind::Select, _) => panic!("the default of a select is the wire name of a value, in quotes"),
        (FieldKind::Array, _) => panic!("the default of a list is a list, such as [\"a\", \"b\"]"),
        (FieldKind::Object, _) => {
            panic!("the default of a map or an object is JSON, such as json!({{ \"key\": \"value\" }})")
        }
    }
}

/// Checks a value inside a list or an object.
#[track_caller]
const fn inner(spec: &FieldSpec, value: Literal) {
    if matches!(value, Literal::Null) {
        if !spec.ty.nullable && !matches!(spec.ty.kind, FieldKind::Raw) {
            panic!("a `null` in the default, where the type takes none");
        }
        return;
    }
    let ty = TypeSpec { nullable: false, ..spec.ty };
    default(&ty, value, spec.minimum, spec.maximum);
}

#[track_caller]
const fn default_list(ty: &TypeSpec, items: &[Literal]) {
    // Elements that only serde knows are read when the program runs.
    let Some(element) = element(ty, "[]") else { return };
    let mut at = 0;
    while at < items.len() {
        inner(element, items[at]);
        at += 1;
    }
}

#[track_caller]
const fn default_map(ty: &TypeSpec, members: &[(&str, Literal)]) {
    let element = element(ty, "{}");
    let mut at = 0;
    while at < members.len() {
        let (name, value) = members[at];
        if let Some(element) = element {
            inner(element, value);
        } else if !ty.fields.is_empty() {
            let Some(field) = field(ty.fields, name) else {
                panic!(
                    "the default has a key that is not a field of the object: write the wire names, such as \"maxSize\""
                )
            };
            inner(field, value);
        }
        at += 1;
    }
    let mut at = 0;
    while element.is_none() && at < ty.fields.len() {
        let field = &ty.fields[at];
        if field.default.is_none() && !field.ty.nullable && !has_key(members, field.name) {
            panic!("the default lacks a required field of the object");
        }
        at += 1;
    }
}

/// The spec of the elements of a list or a map.
const fn element(ty: &TypeSpec, name: &str) -> Option<&'static FieldSpec> {
    match ty.fields {
        [element] if same(element.name, name) => Some(element),
        _ => None,
    }
}

const fn field(fields: &'static [FieldSpec], name: &str) -> Option<&'static FieldSpec> {
    let mut at = 0;
    while at < fields.len() {
        if same(fields[at].name, name) {
            return Some(&fields[at]);
        }
        at += 1;
    }
    None
}

const fn has_key(members: &[(&str, Literal)], name: &str) -> bool {
    let mut at = 0;
    while at < members.len() {
        if same(members[at].0, name) {
            return true;
        }
        at += 1;
    }
    false
}

#[track_caller]
const fn default_number(ty: &TypeSpec, value: Literal, minimum: Option<Literal>, maximum: Option<Literal>) {
    if ty.integer && matches!(value, Literal::Float(_)) {
        panic!("the default of this field is a whole number");
    }
    let number = number(value);
    if below(number, minimum) {
        panic!("the default is below `min`");
    }
    if above(number, maximum) {
        panic!("the default is above `max`");
    }
    if !holds(ty, number) {
        panic!("the default does not fit the type of the field");
    }
}

#[track_caller]
const fn default_text(ty: &TypeSpec, text: &str) {
    if matches!(ty.format, Some(format) if same(format, "uri")) && !is_absolute_url(text.as_bytes()) {
        panic!("the default is not an absolute URL such as \"https://example.com\"");
    }
}

#[track_caller]
const fn default_date(ty: &TypeSpec, text: &str) {
    let day_alone = matches!(ty.format, Some(format) if same(format, "date"));
    if day_alone && !is_day(text.as_bytes()) {
        panic!("the default is not an RFC 3339 date such as \"2026-01-31\"");
    }
    if !day_alone && !is_day(text.as_bytes()) && !is_instant(text.as_bytes()) {
        panic!("the default is not an RFC 3339 date or date-time such as \"2026-01-31T09:30:00Z\"");
    }
}

#[track_caller]
const fn default_choice(ty: &TypeSpec, text: &str) {
    let mut index = 0;
    while index < ty.choices.len() {
        if same(ty.choices[index].value, text) {
            return;
        }
        index += 1;
    }
    let mut said = Writer::new();
    said.say(&["the default \"", text, "\" is not a value of this select: write one of"]);
    let mut index = 0;
    while index < ty.choices.len() && index < MAX_NAMED_CHOICES {
        said.say(&[if index == 0 { " \"" } else { ", \"" }, ty.choices[index].value, "\""]);
        index += 1;
    }
    if index < ty.choices.len() {
        said.say(&[", …"]);
    }
    panic!("{}", said.report().as_str());
}

/// A scheme, `:` and something after it; of what has `//` there, a host.
const fn is_absolute_url(text: &[u8]) -> bool {
    let mut at = 0;
    while at < text.len() && text[at] != b':' {
        let fits = text[at].is_ascii_alphabetic()
            || at > 0 && (text[at].is_ascii_digit() || matches!(text[at], b'+' | b'-' | b'.'));
        if !fits {
            return false;
        }
        at += 1;
    }
    let slashes = at + 2 < text.len() && text[at + 1] == b'/' && text[at + 2] == b'/';
    at > 0 && if slashes { at + 3 < text.len() } else { at + 1 < text.len() }
}

/// `YYYY-MM-DD`, a day that exists.
const fn is_day(text: &[u8]) -> bool {
    if text.len() != 10 || text[4] != b'-' || text[7] != b'-' {
        return false;
    }
    let (Some(year), Some(month), Some(day)) = (digits(text, 0, 4), digits(text, 5, 2), digits(text, 8, 2)) else {
        return false;
    };
    let leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    let days = match month {
        4 | 6 | 9 | 11 => 30,
        2 if leap => 29,
        2 => 28,
        1..=12 => 31,
        _ => 0,
    };
    1 <= day && day <= days
}

/// `YYYY-MM-DDTHH:MM:SS`, perhaps a fraction, and `Z` or an offset.
const fn is_instant(text: &[u8]) -> bool {
    if text.len() < 20 || !matches!(text[10], b'T' | b't') || text[13] != b':' || text[16] != b':' {
        return false;
    }
    let (date, _) = text.split_at(10);
    let (Some(hour), Some(minute), Some(second)) = (digits(text, 11, 2), digits(text, 14, 2), digits(text, 17, 2))
    else {
        return false;
    };
    let mut at = 19;
    if text[at] == b'.' {
        at += 1;
        while at < text.len() && text[at].is_ascii_digit() {
            at += 1;
        }
        if at == 20 || at > 29 {
            return false;
        }
    }
    let zone = match text.len() - at {
        1 => matches!(text[at], b'Z' | b'z'),
        6 if matches!(text[at], b'+' | b'-') && text[at + 3] == b':' => {
            matches!((digits(text, at + 1, 2), digits(text, at + 4, 2)), (Some(0..=23), Some(0..=59)))
        }
        _ => false,
    };
    is_day(date) && hour < 24 && minute < 60 && second < 60 && zone
}

const fn digits(text: &[u8], from: usize, count: usize) -> Option<u32> {
    let (mut value, mut at) = (0, from);
    while at < from + count {
        if !text[at].is_ascii_digit() {
            return None;
        }
        value = value * 10 + (text[at] - b'0') as u32;
        at += 1;
    }
    Some(value)
}

const fn below(value: f64, bound: Option<Literal>) -> bool {
    match bound {
        Some(bound) => value < number(bound),
        None => false,
    }
}

const fn above(value: f64, bound: Option<Literal>) -> bool {
    match bound {
        Some(bound) => value > number(bound),
        None => false,
    }
}
