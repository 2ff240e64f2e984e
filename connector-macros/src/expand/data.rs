//! Payloads and objects: serde and schemars derives through the runtime, and the runtime's own trait.

use proc_macro2::{Group, TokenStream, TokenTree};
use quote::{ToTokens, format_ident, quote, quote_spanned};
use syn::{Attribute, Ident, ItemStruct, Path, Type, parse_quote, parse_quote_spanned};

use super::field::{literal, value_literal};
use crate::args::Value;
use crate::model::{Data, Field, Kind, mentions};

/// Writes what goes before the item, and what goes behind it. The checks of the fields' types go before: the compiler
/// reports in order, and the derives complain about traits that authors do not name.
pub(crate) fn data(model: &Data, item: &mut ItemStruct) -> (TokenStream, TokenStream) {
    let Data { kind, krate, ident, fields } = model;
    derive(model, item);
    let mut defaults = TokenStream::new();
    for (member, field) in item.fields.iter_mut().zip(fields) {
        member.attrs.retain(|attribute| !Field::owns(attribute) && !attribute.path().is_ident("output"));
        if field.renamed {
            let wire = &field.wire;
            member.attrs.push(parse_quote!(#[serde(rename = #wire)]));
        }
        if let Some(param) = &field.param {
            member.attrs.extend(schema_attribute(krate, param));
            if let Some(default) = &param.default {
                let function = format_ident!("__default_of_{}_{}", ident, field.ident);
                let path = function.to_string();
                member.attrs.push(parse_quote!(#[serde(default = #path)]));
                let (ty, value) = (named(&field.ty, ident), literal(krate, default));
                defaults.extend(quote! {
                    #[doc(hidden)]
                    #[allow(non_snake_case)]
                    fn #function() -> #ty { #krate::__private::constant(#value) }
                });
            }
            let param = Field { ty: named(&param.ty, ident), ..param.clone() };
            defaults.extend(super::checks::field(krate, &param, Some(ident)));
        }
    }
    let known: TokenStream = fields.iter().map(|field| super::checks::data_field(krate, *kind, &field.ty)).collect();
    let rows = fields
        .iter()
        .filter_map(|field| field.param.as_ref())
        .map(|field| super::field::object_row(krate, ident, field));
    let names = fields.iter().map(|field| &field.wire);
    let bounds = serialize_bounds(model);
    let payload = (!model.has_secret()).then(|| {
        quote! {
            #[automatically_derived]
            impl #krate::__private::Payload for #ident #bounds {
                const OUTPUTS: #krate::__private::Outputs = #krate::__private::outputs_of::<Self>(&[#(#names),*]);
            }
        }
    });
    let implementation = match kind {
        Kind::Payload => quote!(#payload),
        Kind::Object => quote! {
            #payload
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
    (known, quote!(#implementation #defaults))
}

/// Returns a type as it is written outside of the struct, where `Self` has no meaning.
fn named(ty: &Type, object: &Ident) -> Type {
    fn replace(tokens: TokenStream, object: &Ident) -> TokenStream {
        let one = |token| match token {
            TokenTree::Ident(ident) if ident == "Self" => Ident::new(&object.to_string(), ident.span()).into(),
            TokenTree::Group(group) => {
                let mut inner = Group::new(group.delimiter(), replace(group.stream(), object));
                inner.set_span(group.span());
                TokenTree::Group(inner)
            }
            other => other,
        };
        tokens.into_iter().map(one).collect()
    }
    if !mentions(ty, "Self") {
        return ty.clone();
    }
    syn::parse2(replace(ty.to_token_stream(), object)).unwrap_or_else(|_| ty.clone())
}

/// `where for<'v> Inner: Serialize, ..` for an object: an object inside it may have a secret, and then neither can be
/// shown. (The lifetime keeps the compiler from asking at once.) A field of the object's own type says nothing new.
fn serialize_bounds(model: &Data) -> Option<TokenStream> {
    let Data { kind, krate, ident, fields } = model;
    let own = |ty: &Type| mentions(ty, "Self") || mentions(ty, &ident.to_string());
    let others = fields.iter().map(|field| &field.ty).filter(|ty| !own(ty));
    let bounds: Vec<TokenStream> =
        others.map(|ty| quote!(for<'__shown> #ty: #krate::__private::serde::Serialize)).collect();
    (*kind == Kind::Object && !bounds.is_empty()).then(|| quote!(where #(#bounds),*))
}

/// Adds the derives. An object comes from a caller, so unknown keys are refused. It is shown unless it has a secret.
fn derive(model: &Data, item: &mut ItemStruct) {
    let (kind, krate) = (model.kind, &model.krate);
    let serde = quote!(#krate::__private::serde).to_string().replace(' ', "");
    let schemars = quote!(#krate::__private::schemars).to_string().replace(' ', "");
    let span = item.ident.span();
    let at = super::at(krate, span);
    let serialize = (!model.has_secret()).then(|| quote_spanned!(span=> #at::__private::serde::Serialize,));
    let strict = (kind == Kind::Object).then(|| quote!(, deny_unknown_fields));
    // Placed first, because serde's own attributes may only follow the derives that define them.
    item.attrs.insert(
        0,
        parse_quote_spanned! {span=>
            #[derive(#serialize #at::__private::serde::Deserialize, #at::__private::schemars::JsonSchema)]
        },
    );
    item.attrs.push(parse_quote!(#[serde(crate = #serde, rename_all = "camelCase" #strict)]));
    if let (Some(bounds), Some(_)) = (serialize_bounds(model), serialize) {
        let bounds = bounds.to_string();
        let bounds = bounds.strip_prefix("where").unwrap_or(&bounds);
        item.attrs.push(parse_quote!(#[serde(bound(serialize = #bounds))]));
    }
    item.attrs.push(parse_quote!(#[schemars(crate = #schemars)]));
}

/// The bounds of an object's field, in the syntax of schemars.
fn schema_attribute(krate: &Path, field: &Field) -> Option<Attribute> {
    let number = |value: &Value| match value {
        Value::Int(value) => proc_macro2::Literal::i64_unsuffixed(*value).into_token_stream(),
        Value::Float(value) => proc_macro2::Literal::f64_unsuffixed(*value).into_token_stream(),
        Value::Bool(value) => value.into_token_stream(),
        Value::Str(value) => value.into_token_stream(),
        Value::Null | Value::List(_) | Value::Map(_) => {
            let literal = value_literal(krate, value);
            quote!(#literal.to_value())
        }
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
        let example = match &example.value {
            // By reference, because schemars takes a bare text for the path of a function.
            Value::Str(text) => quote!(&#text),
            other => number(other),
        };
        parts.push(quote!(example = #example));
    }
    if let Some(label) = &field.label {
        let label = &label.0;
        parts.push(quote!(title = #label));
    }
    (!parts.is_empty()).then(|| parse_quote!(#[schemars(#(#parts),*)]))
}
