//! A field's row in the table, and the code that reads it.

use proc_macro2::{Span, TokenStream};
use quote::{format_ident, quote, quote_spanned};
use syn::spanned::Spanned;
use syn::{GenericArgument, Ident, Path, PathArguments, Type};

use crate::args::{Constant, Value};
use crate::model::Field;

/// `FieldSpec { .. }`; `FieldSpec::new` supplies keys that are not set.
pub(super) fn row(krate: &Path, field: &Field) -> TokenStream {
    typed_row(krate, field, &super::checks::type_spec(krate, field), None)
}

/// The same for the field of an object, whose type may be one that only serde knows.
pub(super) fn object_row(krate: &Path, object: &Ident, field: &Field) -> TokenStream {
    let ty = &field.ty;
    typed_row(krate, field, &quote!(#krate::__private::Probe::<#ty>::TYPE), Some(object))
}

fn typed_row(krate: &Path, field: &Field, ty: &TokenStream, object: Option<&Ident>) -> TokenStream {
    let Field { wire, docs, .. } = field;
    let ty = &elements(krate, &field.ty, ty, object).unwrap_or_else(|| ty.clone());
    let base = quote!(#krate::__private::FieldSpec::new(#wire, #docs, #ty));
    let some = |value: TokenStream| quote!(::core::option::Option::Some(#value));
    let mut set = Vec::new();
    let constants =
        [("default", &field.default), ("minimum", &field.min), ("maximum", &field.max), ("example", &field.example)];
    for (name, constant) in constants {
        if let Some(constant) = constant {
            set.push((name, some(literal(krate, constant))));
        }
    }
    for (name, length) in [("min_length", &field.min_length), ("max_length", &field.max_length)] {
        if let Some(length) = length {
            let value = length.value;
            set.push((name, some(quote!(#value))));
        }
    }
    for (name, text) in [("label", &field.label), ("placeholder", &field.placeholder)] {
        if let Some(text) = text {
            let text = &text.0;
            set.push((name, some(quote!(#text))));
        }
    }
    if let Some(pattern) = &field.pattern {
        let text = &pattern.text;
        set.push(("pattern", some(quote!(#text))));
    }
    if field.destination.is_some() {
        set.push(("destination", quote!(true)));
    }
    if set.is_empty() {
        return base;
    }
    let set = set.into_iter().map(|(name, value)| {
        let name = format_ident!("{name}");
        quote!(#name: #value)
    });
    quote!(#krate::__private::FieldSpec { #(#set,)* ..#base })
}

/// The spec of a list or a map, with its elements for the lock: as one field named `[]` or `{}`. `None` for other
/// types. `Vec` itself cannot provide this, because its elements may be types that only serde knows.
///
/// A list of the enclosing object would never end, so its elements are left out. If two objects contain lists of each
/// other, the compiler reports a cycle; a `Box` around one of the elements hides it from the lock.
pub(super) fn elements(krate: &Path, ty: &Type, spec: &TokenStream, object: Option<&Ident>) -> Option<TokenStream> {
    let (name, element) = element(ty)?;
    if name.is_empty() {
        return elements(krate, element, spec, object);
    }
    if object.is_some_and(|object| is_named(element, object)) {
        return None;
    }
    let plain = quote!(#krate::__private::Probe::<#element>::TYPE);
    let inner = elements(krate, element, &plain, object).unwrap_or(plain);
    Some(quote! {
        #krate::__private::TypeSpec {
            fields: const {
                #[allow(unused_imports)]
                use #krate::__private::Unknown as _;
                &[#krate::__private::FieldSpec::new(#name, "", #inner)]
            },
            ..#spec
        }
    })
}

fn is_named(ty: &Type, object: &Ident) -> bool {
    let Type::Path(path) = ty else { return false };
    path.path.segments.last().is_some_and(|last| {
        let inner = element(ty).is_some_and(|(_, inner)| is_named(inner, object));
        inner || last.ident == *object || last.ident == "Self"
    })
}

/// What is innermost in lists, maps and options, by the types' names.
pub(super) fn innermost(ty: &Type) -> &Type {
    element(ty).map_or(ty, |(_, inner)| innermost(inner))
}

/// The element of a list (`[]`) or a map (`{}`), or what is inside an `Option`, by the type's name.
fn element(ty: &Type) -> Option<(&'static str, &Type)> {
    let Type::Path(path) = ty else { return None };
    let last = path.path.segments.last()?;
    let PathArguments::AngleBracketed(arguments) = &last.arguments else { return None };
    let mut types = arguments.args.iter().filter_map(|argument| match argument {
        GenericArgument::Type(ty) => Some(ty),
        _ => None,
    });
    match (last.ident.to_string().as_str(), types.next(), types.next()) {
        ("Option", Some(inner), None) => Some(("", inner)),
        ("Vec", Some(element), None) => Some(("[]", element)),
        ("BTreeMap" | "HashMap", Some(_), Some(element)) => Some(("{}", element)),
        _ => None,
    }
}

/// `Literal::Int(30)` and similar.
pub(super) fn literal(krate: &Path, constant: &Constant) -> TokenStream {
    value_literal(krate, &constant.value)
}

pub(super) fn value_literal(krate: &Path, value: &Value) -> TokenStream {
    match value {
        Value::Bool(value) => quote!(#krate::__private::Literal::Bool(#value)),
        Value::Int(value) => quote!(#krate::__private::Literal::Int(#value)),
        Value::Float(value) => quote!(#krate::__private::Literal::Float(#value)),
        Value::Str(value) => quote!(#krate::__private::Literal::Str(#value)),
        Value::Null => quote!(#krate::__private::Literal::Null),
        Value::List(items) => {
            let items = items.iter().map(|item| value_literal(krate, item));
            quote!(#krate::__private::Literal::List(&[#(#items),*]))
        }
        Value::Map(members) => {
            let members = members.iter().map(|(key, value)| {
                let value = value_literal(krate, value);
                quote!((#key, #value))
            });
            quote!(#krate::__private::Literal::Map(&[#(#members),*]))
        }
    }
}

/// `impl FieldSet for ..`: the table and the reader. One pattern over all fields costs the compiler less than a `?` per
/// field.
pub(super) fn field_set<'f>(
    krate: &Path,
    target: &TokenStream,
    fields: impl Iterator<Item = &'f Field>,
) -> TokenStream {
    let (mut rows, mut reads, mut names, mut values) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
    for field in fields {
        let Field { ident, ty, wire, .. } = field;
        rows.push(row(krate, field));
        let krate = super::at(krate, ty.span());
        reads.push(quote_spanned!(ty.span()=> <#ty as #krate::__private::FieldType>::field(reader, #wire)));
        // Not the field's own name, which may be that of a constant too.
        values.push(format_ident!("value_{}", names.len(), span = Span::mixed_site()));
        names.push(ident);
    }
    let (reader, some) =
        (if reads.is_empty() { quote!(_) } else { quote!(reader) }, quote!(::core::option::Option::Some));
    let read = (!reads.is_empty()).then(|| {
        quote! {
            let (#(#some(#values),)*) = (#(#reads,)*) else {
                return ::core::option::Option::None;
            };
        }
    });
    quote! {
        #[automatically_derived]
        impl #krate::__private::FieldSet for #target {
            const FIELDS: &'static [#krate::__private::FieldSpec] = &[#(#rows),*];
            fn read(#reader: &mut #krate::__private::Reader<'_>) -> ::core::option::Option<Self> {
                #read
                #some(Self { #(#names: #values),* })
            }
        }
    }
}
