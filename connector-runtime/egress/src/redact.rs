//! Masks the secrets of one call in everything that is logged, recorded or shown.
//!
//! A [`Redactor`] knows the values and finds them raw and in the forms in which they are usually sent:
//! URL-encoded, base64 (also as a part of a longer text, as in a `Basic` header) and JSON-escaped. A value
//! of fewer than six characters is not searched for, because it would mask half of every text.

use std::borrow::Cow;
use std::collections::BTreeSet;
use std::fmt;
use std::ops::Range;
use std::sync::{Arc, OnceLock};

use aho_corasick::AhoCorasick;
use base64::Engine;
use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD, URL_SAFE, URL_SAFE_NO_PAD};
use parking_lot::RwLock;
use percent_encoding::{AsciiSet, CONTROLS, NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::{Map, Value};

use crate::Secret;
use connector_schema::Fields;

#[cfg(test)]
mod tests;

/// What replaces a secret.
pub const MASK: &str = "[redacted]";

/// Shortest secret that is searched for, in characters.
const MIN_SECRET_LENGTH: usize = 6;

/// Finds and masks the secrets of one call.
#[derive(Default)]
pub struct Redactor {
    secrets: BTreeSet<String>,
    finder: OnceLock<Option<AhoCorasick>>,
    /// Knows the connection's secrets, if this one knows those of a call.
    base: Option<Arc<Self>>,
    /// The secrets that came up while the call ran.
    added: RwLock<Vec<RuntimeSecret>>,
}

/// A secret that comes up while calls run, such as an access token. Cheap to clone: its searcher is made once,
/// however many calls use it.
#[derive(Clone)]
pub struct RuntimeSecret(Arc<(Secret, Redactor)>);

impl RuntimeSecret {
    /// Wraps a secret.
    pub fn new(secret: Secret) -> Self {
        let finder = Redactor::new([secret.expose().to_owned()]);
        Self(Arc::new((secret, finder)))
    }

    /// Returns the secret.
    pub fn secret(&self) -> &Secret {
        &self.0.0
    }

    pub(crate) fn finder(&self) -> &Redactor {
        &self.0.1
    }
}

impl fmt::Debug for RuntimeSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("RuntimeSecret")
    }
}

impl Redactor {
    /// Makes a redactor for a set of secret texts.
    pub fn new(secrets: impl IntoIterator<Item = String>) -> Self {
        let secrets = secrets.into_iter().filter(|secret| secret.chars().count() >= MIN_SECRET_LENGTH).collect();
        Self { secrets, ..Self::default() }
    }

    /// Makes the redactor of one call: it knows the secrets of `base`, these texts, and those that are added.
    pub fn over(base: Arc<Self>, secrets: impl IntoIterator<Item = String>) -> Self {
        Self { base: Some(base), ..Self::new(secrets) }
    }

    /// Adds a secret that came up while the call ran; it is masked from now on.
    pub fn add_secret(&self, secret: RuntimeSecret) {
        let mut added = self.added.write();
        if !added.iter().any(|known| known.secret() == secret.secret()) {
            added.push(secret);
        }
    }

    /// Returns a redactor that knows more secrets, or `None` if this one knows them all already.
    #[must_use]
    pub fn with(&self, more: impl IntoIterator<Item = String>) -> Option<Self> {
        let mut secrets = self.secrets.clone();
        let before = secrets.len();
        secrets.extend(more.into_iter().filter(|secret| secret.chars().count() >= MIN_SECRET_LENGTH));
        let added = || self.added.read().clone();
        (secrets.len() > before).then(|| Self {
            secrets,
            finder: OnceLock::new(),
            base: self.base.clone(),
            added: RwLock::new(added()),
        })
    }

    /// Returns whether there is nothing to search for.
    pub fn is_empty(&self) -> bool {
        self.secrets.is_empty() && self.base.as_ref().is_none_or(|base| base.is_empty()) && self.added.read().is_empty()
    }

