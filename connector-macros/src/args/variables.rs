//! The variables that a command declares: `variables(widget_count = u64, name = Option<String>)`.

use darling::{Error, FromMeta, Result};
use syn::parse::{Parse, ParseStream, Parser as _};
use syn::punctuated::Punctuated;
use syn::{Ident, Meta, Token, Type};

use crate::{diag, names};

/// The variables, in source order; none says that the command sets none.
#[derive(Default)]
pub(crate) struct Variables(pub(crate) Vec<Variable>);

/// One variable: its name in Rust, which is written in camelCase on the wire, and its type.
pub(crate) struct Variable {
    pub(crate) ident: Ident,
    pub(crate) ty: Type,
}

impl Parse for Variable {
    fn parse(input: ParseStream<'_>) -> syn::Result<Self> {
        if !input.peek(Ident) {
            return Err(input.error(diag::BAD_VARIABLES));
        }
        let ident: Ident = input.parse()?;
        if !input.peek(Token![=]) {
            return Err(syn::Error::new(ident.span(), diag::BAD_VARIABLES));
        }
        input.parse::<Token![=]>()?;
        if input.peek(syn::Lit) {
            return Err(input.error(diag::BAD_VARIABLES));
        }
        Ok(Self { ident, ty: input.parse()? })
    }
}

impl FromMeta for Variables {
    fn from_meta(item: &Meta) -> Result<Self> {
        let list = item.require_list().map_err(|_| Error::custom(diag::BAD_VARIABLES).with_span(item))?;
        let parser = Punctuated::<Variable, Token![,]>::parse_terminated;
        let variables: Vec<Variable> = parser.parse2(list.tokens.clone())?.into_iter().collect();
        let mut errors = Error::accumulator();
        for (index, Variable { ident, .. }) in variables.iter().enumerate() {
            let wire = names::camel(ident);
            if let Some(message) = diag::bad_variable(&wire) {
                errors.push(Error::custom(message).with_span(ident));
            } else if variables[..index].iter().any(|other| names::camel(&other.ident) == wire) {
                errors.push(Error::custom(diag::duplicate_variable(&wire)).with_span(ident));
            }
        }
        errors.finish_with(Self(variables))
    }
}
