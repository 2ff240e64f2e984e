//! Arguments that are texts: names, versions, lists of them.

use darling::ast::NestedMeta;
use darling::{Error, FromMeta, Result};
use proc_macro2::Span;
use syn::spanned::Spanned;
use syn::{Expr, ExprLit, Lit, LitStr, Meta};

use crate::{diag, names};

pub(super) fn text_of(expr: &Expr) -> Result<LitStr> {
    match expr {
        Expr::Lit(ExprLit { lit: Lit::Str(text), .. }) => Ok(text.clone()),
        Expr::Group(group) => text_of(&group.expr),
        other => Err(Error::custom("expected a text in quotes").with_span(other)),
    }
}

/// A text, with its place.
#[derive(Clone)]
pub(crate) struct Text(pub(crate) LitStr);

impl FromMeta for Text {
    fn from_expr(expr: &Expr) -> Result<Self> {
        text_of(expr).map(Self)
    }
}

/// A list of texts: `tags("a", "b")`.
#[derive(Default)]
pub(crate) struct Texts(pub(crate) Vec<LitStr>);

impl FromMeta for Texts {
    fn from_list(items: &[NestedMeta]) -> Result<Self> {
        texts(items).map(Self)
    }
}

fn texts(items: &[NestedMeta]) -> Result<Vec<LitStr>> {
    let mut errors = Error::accumulator();
    let mut texts = Vec::new();
    for item in items {
        match item {
            NestedMeta::Lit(Lit::Str(text)) => texts.push(text.clone()),
            other => errors.push(Error::custom("expected a text in quotes").with_span(other)),
        }
    }
    errors.finish_with(texts)
}

/// A kebab-case name.
pub(crate) struct ConnectorName(pub(crate) LitStr);

impl FromMeta for ConnectorName {
    fn from_expr(expr: &Expr) -> Result<Self> {
        let text = text_of(expr)?;
        let name = text.value();
        if names::is_connector_name(&name) {
            Ok(Self(text))
        } else {
            Err(Error::custom(diag::bad_connector_name(&name)).with_span(&text))
        }
    }
}

/// A semantic version.
pub(crate) struct Version(pub(crate) LitStr);

impl FromMeta for Version {
    fn from_expr(expr: &Expr) -> Result<Self> {
        let text = text_of(expr)?;
        match semver::Version::parse(&text.value()) {
            Ok(_) => Ok(Self(text)),
            Err(error) => Err(Error::custom(diag::bad_version(&text.value(), &error)).with_span(&text)),
        }
    }
}

/// A name of a command, a param, a field or an output.
pub(crate) struct WireName(pub(crate) LitStr);

impl FromMeta for WireName {
    fn from_expr(expr: &Expr) -> Result<Self> {
        wire_name(text_of(expr)?).map(Self)
    }
}

fn wire_name(text: LitStr) -> Result<LitStr> {
    if names::is_wire_name(&text.value()) {
        Ok(text)
    } else {
        Err(Error::custom(diag::bad_wire_name(&text.value())).with_span(&text))
    }
}

/// A list of names: `outputs("a", "b")`.
pub(crate) struct Names {
    pub(crate) span: Span,
    pub(crate) names: Vec<LitStr>,
}

impl FromMeta for Names {
    fn from_meta(item: &Meta) -> Result<Self> {
        let list = item.require_list().map_err(|_| Error::custom("write `outputs(\"a\", \"b\")`").with_span(item))?;
        let span = list.path.span();
        let mut errors = Error::accumulator();
        let items = NestedMeta::parse_meta_list(list.tokens.clone())?;
        let found = errors.handle(texts(&items)).unwrap_or_default();
        let mut names: Vec<LitStr> = Vec::new();
        for text in found {
            let Some(name) = errors.handle(wire_name(text)) else { continue };
            if names.iter().any(|known| known.value() == name.value()) {
                errors.push(Error::custom(diag::duplicate_wire_name("outputs", &name.value())).with_span(&name));
            }
            names.push(name);
        }
        errors.finish_with(Self { span, names })
    }
}
