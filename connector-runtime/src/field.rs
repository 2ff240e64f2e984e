//! The Rust types that a connection field or a param may have, and how each reads its value.
//!
//! A type says what it is in a const ([`FieldType::TYPE`]), so a config schema is known at compile
//! time. Validation runs on the schema, before a value is read; reading is the second line of
//! defence and refuses what the type itself cannot hold.

use std::borrow::Cow;
use std::collections::{BTreeMap, HashMap};
use std::fmt;
use std::ops::Deref;

use schemars::generate::SchemaSettings;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::{Map, Number, Value};

use crate::Secret;
use crate::connector::Reader;
use crate::descriptor::{ChoiceSpec, Literal, TypeSpec};
use crate::schema::{FieldKind, Invalid, json_type};

#[cfg(test)]
#[allow(clippy::needless_pass_by_value, reason = "shorter calls")]
mod tests;

/// A type that may stand in a connection struct or as a param.
///
/// Implemented for texts, numbers, `bool`, dates, [`Url`], [`Secret`], `serde_json::Value`, `Option`,
/// `Vec` and maps; by `#[derive(Select)]` for enums and by `#[object]` for nested structs.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be a connection field or a param",
    label = "no config schema is known for this type",
    note = "use String, Secret, Url, a number, bool, Timestamp, Date, Value, Vec<..> or Option<..> of these, an enum with #[derive(Select)] or a struct with #[object]"
)]
pub trait FieldType: Sized + Send + Sync + 'static {
    /// What a schema says about the type.
    const TYPE: TypeSpec;

    /// Reads a value that is not null.
    ///
    /// # Errors
    /// If the type cannot hold the value.
    fn read(value: &Value) -> Result<Self, Mismatch>;

    /// Returns what stands for an absent value; `None` where a value is needed.
    fn absent() -> Option<Self> {
        None
    }

    /// Reads a field of this type; what the macros call.
    ///
    /// # Errors
    /// If the type cannot hold the value, or needs one and there is none.
    #[doc(hidden)]
    fn field(reader: &mut Reader<'_>, name: &'static str) -> Result<Self, Invalid> {
        reader.field(name)
    }
}

/// Why a type cannot hold a value: `expected number, got string`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mismatch(pub String);

impl Mismatch {
    fn wanted(expected: &str, got: &Value) -> Self {
        Self(format!("expected {expected}, got {}", json_type(got)))
    }
}

impl<T: FieldType> FieldType for Option<T> {
    const TYPE: TypeSpec = TypeSpec { nullable: true, ..T::TYPE };

    fn read(value: &Value) -> Result<Self, Mismatch> {
        T::read(value).map(Some)
    }

    fn absent() -> Option<Self> {
        Some(None)
    }
}

impl FieldType for String {
    const TYPE: TypeSpec = TypeSpec::new(FieldKind::String);

    fn read(value: &Value) -> Result<Self, Mismatch> {
        value.as_str().map(str::to_owned).ok_or_else(|| Mismatch::wanted("string", value))
    }
}

impl FieldType for Secret {
    const TYPE: TypeSpec = TypeSpec { secret: true, ..TypeSpec::new(FieldKind::String) };

    fn read(value: &Value) -> Result<Self, Mismatch> {
        value.as_str().map(Self::new).ok_or_else(|| Mismatch::wanted("string", value))
    }
}

impl FieldType for bool {
    const TYPE: TypeSpec = TypeSpec::new(FieldKind::Boolean);

    fn read(value: &Value) -> Result<Self, Mismatch> {
        value.as_bool().ok_or_else(|| Mismatch::wanted("boolean", value))
    }
}

impl FieldType for Value {
    const TYPE: TypeSpec = TypeSpec::new(FieldKind::Raw);

    fn read(value: &Value) -> Result<Self, Mismatch> {
        Ok(value.clone())
    }
}

impl FieldType for Map<String, Value> {
    const TYPE: TypeSpec = TypeSpec::new(FieldKind::Object);

    fn read(value: &Value) -> Result<Self, Mismatch> {
        value.as_object().cloned().ok_or_else(|| Mismatch::wanted("object", value))
    }
}

impl FieldType for Number {
    const TYPE: TypeSpec = TypeSpec::new(FieldKind::Number);

    fn read(value: &Value) -> Result<Self, Mismatch> {
        value.as_number().cloned().ok_or_else(|| Mismatch::wanted("number", value))
    }
}

impl FieldType for f64 {
    const TYPE: TypeSpec = TypeSpec::new(FieldKind::Number);

    fn read(value: &Value) -> Result<Self, Mismatch> {
        value.as_f64().ok_or_else(|| Mismatch::wanted("number", value))
    }
}

impl FieldType for f32 {
    const TYPE: TypeSpec = TypeSpec { holds: (Self::MIN as f64, Self::MAX as f64), ..TypeSpec::new(FieldKind::Number) };

