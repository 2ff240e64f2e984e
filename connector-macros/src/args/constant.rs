//! Arguments that are constants: defaults, bounds, examples, lengths, patterns.

use darling::{Error, FromMeta, Result};
use proc_macro2::Span;
use quote::ToTokens;
use regex::Regex;
use syn::spanned::Spanned;
use syn::{Expr, ExprLit, ExprUnary, Lit, LitStr, UnOp};

use super::texts::text_of;

/// A constant: a text, a number with or without a sign, true or false.
#[derive(Clone)]
pub(crate) struct Constant {
    pub(crate) span: Span,
    pub(crate) value: Value,
}

/// The value of a [`Constant`].
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Value {
    Bool(bool),
    Int(i64),
    Float(f64),
    Str(String),
}

impl Value {
    #[expect(clippy::cast_precision_loss, reason = "only compared with other bounds")]
    pub(crate) fn number(&self) -> Option<f64> {
        match self {
            Self::Int(value) => Some(*value as f64),
            Self::Float(value) => Some(*value),
            Self::Bool(_) | Self::Str(_) => None,
        }
    }
}

impl FromMeta for Constant {
    fn from_expr(expr: &Expr) -> Result<Self> {
        let value = constant(expr, false)?;
        let span = match expr {
            // Both tokens if the compiler can join them, else the number.
            Expr::Unary(ExprUnary { expr: number, .. }) => {
                expr.span().join(number.span()).unwrap_or_else(|| number.span())
            }
            other => other.span(),
        };
        Ok(Self { span, value })
    }
}

fn constant(expr: &Expr, negative: bool) -> Result<Value> {
    let wrong = |tokens: &dyn ToTokens| {
        Err(Error::custom("expected a constant: a text in quotes, a number, `true` or `false`")
            .with_span(&tokens.to_token_stream()))
    };
    match expr {
        Expr::Group(group) => constant(&group.expr, negative),
        Expr::Unary(ExprUnary { op: UnOp::Neg(_), expr, .. }) if !negative => constant(expr, true),
        Expr::Lit(ExprLit { lit, .. }) => match lit {
            Lit::Str(text) if !negative => Ok(Value::Str(text.value())),
            Lit::Bool(flag) if !negative => Ok(Value::Bool(flag.value())),
            Lit::Int(number) => {
                let sign = if negative { "-" } else { "" };
                let parsed = format!("{sign}{}", number.base10_digits()).parse();
                parsed
                    .map(Value::Int)
                    .map_err(|_| Error::custom("expected a number of at most 64 bits").with_span(number))
            }
            Lit::Float(number) => {
                let value: f64 = number.base10_parse().map_err(Error::from)?;
                Ok(Value::Float(if negative { -value } else { value }))
            }
            other => wrong(other),
        },
        other => wrong(other),
    }
}

/// A number of characters.
#[derive(Clone)]
pub(crate) struct Length {
    pub(crate) span: Span,
    pub(crate) value: u64,
}

impl FromMeta for Length {
    fn from_expr(expr: &Expr) -> Result<Self> {
        match constant(expr, false) {
            Ok(Value::Int(value)) if value >= 0 => Ok(Self { span: expr.span(), value: value.unsigned_abs() }),
            _ => Err(Error::custom("expected a whole number of characters").with_span(expr)),
        }
    }
}

/// A regular expression.
#[derive(Clone)]
pub(crate) struct Pattern {
    pub(crate) text: LitStr,
    pub(crate) regex: Regex,
}

impl FromMeta for Pattern {
    fn from_expr(expr: &Expr) -> Result<Self> {
        let text = text_of(expr)?;
        match Regex::new(&text.value()) {
            Ok(regex) => Ok(Self { text, regex }),
            Err(error) => {
                let error = error.to_string();
                let reason = error.lines().last().unwrap_or_default().trim();
                Err(Error::custom(format!("not a regular expression: {reason}")).with_span(&text))
            }
        }
    }
}
