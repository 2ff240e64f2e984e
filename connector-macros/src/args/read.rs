//! Reads the arguments of attributes, and keeps the valid ones even if others are invalid.

use darling::ast::NestedMeta;
use darling::{Error, FromMeta, Result};
use proc_macro2::TokenStream;
use syn::{Attribute, Meta};

use super::attributes::Keys;
use crate::diag::Diagnostics;

/// Reads the arguments of an attribute. Invalid ones are reported; valid ones are still returned, so that they can be
/// checked further in the same pass.
pub(crate) fn read<T: FromMeta + Default + Keys>(tokens: TokenStream, diag: &mut Diagnostics) -> T {
    match diag.keep(NestedMeta::parse_meta_list(tokens).map_err(Error::from)) {
        Some(list) => from_list(&list, diag),
        None => T::default(),
    }
}

/// Reads the arguments of all attributes of a name as if they were one attribute.
pub(crate) fn read_attributes<T: FromMeta + Default + Keys>(
    attributes: &[Attribute],
    name: &str,
    diag: &mut Diagnostics,
) -> T {
    let mut list = Vec::new();
    for attribute in attributes.iter().filter(|attribute| attribute.path().is_ident(name)) {
        match &attribute.meta {
            Meta::Path(_) => {}
            Meta::List(meta) => {
                let items = NestedMeta::parse_meta_list(meta.tokens.clone()).map_err(Error::from);
                list.extend(diag.keep(items).unwrap_or_default());
            }
            Meta::NameValue(meta) => diag.at(meta, format!("write `#[{name}(..)]`")),
        }
    }
    from_list(&list, diag)
}

fn from_list<T: FromMeta + Default + Keys>(list: &[NestedMeta], diag: &mut Diagnostics) -> T {
    let read = T::from_list(list);
    if read.is_err() {
        let right: Vec<NestedMeta> =
            list.iter().filter(|item| T::from_list(std::slice::from_ref(*item)).is_ok()).cloned().collect();
        diag.keep_about(read, T::KEYS);
        return T::from_list(&right).unwrap_or_default();
    }
    read.unwrap_or_default()
}

/// Reads the arguments of an attribute, for a caller that writes its own error texts.
pub(crate) fn parse<T: FromMeta>(tokens: TokenStream) -> Result<T> {
    T::from_list(&NestedMeta::parse_meta_list(tokens)?)
}

/// Returns whether a key is among the arguments, whatever else is wrong with them.
pub(crate) fn has_key(tokens: &TokenStream, key: &str) -> bool {
    NestedMeta::parse_meta_list(tokens.clone()).map_or(true, |list| {
        list.iter().any(|item| matches!(item, NestedMeta::Meta(meta) if meta.path().is_ident(key)))
    })
}
