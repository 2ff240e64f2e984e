//! The params of a command: what they are called, where they are sent, and of what type they seem to be by their names.

use std::collections::HashSet;

use connector_runtime::schema::FieldKind;
use serde_json::{Value, json};

use super::MAX_PARAM_CHARS;
use super::names;
use super::path::Path;
use crate::openapi::name_words;
use crate::plain_text::plain;

/// Where a param is sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Sent {
    /// In the path.
    Path,
    /// In the query.
    Query,
    /// As a key of the JSON body.
    Body,
}

/// A param.
#[derive(Debug, Clone)]
pub(super) struct PlannedParam {
    /// Its name in the schema.
    pub(super) name: String,
    /// Its name on the wire, unchanged.
    pub(super) wire: String,
    pub(super) sent: Sent,
    kind: Kind,
}

/// What a value seems to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Text,
    Secret,
    Whole,
    Number,
    Flag,
    Date,
    List,
    Object,
    Any,
}

/// Plans the params of a command: those of its path, then the wished ones.
///
/// # Errors
/// Where below the command a name is wrong, and why.
pub(super) fn planned_params(
    wished: &[String],
    path: &Path,
    sent: Sent,
) -> Result<Vec<PlannedParam>, (String, String)> {
    let mut params: Vec<PlannedParam> = Vec::new();
    let mut used = HashSet::new();
    let mut wires: HashSet<&str> = HashSet::new();
    let of_path = path.placeholders().map(|wire| ("path".to_owned(), wire, Sent::Path));
    let rest = wished.iter().enumerate().map(|(index, wire)| (format!("params/{index}"), wire.as_str(), sent));
    for (place, wire, sent) in of_path.chain(rest) {
        if wire.chars().count() > MAX_PARAM_CHARS {
            return Err((place, format!("the name of a param has at most {MAX_PARAM_CHARS} characters")));
        }
        if wire.trim().is_empty() {
            return Err((place, "the name of a param is empty; give the name that the API knows".to_owned()));
        }
        // The path's own, again.
        if !wires.insert(wire) {
            continue;
        }
        let base = names::param(wire);
        let mut name = base.clone();
        let mut number = 2;
        while !used.insert(name.clone()) {
            name = format!("{base}{number}");
            number += 1;
        }
        params.push(PlannedParam { name, wire: wire.to_owned(), sent, kind: kind(wire, sent) });
    }
    Ok(params)
}

impl PlannedParam {
    /// Returns its field of the config schema.
    pub(super) fn field(&self) -> Value {
        let kind = match self.kind {
            Kind::Text | Kind::Secret => FieldKind::String,
            Kind::Whole | Kind::Number => FieldKind::Number,
            Kind::Flag => FieldKind::Boolean,
            Kind::Date => FieldKind::Date,
            Kind::List => FieldKind::Array,
            Kind::Object => FieldKind::Object,
            Kind::Any => FieldKind::Raw,
        };
        let place = match self.sent {
            Sent::Path => "in the path",
            Sent::Query => "in the query",
            Sent::Body => "in the body",
        };
        let description = format!("Sent {place} as {}", plain(&self.wire, MAX_PARAM_CHARS));
        let mut field = json!({ "type": kind.as_str(), "description": description });
        for (key, is_set) in [
            ("required", self.sent == Sent::Path),
            ("secret", self.kind == Kind::Secret),
            ("integer", self.kind == Kind::Whole),
        ] {
            if is_set {
                field[key] = Value::Bool(true);
            }
        }
        field
    }
}

const WHOLE: [&str; 18] = [
    "limit", "count", "page", "offset", "size", "skip", "top", "take", "total", "quantity", "age", "year", "month",
    "day", "port", "number", "index", "position",
];
const NUMBERS: [&str; 11] =
    ["amount", "price", "cost", "rate", "score", "weight", "latitude", "longitude", "lat", "lng", "percent"];
