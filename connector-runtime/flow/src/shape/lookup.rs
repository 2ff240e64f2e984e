//! Where a path leads in a shape.

use super::{ArrayShape, ObjectShape, Shape, type_names};
use crate::reference::{Path, Segment, listed};
use crate::suggest::nearest;

/// What a path leads to.
#[derive(Debug, Clone, PartialEq)]
pub struct Found<'s> {
    /// What the value can be: the members of its shape.
    pub shapes: Vec<&'s Shape>,
    /// Whether every value of the shape has the path. Of any value nothing is known, so it is not doubted.
    pub is_certain: bool,
}

/// A path that no value of a shape has.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Missing {
    /// What is there instead, such as `users has total, items`.
    pub there: String,
    /// The name that was probably meant.
    pub suggestion: Option<String>,
    /// How many segments below the root lead somewhere.
    pub depth: usize,
}

impl Found<'_> {
    /// Returns whether the value may be null.
    pub fn is_nullable(&self) -> bool {
        self.shapes.iter().any(|shape| **shape == Shape::Null)
    }
}

impl Shape {
    /// Follows the path below its root; see [`find_among`].
    ///
    /// # Errors
    /// If no value of the shape has the path.
    pub fn find<'s>(&'s self, path: &Path, is_proven: &dyn Fn(usize) -> bool) -> Result<Found<'s>, Missing> {
        find_among(self.members().iter().collect(), path, is_proven)
    }
}

/// Follows a path below its root, which is of one of several shapes. `is_proven` says of a number of segments whether the
/// value there is known to be present and not null, whatever the shapes say.
///
/// # Errors
/// If no value of the shapes has the path.
pub fn find_among<'s>(
    shapes: Vec<&'s Shape>,
    path: &Path,
    is_proven: &dyn Fn(usize) -> bool,
) -> Result<Found<'s>, Missing> {
    let mut found = Found { shapes, is_certain: true };
    for (depth, segment) in path.rest.iter().enumerate() {
        found.settle(is_proven(depth));
        found = found.step(segment).ok_or_else(|| missing(&found, path, depth))?;
    }
    found.settle(is_proven(path.rest.len()));
    Ok(found)
}

impl<'s> Found<'s> {
    /// Takes into account that the value is present and not null.
    fn settle(&mut self, is_proven: bool) {
        if is_proven {
            self.is_certain = true;
            self.shapes.retain(|shape| **shape != Shape::Null);
        }
    }

    fn step(&self, segment: &Segment) -> Option<Self> {
        let mut next = Self { shapes: Vec::new(), is_certain: self.is_certain };
        for shape in &self.shapes {
            let below = match shape {
                Shape::Any => Some((*shape, true)),
                Shape::Object(object) => property(object, segment.key()),
                Shape::Array(array) => segment.index().and_then(|index| item(array, index)),
                _ => None,
            };
            match below {
                Some((shape, is_certain)) => {
                    next.shapes.extend(shape.members());
                    next.is_certain &= is_certain;
                }
                None => next.is_certain = false,
            }
        }
        (!next.shapes.is_empty()).then_some(next)
    }
}

fn property<'s>(object: &'s ObjectShape, name: &str) -> Option<(&'s Shape, bool)> {
    match object.properties.get(name) {
        Some(property) => Some((&property.shape, property.required)),
        None => object.other().map(|shape| (shape, *shape == Shape::Any && object.properties.is_empty())),
    }
}

fn item(array: &ArrayShape, index: usize) -> Option<(&Shape, bool)> {
    let shape = array.prefix.get(index).or(array.rest.as_ref())?;
    Some((shape, index < array.least))
}

/// Says what is where a path ends early.
fn missing(found: &Found<'_>, path: &Path, depth: usize) -> Missing {
    let place = path.prefix(depth).to_string();
    let place = connector_schema::shown_name(&place);
    let objects =
        || found.shapes.iter().filter_map(|shape| if let Shape::Object(object) = shape { Some(object) } else { None });
    let names = || objects().flat_map(|object| object.properties.keys()).map(String::as_str);
    let number = names().count();
    let list = found.shapes.iter().find_map(|shape| if let Shape::Array(array) = shape { Some(array) } else { None });
    let there = match (number, list, objects().next()) {
        (1.., ..) => format!("{place} has {}", listed(number, names())),
        (_, Some(array), _) => match (path.rest[depth].index(), &array.rest) {
            (Some(_), None) => format!("{place} has {} items, counted from 0", array.prefix.len()),
            _ => format!("{place} is an array; read an item by its index, such as {place}[0]"),
        },
        (_, _, Some(_)) => format!("{place} has no properties"),
        _ => match type_names(found.shapes.iter().copied()) {
            null if null == "null" => format!("{place} is null"),
            name => format!("{place} is {} {name}", if name.starts_with(['a', 'e', 'i', 'o']) { "an" } else { "a" }),
        },
    };
    let suggestion = nearest(path.rest[depth].key(), names()).map(str::to_owned);
    Missing { there, suggestion, depth }
}
