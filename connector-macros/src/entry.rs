//! One function per entry point: reads, checks, expands, and always emits the user's item again.

use proc_macro2::{Span, TokenStream};
use syn::spanned::Spanned;
use syn::{Item, ItemImpl, ItemStruct};

use crate::diag::{self, Diagnostics};
use crate::model::{Commands, Connector, Data, Kind, Select};
use crate::{args, expand};

type Expansion = (TokenStream, Vec<syn::Error>);

pub(crate) fn connector(arguments: TokenStream, item: TokenStream) -> Expansion {
    match syn::parse2(item.clone()) {
        Ok(Item::Struct(item)) => connector_struct(arguments, item),
        Ok(Item::Impl(item)) => connector_impl(arguments, item),
        Ok(other) => (item, vec![syn::Error::new(name_of(&other), diag::NOT_A_CONNECTOR)]),
        Err(error) => (item, vec![error]),
    }
}

fn connector_struct(arguments: TokenStream, mut item: ItemStruct) -> Expansion {
    let mut diag = Diagnostics::default();
    let krate = crate_of(&arguments);
    for (key, message) in [("name", diag::NO_NAME), ("version", diag::NO_VERSION)] {
        if !args::has_key(&arguments, key) {
            diag.at(&item.ident, message);
        }
    }
    let args = args::read(arguments, &mut diag);
    let model = Connector::read(args, &item, &mut diag);
    expand::clean_struct(&mut item);
    let generated = match &model {
        Some(model) => expand::connector(model),
        None if item.generics.params.is_empty() => expand::dummy_connector(&krate, &item.ident),
        None => TokenStream::new(),
    };
    (quote::quote!(#item #generated), diag.into_errors())
}

fn connector_impl(arguments: TokenStream, mut item: ItemImpl) -> Expansion {
    let mut diag = Diagnostics::default();
    let model = Commands::read(args::parse(arguments), &item, &mut diag);
    expand::clean_impl(&mut item);
    let generated = if diag.is_empty() { expand::commands(&model) } else { expand::dummy_commands(&model) };
    (quote::quote!(#item #generated), diag.into_errors())
}

/// `#[command]` outside a `#[connector]` impl block: inside one, the attribute is removed before it could run.
pub(crate) fn stray_command(_: TokenStream, item: TokenStream) -> Expansion {
    let method = syn::parse2::<syn::ImplItemFn>(item.clone());
    let span = method.map_or_else(|_| Span::call_site(), |method| method.sig.ident.span());
    (item, vec![syn::Error::new(span, diag::STRAY_COMMAND)])
}

pub(crate) fn payload(arguments: TokenStream, item: TokenStream) -> Expansion {
    data(Kind::Payload, arguments, item)
}

pub(crate) fn object(arguments: TokenStream, item: TokenStream) -> Expansion {
    data(Kind::Object, arguments, item)
}

fn data(kind: Kind, arguments: TokenStream, item: TokenStream) -> Expansion {
    let mut item: ItemStruct = match syn::parse2(item.clone()) {
        Ok(item) => item,
        Err(_) => {
            let span = syn::parse2(item.clone()).map_or_else(|_| item.span(), |item| name_of(&item));
            return (item, vec![syn::Error::new(span, diag::NOT_NAMED_FIELDS)]);
        }
    };
    let mut diag = Diagnostics::default();
    let krate = crate_of(&arguments);
    let args = args::read(arguments, &mut diag);
    let model = Data::read(kind, args, &item, &mut diag);
    let (checks, generated) = match &model {
        Some(model) => expand::data(model, &mut item),
        None => (TokenStream::new(), expand::dummy_data(kind, &krate, &mut item)),
    };
    (quote::quote!(#checks #item #generated), diag.into_errors())
}

pub(crate) fn select(item: TokenStream) -> Expansion {
    let item: syn::DeriveInput = match syn::parse2(item) {
        Ok(item) => item,
        Err(error) => return (TokenStream::new(), vec![error]),
    };
    let mut diag = Diagnostics::default();
    let args: args::SelectArgs = args::read_attributes(&item.attrs, "select", &mut diag);
    let krate = crate::model::runtime(args.krate);
    let generated = match Select::read(&krate, &item, &mut diag) {
        Some(model) => expand::select(&model),
        None if item.generics.params.is_empty() => expand::dummy_select(&krate, &item.ident),
        None => TokenStream::new(),
    };
    (generated, diag.into_errors())
}

/// Returns the span of an item's name, or of its first token.
fn name_of(item: &Item) -> Span {
    match item {
        Item::Enum(item) => item.ident.span(),
        Item::Union(item) => item.ident.span(),
        Item::Fn(item) => item.sig.ident.span(),
        Item::Trait(item) => item.ident.span(),
        Item::Mod(item) => item.ident.span(),
        Item::Type(item) => item.ident.span(),
        other => other.span(),
    }
}

/// Returns the runtime's path, even if the other arguments are invalid.
fn crate_of(arguments: &TokenStream) -> syn::Path {
    let list = darling::ast::NestedMeta::parse_meta_list(arguments.clone()).unwrap_or_default();
    let only: Vec<_> = list
        .into_iter()
        .filter(|item| matches!(item, darling::ast::NestedMeta::Meta(meta) if meta.path().is_ident("crate")))
        .collect();
    let args = <args::CrateArgs as darling::FromMeta>::from_list(&only).unwrap_or_default();
    crate::model::runtime(args.krate)
}
