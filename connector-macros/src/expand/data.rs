//! Payloads and objects: serde and schemars derives through the runtime, and the runtime's own trait.

use proc_macro2::TokenStream;
use quote::{ToTokens, format_ident, quote, quote_spanned};
use syn::{Attribute, ItemStruct, Path, parse_quote, parse_quote_spanned};

use super::field::literal;
use crate::args::Value;
use crate::model::{Data, Field, Kind};

pub(crate) fn data(model: &Data, item: &mut ItemStruct) -> TokenStream {
    let Data { kind, krate, ident, fields } = model;
    derive(*kind, krate, item);
    let mut defaults = TokenStream::new();
    for (member, field) in item.fields.iter_mut().zip(fields) {
        member.attrs.retain(|attribute| !Field::owns(attribute) && !attribute.path().is_ident("output"));
        if field.renamed {
            let wire = &field.wire;
            member.attrs.push(parse_quote!(#[serde(rename = #wire)]));
        }
        if let Some(param) = &field.param {
            member.attrs.extend(schema_attribute(param));
            if let Some(default) = &param.default {
                let function = format_ident!("__default_of_{}_{}", ident, field.ident);
                let path = function.to_string();
                member.attrs.push(parse_quote!(#[serde(default = #path)]));
                let (ty, value) = (&field.ty, literal(krate, default));
                defaults.extend(quote! {
                    #[doc(hidden)]
                    #[allow(non_snake_case)]
                    fn #function() -> #ty { #krate::__private::constant(#value) }
                });
            }
            defaults.extend(super::checks::field(krate, param));
        }
    }
    let rows = fields
        .iter()
        .filter_map(|field| field.param.as_ref())
        .map(|field| super::field::object_row(krate, ident, field));
    let implementation = match kind {
        Kind::Payload => {
            let names = fields.iter().map(|field| &field.wire);
            quote! {
                #[automatically_derived]
                impl #krate::__private::Payload for #ident {
                    const OUTPUTS: #krate::__private::Outputs = #krate::__private::outputs_of::<Self>(&[#(#names),*]);
                }
            }
        }
        Kind::Object => quote! {
            const _: () = {
                #[allow(unused_imports)]
                use #krate::__private::Unknown as _;
                #[automatically_derived]
                impl #krate::__private::Object for #ident {
                    const FIELDS: &'static [#krate::__private::FieldSpec] = &[#(#rows),*];
                }
            };
            #[automatically_derived]
            impl #krate::__private::FieldType for #ident {
                const TYPE: #krate::__private::TypeSpec =
                    #krate::__private::object_type::<Self>(<Self as #krate::__private::Object>::FIELDS);
                fn read(value: &#krate::__private::Value) -> ::core::result::Result<Self, #krate::__private::Mismatch> {
                    #krate::__private::read_object(value)
                }
            }
        },
    };
    quote!(#implementation #defaults)
}

/// Adds the derives. An object comes from a caller, so unknown keys are refused.
pub(super) fn derive(kind: Kind, krate: &Path, item: &mut ItemStruct) {
    let serde = quote!(#krate::__private::serde).to_string().replace(' ', "");
    let schemars = quote!(#krate::__private::schemars).to_string().replace(' ', "");
    let span = item.ident.span();
    let at = super::at(krate, span);
    let serialize = (kind == Kind::Payload).then(|| quote_spanned!(span=> #at::__private::serde::Serialize,));
    let strict = (kind == Kind::Object).then(|| quote!(, deny_unknown_fields));
    // Placed first, because serde's own attributes may only follow the derives that define them.
    item.attrs.insert(
        0,
        parse_quote_spanned! {span=>
            #[derive(#serialize #at::__private::serde::Deserialize, #at::__private::schemars::JsonSchema)]
        },
    );
    item.attrs.push(parse_quote!(#[serde(crate = #serde, rename_all = "camelCase" #strict)]));
    item.attrs.push(parse_quote!(#[schemars(crate = #schemars)]));
}

/// The bounds of an object's field, in the syntax of schemars.
fn schema_attribute(field: &Field) -> Option<Attribute> {
    let number = |value: &Value| match value {
        Value::Int(value) => proc_macro2::Literal::i64_unsuffixed(*value).into_token_stream(),
        Value::Float(value) => proc_macro2::Literal::f64_unsuffixed(*value).into_token_stream(),
        Value::Bool(value) => value.into_token_stream(),
        Value::Str(value) => value.into_token_stream(),
    };
    let mut parts = Vec::new();
    let range: Vec<TokenStream> = [("min", &field.min), ("max", &field.max)]
        .into_iter()
        .filter_map(|(key, bound)| {
            let (key, bound) = (format_ident!("{key}"), number(&bound.as_ref()?.value));
            Some(quote!(#key = #bound))
        })
        .collect();
    let length: Vec<TokenStream> = [("min", &field.min_length), ("max", &field.max_length)]
        .into_iter()
        .filter_map(|(key, bound)| {
            let (key, bound) = (format_ident!("{key}"), proc_macro2::Literal::u64_unsuffixed(bound.as_ref()?.value));
            Some(quote!(#key = #bound))
        })
        .collect();
    if !range.is_empty() {
        parts.push(quote!(range(#(#range),*)));
    }
    if !length.is_empty() {
        parts.push(quote!(length(#(#length),*)));
    }
    if let Some(pattern) = &field.pattern {
        let text = &pattern.text;
        parts.push(quote!(regex(pattern = #text)));
    }
    if let Some(example) = &field.example {
        let example = number(&example.value);
        parts.push(quote!(example = #example));
    }
    if let Some(label) = &field.label {
        let label = &label.0;
        parts.push(quote!(title = #label));
    }
    (!parts.is_empty()).then(|| parse_quote!(#[schemars(#(#parts),*)]))
}
