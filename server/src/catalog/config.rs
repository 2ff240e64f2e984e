//! A connection config on its way in: checked against the schema, and parted into what is stored in
//! the clear and what is sealed.

use connector_runtime::schema::{Field, FieldValues, Fields, is_missing};
use serde_json::{Map, Value};
use url::Url;

use crate::api::Mistake;

/// A checked change of a connection config.
#[derive(Debug, Default, PartialEq)]
pub struct ConfigChange {
    /// Values stored in the clear.
    pub plain: Map<String, Value>,
    /// Values to be sealed.
    pub secret: Vec<(String, Value)>,
    /// Fields to remove, of either kind.
    pub removed: Vec<String>,
}

/// Checks a config and parts it. An incomplete one is fine: it can be filled in later.
///
/// # Errors
/// Every field that is unknown or does not fit, with its pointer below `/config`.
pub fn split_config(fields: &Fields, config: Map<String, Value>) -> Result<ConfigChange, Vec<Mistake>> {
    let mut change = ConfigChange::default();
    let mut mistakes = Vec::new();
    for (name, value) in config {
        let pointer = format!("/config/{}", name.replace('~', "~0").replace('/', "~1"));
        let Some(field) = fields.get(&name) else {
            let known: Vec<&str> = fields.keys().map(String::as_str).collect();
            let known = if known.is_empty() {
                "this type has none".to_owned()
            } else {
                format!("known are {}", known.join(", "))
            };
            mistakes.push(Mistake::new(pointer, format!("no such connection field; {known}")));
            continue;
        };
        if value.is_null() {
            change.removed.push(name);
        } else if is_empty_text(field, &value) {
            // An empty input of a form: as good as not filled in.
            change.removed.push(name);
        } else if let Err(message) = field.check(&value) {
            mistakes.push(Mistake::new(pointer, message));
        } else if field.holds_secret() {
            change.secret.push((name, value));
        } else {
            change.plain.insert(name, value);
        }
    }
    if mistakes.is_empty() { Ok(change) } else { Err(mistakes) }
}

fn is_empty_text(field: &Field, value: &Value) -> bool {
    (field.required || field.secret) && value.as_str() == Some("")
}

/// Names the required fields that neither the config nor the stored secrets fill.
pub(super) fn missing<'f>(
    fields: &'f Fields,
    config: &Map<String, Value>,
    has_secret: impl Fn(&str) -> bool,
) -> Vec<&'f str> {
    let missing = fields.iter().filter(|(name, field)| is_missing(field, config.get(*name)) && !has_secret(name));
    missing.map(|(name, _)| name.as_str()).collect()
}

/// Tells whether credentials of the connection are sent to the place that a field names.
pub(super) fn is_destination(name: &str, field: &Field) -> bool {
    const ENDINGS: [&str; 5] = ["url", "host", "endpoint", "server", "domain"];
    let name = name.to_ascii_lowercase();
    matches!(field.format.as_deref(), Some("uri" | "hostname")) || ENDINGS.iter().any(|ending| name.ends_with(ending))
}

/// Tells whether a change moves a destination to another origin. Removing one counts: what is set
/// next could be anywhere.
pub(super) fn moves_destination(fields: &Fields, before: &Map<String, Value>, after: &Map<String, Value>) -> bool {
    let (old, new) = (FieldValues::new(fields, before), FieldValues::new(fields, after));
    fields.iter().filter(|(name, field)| is_destination(name, field)).any(|(name, _)| {
        match (old.get(name), new.get(name)) {
            (None, _) => false,
            (Some(_), None) => true,
            (Some(old), Some(new)) => origin(old) != origin(new),
        }
    })
}

/// What two destinations must share to be the same place: scheme, host and port of a URL, else the
/// text itself, without regard to case.
fn origin(value: &Value) -> String {
    let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    match Url::parse(&text) {
        Ok(url) if url.has_host() => {
            let host = url.host_str().unwrap_or_default().trim_end_matches('.').to_owned();
            format!("{}://{host}:{}", url.scheme(), url.port_or_known_default().unwrap_or_default())
        }
        _ => text.trim().trim_end_matches('.').to_lowercase(),
    }
}