    /// Masks the secrets in a text.
    pub fn text<'t>(&self, text: &'t str) -> Cow<'t, str> {
        let mut found: Vec<Range<usize>> = Vec::new();
        self.any(&mut |finder| {
            found.extend(finder.find_overlapping_iter(text).map(|found| found.range()));
            false
        });
        if found.is_empty() {
            return Cow::Borrowed(text);
        }
        found.sort_unstable_by_key(|range| (range.start, range.end));
        let mut masked = String::new();
        let mut done = 0;
        let mut ranges = found.into_iter().peekable();
        while let Some(mut range) = ranges.next() {
            // If secrets overlap, all of both is masked.
            while let Some(next) = ranges.next_if(|next| next.start < range.end) {
                range.end = range.end.max(next.end);
            }
            masked.push_str(&text[done..range.start]);
            masked.push_str(MASK);
            done = range.end;
        }
        masked.push_str(&text[done..]);
        Cow::Owned(masked)
    }

    /// Returns whether a text holds a secret in any of its forms.
    pub fn finds(&self, text: &str) -> bool {
        self.finds_in(text.as_bytes())
    }

    /// Returns whether bytes hold a secret in any of its forms.
    pub(crate) fn finds_in(&self, bytes: &[u8]) -> bool {
        self.any(&mut |finder| finder.is_match(bytes))
    }

    /// Asks each searcher until one returns true.
    fn any(&self, ask: &mut dyn FnMut(&AhoCorasick) -> bool) -> bool {
        self.finder().is_some_and(&mut *ask)
            || self.base.as_ref().is_some_and(|base| base.any(ask))
            || self.added.read().iter().any(|secret| secret.finder().any(ask))
    }

    /// Masks the secrets in every text of a value, in keys and in numbers that spell one.
    pub fn value(&self, value: &mut Value) {
        if !self.is_empty() {
            self.walk(value);
        }
    }

    fn walk(&self, value: &mut Value) {
        match value {
            Value::String(text) => {
                if let Cow::Owned(masked) = self.text(text) {
                    *text = masked;
                }
            }
            Value::Number(number) => {
                if self.finds(&number.to_string()) {
                    *value = Value::String(MASK.to_owned());
                }
            }
            Value::Array(list) => list.iter_mut().for_each(|part| self.walk(part)),
            Value::Object(map) => self.walk_object(map),
            Value::Null | Value::Bool(_) => {}
        }
    }

    fn walk_object(&self, map: &mut Map<String, Value>) {
        if map.keys().any(|key| self.finds(key)) {
            let mut shown = Map::with_capacity(map.len());
            for (key, part) in std::mem::take(map) {
                shown.insert(free_key(&shown, self.text(&key).into_owned()), part);
            }
            *map = shown;
        }
        map.values_mut().for_each(|part| self.walk(part));
    }

    fn finder(&self) -> Option<&AhoCorasick> {
        self.finder
            .get_or_init(|| {
                let forms: BTreeSet<String> = self.secrets.iter().flat_map(|secret| forms(secret)).collect();
                if forms.is_empty() {
                    return None;
                }
                AhoCorasick::new(forms).ok()
            })
            .as_ref()
    }
}

impl fmt::Debug for Redactor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Redactor").field("secrets", &self.secrets.len()).finish()
    }
}

/// Returns a key that is not taken yet: two masked keys must not become one.
fn free_key(map: &Map<String, Value>, key: String) -> String {
    if !map.contains_key(&key) {
        return key;
    }
    let free = (2_u32..).map(|number| format!("{key} {number}")).find(|key| !map.contains_key(key));
    free.unwrap_or(key)
}

