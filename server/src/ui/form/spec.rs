//! What a form needs to know of a field: which control shows it, and the words around it.

use connector_runtime::schema::{CLIENT_CERTIFICATE, Choice, Field, FieldKind, Fields};
use serde_json::Value;

use super::label::words;
use super::schema;

/// A text of more characters than this gets a control of several lines.
const LONG_TEXT: u64 = 200;

/// One field of a form.
#[derive(Debug, Clone)]
pub(in crate::ui) struct Spec {
    /// Its name in the body: the last step of its pointer.
    pub(in crate::ui) name: String,
    /// Its name for people.
    pub(in crate::ui) label: String,
    /// What it is for.
    pub(in crate::ui) help: Option<String>,
    /// What is allowed, in words.
    pub(in crate::ui) rule: Option<String>,
    /// Whether a value must be given.
    pub(in crate::ui) required: bool,
    /// Whether its value, or a part of it, is a secret.
    pub(in crate::ui) secret: bool,
    /// Shown in the empty control.
    pub(in crate::ui) placeholder: Option<String>,
    /// What counts if nothing is given; null says that absent is fine.
    pub(in crate::ui) default: Option<Value>,
    /// A typical value.
    pub(in crate::ui) example: Option<Value>,
    /// Where a script asks, as soon as the control is left, whether the value may be had: `GET` with `?value=` answers with
    /// the reason why not, or with nothing.
    pub(in crate::ui) asked_at: Option<&'static str>,
    /// The control.
    pub(in crate::ui) kind: Kind,
}

/// The kinds of controls.
#[derive(Debug, Clone)]
pub(in crate::ui) enum Kind {
    /// One line of text, or several.
    Text { is_url: bool, is_long: bool },
    /// A number.
    Number { is_whole: bool, as_text: bool },
    /// True or false; with `or_unset`, also neither.
    Flag { or_unset: bool },
    /// A day.
    Day,
    /// A moment, in UTC.
    Moment,
    /// A day or a moment, as text.
    Time,
    /// One of these; with `is_open`, also any URL.
    Choice { options: Vec<Choice>, is_open: bool },
    /// A list of texts or numbers, one a line.
    Lines(Item),
    /// Any of these.
    Checks(Vec<Choice>),
    /// A list of objects with these fields, at most so many.
    Items { fields: Vec<Spec>, most: usize },
    /// An object with these fields.
    Group(Vec<Spec>),
    /// An object of texts.
    Pairs,
    /// Anything, as JSON.
    Json(JsonOf),
}

/// What the lines of a list are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::ui) enum Item {
    Text,
    Number { is_whole: bool },
}

/// What a control for JSON takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::ui) enum JsonOf {
    Any,
    List,
    Object,
}

/// Returns the fields of a form in the order of the schema.
pub(in crate::ui) fn fields(fields: &Fields) -> Vec<Spec> {
    fields.iter().map(|(name, field)| Spec::of(name, field)).collect()
}

impl Spec {
    /// Describes a field of the schema.
    pub(in crate::ui) fn of(name: &str, field: &Field) -> Self {
        Self {
            name: name.to_owned(),
            label: field.label.clone().unwrap_or_else(|| words(name)),
            help: field.description.clone().filter(|text| !text.is_empty()),
            rule: rule(field),
            required: field.required,
            secret: field.holds_secret(),
            placeholder: placeholder(field),
            default: field.default.clone(),
            example: field.example.clone(),
            asked_at: None,
            kind: kind(name, field),
        }
    }

    /// Creates an optional field for a text that no schema describes.
    pub(in crate::ui) fn text(name: &str, label: &str) -> Self {
        Self {
            name: name.to_owned(),
            label: label.to_owned(),
            help: None,
            rule: None,
            required: false,
            secret: false,
            placeholder: None,
            default: None,
            example: None,
            asked_at: None,
            kind: Kind::Text { is_url: false, is_long: false },
        }
    }
}

/// Creates a choice that is shown by its value.
pub(in crate::ui) fn choice(word: &str) -> Choice {
    Choice { value: Value::from(word), label: None }
}

/// Returns whether so few and short options are shown beside each other.
pub(in crate::ui) fn is_short(options: &[Choice]) -> bool {
    options.len() <= 4 && options.iter().map(|option| shown(option).chars().count()).sum::<usize>() < 42
}

