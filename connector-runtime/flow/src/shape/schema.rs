//! JSON Schema -> [`Shape`].

use indexmap::IndexMap;
use serde_json::{Map, Value};

use super::{ArrayShape, ObjectShape, Property, Rest, Shape};

/// The deepest level of a schema that is read; what is deeper is any value.
pub const MAX_SHAPE_DEPTH: usize = 16;
/// The most parts of one shape; what is left is any value.
pub const MAX_SHAPE_NODES: usize = 4096;
/// How often one reference is followed on the way to a part. A schema that refers to itself in several places grows with
/// every level; of one that turns out to be too large, less of each place is read.
const REPEATS: [usize; 3] = [usize::MAX, 2, 1];
/// The most first items of a list that are read one by one.
const MAX_PREFIX: usize = 100;

/// Keywords that do not change the shape, or only say which values of the shape are allowed.
const PASSED_OVER: [&str; 39] = [
    "$schema",
    "$id",
    "$anchor",
    "$comment",
    "$defs",
    "$vocabulary",
    "definitions",
    "title",
    "description",
    "default",
    "example",
    "examples",
    "deprecated",
    "readOnly",
    "writeOnly",
    "contentEncoding",
    "contentMediaType",
    "contentSchema",
    "discriminator",
    "externalDocs",
    "xml",
    "format",
    "minimum",
    "maximum",
    "exclusiveMinimum",
    "exclusiveMaximum",
    "multipleOf",
    "minLength",
    "maxLength",
    "pattern",
    "maxItems",
    "uniqueItems",
    "contains",
    "minContains",
    "maxContains",
    "minProperties",
    "maxProperties",
    "propertyNames",
    "dependentRequired",
];
/// Keywords that make the shape.
const READ: [&str; 16] = [
    "type",
    "properties",
    "required",
    "additionalProperties",
    "unevaluatedProperties",
    "patternProperties",
    "items",
    "prefixItems",
    "minItems",
    "allOf",
    "anyOf",
    "oneOf",
    "const",
    "enum",
    "$ref",
    "nullable",
];

impl Shape {
    /// Reads a JSON Schema 2020-12. A keyword that is not known here, and what is deeper than [`MAX_SHAPE_DEPTH`], is any
    /// value.
    pub fn of_schema(document: &Value) -> Self {
        let mut shape = Self::Any;
        for repeats in REPEATS {
            let mut reader = SchemaReader { document, left: MAX_SHAPE_NODES, followed: Vec::new(), repeats };
            shape = reader.read(document, 0);
            if reader.left > 0 {
                break;
            }
        }
        shape
    }
}

struct SchemaReader<'s> {
    document: &'s Value,
    /// Parts that may still be made.
    left: usize,
    /// The references on the way to what is read.
    followed: Vec<&'s str>,
    /// How often one of them may be there.
    repeats: usize,
}

impl<'s> SchemaReader<'s> {
    fn read(&mut self, schema: &'s Value, depth: usize) -> Shape {
        if depth > MAX_SHAPE_DEPTH || self.left == 0 {
            return Shape::Any;
        }
        self.left -= 1;
        match schema {
            Value::Bool(false) => Shape::Union(Vec::new()),
            Value::Object(map) => self.read_map(map, depth),
            _ => Shape::Any,
        }
    }

    fn read_map(&mut self, map: &'s Map<String, Value>, depth: usize) -> Shape {
        let is_known = |key: &str| READ.contains(&key) || PASSED_OVER.contains(&key) || key.starts_with("x-");
        if !map.keys().all(|key| is_known(key)) {
            return Shape::Any;
        }
        let mut shape = self.own(map, depth);
        if let Some(target) = map.get("$ref") {
            let target = self.follow(target, depth);
            shape = shape.merge(target);
        }
        for member in list(map, "allOf") {
            let member = self.read(member, depth + 1);
            shape = shape.merge(member);
        }
        for keyword in ["anyOf", "oneOf"] {
            if map.contains_key(keyword) {
                let members: Vec<Shape> =
                    list(map, keyword).iter().map(|member| self.read(member, depth + 1)).collect();
                shape = shape.merge(Shape::union(members));
            }
        }
        if map.get("unevaluatedProperties") == Some(&Value::Bool(false))
            && let Shape::Object(object) = &mut shape
            && object.rest == Rest::Unsaid
        {
            object.rest = Rest::Closed;
        }
        if map.get("nullable") == Some(&Value::Bool(true)) {
            shape = Shape::union([shape, Shape::Null]);
        }
        shape
    }