// What the WHATWG URL standard escapes in each part of a URL.
const FRAGMENT: &AsciiSet = &CONTROLS.add(b' ').add(b'"').add(b'<').add(b'>').add(b'`');
const QUERY: &AsciiSet = &CONTROLS.add(b' ').add(b'"').add(b'#').add(b'<').add(b'>');
const SPECIAL_QUERY: &AsciiSet = &QUERY.add(b'\'');
const PATH: &AsciiSet = &QUERY.add(b'?').add(b'^').add(b'`').add(b'{').add(b'}');
const PATH_SEGMENT: &AsciiSet = &PATH.add(b'/').add(b'%');
const USERINFO: &AsciiSet =
    &PATH.add(b'/').add(b':').add(b';').add(b'=').add(b'@').add(b'[').add(b'\\').add(b']').add(b'|');
const COMPONENT: &AsciiSet = &USERINFO.add(b'$').add(b'%').add(b'&').add(b'+').add(b',');
const OLD_PATH: &AsciiSet = &QUERY.add(b'?').add(b'`').add(b'{').add(b'}');
const OLD_SEGMENT: &AsciiSet = &OLD_PATH.add(b'/').add(b'%');

/// Returns the forms in which a secret is sent.
fn forms(secret: &str) -> Vec<String> {
    let mut forms = vec![secret.to_owned()];
    let encoded = utf8_percent_encode(secret, NON_ALPHANUMERIC).to_string();
    // RFC 3986 keeps `-._~`, form encoding writes a space as `+`; hex digits occur in both cases.
    let relaxed = encoded.replace("%2D", "-").replace("%2E", ".").replace("%5F", "_").replace("%7E", "~");
    let form = relaxed.replace("%20", "+").replace("~", "%7E");
    for text in [encoded, relaxed, form] {
        forms.push(lower_hex(&text));
        forms.push(text);
    }
    for set in [FRAGMENT, QUERY, SPECIAL_QUERY, PATH, PATH_SEGMENT, USERINFO, COMPONENT, OLD_PATH, OLD_SEGMENT] {
        let text = utf8_percent_encode(secret, set).to_string();
        forms.push(lower_hex(&text));
        forms.push(text);
    }
    let url: String = url::form_urlencoded::byte_serialize(secret.as_bytes()).collect();
    forms.push(lower_hex(&url));
    forms.push(url);
    for engine in [&STANDARD, &STANDARD_NO_PAD, &URL_SAFE, &URL_SAFE_NO_PAD] {
        forms.push(engine.encode(secret));
    }
    for engine in [&STANDARD_NO_PAD, &URL_SAFE_NO_PAD] {
        forms.extend((0..3).filter_map(|shift| base64_core(engine, secret, shift)));
    }
    if let Ok(quoted) = serde_json::to_string(secret) {
        let escaped = quoted[1..quoted.len() - 1].to_owned();
        // Once more for JSON text inside JSON text.
        if let Ok(twice) = serde_json::to_string(&escaped) {
            forms.push(twice[1..twice.len() - 1].to_owned());
        }
        let ascii = ascii_json(&escaped);
        forms.push(upper_units(&ascii));
        forms.push(ascii);
        forms.push(escaped.replace('/', "\\/"));
        forms.push(escaped);
    }
    forms
}

/// Writes what is not ASCII as `\\uXXXX`, as many JSON writers do.
fn ascii_json(escaped: &str) -> String {
    let mut ascii = String::with_capacity(escaped.len());
    for character in escaped.chars() {
        if character.is_ascii() {
            ascii.push(character);
        } else {
            let mut units = [0; 2];
            ascii.extend(character.encode_utf16(&mut units).iter().map(|unit| format!("\\u{unit:04x}")));
        }
    }
    ascii
}

/// Writes the hex digits after `\\u` in upper case.
fn upper_units(ascii: &str) -> String {
    let mut parts = ascii.split("\\u");
    let first = parts.next().unwrap_or_default().to_owned();
    parts.fold(first, |text, part| {
        let (digits, rest) = part.split_at_checked(4).unwrap_or((part, ""));
        text + "\\u" + &digits.to_ascii_uppercase() + rest
    })
}

