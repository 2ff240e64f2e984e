//! Checks that need types, run by const evaluation: a wrong definition does not compile, and the
//! panic's text is shown under the token that the macro gave the call: each is `#[track_caller]`, as the compiler leaves
//! such functions out of its trace.

use crate::descriptor::{Descriptor, Literal, Outputs, TypeSpec};
use crate::lock::LockVerdict;
use crate::schema::FieldKind;

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
        (FieldKind::Boolean, Literal::Bool(_)) => {}
        (FieldKind::Number, Literal::Int(_) | Literal::Float(_)) => default_number(ty, value, minimum, maximum),
        (FieldKind::Select, Literal::Str(text)) => default_choice(ty, text),
        (FieldKind::String, _) => panic!("the default of this field is a text in quotes"),
        (FieldKind::Date, _) => panic!("the default of a date is an RFC 3339 text in quotes"),
        (FieldKind::Number, _) => panic!("the default of this field is a number"),
        (FieldKind::Boolean, _) => panic!("the default of this field is `true` or `false`"),
        (FieldKind::Select, _) => panic!("the default of a select is the wire name of a value, in quotes"),
        (FieldKind::Raw | FieldKind::Array | FieldKind::Object, _) => {
            panic!("lists, objects and raw JSON take no default: make the field an Option")
        }
    }
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
    panic!("the default is not a value of this select: write the wire name of a variant, such as \"on_hold\"");
}

/// Checks a bound against the type of its field.
#[track_caller]
pub const fn bound(ty: &TypeSpec, value: Literal) {
    if !matches!(ty.kind, FieldKind::Number) {
        panic!("only a number has bounds");
    }
    if !holds(ty, number(value)) {
        panic!("the bound does not fit the type of the field");
    }
    if ty.integer && matches!(value, Literal::Float(_)) {
        panic!("the bound of a whole number is a whole number");
    }
}

/// Checks that a length or a pattern belongs to a text.
#[track_caller]
pub const fn text(ty: &TypeSpec) {
    if !matches!(ty.kind, FieldKind::String) {
        panic!("only a text has a length and a pattern");
    }
}

/// Checks an example against the type of its field.
#[track_caller]
pub const fn example(ty: &TypeSpec, value: Literal) {
    let fits = match ty.kind {
        FieldKind::String | FieldKind::Date | FieldKind::Select => matches!(value, Literal::Str(_)),
        FieldKind::Number => matches!(value, Literal::Int(_) | Literal::Float(_)),
        FieldKind::Boolean => matches!(value, Literal::Bool(_)),
        FieldKind::Raw | FieldKind::Array | FieldKind::Object => true,
    };
    if !fits {
        panic!("the example is of another type than the field");
    }
}

/// Checks that a destination is a text.
#[track_caller]
pub const fn destination(ty: &TypeSpec) {
    if !matches!(ty.kind, FieldKind::String) {
        panic!("only a text names the place that credentials are sent to");
    }
}

/// Checks that a field names an origin, so that secrets can be kept to it.
#[track_caller]
pub const fn egress(ty: &TypeSpec, destination: bool) {
    if matches!(ty.format, Some(format) if same(format, "uri")) {
        return;
    }
    if destination {
        panic!("a host without scheme and port is not an origin to keep secrets to: make the field a `Url`");
    }
    panic!("secrets can be kept to the origin of a `Url` or an `Option<Url>` alone");
}

/// Checks that outputs are named only for a free-form payload.
#[track_caller]
pub const fn outputs(returned: &Outputs) {
    if returned.typed {
        panic!("`outputs` beside a typed payload: the fields of the payload are the outputs already");
    }
}

/// Checks that the default command is a command.
#[track_caller]
pub const fn default_command(descriptor: &Descriptor) {
    if let Some(name) = descriptor.default_command {
        let mut index = 0;
        while index < descriptor.commands.len() {
            if same(descriptor.commands[index].name, name) {
                return;
            }
            index += 1;
        }
        panic!("the default command is not a command of this connector: write the wire name, such as \"listWidgets\"");
    }
}

/// Reports that a connector has no lock, unless the check is off.
#[track_caller]
pub const fn missing_lock(mode: Option<&str>, text: &str) {
    match mode {
        Some(mode) if is_off(mode) => {}
        _ => panic!("{}", text),
    }
}

const fn is_off(mode: &str) -> bool {
    same(mode, "off") || same(mode, "warn")
}

/// Checks that what the lock has did not change without the version that this needs.
#[track_caller]
pub const fn locked(verdict: &LockVerdict) {
    if let LockVerdict::Changed(report) = verdict {
        panic!("{}", report.as_str());
    }
}

/// Checks that a command, or a field of it, is not the first addition that the version does not cover.
/// Without a command, the field is the connection's; without a field, the outputs count.
#[track_caller]
pub const fn added(verdict: &LockVerdict, command: &str, field: &str) {
    if let LockVerdict::Added(report) = verdict
        && report.is_about(command, field)
    {
        panic!("{}", report.as_str());
    }
}

#[expect(clippy::cast_precision_loss, reason = "only compared; bounds beyond 2^53 are met by the type itself")]
const fn number(value: Literal) -> f64 {
    match value {
        Literal::Int(value) => value as f64,
        Literal::Float(value) => value,
        Literal::Bool(_) | Literal::Str(_) => 0.0,
    }
}

const fn holds(ty: &TypeSpec, value: f64) -> bool {
    ty.holds.0 <= value && value <= ty.holds.1
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

const fn same(a: &str, b: &str) -> bool {
    let (a, b) = (a.as_bytes(), b.as_bytes());
    if a.len() != b.len() {
        return false;
    }
    let mut index = 0;
    while index < a.len() {
        if a[index] != b[index] {
            return false;
        }
        index += 1;
    }
    true
}
