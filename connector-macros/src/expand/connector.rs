//! The output for the struct: table and reader of the connection, the head of the descriptor, the registration, and a
//! claim to the name.

use proc_macro2::TokenStream;
use quote::{format_ident, quote, quote_spanned};
use syn::spanned::Spanned;

use super::{checks, field, lock, option};
use crate::model::{Connector, Egress};

pub(crate) fn connector(model: &Connector) -> TokenStream {
    let Connector { krate, ident, name, version, docs, tags, legacy_commandless_ui, .. } = model;
    let field_set = field::field_set(krate, &quote!(#ident), model.fields.iter());
    let checks = checks::fields(krate, std::iter::once((ident, model.fields.iter())));
    let category = option(model.category.as_ref());
    let default_command = option(model.default_command.as_ref());
    let errors = match &model.errors {
        Some(map) => quote_spanned!(map.span()=> ::core::option::Option::Some(#map)),
        None => quote!(::core::option::Option::None),
    };
    let egress = egress(model);
    let egress_checks = egress_checks(model);
    let registration = registration(model);
    let claim = claim(model);
    let (lock, locked) = (lock::lock(model), lock::struct_checks(model));
    quote! {
        const _: () = {
            #field_set
            #[automatically_derived]
            impl #krate::__private::ConnectorStruct for #ident {
                const HEAD: #krate::__private::Head = #krate::__private::Head {
                    name: #name,
                    version: #version,
                    description: #docs,
                    category: #category,
                    tags: &[#(#tags),*],
                    default_command: #default_command,
                    legacy_commandless_ui: #legacy_commandless_ui,
                    egress: #egress,
                    errors: #errors,
                    place: #krate::__private::Place { file: ::core::file!(), line: ::core::line!() },
                    lock: #lock,
                };
            }
            #checks
            #egress_checks
            #registration
            #locked
        };
        #claim
    }
}

/// Where secrets may go, by wire names.
fn egress(model: &Connector) -> TokenStream {
    let krate = &model.krate;
    let scope = quote!(#krate::__private::EgressScope);
    match &model.egress {
        Egress::Inferred => quote!(#scope::Inferred),
        Egress::Anywhere => quote!(#scope::Anywhere),
        Egress::Fields(places) => {
            let names = places.iter().map(|(place, _)| &model.fields[*place].wire);
            quote!(#scope::Fields(&[#(#names),*]))
        }
    }
}

/// Checks, at each name, that the field is a URL.
fn egress_checks(model: &Connector) -> TokenStream {
    let Egress::Fields(places) = &model.egress else { return TokenStream::new() };
    places.iter().map(|(place, span)| checks::egress(&model.krate, &model.fields[*place], *span)).collect()
}

/// Registers the descriptor; also checks the default command against the commands.
fn registration(model: &Connector) -> TokenStream {
    let Connector { krate, ident, .. } = model;
    let at = super::at(krate, ident.span());
    let descriptor = quote_spanned!(ident.span()=> <#ident as #at::__private::Connector>::DESCRIPTOR);
    let check = model.default_command.as_ref().map(|name| {
        let krate = super::at(krate, name.span());
        quote_spanned!(name.span()=> const _: () = #krate::__private::check::default_command(#descriptor);)
    });
    quote! {
        #krate::__private::inventory::submit!(#krate::__private::Registration(#descriptor));
        #check
    }
}

/// A hidden macro named after the connector, so that a second connector of that name in the crate does not compile; the
/// error points at both names.
fn claim(model: &Connector) -> TokenStream {
    let name = &model.name;
    let claim = format_ident!("__two_connectors_named_{}", name.value().replace('-', "_"), span = name.span());
    quote_spanned! {name.span()=>
        #[doc(hidden)]
        #[allow(non_local_definitions)]
        #[macro_export]
        macro_rules! #claim { () => {}; }
    }
}
