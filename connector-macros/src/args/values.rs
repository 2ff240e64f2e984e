//! Arguments that are neither plain texts nor constants: paths, effects, timeouts, mocks.

use darling::ast::NestedMeta;
use darling::{Error, FromMeta, Result};
use syn::{Expr, ExprLit, Lit, Meta, Path};

use super::texts::text_of;

/// A path to a function: `errors = explain`.
#[derive(Clone)]
pub(crate) struct PathValue(pub(crate) Path);

impl FromMeta for PathValue {
    fn from_expr(expr: &Expr) -> Result<Self> {
        match expr {
            Expr::Path(path) => Ok(Self(path.path.clone())),
            Expr::Group(group) => Self::from_expr(&group.expr),
            other => Err(Error::custom("expected the name of a function, without quotes").with_span(other)),
        }
    }
}

/// A path to the runtime: `crate = "rt"`.
pub(crate) struct CratePath(pub(crate) Path);

impl FromMeta for CratePath {
    fn from_expr(expr: &Expr) -> Result<Self> {
        let text = text_of(expr)?;
        text.parse().map(Self).map_err(|_| Error::custom("expected a path, such as \"::rt\"").with_span(&text))
    }
}

/// `effect = read`.
pub(crate) struct EffectArg(pub(crate) &'static str);

impl FromMeta for EffectArg {
    fn from_expr(expr: &Expr) -> Result<Self> {
        let name = match expr {
            Expr::Path(path) => path.path.get_ident().map(ToString::to_string),
            Expr::Lit(ExprLit { lit: Lit::Str(text), .. }) => Some(text.value()),
            _ => None,
        };
        match name.as_deref() {
            Some("read") => Ok(Self("Read")),
            Some("create") => Ok(Self("Create")),
            Some("update") => Ok(Self("Update")),
            Some("delete") => Ok(Self("Delete")),
            _ => Err(Error::custom("expected one of `read`, `create`, `update`, `delete`").with_span(expr)),
        }
    }
}

/// `deprecated`, or `deprecated = "what to use instead"`.
pub(crate) struct Deprecated(pub(crate) String);

impl FromMeta for Deprecated {
    fn from_word() -> Result<Self> {
        Ok(Self(String::new()))
    }

    fn from_expr(expr: &Expr) -> Result<Self> {
        text_of(expr).map(|text| Self(text.value()))
    }
}

/// `timeout = 5000` or `timeout = function`.
pub(crate) enum TimeoutArg {
    Millis(u64),
    Function(Path),
}

impl FromMeta for TimeoutArg {
    fn from_expr(expr: &Expr) -> Result<Self> {
        const WANTED: &str = "expected milliseconds from 1 to 300000, or a function from the params to a Duration";
        match expr {
            Expr::Lit(ExprLit { lit: Lit::Int(number), .. }) => match number.base10_parse() {
                Ok(millis @ 1..=300_000) => Ok(Self::Millis(millis)),
                _ => Err(Error::custom(WANTED).with_span(number)),
            },
            Expr::Path(path) => Ok(Self::Function(path.path.clone())),
            other => Err(Error::custom(WANTED).with_span(other)),
        }
    }
}

/// `mock(default = one_widget, empty = no_widgets)`.
#[derive(Default)]
pub(crate) struct Mocks(pub(crate) Vec<(String, Path)>);

impl FromMeta for Mocks {
    fn from_list(items: &[NestedMeta]) -> Result<Self> {
        let mut errors = Error::accumulator();
        let mut mocks: Vec<(String, Path)> = Vec::new();
        for item in items {
            let pair = match item {
                NestedMeta::Meta(Meta::NameValue(pair)) => pair,
                other => {
                    errors.push(Error::custom("write `scenario = function`").with_span(other));
                    continue;
                }
            };
            let Some(PathValue(path)) = errors.handle(PathValue::from_expr(&pair.value)) else { continue };
            let scenario = pair.path.get_ident().map(ToString::to_string).unwrap_or_default();
            if mocks.iter().any(|(known, _)| *known == scenario) {
                errors.push(Error::custom(format!("two mocks are named `{scenario}`")).with_span(&pair.path));
            }
            mocks.push((scenario, path));
        }
        errors.finish_with(Self(mocks))
    }
}
