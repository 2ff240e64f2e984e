//! Arguments that are constants: defaults, bounds, examples, lengths, patterns. A list is written `["a", "b"]`, and any
//! JSON as `json!({ "a": 1 })`, as the code of a connector writes it.

use darling::{Error, FromMeta, Result};
use proc_macro2::Span;
use quote::ToTokens;
use regex::Regex;
use syn::parse::{ParseStream, Parser as _};
use syn::spanned::Spanned;
use syn::{Expr, ExprLit, ExprUnary, Ident, Lit, LitStr, Token, UnOp, braced, bracketed, token};

use super::texts::text_of;

/// A constant: a text, a number with or without a sign, true or false, a list, or JSON.
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
    /// `null` inside JSON.
    Null,
    List(Vec<Self>),
    /// A JSON object, in source order.
    Map(Vec<(String, Self)>),
}

impl Value {
    #[expect(clippy::cast_precision_loss, reason = "only compared with other bounds")]
    pub(crate) fn number(&self) -> Option<f64> {
        match self {
            Self::Int(value) => Some(*value as f64),
            Self::Float(value) => Some(*value),
            _ => None,
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
    let wrong = |tokens: &dyn ToTokens| Err(Error::custom(WANTED).with_span(&tokens.to_token_stream()));
    match expr {
        Expr::Group(group) => constant(&group.expr, negative),
        Expr::Array(list) if !negative => {
            let mut errors = Error::accumulator();
            let items = list.elems.iter().filter_map(|item| errors.handle(constant(item, false))).collect();
            errors.finish_with(Value::List(items))
        }
        Expr::Macro(call) if !negative && call.mac.path.segments.last().is_some_and(|last| last.ident == "json") => {
            json.parse2(call.mac.tokens.clone()).map_err(Error::from)
        }
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

const WANTED: &str = "expected a constant: a text in quotes, a number, `true` or `false`, a list such as [\"a\", \"b\"], or json!({ .. })";

/// Reads the tokens of `json!(..)`.
fn json(input: ParseStream<'_>) -> syn::Result<Value> {
    if input.peek(token::Bracket) {
        let content;
        bracketed!(content in input);
        return Ok(Value::List(content.parse_terminated(json, Token![,])?.into_iter().collect()));
    }
    if input.peek(token::Brace) {
        let content;
        braced!(content in input);
        let mut members: Vec<(String, Value)> = Vec::new();
        for (key, value) in content.parse_terminated(member, Token![,])? {
            if members.iter().any(|(known, _)| *known == key.value()) {
                return Err(syn::Error::new(key.span(), format!("more than one key `{}`", key.value())));
            }
            members.push((key.value(), value));
        }
        return Ok(Value::Map(members));
    }
    if input.peek(Ident) && input.fork().parse::<Ident>()? == "null" {
        input.parse::<Ident>()?;
        return Ok(Value::Null);
    }
    constant(&input.parse()?, false).map_err(syn::Error::from)
}

fn member(input: ParseStream<'_>) -> syn::Result<(LitStr, Value)> {
    let key = input.parse()?;
    input.parse::<Token![:]>()?;
    Ok((key, json(input)?))
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
