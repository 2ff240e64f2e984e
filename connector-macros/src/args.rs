//! The attributes' arguments, as darling reads them. A value that stands by itself (a name, a version,
//! a pattern) is checked here, in its own type, so that an unknown key beside it hides nothing.

mod egress;
mod lock;

use darling::ast::NestedMeta;
use darling::util::Flag;
use darling::{Error, FromMeta, Result};
use proc_macro2::{Span, TokenStream};
use quote::ToTokens;
use regex::Regex;
use syn::spanned::Spanned;
use syn::{Attribute, Expr, ExprLit, ExprUnary, Lit, LitStr, Meta, Path, UnOp};

pub(crate) use self::egress::EgressArg;
pub(crate) use self::lock::LockArg;
use crate::diag::Diagnostics;
use crate::{diag, names};

/// The keys that an attribute takes, which its parser tells in its errors only where they are few.
pub(crate) trait Keys {
    const KEYS: &'static [&'static str];
}

/// Declares the arguments of an attribute, all of which may be left out.
macro_rules! arguments {
    ($(#[$doc:meta])* $name:ident { $($(#[$about:meta])* $key:ident: $type:ty,)* }) => {
        $(#[$doc])*
        #[derive(Default, FromMeta)]
        #[darling(default)]
        pub(crate) struct $name {
            $($(#[$about])* pub(crate) $key: $type,)*
        }

        impl Keys for $name {
            const KEYS: &'static [&'static str] = &[$(stringify!($key)),*];
        }
    };
}

arguments! {
    /// Arguments of `#[connector]` on a struct.
    ConnectorArgs {
        name: Option<ConnectorName>,
        version: Option<Version>,
        category: Option<Text>,
        tags: Texts,
        default_command: Option<Text>,
        legacy_commandless_ui: Flag,
        egress: Option<EgressArg>,
        errors: Option<PathValue>,
        lock: Option<LockArg>,
        #[darling(rename = "crate")]
        krate: Option<CratePath>,
    }
}

arguments! {
    /// Arguments of attributes that take nothing but `crate`.
    CrateArgs {
        #[darling(rename = "crate")]
        krate: Option<CratePath>,
    }
}

arguments! {
    /// Arguments of `#[command]`.
    CommandArgs {
        name: Option<WireName>,
        effect: Option<EffectArg>,
        idempotent: Flag,
        since: Option<Version>,
        deprecated: Option<Deprecated>,
        timeout: Option<TimeoutArg>,
        outputs: Option<Names>,
        mock: Mocks,
    }
}

arguments! {
    /// Arguments of `#[config]` and `#[param]`.
    FieldArgs {
        name: Option<WireName>,
        default: Option<Constant>,
        min: Option<Constant>,
        max: Option<Constant>,
        min_length: Option<Length>,
        max_length: Option<Length>,
        pattern: Option<Pattern>,
        label: Option<Text>,
        example: Option<Constant>,
        placeholder: Option<Text>,
        destination: Flag,
    }
}

arguments! {
    /// Arguments of `#[output]`.
    OutputArgs {
        name: Option<WireName>,
    }
}

arguments! {
    /// Arguments of `#[select]`, on the enum and on its variants.
    SelectArgs {
        name: Option<Text>,
        label: Option<Text>,
        #[darling(rename = "crate")]
        krate: Option<CratePath>,
    }
}

/// Reads the arguments of an attribute. What is wrong is reported; what is right is still returned, so
/// that it can be checked further in the same pass.
pub(crate) fn read<T: FromMeta + Default + Keys>(tokens: TokenStream, diag: &mut Diagnostics) -> T {
    match diag.keep(NestedMeta::parse_meta_list(tokens).map_err(Error::from)) {
        Some(list) => from_list(&list, diag),
        None => T::default(),
    }
}

/// Reads the arguments of every attribute of a name, as if they were one.
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

/// Reads the arguments of an attribute, for a caller who words the errors.
pub(crate) fn parse<T: FromMeta>(tokens: TokenStream) -> Result<T> {
    T::from_list(&NestedMeta::parse_meta_list(tokens)?)
}

/// Returns whether a key is among the arguments, whatever else is wrong with them.
pub(crate) fn has_key(tokens: &TokenStream, key: &str) -> bool {
    NestedMeta::parse_meta_list(tokens.clone()).map_or(true, |list| {
        list.iter().any(|item| matches!(item, NestedMeta::Meta(meta) if meta.path().is_ident(key)))
    })
}

fn text_of(expr: &Expr) -> Result<LitStr> {
    match expr {
        Expr::Lit(ExprLit { lit: Lit::Str(text), .. }) => Ok(text.clone()),
        Expr::Group(group) => text_of(&group.expr),
        other => Err(Error::custom("expected a text in quotes").with_span(other)),
    }
}

/// A text and where it stands.
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
            // Both tokens where the compiler can join them, else the number.
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