/// Returns how an option is shown.
pub(in crate::ui) fn shown(option: &Choice) -> String {
    option.label.clone().unwrap_or_else(|| plain(&option.value))
}

/// Returns an option as forms send it: as JSON, so that 1 and "1" differ.
pub(in crate::ui) fn wire(option: &Choice) -> String {
    option.value.to_string()
}

/// Writes a value without the quotes of a text.
pub(in crate::ui) fn plain(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

fn kind(name: &str, field: &Field) -> Kind {
    let nested = field.schema.as_ref().map(|schema| schema.document());
    match field.kind {
        FieldKind::String => Kind::Text {
            is_url: matches!(field.format.as_deref(), Some("uri" | "hostname")),
            // A certificate has lines, which one line of text would lose.
            is_long: name == CLIENT_CERTIFICATE || field.max_length.is_some_and(|most| most > LONG_TEXT),
        },
        FieldKind::Number => Kind::Number { is_whole: field.integer, as_text: field.takes_digits() },
        FieldKind::Boolean => {
            let absent_is_fine = field.default.as_ref().is_some_and(Value::is_null);
            Kind::Flag { or_unset: absent_is_fine || (field.default.is_none() && !field.required) }
        }
        FieldKind::Date => match field.format.as_deref() {
            Some("date") => Kind::Day,
            Some("date-time") => Kind::Moment,
            _ => Kind::Time,
        },
        FieldKind::Select => Kind::Choice { options: field.options.clone(), is_open: field.is_open_choice() },
        FieldKind::Raw => Kind::Json(JsonOf::Any),
        FieldKind::Array => nested.map_or(Kind::Json(JsonOf::List), schema::list),
        FieldKind::Object => nested.map_or(Kind::Json(JsonOf::Object), schema::object),
    }
}

fn rule(field: &Field) -> Option<String> {
    let number = |number: &serde_json::Number| number.to_string();
    match field.kind {
        FieldKind::Number => {
            Some(number_rule(field.integer, field.minimum.as_ref().map(number), field.maximum.as_ref().map(number)))
        }
        FieldKind::String => {
            text_rule(field.min_length, field.max_length, field.pattern.as_ref().map(|pattern| pattern.as_str()))
        }
        FieldKind::Date => match field.format.as_deref() {
            Some("date") => None,
            Some("date-time") => Some("In UTC.".to_owned()),
            _ => Some("A day such as 2026-01-31, or a moment such as 2026-01-31T12:00:00Z.".to_owned()),
        },
        _ => None,
    }
}

/// Says which numbers are allowed.
pub(super) fn number_rule(is_whole: bool, least: Option<String>, most: Option<String>) -> String {
    let what = if is_whole { "A whole number" } else { "A number" };
    match (least, most) {
        (Some(least), Some(most)) => format!("{what} from {least} to {most}."),
        (Some(least), None) => format!("{what} of {least} or more."),
        (None, Some(most)) => format!("{what} of at most {most}."),
        (None, None) => format!("{what}."),
    }
}

/// Says which texts are allowed.
pub(super) fn text_rule(least: Option<u64>, most: Option<u64>, pattern: Option<&str>) -> Option<String> {
    let least = least.filter(|least| *least > 1);
    let length = match (least, most) {
        (Some(least), Some(most)) if least == most => Some(format!("{least} characters.")),
        (Some(least), Some(most)) => Some(format!("{least} to {most} characters.")),
        (Some(least), None) => Some(format!("At least {least} characters.")),
        (None, Some(most)) => Some(format!("At most {most} characters.")),
        (None, None) => None,
    };
    let pattern = pattern.map(|pattern| format!("Must match {pattern}"));
    match (length, pattern) {
        (Some(length), Some(pattern)) => Some(format!("{length} {pattern}")),
        (length, pattern) => length.or(pattern),
    }
}

fn placeholder(field: &Field) -> Option<String> {
    if let Some(text) = &field.placeholder {
        return Some(text.clone());
    }
    let simple = |value: &&Value| value.is_string() || value.is_number();
    let default = field.default.as_ref().filter(simple).map(|value| format!("{} by default", plain(value)));
    default.or_else(|| field.example.as_ref().filter(simple).map(|value| format!("for example {}", plain(value))))
}
