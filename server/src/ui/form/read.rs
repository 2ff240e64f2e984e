//! Reads what was typed into the JSON that REST takes.

use connector_runtime::schema::pointer;
use serde_json::{Map, Number, Value};

use super::mistakes::Mistakes;
use super::spec::{Item, JsonOf, Kind, Spec, plain, shown, wire};
use super::typed::{ACTION, AS_JSON, AS_TEXT, KEY, MAX_ITEMS, Typed};

/// What was read from a form.
#[derive(Debug, Default)]
pub(in crate::ui) struct Reading {
    /// The values of the fields that have one.
    pub(in crate::ui) values: Map<String, Value>,
    /// The names of secrets that are to be removed.
    pub(in crate::ui) cleared: Vec<String>,
    /// The names of secrets that stay as they are.
    pub(in crate::ui) kept: Vec<String>,
    /// What cannot be read.
    pub(in crate::ui) mistakes: Mistakes,
}

/// Reads the fields below a pointer. A field in which nothing was typed is absent; whether it may be, and whether a
/// value is allowed, the use case says.
pub(in crate::ui) fn read(at: &str, specs: &[Spec], typed: &Typed) -> Reading {
    let mut reading = Reading::default();
    for spec in specs {
        let here = pointer::join(at, &spec.name);
        if spec.secret {
            match typed.get(&format!("{here}{ACTION}")) {
                Some("keep") => {
                    reading.kept.push(spec.name.clone());
                    continue;
                }
                Some("clear") => {
                    reading.cleared.push(spec.name.clone());
                    continue;
                }
                _ => {}
            }
        }
        let mut reader = Reader { typed, mistakes: &mut reading.mistakes };
        if let Some(value) = reader.value(spec, &here) {
            reading.values.insert(spec.name.clone(), value);
        }
    }
    reading
}

/// Reads one value, if it can be read; `None` if nothing was typed or something is wrong.
pub(super) fn value(spec: &Spec, at: &str, typed: &Typed) -> Option<Value> {
    Reader { typed, mistakes: &mut Mistakes::default() }.value(spec, at)
}

struct Reader<'r> {
    typed: &'r Typed,
    mistakes: &'r mut Mistakes,
}