    fn follow(&mut self, target: &'s Value, depth: usize) -> Shape {
        let Some(target) = target.as_str() else { return Shape::Any };
        let repeats = self.followed.iter().filter(|followed| **followed == target).count();
        let place = target.strip_prefix('#').filter(|place| place.is_empty() || place.starts_with('/'));
        match place.and_then(|place| self.document.pointer(place)) {
            Some(schema) if repeats < self.repeats => {
                self.followed.push(target);
                let shape = self.read(schema, depth + 1);
                self.followed.pop();
                shape
            }
            _ => Shape::Any,
        }
    }

    /// Reads the keywords of the schema itself, without those that combine others.
    fn own(&mut self, map: &'s Map<String, Value>, depth: usize) -> Shape {
        let listed = match (map.get("const"), map.get("enum")) {
            (Some(value), _) => Some(Shape::of_value(value)),
            (None, Some(Value::Array(values))) => Some(Shape::union(values.iter().map(Shape::of_value))),
            _ => None,
        };
        let typed = match map.get("type") {
            Some(Value::String(name)) => self.of_type(name, map, depth),
            Some(Value::Array(names)) => {
                let names = names.iter().filter_map(Value::as_str);
                Shape::union(names.map(|name| self.of_type(name, map, depth)).collect::<Vec<_>>())
            }
            Some(_) => Shape::Any,
            None if ["properties", "required"].iter().any(|key| map.contains_key(*key)) => {
                self.of_type("object", map, depth)
            }
            None => Shape::Any,
        };
        match listed {
            Some(listed) => listed.merge(typed),
            None => typed,
        }
    }

    fn of_type(&mut self, name: &str, map: &'s Map<String, Value>, depth: usize) -> Shape {
        match name {
            "null" => Shape::Null,
            "boolean" => Shape::Boolean,
            "number" => Shape::Number { integer: false },
            "integer" => Shape::Number { integer: true },
            "string" => {
                Shape::Text { values: None, format: map.get("format").and_then(Value::as_str).map(str::to_owned) }
            }
            "array" => self.array(map, depth),
            "object" => self.object(map, depth),
            _ => Shape::Any,
        }
    }

    fn array(&mut self, map: &'s Map<String, Value>, depth: usize) -> Shape {
        let prefix = list(map, "prefixItems");
        let least = map.get("minItems").and_then(Value::as_u64).and_then(|least| usize::try_from(least).ok());
        let rest = match map.get("items") {
            Some(Value::Bool(false)) => None,
            Some(items) if prefix.len() <= MAX_PREFIX => Some(self.read(items, depth + 1)),
            _ => Some(Shape::Any),
        };
        let prefix = prefix.iter().take(if prefix.len() <= MAX_PREFIX { MAX_PREFIX } else { 0 });
        let prefix = prefix.map(|item| self.read(item, depth + 1)).collect();
        Shape::Array(Box::new(ArrayShape { prefix, rest, least: least.unwrap_or(0) }))
    }

    fn object(&mut self, map: &'s Map<String, Value>, depth: usize) -> Shape {
        let required = list(map, "required");
        let is_required = |name: &str| required.iter().any(|listed| listed.as_str() == Some(name));
        let mut properties = IndexMap::new();
        if let Some(Value::Object(schemas)) = map.get("properties") {
            for (name, schema) in schemas {
                let shape = self.read(schema, depth + 1);
                properties.insert(name.clone(), Property { shape, required: is_required(name) });
            }
        }
        let rest = match map.get("additionalProperties") {
            _ if map.contains_key("patternProperties") => Rest::Of(Box::new(Shape::Any)),
            None => Rest::Unsaid,
            Some(Value::Bool(false)) => Rest::Closed,
            Some(schema) => Rest::Of(Box::new(self.read(schema, depth + 1))),
        };
        // A required name without a schema of its own is there all the same.
        for name in required.iter().filter_map(Value::as_str) {
            if !properties.contains_key(name) {
                let shape = if let Rest::Of(shape) = &rest { (**shape).clone() } else { Shape::Any };
                properties.insert(name.to_owned(), Property { shape, required: true });
            }
        }
        Shape::Object(ObjectShape { properties, rest })
    }
}

fn list<'s>(map: &'s Map<String, Value>, key: &str) -> &'s [Value] {
    map.get(key).and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default()
}
