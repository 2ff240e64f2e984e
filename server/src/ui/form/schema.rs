//! Fields inside arrays and objects: JSON Schema as far as a form can show it. Everything else is shown as JSON.

use std::cell::Cell;

use connector_runtime::schema::{Choice, is_secret_schema};
use serde_json::{Map, Value};

use super::label::words;
use super::spec::{Item, JsonOf, Kind, Spec, number_rule, plain, text_rule};
use super::typed::MAX_ITEMS;

/// How many levels of lists and objects a form shows; what is deeper is shown as JSON.
const MAX_LEVELS: usize = 3;
/// How many references a form follows for one field.
const MAX_REFERENCES: usize = 8;
/// How many fields a form shows of one value: references may multiply them.
const MAX_FIELDS: usize = 500;
/// The most values of a list of which any may be chosen that are shown as boxes.
const MAX_CHECKS: usize = 40;

/// Keywords whose meaning a form cannot show: with one of them, a value is shown as JSON.
const COMBINED: [&str; 8] = ["oneOf", "anyOf", "allOf", "not", "if", "const", "patternProperties", "$dynamicRef"];

/// Returns the control for a list.
pub(super) fn list(document: &Value) -> Kind {
    Reader::new(document).list(document, 1)
}

/// Returns the control for an object.
pub(super) fn object(document: &Value) -> Kind {
    Reader::new(document).object(document, 1)
}

struct Reader<'d> {
    /// What references point into.
    document: &'d Value,
    /// How many more fields may be shown.
    left: Cell<usize>,
}

impl<'d> Reader<'d> {
    fn new(document: &'d Value) -> Self {
        Self { document, left: Cell::new(MAX_FIELDS) }
    }

