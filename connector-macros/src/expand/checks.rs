//! Checks that need types: each is a named const of its own, because a const reports only its first panic, and its
//! tokens all have the span that the check is about.

use proc_macro2::{Span, TokenStream};
use quote::quote_spanned;
use syn::spanned::Spanned;
use syn::{Ident, Path, Type};

use super::evident::evidently_fits;
use super::field::{elements, innermost, literal};
use crate::args::Value;
use crate::model::{Field, Kind, mentions};

/// The checks of the fields of a connection or of params. What evidently passes shares one const.
pub(super) fn fields<'f>(
    krate: &Path,
    sets: impl Iterator<Item = (&'f Ident, impl Iterator<Item = &'f Field>)>,
) -> TokenStream {
    let (mut own, mut common) = (TokenStream::new(), TokenStream::new());
    for (set, fields) in sets {
        for (place, field_of) in fields.enumerate() {
            let Some(span) = first_constant(field_of) else { continue };
            if evidently_fits(field_of) {
                let krate = super::at(krate, span);
                common.extend(quote_spanned! {span=>
                    #krate::__private::check::field(<#set as #krate::__private::FieldSet>::FIELDS, #place);
                });
            } else {
                own.extend(field(krate, field_of, None));
            }
        }
    }
    if !common.is_empty() {
        own.extend(quote::quote!(const _: () = { #common };));
    }
    own
}

/// The span of the first constant of a field that is checked against its type.
fn first_constant(field: &Field) -> Option<Span> {
    let constants = [&field.default, &field.min, &field.max, &field.example];
    let lengths = [&field.min_length, &field.max_length];
    let constant = constants.into_iter().flatten().map(|constant| constant.span).next();
    constant
        .or_else(|| lengths.into_iter().flatten().map(|length| length.span).next())
        .or_else(|| field.pattern.as_ref().map(|pattern| pattern.text.span()))
        .or(field.destination)
}

/// The checks of a field: its default, its bounds and its lengths against its type.
pub(super) fn field(krate: &Path, field: &Field, object: Option<&Ident>) -> TokenStream {
    let mut checks = TokenStream::new();
    let spec = type_spec(krate, field);
    // Only a list or JSON is compared with the elements of its field.
    let deep = match field.default.as_ref().map(|default| &default.value) {
        Some(Value::List(_) | Value::Map(_)) => elements(krate, &field.ty, &spec, object),
        _ => None,
    };
    let deep = deep.unwrap_or_else(|| spec.clone());
    let mut check_of = |spec: &TokenStream, span: Span, name: &str, arguments: TokenStream| {
        let (krate, name) = (super::at(krate, span), Ident::new(name, span));
        checks.extend(quote_spanned!(span=> const _: () = #krate::__private::check::#name(&#spec #arguments);));
    };
    if let Some(default) = &field.default {
        let value = literal(krate, default);
        let [min, max] =
            [&field.min, &field.max].map(|bound| super::option(bound.as_ref().map(|bound| literal(krate, bound))));
        check_of(&deep, default.span, "default", quote::quote!(, #value, #min, #max));
    }
    let mut check = |span: Span, name: &str, arguments: TokenStream| check_of(&spec, span, name, arguments);
    for bound in [&field.min, &field.max].into_iter().flatten() {
        let value = literal(krate, bound);
        check(bound.span, "bound", quote::quote!(, #value));
    }
    let texts = [
        field.min_length.as_ref().map(|length| length.span),
        field.max_length.as_ref().map(|length| length.span),
        field.pattern.as_ref().map(|pattern| pattern.text.span()),
    ];
    for span in texts.into_iter().flatten() {
        check(span, "text", TokenStream::new());
    }
    if let Some(example) = &field.example {
        let value = literal(krate, example);
        check(example.span, "example", quote::quote!(, #value));
    }
    if let Some(span) = field.destination {
        check(span, "destination", TokenStream::new());
    }
    checks
}

/// Checks that a field of a payload or an object is known to serde and to the schema.
pub(super) fn data_field(krate: &Path, kind: Kind, ty: &Type) -> TokenStream {
    let ty = innermost(ty);
    // The type itself, which has no name outside of it.
    if mentions(ty, "Self") {
        return TokenStream::new();
    }
    let span = ty.span();
    let (at, name) = (super::at(krate, span), if kind == Kind::Payload { "in_payload" } else { "in_object" });
    let name = Ident::new(name, span);
    quote_spanned!(span=> const _: () = #at::__private::check::#name::<#ty>();)
}

/// Checks a field that `egress` names, with the span of that name.
pub(super) fn egress(krate: &Path, field: &Field, span: Span) -> TokenStream {
    let (spec, destination) = (type_spec(krate, field), field.destination.is_some());
    let krate = super::at(krate, span);
    quote_spanned!(span=> const _: () = #krate::__private::check::egress(&#spec, #destination);)
}

/// Checks that a variable of a command is no secret, with the span of its type.
pub(super) fn variable(krate: &Path, variable: &Field) -> TokenStream {
    let (spec, span) = (type_spec(krate, variable), variable.ty.span());
    let spec = elements(krate, &variable.ty, &spec, None).unwrap_or(spec);
    let krate = super::at(krate, span);
    quote_spanned!(span=> const _: () = #krate::__private::check::variable(&#spec);)
}

/// Evaluates the type's own description. It is written the same way everywhere, so that the compiler reports a type
/// that cannot be a field once, because equal errors are merged.
pub(super) fn type_spec(krate: &Path, field: &Field) -> TokenStream {
    let (ty, span) = (&field.ty, field.ty.span());
    let krate = super::at(krate, span);
    quote_spanned!(span=> <#ty as #krate::__private::FieldType>::TYPE)
}
