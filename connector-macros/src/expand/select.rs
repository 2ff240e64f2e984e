//! A select: its values as a const table, and serde and schemars over it.

use proc_macro2::TokenStream;
use quote::quote;

use crate::model::Select;

pub(crate) fn select(model: &Select) -> TokenStream {
    let Select { krate, ident, variants } = model;
    let name = ident.to_string();
    let choices = variants.iter().map(|variant| {
        let (value, label, docs) = (&variant.value, &variant.label, &variant.docs);
        quote!(#krate::__private::ChoiceSpec { value: #value, label: #label, description: #docs })
    });
    let variant: Vec<_> = variants.iter().map(|variant| &variant.ident).collect();
    let index: Vec<usize> = (0..variants.len()).collect();
    quote! {
        #[automatically_derived]
        impl #krate::__private::Select for #ident {
            const CHOICES: &'static [#krate::__private::ChoiceSpec] = &[#(#choices),*];
            fn from_index(index: usize) -> ::core::option::Option<Self> {
                ::core::option::Option::Some(match index {
                    #(#index => Self::#variant,)*
                    _ => return ::core::option::Option::None,
                })
            }
            fn index(&self) -> usize {
                match self { #(Self::#variant => #index,)* }
            }
        }
        #[automatically_derived]
        impl #krate::__private::FieldType for #ident {
            const TYPE: #krate::__private::TypeSpec = #krate::__private::select_type::<Self>();
            fn read(value: &#krate::__private::Value) -> ::core::result::Result<Self, #krate::__private::Mismatch> {
                #krate::__private::read_select(value)
            }
        }
        #[automatically_derived]
        impl #krate::__private::serde::Serialize for #ident {
            fn serialize<S: #krate::__private::serde::Serializer>(&self, serializer: S) -> ::core::result::Result<S::Ok, S::Error> {
                serializer.serialize_str(#krate::__private::Select::as_str(self))
            }
        }
        #[automatically_derived]
        impl<'de> #krate::__private::serde::Deserialize<'de> for #ident {
            fn deserialize<D: #krate::__private::serde::Deserializer<'de>>(deserializer: D) -> ::core::result::Result<Self, D::Error> {
                #krate::__private::deserialize_select(deserializer)
            }
        }
        #[automatically_derived]
        impl #krate::__private::schemars::JsonSchema for #ident {
            fn schema_name() -> #krate::__private::Cow<'static, str> {
                #krate::__private::Cow::Borrowed(#name)
            }
            fn json_schema(_: &mut #krate::__private::schemars::SchemaGenerator) -> #krate::__private::schemars::Schema {
                #krate::__private::select_schema::<Self>()
            }
        }
    }
}
