//! Model -> tokens. One function a product; what they write is const data and one small closure a
//! command. Everything is named through the runtime's `__private`, so that it works under any prelude.

mod checks;
mod commands;
mod connector;
mod data;
mod dummy;
mod field;
mod lock;
mod select;

pub(crate) use commands::commands;
pub(crate) use connector::connector;
pub(crate) use data::data;
pub(crate) use dummy::{dummy_commands, dummy_connector, dummy_data, dummy_select};
pub(crate) use select::select;

use proc_macro2::{Span, TokenStream};
use quote::{ToTokens, quote};
use syn::{FnArg, ImplItem, ItemImpl, ItemStruct, Path};

use crate::docs;
use crate::model::Field;

/// Takes the attributes that are ours from a connector struct.
pub(crate) fn clean_struct(item: &mut ItemStruct) {
    for field in &mut item.fields {
        field.attrs.retain(|attribute| !Field::owns(attribute));
    }
}

/// Takes the attributes that are ours from an impl block, and the comments from its params.
pub(crate) fn clean_impl(item: &mut ItemImpl) {
    for member in &mut item.items {
        let ImplItem::Fn(method) = member else { continue };
        if !crate::model::is_command(&method.attrs) {
            continue;
        }
        method.attrs.retain(|attribute| !crate::model::is_command_attribute(attribute));
        // What a command must take is not the author's choice.
        method.attrs.push(syn::parse_quote! {
            #[allow(clippy::unused_self, clippy::needless_pass_by_value, clippy::too_many_arguments, clippy::unused_async)]
        });
        for argument in &mut method.sig.inputs {
            if let FnArg::Typed(argument) = argument {
                argument.attrs.retain(|attribute| !Field::owns(attribute) && !docs::is_doc(attribute));
            }
        }
    }
}

/// The runtime's path as if it were written at a token, so that an error in what follows stands there.
fn at(krate: &Path, span: Span) -> TokenStream {
    let tokens = krate.to_token_stream().into_iter();
    tokens
        .map(|mut token| {
            token.set_span(span);
            token
        })
        .collect()
}

/// `Some(..)` or `None`, whatever the prelude says.
fn option(value: Option<impl ToTokens>) -> TokenStream {
    match value {
        Some(value) => quote!(::core::option::Option::Some(#value)),
        None => quote!(::core::option::Option::None),
    }
}
