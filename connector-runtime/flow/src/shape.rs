//! Shapes: what is known of a value before it exists.
//!
//! A shape allows at least every value that its source allows: what a schema says in words that are not read here is
//! [`Shape::Any`]. So a path that no value of the shape has is a mistake, and nothing else is called one.

mod field;
mod lookup;
mod schema;
#[cfg(test)]
pub(crate) mod tests;

use std::fmt;

use indexmap::IndexMap;

pub use self::field::InputShape;
pub use self::lookup::{Found, Missing, find_among};
pub use self::schema::{MAX_SHAPE_DEPTH, MAX_SHAPE_NODES};

/// The most members of a union; more are any value.
const MAX_MEMBERS: usize = 32;

/// What a value can be.
#[derive(Debug, Clone, PartialEq)]
pub enum Shape {
    /// Any value: nothing is known.
    Any,
    /// Null.
    Null,
    /// True or false.
    Boolean,
    /// A number.
    Number {
        /// Whether it is whole.
        integer: bool,
    },
    /// A text.
    Text {
        /// The only texts that it can be, where these are known.
        values: Option<Vec<String>>,
        /// Its JSON Schema format.
        format: Option<String>,
    },
    /// A list.
    Array(Box<ArrayShape>),
    /// A JSON object.
    Object(ObjectShape),
    /// One of several; none at all for what no value fits.
    Union(Vec<Self>),
}

/// What a list holds.
#[derive(Debug, Clone, PartialEq)]
pub struct ArrayShape {
    /// The first items, one by one.
    pub prefix: Vec<Shape>,
    /// Every item after them; `None` if there is none.
    pub rest: Option<Shape>,
    /// The fewest items.
    pub least: usize,
}

/// What an object holds.
#[derive(Debug, Clone, PartialEq)]
pub struct ObjectShape {
    /// The properties with a name of their own.
    pub properties: IndexMap<String, Property>,
    /// What other names hold.
    pub rest: Rest,
}

/// One property of an object.
#[derive(Debug, Clone, PartialEq)]
pub struct Property {
    /// Its value.
    pub shape: Shape,
    /// Whether it is always there.
    pub required: bool,
}

/// What names hold that are no property.
#[derive(Debug, Clone, PartialEq)]
pub enum Rest {
    /// There are no other names.
    Closed,
    /// The schema does not say; next to properties it counts as closed, else as any.
    Unsaid,
    /// Values of a shape.
    Of(Box<Shape>),
}

/// How reliable a shape is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Trust {
    /// Nothing is declared.
    Unknown,
    /// An author says so, and a service may differ.
    Declared,
    /// The program itself writes or validates the value.
    Sure,
}

impl Shape {
    /// A text of which nothing more is known.
    pub const TEXT: Self = Self::Text { values: None, format: None };

    /// Joins shapes: a value of any of them. Members that another one contains are dropped.
    pub fn union(shapes: impl IntoIterator<Item = Self>) -> Self {
        let mut members: Vec<Self> = Vec::new();
        for shape in shapes {
            let flat = if let Self::Union(inner) = shape { inner } else { vec![shape] };
            for member in flat {
                if member == Self::Any || members.len() > MAX_MEMBERS {
                    return Self::Any;
                }
                join(&mut members, member);
            }
        }
        match members.len() {
            1 => members.remove(0),
            many if many > MAX_MEMBERS => Self::Any,
            _ => Self::Union(members),
        }
    }

    /// Returns the shape of values that are of both shapes.
    #[must_use]
    pub fn merge(self, other: Self) -> Self {
        match (self, other) {
            (Self::Any, shape) | (shape, Self::Any) => shape,
            (Self::Union(members), other) | (other, Self::Union(members)) => {
                Self::union(members.into_iter().map(|member| member.merge(other.clone())))
            }
            (Self::Number { integer: one }, Self::Number { integer: other }) => Self::Number { integer: one || other },
            (Self::Text { values: one, format }, Self::Text { values: other, format: its_format }) => {
                let values = match (one, other) {
                    (Some(one), Some(other)) => Some(one.into_iter().filter(|text| other.contains(text)).collect()),
                    (one, other) => one.or(other),
                };
                Self::Text { values, format: format.or(its_format) }
            }
            (Self::Array(one), Self::Array(other)) => Self::Array(Box::new(one.merge(*other))),
            (Self::Object(one), Self::Object(other)) => Self::Object(one.merge(other)),
            (one, other) if one == other => one,
            _ => Self::Union(Vec::new()),
        }
    }

