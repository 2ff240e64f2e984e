//! Removes this crate's attributes from the user's items, so that the compiler sees the rest.

use syn::{FnArg, ImplItem, ItemImpl, ItemStruct};

use crate::docs;
use crate::model::{Field, is_command, is_command_attribute};

/// Fields of a connection that the runtime knows by their names: no command has to read them.
const READ_BY_THE_RUNTIME: [&str; 2] = ["client_certificate", "client_key"];

/// Removes this crate's attributes from a connector struct.
pub(crate) fn clean_struct(item: &mut ItemStruct) {
    for field in &mut item.fields {
        field.attrs.retain(|attribute| !Field::owns(attribute));
        if field.ident.as_ref().is_some_and(|ident| READ_BY_THE_RUNTIME.iter().any(|name| ident == name)) {
            field.attrs.push(syn::parse_quote!(#[allow(dead_code)]));
        }
    }
}

/// Removes this crate's attributes from an impl block, and the comments from its params.
pub(crate) fn clean_impl(item: &mut ItemImpl) {
    for member in &mut item.items {
        let ImplItem::Fn(method) = member else { continue };
        if is_command(&method.attrs) {
            method.attrs.retain(|attribute| !is_command_attribute(attribute));
            // The signature of a handler is prescribed, so lints about it are switched off.
            method.attrs.push(syn::parse_quote! {
                #[allow(clippy::unused_self, clippy::needless_pass_by_value, clippy::too_many_arguments, clippy::unused_async)]
            });
        }
        // Also of a method whose #[command] was forgotten, which is reported.
        for argument in &mut method.sig.inputs {
            if let FnArg::Typed(argument) = argument {
                argument.attrs.retain(|attribute| !Field::owns(attribute) && !docs::is_doc(attribute));
            }
        }
    }
}