    /// Follows references within the document. Returns `None` if the schema cannot be shown.
    fn resolve(&self, schema: &'d Value) -> Option<&'d Map<String, Value>> {
        let mut schema = schema.as_object()?;
        for _ in 0..MAX_REFERENCES {
            let Some(reference) = schema.get("$ref") else {
                return (!COMBINED.iter().any(|keyword| schema.contains_key(*keyword))).then_some(schema);
            };
            let pointer = reference.as_str()?.strip_prefix('#')?;
            schema = self.document.pointer(pointer)?.as_object()?;
        }
        None
    }

    fn list(&self, schema: &'d Value, level: usize) -> Kind {
        self.known_list(schema, level).unwrap_or(Kind::Json(JsonOf::List))
    }

    fn known_list(&self, schema: &'d Value, level: usize) -> Option<Kind> {
        let schema = self.resolve(schema)?;
        if schema.contains_key("prefixItems") || schema.contains_key("contains") {
            return None;
        }
        let most = schema.get("maxItems").and_then(Value::as_u64).and_then(|most| usize::try_from(most).ok());
        let items = self.resolve(schema.get("items")?)?;
        if let Some(options) = options(items) {
            return (options.len() <= MAX_CHECKS).then_some(Kind::Checks(options));
        }
        match type_of(items)? {
            "string" if is_secret_schema(&Value::Object(items.clone())) => None,
            "string" => Some(Kind::Lines(Item::Text)),
            "number" => Some(Kind::Lines(Item::Number { is_whole: false })),
            "integer" => Some(Kind::Lines(Item::Number { is_whole: true })),
            "object" if level < MAX_LEVELS => {
                let fields = self.properties(items, level + 1)?;
                Some(Kind::Items { fields, most: most.unwrap_or(MAX_ITEMS).min(MAX_ITEMS) })
            }
            _ => None,
        }
    }

    fn object(&self, schema: &'d Value, level: usize) -> Kind {
        self.known_object(schema, level).unwrap_or(Kind::Json(JsonOf::Object))
    }

    fn known_object(&self, schema: &'d Value, level: usize) -> Option<Kind> {
        let schema = self.resolve(schema)?;
        if schema.get("properties").and_then(Value::as_object).is_some_and(|properties| !properties.is_empty()) {
            return self.properties(schema, level + 1).map(Kind::Group);
        }
        let values = self.resolve(schema.get("additionalProperties")?)?;
        let plain = type_of(values) == Some("string") && options(values).is_none();
        (plain && !is_secret_schema(&Value::Object(values.clone()))).then_some(Kind::Pairs)
    }

    fn properties(&self, schema: &'d Map<String, Value>, level: usize) -> Option<Vec<Spec>> {
        let required: Vec<&str> = texts(schema.get("required")).collect();
        let properties = schema.get("properties")?.as_object()?;
        self.left.set(self.left.get().checked_sub(properties.len())?);
        let fields = properties.iter().map(|(name, schema)| self.field(name, schema, &required, level));
        Some(fields.collect())
    }

    fn field(&self, name: &str, schema: &'d Value, required: &[&str], level: usize) -> Spec {
        let outer = schema.as_object();
        let resolved = self.resolve(schema);
        let text = |key: &str| {
            let found = outer.and_then(|outer| outer.get(key)).or_else(|| resolved.and_then(|schema| schema.get(key)));
            found.and_then(Value::as_str).filter(|text| !text.is_empty()).map(str::to_owned)
        };
        let value = |key: &str| resolved.and_then(|schema| schema.get(key)).cloned();
        let required = required.contains(&name);
        let default = value("default");
        let example = value("example").or_else(|| value("examples").and_then(|list| list.get(0).cloned()));
        let secret =
            is_secret_schema(schema) || resolved.is_some_and(|map| is_secret_schema(&Value::Object(map.clone())));
        let (kind, rule) =
            resolved.and_then(|map| self.kind(map, schema, required, level)).unwrap_or((Kind::Json(JsonOf::Any), None));
        let simple = |value: &&Value| value.is_string() || value.is_number();
        let shown = default.as_ref().filter(simple).map(|value| format!("{} by default", plain(value)));
        let placeholder =
            shown.or_else(|| example.as_ref().filter(simple).map(|value| format!("for example {}", plain(value))));
        Spec {
            name: name.to_owned(),
            label: text("title").unwrap_or_else(|| words(name)),
            help: text("description"),
            rule,
            required,
            secret,
            placeholder,
            default,
            example,
            asked_at: None,
            kind,
        }
    }

    fn kind(
        &self,
        map: &'d Map<String, Value>,
        schema: &'d Value,
        required: bool,
        level: usize,
    ) -> Option<(Kind, Option<String>)> {
        if let Some(options) = options(map) {
            return Some((Kind::Choice { options, is_open: false }, None));
        }
        let whole = |key: &str| map.get(key).and_then(Value::as_u64);
        let number = |key: &str| map.get(key).filter(|value| value.is_number()).map(Value::to_string);
        let format = map.get("format").and_then(Value::as_str);
        let kind = match type_of(map)? {
            "string" => match format {
                Some("date") => (Kind::Day, None),
                Some("date-time") => (Kind::Moment, Some("In UTC.".to_owned())),
                _ => {
                    let most = whole("maxLength");
                    let rule = text_rule(whole("minLength"), most, map.get("pattern").and_then(Value::as_str));
                    let is_url = matches!(format, Some("uri" | "hostname"));
                    (Kind::Text { is_url, is_long: most.is_some_and(|most| most > 200) }, rule)
                }
            },
            name @ ("number" | "integer") => {
                let is_whole = name == "integer";
                let rule = number_rule(is_whole, number("minimum"), number("maximum"));
                (Kind::Number { is_whole, as_text: false }, Some(rule))
            }
            // Inside a value, absent and the default are not the same.
            "boolean" => (Kind::Flag { or_unset: !required }, None),
            "array" if level <= MAX_LEVELS => (self.list(schema, level), None),
            "object" if level <= MAX_LEVELS => (self.object(schema, level), None),
            "array" => (Kind::Json(JsonOf::List), None),
            "object" => (Kind::Json(JsonOf::Object), None),
            _ => return None,
        };
        Some(kind)
    }
}

/// Returns the one type of a schema; null beside it does not count, because an absent value stands for it.
fn type_of(schema: &Map<String, Value>) -> Option<&str> {
    match schema.get("type")? {
        Value::String(name) => Some(name),
        Value::Array(names) => {
            let mut names = names.iter().filter_map(Value::as_str).filter(|name| *name != "null");
            let first = names.next()?;
            names.next().is_none().then_some(first)
        }
        _ => None,
    }
}

/// Returns the values of an enumeration of texts and numbers.
fn options(schema: &Map<String, Value>) -> Option<Vec<Choice>> {
    let values = schema.get("enum")?.as_array()?;
    let simple = |value: &Value| value.is_string() || value.is_number();
    let options = values.iter().filter(|value| !value.is_null());
    options.map(|value| simple(value).then(|| Choice { value: value.clone(), label: None })).collect()
}

fn texts(list: Option<&Value>) -> impl Iterator<Item = &str> {
    list.and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str)
}