    #[expect(clippy::cast_possible_truncation, reason = "an f32 holds the nearest value; out of range is refused")]
    fn read(value: &Value) -> Result<Self, Mismatch> {
        let wide = f64::read(value)?;
        let narrow = wide as Self;
        if narrow.is_finite() { Ok(narrow) } else { Err(Mismatch(format!("expected a 32-bit number, got {value}"))) }
    }
}

/// The whole number that a JSON number stands for; `5.0` is 5.
fn whole(value: &Value) -> Option<i128> {
    let number = value.as_number()?;
    if let Some(small) = number.as_i64() {
        return Some(small.into());
    }
    if let Some(large) = number.as_u64() {
        return Some(large.into());
    }
    // Beyond 2^53 a float no longer says which whole number was meant.
    const EXACT: f64 = 9_007_199_254_740_992.0;
    #[expect(clippy::cast_possible_truncation, reason = "checked to be whole and within 2^53")]
    number.as_f64().filter(|float| float.fract() == 0.0 && float.abs() <= EXACT).map(|float| float as i128)
}

macro_rules! integer {
    ($($type:ty: $minimum:expr, $maximum:expr;)*) => {$(
        impl FieldType for $type {
            const TYPE: TypeSpec = TypeSpec {
                integer: true,
                minimum: $minimum,
                maximum: $maximum,
                holds: (<$type>::MIN as f64, <$type>::MAX as f64),
                ..TypeSpec::new(FieldKind::Number)
            };

            fn read(value: &Value) -> Result<Self, Mismatch> {
                if !value.is_number() {
                    return Err(Mismatch::wanted("number", value));
                }
                whole(value).and_then(|whole| Self::try_from(whole).ok()).ok_or_else(|| {
                    Mismatch(format!("expected an integer from {} to {}, got {value}", Self::MIN, Self::MAX))
                })
            }
        }
    )*};
}

// Bounds that a form should show. The wide types' far ends are refused when read.
integer! {
    u8: Some(Literal::Int(0)), Some(Literal::Int(255));
    u16: Some(Literal::Int(0)), Some(Literal::Int(65_535));
    u32: Some(Literal::Int(0)), None;
    u64: Some(Literal::Int(0)), None;
    usize: Some(Literal::Int(0)), None;
    i8: Some(Literal::Int(-128)), Some(Literal::Int(127));
    i16: Some(Literal::Int(-32_768)), Some(Literal::Int(32_767));
    i32: None, None;
    i64: None, None;
    isize: None, None;
}

// A point in time; a date without a time stands for its first moment in UTC.
impl FieldType for jiff::Timestamp {
    const TYPE: TypeSpec = TypeSpec::new(FieldKind::Date);

    fn read(value: &Value) -> Result<Self, Mismatch> {
        let text = value.as_str().ok_or_else(|| Mismatch::wanted("RFC 3339 date or date-time", value))?;
        let day = || text.parse::<jiff::civil::Date>().ok()?.in_tz("UTC").ok().map(|zoned| zoned.timestamp());
        text.parse().ok().or_else(day).ok_or_else(|| Mismatch("expected RFC 3339 date or date-time".to_owned()))
    }
}

// A calendar day.
impl FieldType for jiff::civil::Date {
    const TYPE: TypeSpec = TypeSpec { format: Some("date"), ..TypeSpec::new(FieldKind::Date) };

    fn read(value: &Value) -> Result<Self, Mismatch> {
        let text = value.as_str().ok_or_else(|| Mismatch::wanted("RFC 3339 date", value))?;
        text.parse().map_err(|_| Mismatch("expected RFC 3339 date such as 2026-01-31".to_owned()))
    }
}

impl<T> FieldType for Vec<T>
where
    T: DeserializeOwned + JsonSchema + Send + Sync + 'static,
{
    const TYPE: TypeSpec = TypeSpec { schema: Some(schema_of::<Self>), ..TypeSpec::new(FieldKind::Array) };

    fn read(value: &Value) -> Result<Self, Mismatch> {
        read_nested(value)
    }
}

macro_rules! string_map {
    ($($map:ident),*) => {$(
        impl<T> FieldType for $map<String, T>
        where
            T: DeserializeOwned + JsonSchema + Send + Sync + 'static,
        {
            const TYPE: TypeSpec = TypeSpec { schema: Some(schema_of::<Self>), ..TypeSpec::new(FieldKind::Object) };

            fn read(value: &Value) -> Result<Self, Mismatch> {
                read_nested(value)
            }
        }
    )*};
}

string_map!(BTreeMap, HashMap);

/// Reads a list or an object through serde. The text of the error names the place but never the value.
pub(crate) fn read_nested<T: DeserializeOwned>(value: &Value) -> Result<T, Mismatch> {
    T::deserialize(value).map_err(|error| Mismatch(error.to_string()))
}

