//! What is emitted together with errors, so that the rest of the program still finds the names that it uses and one
//! mistake gives one error.

use proc_macro2::TokenStream;
use quote::quote;
use syn::{Ident, ItemStruct, Path};

use super::commands::params_struct;
use crate::model::{Commands, Field, Kind};

/// An empty connector, because other code may use its descriptor.
pub(crate) fn dummy_connector(krate: &Path, ident: &Ident) -> TokenStream {
    quote! {
        #[automatically_derived]
        impl #krate::__private::FieldSet for #ident {
            const FIELDS: &'static [#krate::__private::FieldSpec] = &[];
            fn read(_: &mut #krate::__private::Reader<'_>) -> ::core::option::Option<Self> {
                loop {}
            }
        }
        #[automatically_derived]
        impl #krate::__private::ConnectorStruct for #ident {
            const HEAD: #krate::__private::Head = #krate::__private::Head::EMPTY;
        }
    }
}

/// No commands, but the params structs that mocks may name.
pub(crate) fn dummy_commands(model: &Commands) -> TokenStream {
    let Commands { krate, ty, commands, plain } = model;
    if !plain {
        return TokenStream::new();
    }
    let mut seen = Vec::new();
    let structs = commands.iter().filter(|command| {
        let first = !seen.contains(&&command.params_ident);
        seen.push(&command.params_ident);
        first
    });
    let structs = structs.map(params_struct);
    quote! {
        #(#structs)*
        #[automatically_derived]
        impl #krate::__private::Commands for #ty {
            const COMMANDS: &'static [#krate::__private::CommandSpec] = &[];
        }
    }
}

/// A payload or object without its names and bounds.
pub(crate) fn dummy_data(kind: Kind, krate: &Path, item: &mut ItemStruct) -> TokenStream {
    item.attrs.retain(|attribute| !attribute.path().is_ident("serde") && !attribute.path().is_ident("schemars"));
    for member in &mut item.fields {
        let ours = |name: &str| matches!(name, "output" | "serde" | "schemars");
        member.attrs.retain(|attribute| {
            !Field::owns(attribute) && !attribute.path().get_ident().is_some_and(|ident| ours(&ident.to_string()))
        });
    }
    let ident = &item.ident;
    let tokens = match kind {
        Kind::Payload => quote! {
            #[automatically_derived]
            impl #krate::__private::Payload for #ident {
                const OUTPUTS: #krate::__private::Outputs = #krate::__private::Outputs {
                    names: &[], schema: ::core::option::Option::None, typed: true,
                };
            }
        },
        Kind::Object => quote! {
            #[automatically_derived]
            impl #krate::__private::Payload for #ident {
                const OUTPUTS: #krate::__private::Outputs = #krate::__private::Outputs {
                    names: &[], schema: ::core::option::Option::None, typed: true,
                };
            }
            #[automatically_derived]
            impl #krate::__private::FieldType for #ident {
                const TYPE: #krate::__private::TypeSpec = #krate::__private::object_type::<Self>(&[]);
                fn read(value: &#krate::__private::Value) -> ::core::result::Result<Self, #krate::__private::Mismatch> {
                    #krate::__private::read_object(value)
                }
            }
        },
    };
    if item.generics.params.is_empty() && matches!(item.fields, syn::Fields::Named(_)) {
        let serde = undescribed(krate, ident);
        quote!(#serde #tokens)
    } else {
        TokenStream::new()
    }
}

/// What the derives would have written, without a look at the fields.
fn undescribed(krate: &Path, ident: &Ident) -> TokenStream {
    let name = ident.to_string();
    quote! {
        #[automatically_derived]
        impl #krate::__private::serde::Serialize for #ident {
            fn serialize<S: #krate::__private::serde::Serializer>(&self, _: S) -> ::core::result::Result<S::Ok, S::Error> {
                loop {}
            }
        }
        #[automatically_derived]
        impl<'de> #krate::__private::serde::Deserialize<'de> for #ident {
            fn deserialize<D: #krate::__private::serde::Deserializer<'de>>(_: D) -> ::core::result::Result<Self, D::Error> {
                loop {}
            }
        }
        #[automatically_derived]
        impl #krate::__private::schemars::JsonSchema for #ident {
            fn schema_name() -> #krate::__private::Cow<'static, str> {
                #krate::__private::Cow::Borrowed(#name)
            }
            fn json_schema(_: &mut #krate::__private::schemars::SchemaGenerator) -> #krate::__private::schemars::Schema {
                loop {}
            }
        }
    }
}

/// A select without values.
pub(crate) fn dummy_select(krate: &Path, ident: &Ident) -> TokenStream {
    quote! {
        #[automatically_derived]
        impl #krate::__private::FieldType for #ident {
            const TYPE: #krate::__private::TypeSpec = #krate::__private::TypeSpec::new(#krate::__private::FieldKind::Select);
            fn read(_: &#krate::__private::Value) -> ::core::result::Result<Self, #krate::__private::Mismatch> {
                loop {}
            }
        }
    }
}