/// Writes the hex digits of percent-encoding in lower case.
fn lower_hex(text: &str) -> String {
    let mut digits_left = 0_u8;
    text.chars()
        .map(|character| {
            let shown = if digits_left > 0 { character.to_ascii_lowercase() } else { character };
            digits_left = if character == '%' { 2 } else { digits_left.saturating_sub(1) };
            shown
        })
        .collect()
}

/// Returns the part of a base64 text that depends only on the secret if `shift` bytes (mod 3) come before it and
/// anything after it, as in `base64("user:secret")`.
fn base64_core(engine: &impl Engine, secret: &str, shift: usize) -> Option<String> {
    let mut bytes = vec![0; shift];
    bytes.extend_from_slice(secret.as_bytes());
    let encoded = engine.encode(&bytes);
    // Characters touched by the bytes before, and the last one if bits of it come from what follows.
    let start = (shift * 8).div_ceil(6);
    let end = bytes.len() * 8 / 6;
    let core = encoded.get(start..end)?;
    (core.len() >= 7).then(|| core.to_owned())
}

/// Collects the texts of every secret among the values of some fields, nested ones too.
pub fn secret_texts(fields: &Fields, values: &Map<String, Value>) -> Vec<String> {
    let mut texts = Vec::new();
    for (name, field) in fields.iter().filter(|(_, field)| field.holds_secret()) {
        let Some(value) = values.get(name) else { continue };
        match &field.schema {
            Some(schema) if !field.secret => schema.visit_secrets(value, &mut |part| collect(part, &mut texts)),
            _ => collect(value, &mut texts),
        }
    }
    texts
}

fn collect(value: &Value, texts: &mut Vec<String>) {
    match value {
        Value::String(text) => texts.push(text.clone()),
        Value::Number(number) => texts.push(number.to_string()),
        Value::Array(list) => list.iter().for_each(|part| collect(part, texts)),
        Value::Object(map) => map.values().for_each(|part| collect(part, texts)),
        Value::Null | Value::Bool(_) => {}
    }
}

/// Returns values with every secret field, nested ones too, shown as [`MASK`].
pub fn mask_fields(fields: &Fields, values: &Map<String, Value>) -> Map<String, Value> {
    values
        .iter()
        .map(|(name, value)| {
            let shown = match fields.get(name) {
                Some(field) if field.secret && !value.is_null() => Value::String(MASK.to_owned()),
                Some(field) => match &field.schema {
                    Some(schema) if schema.holds_secret() => schema.mask_secrets(value, MASK),
                    _ => value.clone(),
                },
                None => value.clone(),
            };
            (name.clone(), shown)
        })
        .collect()
}

/// Returns whether the name of a header or a query parameter, in any case, is that of a credential, so that its value
/// is never shown or recorded, and never sent to another origin.
pub fn is_sensitive_name(name: &str) -> bool {
    const NAMES: &[&str] = &["authorization", "cookie", "set-cookie", "proxy-authorization"];
    const WORDS: &[&str] = &["key", "token", "secret"];
    let holds = |word: &str| name.as_bytes().windows(word.len()).any(|part| part.eq_ignore_ascii_case(word.as_bytes()));
    NAMES.iter().any(|known| name.eq_ignore_ascii_case(known)) || WORDS.iter().any(|word| holds(word))
}

/// Masks sensitive headers in every object under the name `headers`.
pub fn mask_headers(value: &mut Value) {
    match value {
        Value::Array(list) => list.iter_mut().for_each(mask_headers),
        Value::Object(map) => {
            for (name, part) in map.iter_mut() {
                if name.eq_ignore_ascii_case("headers")
                    && let Value::Object(headers) = part
                {
                    for (header, value) in headers.iter_mut().filter(|(header, _)| is_sensitive_name(header)) {
                        if !header.is_empty() && !value.is_null() {
                            *value = Value::String(MASK.to_owned());
                        }
                    }
                }
                mask_headers(part);
            }
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}
