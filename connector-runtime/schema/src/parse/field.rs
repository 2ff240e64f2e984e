//! One field of a config schema: its keys, and whether they fit each other.

use std::collections::HashSet;

use serde_json::{Map, Number, Value};

use super::parser::Parser;
use crate::json_type;
use crate::model::{Choice, Field, FieldKind};
use crate::nested::NestedSchema;
use crate::number;

/// Why the default of a secret is refused.
const NO_SECRET_DEFAULT: &str =
    "a secret takes no default: whoever reads the type would read it; set the value in each connector";

impl Parser {
    pub(super) fn field(&mut self, value: &Value) -> Field {
        let Some(map) = self.object(value) else { return Field::new(FieldKind::Raw) };
        self.known_keys(
            map,
            &[
                "type",
                "required",
                "secret",
                "description",
                "label",
                "placeholder",
                "example",
                "default",
                "options",
                "integer",
                "minimum",
                "maximum",
                "minLength",
                "maxLength",
                "pattern",
                "format",
                "schema",
            ],
        );
        if !map.contains_key("type") {
            self.problem_at("type", "missing");
        }
        let kind = self.key(map, "type", |parser, value| parser.one_of(value, &FieldKind::ALL));
        let before = self.problems.len();
        let mut field = Field {
            kind: kind.unwrap_or(FieldKind::Raw),
            required: self.flag(map, "required"),
            secret: self.flag(map, "secret"),
            description: self.key(map, "description", Self::text),
            label: self.key(map, "label", Self::text),
            placeholder: self.key(map, "placeholder", Self::text),
            example: map.get("example").cloned(),
            default: map.get("default").cloned(),
            options: self.key(map, "options", Self::options).unwrap_or_default(),
            integer: self.flag(map, "integer"),
            minimum: self.key(map, "minimum", Self::number),
            maximum: self.key(map, "maximum", Self::number),
            min_length: self.key(map, "minLength", Self::length),
            max_length: self.key(map, "maxLength", Self::length),
            pattern: self.key(map, "pattern", Self::pattern),
            format: self.key(map, "format", Self::text),
            schema: self.key(map, "schema", |parser, value| parser.json_schema(value).map(NestedSchema::new)),
        };
        if kind.is_some() && self.problems.len() == before {
            self.agree(map, &field);
            if field.secret && self.is_stored {
                field.default = field.default.filter(Value::is_null);
            }
        }
        field
    }

    /// Checks that the keys of a field fit its kind and each other.
    fn agree(&mut self, map: &Map<String, Value>, field: &Field) {
        use FieldKind as K;
        const FITS: [(&str, &[FieldKind]); 9] = [
            ("secret", &[K::String]),
            ("options", &[K::Select]),
            ("integer", &[K::Number]),
            ("minimum", &[K::Number]),
            ("maximum", &[K::Number]),
            ("minLength", &[K::String]),
            ("maxLength", &[K::String]),
            ("pattern", &[K::String]),
            ("schema", &[K::Array, K::Object, K::Raw]),
        ];
        for (key, kinds) in FITS {
            let set = map.get(key).is_some_and(|value| *value != Value::Bool(false));
            if set && !kinds.contains(&field.kind) {
                let kinds: Vec<&str> = kinds.iter().map(|kind| kind.as_str()).collect();
                self.problem_at(
                    key,
                    format!("only for a field of type {}, this one is {}", kinds.join(" or "), field.kind),
                );
            }
        }
        if field.kind == K::Select && field.options.is_empty() {
            self.problem_at("options", "a select needs at least one option");
        }
        if let (Some(minimum), Some(maximum)) = (&field.minimum, &field.maximum)
            && minimum.as_f64() > maximum.as_f64()
        {
            self.problem_at("minimum", format!("{minimum} is above the maximum {maximum}"));
        }
        if let (Some(minimum), Some(maximum)) = (field.min_length, field.max_length)
            && minimum > maximum
        {
            self.problem_at("minLength", format!("{minimum} is above the maxLength {maximum}"));
        }
        if self.is_stored {
            return;
        }
        if let Some(default) = field.default.as_ref().filter(|default| !default.is_null()) {
            if field.secret {
                self.problem_at("default", NO_SECRET_DEFAULT);
            } else if let Err(problem) = field.check_connection(default) {
                self.problem_at("default", problem);
            }
        }
        for place in field.schema.as_ref().map(NestedSchema::secret_defaults).unwrap_or_default() {
            self.problem_below(&format!("/schema{place}"), NO_SECRET_DEFAULT);
        }
    }

    fn options(&mut self, value: &Value) -> Option<Vec<Choice>> {
        let list = self.list(value, "a list of { value, label }")?;
        let mut options: Vec<Choice> = Vec::with_capacity(list.len());
        // By text: a number and a text that read alike are told apart by their quotes.
        let mut known: HashSet<String> = HashSet::with_capacity(list.len());
        for (index, option) in list.iter().enumerate() {
            self.at(&index.to_string(), |parser| {
                let Some(map) = parser.object(option) else { return };
                parser.known_keys(map, &["value", "label"]);
                let value = match map.get("value") {
                    Some(value @ (Value::String(_) | Value::Number(_) | Value::Bool(_))) => value.clone(),
                    Some(other) => {
                        parser.problem_at(
                            "value",
                            format!("expected a string, a number or a boolean, got {}", json_type(other)),
                        );
                        return;
                    }
                    None => return parser.problem_at("value", "missing"),
                };
                if !known.insert(number::common_text(&value)) {
                    parser.problem_at("value", format!("{value} is listed twice"));
                }
                let label = parser.key(map, "label", Self::text);
                options.push(Choice { value, label });
            });
        }
        Some(options)
    }

    fn number(&mut self, value: &Value) -> Option<Number> {
        self.typed(value, "a number", |value| value.as_number().cloned())
    }

    fn length(&mut self, value: &Value) -> Option<u64> {
        self.typed(value, "a whole number of characters", Value::as_u64)
    }
}