    /// Returns the members of a union, or the shape itself.
    pub fn members(&self) -> &[Self] {
        if let Self::Union(members) = self { members } else { std::slice::from_ref(self) }
    }

    /// Returns whether null is a value of the shape. Of any value nothing is known, so it does not count.
    pub fn is_nullable(&self) -> bool {
        self.members().contains(&Self::Null)
    }

    /// Returns the name of the JSON type, such as `integer`; of a union the first.
    fn type_name(&self) -> &'static str {
        match self {
            Self::Any => "any",
            Self::Null => "null",
            Self::Boolean => "boolean",
            Self::Number { integer: true } => "integer",
            Self::Number { integer: false } => "number",
            Self::Text { .. } => "string",
            Self::Array(_) => "array",
            Self::Object(_) => "object",
            Self::Union(members) => members.first().map_or("nothing", Self::type_name),
        }
    }
}

/// Writes the JSON types, such as `string or null`.
impl fmt::Display for Shape {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&type_names(self.members()))
    }
}

/// Names the JSON types of several shapes, each once.
pub(crate) fn type_names<'s>(shapes: impl IntoIterator<Item = &'s Shape>) -> String {
    let mut names: Vec<&str> = Vec::new();
    for name in shapes.into_iter().flat_map(Shape::members).map(Shape::type_name) {
        if !names.contains(&name) {
            names.push(name);
        }
    }
    if names.is_empty() { "nothing".to_owned() } else { names.join(" or ") }
}

/// Adds a member to a union.
fn join(members: &mut Vec<Shape>, new: Shape) {
    for member in &mut *members {
        match (member, &new) {
            (Shape::Number { integer }, Shape::Number { integer: other }) => {
                *integer = *integer && *other;
                return;
            }
            (Shape::Text { values, format }, Shape::Text { values: others, format: other }) => {
                *values = match (values.take(), others) {
                    (Some(mut values), Some(others)) => {
                        values.extend(others.iter().cloned());
                        Some(values)
                    }
                    _ => None,
                };
                if format != other {
                    *format = None;
                }
                return;
            }
            (member, new) if &*member == new => return,
            _ => {}
        }
    }
    members.push(new);
}

impl ArrayShape {
    /// A list of items of one shape.
    pub fn of(items: Shape) -> Self {
        Self { prefix: Vec::new(), rest: Some(items), least: 0 }
    }

    fn merge(self, other: Self) -> Self {
        let least = self.least.max(other.least);
        if !self.prefix.is_empty() || !other.prefix.is_empty() {
            // Both are upper bounds; the one that knows more is kept.
            let longer = if self.prefix.len() >= other.prefix.len() { self } else { other };
            return Self { least, ..longer };
        }
        let rest = match (self.rest, other.rest) {
            (Some(one), Some(other)) => Some(one.merge(other)),
            _ => None,
        };
        Self { prefix: Vec::new(), rest, least }
    }
}

impl ObjectShape {
    /// Returns what a name that is no property holds; `None` if there is no such name.
    pub fn other(&self) -> Option<&Shape> {
        match &self.rest {
            Rest::Of(shape) => Some(shape),
            Rest::Unsaid if self.properties.is_empty() => Some(&Shape::Any),
            Rest::Unsaid | Rest::Closed => None,
        }
    }

    fn merge(mut self, mut other: Self) -> Self {
        let own_rest = self.rest.clone();
        for (name, property) in &mut self.properties {
            match (other.properties.shift_remove(name), &other.rest) {
                (Some(its), _) => {
                    let shape = std::mem::replace(&mut property.shape, Shape::Any);
                    property.shape = shape.merge(its.shape);
                    property.required |= its.required;
                }
                (None, Rest::Of(rest)) => {
                    let shape = std::mem::replace(&mut property.shape, Shape::Any);
                    property.shape = shape.merge((**rest).clone());
                }
                (None, Rest::Unsaid | Rest::Closed) => {}
            }
        }
        for (name, mut property) in other.properties {
            if let Rest::Of(rest) = &own_rest {
                property.shape = property.shape.merge((**rest).clone());
            }
            self.properties.insert(name, property);
        }
        self.rest = match (self.rest, other.rest) {
            (Rest::Of(one), Rest::Of(other)) => Rest::Of(Box::new(one.merge(*other))),
            (rest, Rest::Unsaid) | (Rest::Unsaid, rest) => rest,
            _ => Rest::Closed,
        };
        self
    }
}
