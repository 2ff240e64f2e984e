//! A connection field or a param. Checks that need no type are made here; those that need one (a default on an
//! `Option`, its kind, its range) become const checks in the expansion.

use proc_macro2::Span;
use syn::{Attribute, Ident, Type};

use crate::args::{Constant, FieldArgs, Length, Pattern, Text, Value, Variable, read_attributes};
use crate::diag::{self, Diagnostics};
use crate::{docs, names};

/// The kind of item that a field belongs to.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Place {
    Connection,
    Param,
    Object,
}

impl Place {
    fn attribute(self) -> &'static str {
        match self {
            Self::Connection => "config",
            Self::Param | Self::Object => "param",
        }
    }

    fn what(self) -> &'static str {
        match self {
            Self::Connection | Self::Object => "field",
            Self::Param => "param",
        }
    }
}

/// A field of a connection, a param of a command, or a field of an object.
#[derive(Clone)]
pub(crate) struct Field {
    pub(crate) ident: Ident,
    pub(crate) ty: Type,
    pub(crate) wire: String,
    pub(crate) wire_span: Span,
    pub(crate) docs: String,
    pub(crate) default: Option<Constant>,
    pub(crate) min: Option<Constant>,
    pub(crate) max: Option<Constant>,
    pub(crate) min_length: Option<Length>,
    pub(crate) max_length: Option<Length>,
    pub(crate) pattern: Option<Pattern>,
    pub(crate) label: Option<Text>,
    pub(crate) example: Option<Constant>,
    pub(crate) placeholder: Option<Text>,
    pub(crate) destination: Option<Span>,
}

impl Field {
    /// Reads a field from its attributes.
    pub(crate) fn read(
        ident: &Ident,
        ty: &Type,
        attributes: &[Attribute],
        place: Place,
        diag: &mut Diagnostics,
    ) -> Self {
        let (wrong, message) = match place {
            Place::Connection => ("param", diag::PARAM_ON_FIELD),
            Place::Param => ("config", diag::CONFIG_ON_PARAM),
            Place::Object => ("config", diag::CONFIG_ON_OBJECT),
        };
        for attribute in attributes.iter().filter(|attribute| attribute.path().is_ident(wrong)) {
            diag.at(attribute.path(), message);
        }
        let args: FieldArgs = read_attributes(attributes, place.attribute(), diag);
        let docs = docs::text(attributes);
        if docs.is_empty() {
            diag.at(ident, diag::undocumented(place.what(), &ident.to_string()));
        }
        let wire = args.name.as_ref().map_or_else(|| names::camel(ident), |name| name.0.value());
        let wire_span = args.name.as_ref().map_or_else(|| ident.span(), |name| name.0.span());
        if !names::is_wire_name(&wire) {
            diag.span(wire_span, diag::bad_wire_name(&wire));
        }
        if place == Place::Param && wire == "command" {
            diag.span(wire_span, diag::RESERVED_COMMAND);
        }
        check_bounds(&args, diag);
        Self {
            ident: ident.clone(),
            ty: ty.clone(),
            wire,
            wire_span,
            docs,
            default: args.default,
            min: args.min,
            max: args.max,
            min_length: args.min_length,
            max_length: args.max_length,
            pattern: args.pattern,
            label: args.label,
            example: args.example,
            placeholder: args.placeholder,
            destination: args.destination.is_present().then(|| args.destination.span()),
        }
    }

    /// Makes the field of a variable, which has a name and a type alone.
    pub(crate) fn of_variable(variable: Variable) -> Self {
        let Variable { ident, ty } = variable;
        Self {
            wire: names::camel(&ident),
            wire_span: ident.span(),
            ident,
            ty,
            docs: String::new(),
            default: None,
            min: None,
            max: None,
            min_length: None,
            max_length: None,
            pattern: None,
            label: None,
            example: None,
            placeholder: None,
            destination: None,
        }
    }

    /// Returns whether an attribute is one that [`Field::read`] reads.
    pub(crate) fn owns(attribute: &Attribute) -> bool {
        attribute.path().is_ident("config") || attribute.path().is_ident("param")
    }
}

/// Reports names that two fields share.
pub(crate) fn check_unique<'f>(fields: impl IntoIterator<Item = &'f Field>, what: &str, diag: &mut Diagnostics) {
    let mut seen: Vec<&str> = Vec::new();
    for field in fields {
        if seen.contains(&field.wire.as_str()) {
            diag.span(field.wire_span, diag::duplicate_wire_name(what, &field.wire));
        }
        seen.push(&field.wire);
    }
}

/// Checks the constants of a field against each other.
fn check_bounds(args: &FieldArgs, diag: &mut Diagnostics) {
    let mut number = |constant: &Option<Constant>| {
        let constant = constant.as_ref()?;
        let number = constant.value.number();
        if number.is_none() {
            diag.span(constant.span, "a bound is a number");
        }
        number
    };
    let (min, max) = (number(&args.min), number(&args.max));
    let ordered = !matches!((min, max), (Some(min), Some(max)) if min > max);
    if let (false, Some(constant)) = (ordered, &args.min) {
        diag.span(constant.span, "`min` is above `max`: no value fits");
    }
    let lengths = (args.min_length.as_ref(), args.max_length.as_ref());
    if let (Some(least), Some(most)) = lengths
        && least.value > most.value
    {
        diag.span(least.span, "`min_length` is above `max_length`: no text fits");
    }
    if let Some(Constant { span, value: Value::Str(text) }) = &args.default {
        let length = text.chars().count() as u64;
        if lengths.0.is_some_and(|least| length < least.value) {
            diag.span(*span, "the default is shorter than `min_length`");
        }
        if lengths.1.is_some_and(|most| length > most.value) {
            diag.span(*span, "the default is longer than `max_length`");
        }
        if args.pattern.as_ref().is_some_and(|pattern| !pattern.regex.is_match(text)) {
            diag.span(*span, "the default does not match `pattern`");
        }
    }
}