impl Reader<'_> {
    fn value(&mut self, spec: &Spec, at: &str) -> Option<Value> {
        if self.typed.is_in_mode(at, AS_JSON) {
            return self.json(at, JsonOf::Any);
        }
        let text = self.typed.text(at);
        match &spec.kind {
            Kind::Text { .. } => (!text.is_empty()).then(|| Value::String(one_line(spec, text).to_owned())),
            Kind::Number { is_whole, as_text } => self.number(at, *is_whole, *as_text),
            Kind::Flag { or_unset } => match text {
                "true" => Some(Value::Bool(true)),
                "false" => Some(Value::Bool(false)),
                _ => (!or_unset).then_some(Value::Bool(false)),
            },
            Kind::Day | Kind::Time => (!text.trim().is_empty()).then(|| Value::String(text.trim().to_owned())),
            Kind::Moment if self.typed.is_in_mode(at, AS_TEXT) => {
                (!text.is_empty()).then(|| Value::String(text.to_owned()))
            }
            Kind::Moment => moment(text.trim()),
            Kind::Choice { options, is_open } => self.choice(at, options, *is_open),
            Kind::Lines(item) => self.lines(at, *item),
            Kind::Checks(_) => {
                let values = self.typed.all(at).iter().filter_map(|text| serde_json::from_str(text).ok());
                let values: Vec<Value> = values.collect();
                (!values.is_empty()).then_some(Value::Array(values))
            }
            Kind::Items { fields, most } => {
                let count = self.typed.count(at).min((*most).max(MAX_ITEMS));
                let items = (0..count).map(|number| Value::Object(self.group(fields, &format!("{at}/{number}"))));
                let items: Vec<Value> = items.collect();
                (count > 0).then_some(Value::Array(items))
            }
            Kind::Group(fields) => {
                let is_used = fields.iter().any(|field| self.is_used(field, &pointer::join(at, &field.name)));
                // Read either way, so that what cannot be read is found.
                let values = self.group(fields, at);
                (is_used || (spec.required && !values.is_empty())).then_some(Value::Object(values))
            }
            Kind::Pairs => self.pairs(at),
            Kind::Json(what) => self.json(at, *what),
        }
    }

    fn group(&mut self, fields: &[Spec], at: &str) -> Map<String, Value> {
        let mut values = Map::new();
        for field in fields {
            if let Some(value) = self.value(field, &pointer::join(at, &field.name)) {
                values.insert(field.name.clone(), value);
            }
        }
        values
    }

    /// Returns whether a person has filled in a field, rather than left it as it is shown first.
    fn is_used(&self, spec: &Spec, at: &str) -> bool {
        match &spec.kind {
            Kind::Flag { or_unset: false } if !self.typed.is_in_mode(at, AS_JSON) => {
                let is_on = self.typed.text(at) == "true";
                is_on != (spec.default == Some(Value::Bool(true)))
            }
            Kind::Group(fields) if !self.typed.is_in_mode(at, AS_JSON) => {
                fields.iter().any(|field| self.is_used(field, &pointer::join(at, &field.name)))
            }
            Kind::Items { .. } if !self.typed.is_in_mode(at, AS_JSON) => self.typed.count(at) > 0,
            Kind::Pairs => self.typed.has_within(at),
            _ => self.typed.all(at).iter().any(|text| !text.is_empty()),
        }
    }

    fn number(&mut self, at: &str, is_whole: bool, as_text: bool) -> Option<Value> {
        let text = self.typed.text(at).trim();
        if text.is_empty() {
            return None;
        }
        let number = serde_json::from_str::<Number>(text).ok();
        match number {
            Some(number) => Some(Value::Number(number)),
            // Who checks it says what is allowed.
            None if as_text && text.parse::<i128>().is_ok() => Some(Value::String(text.to_owned())),
            None => {
                let wanted = if is_whole { "a whole number" } else { "a number" };
                self.mistakes.add(at, format!("expected {wanted}, got “{}”", short(text)));
                None
            }
        }
    }

    fn choice(&mut self, at: &str, options: &[connector_runtime::schema::Choice], is_open: bool) -> Option<Value> {
        let text = self.typed.text(at);
        if text.is_empty() {
            return None;
        }
        let by_value = options.iter().find(|option| wire(option) == text);
        let by_word = || options.iter().find(|option| plain(&option.value) == text || shown(option) == text);
        match by_value.or_else(by_word) {
            Some(option) => Some(option.value.clone()),
            None if is_open => Some(Value::String(text.to_owned())),
            None => {
                self.mistakes.add(at, format!("“{}” is none of the choices", short(text)));
                None
            }
        }
    }

    fn lines(&mut self, at: &str, item: Item) -> Option<Value> {
        let text = self.typed.text(at);
        let mut values = Vec::new();
        for (number, line) in text.lines().enumerate() {
            match item {
                Item::Text if !line.is_empty() => values.push(Value::String(line.to_owned())),
                Item::Number { .. } if !line.trim().is_empty() => match serde_json::from_str::<Number>(line.trim()) {
                    Ok(number) => values.push(Value::Number(number)),
                    Err(_) => {
                        let message = format!("line {}: expected a number, got “{}”", number + 1, short(line.trim()));
                        self.mistakes.add(at, message);
                    }
                },
                _ => {}
            }
        }
        (!values.is_empty()).then_some(Value::Array(values))
    }

    fn pairs(&mut self, at: &str) -> Option<Value> {
        let mut pairs = Map::new();
        for number in 0..self.typed.count(at).min(MAX_ITEMS) {
            let here = format!("{at}/{number}");
            let (key, value) = (self.typed.text(&format!("{here}{KEY}")), self.typed.text(&here));
            if key.is_empty() && value.is_empty() {
                continue;
            }
            if key.is_empty() {
                self.mistakes.add(at, format!("row {}: the value has no name", number + 1));
            } else if pairs.insert(key.to_owned(), Value::String(value.to_owned())).is_some() {
                self.mistakes.add(at, format!("row {}: the name “{}” is there twice", number + 1, short(key)));
            }
        }
        (!pairs.is_empty()).then_some(Value::Object(pairs))
    }

    fn json(&mut self, at: &str, what: JsonOf) -> Option<Value> {
        let text = self.typed.text(at);
        if text.trim().is_empty() {
            return None;
        }
        match (serde_json::from_str::<Value>(text), what) {
            (Ok(value), JsonOf::Any) => Some(value),
            (Ok(value @ Value::Array(_)), JsonOf::List) => Some(value),
            (Ok(value @ Value::Object(_)), JsonOf::Object) => Some(value),
            (Ok(value), what) => {
                let wanted = if what == JsonOf::List { "a list: [ ... ]" } else { "an object: { ... }" };
                let got = connector_runtime::schema::json_type(&value);
                self.mistakes.add(at, format!("expected {wanted}, got {got}"));
                None
            }
            (Err(error), _) => {
                self.mistakes.add(at, not_json(&error));
                None
            }
        }
    }
}

/// Says where a text stops being JSON. The text itself is not quoted, because it may hold a secret.
fn not_json(error: &serde_json::Error) -> String {
    let text = error.to_string();
    let reason = text.split(" at line ").next().unwrap_or_default();
    format!("line {}, column {}: not JSON: {reason}", error.line(), error.column())
}

/// A secret of one line that was pasted with its line break is meant without it.
fn one_line<'t>(spec: &Spec, text: &'t str) -> &'t str {
    if !spec.secret {
        return text;
    }
    match text.strip_suffix('\n') {
        Some(line) if !line.contains('\n') => line,
        _ => text,
    }
}

/// Reads what a date-time picker sends, as a moment in UTC.
fn moment(text: &str) -> Option<Value> {
    if text.is_empty() {
        return None;
    }
    let is_local = text.len() >= 16 && !text.ends_with('Z') && !text[10..].contains('+') && !text[10..].contains('-');
    Some(Value::String(match (is_local, text.len()) {
        (true, 16) => format!("{text}:00Z"),
        (true, _) => format!("{text}Z"),
        (false, _) => text.to_owned(),
    }))
}

fn short(text: &str) -> String {
    const MOST: usize = 40;
    if text.chars().count() <= MOST { text.to_owned() } else { text.chars().take(MOST).collect::<String>() + "…" }
}