const FLAGS: [&str; 20] = [
    "enabled",
    "disabled",
    "active",
    "archived",
    "deleted",
    "force",
    "verbose",
    "recursive",
    "draft",
    "public",
    "private",
    "verified",
    "required",
    "visible",
    "hidden",
    "locked",
    "readonly",
    "confirmed",
    "approved",
    "published",
];
const FLAG_STARTS: [&str; 8] = ["is", "has", "can", "should", "include", "exclude", "allow", "dry"];
const DATES: [&str; 8] = ["date", "datetime", "timestamp", "since", "until", "deadline", "birthday", "expires"];
const LISTS: [&str; 9] = ["tags", "ids", "labels", "items", "roles", "scopes", "emails", "members", "recipients"];
const OBJECTS: [&str; 7] = ["metadata", "properties", "attributes", "settings", "options", "address", "fields"];
const ANY: [&str; 5] = ["data", "payload", "body", "content", "value"];
const SECRETS: [&str; 3] = ["password", "passphrase", "secret"];
const SECRET_ENDS: [[&str; 2]; 5] =
    [["access", "token"], ["refresh", "token"], ["api", "key"], ["private", "key"], ["auth", "token"]];

/// Guesses what a value is, by the words of its name.
fn kind(wire: &str, sent: Sent) -> Kind {
    let words = name_words(&plain(wire, MAX_PARAM_CHARS));
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    let (Some(first), Some(last)) = (words.first(), words.last()) else { return Kind::Text };
    if sent == Sent::Path {
        // A text fits every id, also one of digits.
        return Kind::Text;
    }
    if SECRETS.contains(last) || SECRET_ENDS.iter().any(|end| words.ends_with(end)) {
        return Kind::Secret;
    }
    if (words.len() > 1 && FLAG_STARTS.contains(first)) || FLAGS.contains(last) {
        return Kind::Flag;
    }
    if DATES.contains(last) || (words.len() > 1 && matches!(*last, "at" | "on")) {
        return Kind::Date;
    }
    let is_page_size = words.len() > 1 && matches!(words[..2], ["per", "page"] | ["max", "results"]);
    if WHOLE.contains(last) || is_page_size {
        return Kind::Whole;
    }
    if NUMBERS.contains(last) {
        return Kind::Number;
    }
    if LISTS.contains(last) {
        return Kind::List;
    }
    match sent {
        Sent::Body if OBJECTS.contains(last) => Kind::Object,
        Sent::Body if ANY.contains(last) => Kind::Any,
        _ => Kind::Text,
    }
}

/// Returns a value that an output of this name could have.
pub(super) fn sample(output: &str) -> Value {
    match kind(output, Sent::Body) {
        Kind::Text if output.to_ascii_lowercase().ends_with("id") => json!("1"),
        Kind::Text if output.ends_with('s') && !output.ends_with("ss") && !output.ends_with("us") => {
            json!([{ "id": "1", "name": "Example" }])
        }
        Kind::Text | Kind::Any => json!("example"),
        Kind::Secret => json!("[example]"),
        Kind::Whole | Kind::Number => json!(1),
        Kind::Flag => json!(true),
        Kind::Date => json!("2026-01-31T12:00:00Z"),
        Kind::List => json!([{ "id": "1", "name": "Example" }]),
        Kind::Object => json!({ "id": "1", "name": "Example" }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn types_are_guessed_from_names() {
        for (name, query, body) in [
            ("limit", Kind::Whole, Kind::Whole),
            ("page[size]", Kind::Whole, Kind::Whole),
            ("per_page", Kind::Whole, Kind::Whole),
            ("itemCount", Kind::Whole, Kind::Whole),
            ("price", Kind::Number, Kind::Number),
            ("enabled", Kind::Flag, Kind::Flag),
            ("isAdmin", Kind::Flag, Kind::Flag),
            ("island", Kind::Text, Kind::Text),
            ("is", Kind::Text, Kind::Text),
            ("createdAt", Kind::Date, Kind::Date),
            ("due_date", Kind::Date, Kind::Date),
            ("at", Kind::Text, Kind::Text),
            ("tags", Kind::List, Kind::List),
            ("metadata", Kind::Text, Kind::Object),
            ("body", Kind::Text, Kind::Any),
            ("password", Kind::Secret, Kind::Secret),
            ("client_secret", Kind::Secret, Kind::Secret),
            ("pageToken", Kind::Text, Kind::Text),
            ("默认", Kind::Text, Kind::Text),
        ] {
            assert_eq!((kind(name, Sent::Query), kind(name, Sent::Body)), (query, body), "{name}");
            assert_eq!(kind(name, Sent::Path), Kind::Text);
        }
    }
}