/// Writes the JSON Schema 2020-12 of a type, self-contained.
pub(crate) fn schema_of<T: JsonSchema + ?Sized>() -> Value {
    let settings = SchemaSettings::draft2020_12().with(|settings| {
        settings.inline_subschemas = true;
        settings.meta_schema = None;
    });
    let mut schema = settings.into_generator().into_root_schema_for::<T>();
    schema.remove("title");
    schema.to_value()
}

/// An enum whose variants are the values of a select; implemented by `#[derive(Select)]`.
pub trait Select: Sized + Send + Sync + 'static {
    /// The values in source order.
    const CHOICES: &'static [ChoiceSpec];

    /// Returns the variant at a place in [`Select::CHOICES`].
    fn from_index(index: usize) -> Option<Self>;

    /// Returns the variant's place in [`Select::CHOICES`].
    fn index(&self) -> usize;

    /// Returns the value on the wire.
    fn as_str(&self) -> &'static str {
        Self::CHOICES.get(self.index()).map_or("", |choice| choice.value)
    }

    /// Returns the variant for a value on the wire.
    fn from_wire(value: &str) -> Option<Self> {
        let index = Self::CHOICES.iter().position(|choice| choice.value == value)?;
        Self::from_index(index)
    }
}

/// Reads a select; what `#[derive(Select)]` forwards to.
pub(crate) fn read_select<T: Select>(value: &Value) -> Result<T, Mismatch> {
    let text = value.as_str().ok_or_else(|| Mismatch::wanted("string", value))?;
    T::from_wire(text).ok_or_else(|| Mismatch(unknown_choice::<T>()))
}

/// Deserialises a select; what `#[derive(Select)]` forwards to.
pub(crate) fn deserialize_select<'de, T: Select, D: Deserializer<'de>>(deserializer: D) -> Result<T, D::Error> {
    let text = Cow::<'_, str>::deserialize(deserializer)?;
    T::from_wire(&text).ok_or_else(|| serde::de::Error::custom(unknown_choice::<T>()))
}

/// Writes the JSON Schema of a select; what `#[derive(Select)]` forwards to.
pub(crate) fn select_schema<T: Select>() -> Schema {
    let branches: Vec<Value> = T::CHOICES
        .iter()
        .map(|choice| serde_json::json!({ "const": choice.value, "title": choice.label, "description": choice.description }))
        .collect();
    json_schema!({ "oneOf": branches })
}

fn unknown_choice<T: Select>() -> String {
    let known: Vec<&str> = T::CHOICES.iter().map(|choice| choice.value).collect();
    format!("expected one of {}", known.join(", "))
}

/// An absolute URL, as a connection field or param.
///
/// Reads as [`url::Url`], with one difference: [`Url::join`] takes the URL for a folder, so that
/// joining `users` to `https://api.example.com/v2` keeps the `/v2`.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(transparent)]
pub struct Url(url::Url);

impl Url {
    /// Parses an absolute URL.
    ///
    /// # Errors
    /// If the text is no absolute URL.
    pub fn parse(text: &str) -> Result<Self, url::ParseError> {
        url::Url::parse(text).map(Self)
    }

    /// Resolves a reference below this URL. A leading `/` starts at the root of the host; an absolute
    /// URL replaces the whole.
    ///
    /// # Errors
    /// If the reference is malformed.
    pub fn join(&self, reference: &str) -> Result<url::Url, url::ParseError> {
        if self.0.path().ends_with('/') {
            return self.0.join(reference);
        }
        let mut folder = self.0.clone();
        folder.set_path(&format!("{}/", self.0.path()));
        folder.join(reference)
    }

    /// Returns the URL.
    pub fn into_inner(self) -> url::Url {
        self.0
    }
}

impl Deref for Url {
    type Target = url::Url;

    fn deref(&self) -> &url::Url {
        &self.0
    }
}

impl From<url::Url> for Url {
    fn from(url: url::Url) -> Self {
        Self(url)
    }
}

impl fmt::Debug for Url {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self.0.as_str(), f)
    }
}

impl fmt::Display for Url {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0.as_str())
    }
}

impl<'de> Deserialize<'de> for Url {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        url::Url::deserialize(deserializer).map(Self)
    }
}

impl JsonSchema for Url {
    fn schema_name() -> Cow<'static, str> {
        "Url".into()
    }

    fn inline_schema() -> bool {
        true
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "string", "format": "uri" })
    }
}

impl FieldType for Url {
    const TYPE: TypeSpec = TypeSpec { format: Some("uri"), ..TypeSpec::new(FieldKind::String) };

    fn read(value: &Value) -> Result<Self, Mismatch> {
        let text = value.as_str().ok_or_else(|| Mismatch::wanted("string", value))?;
        Self::parse(text)
            .map_err(|error| Mismatch(format!("expected an absolute URL such as https://example.com: {error}")))
    }
}
