//! The Rust types that a connection field or a param may have, and how each reads its value.
//!
//! A type says what it is in a const ([`FieldType::TYPE`]), so a config schema is known at compile
//! time. Validation runs on the schema, before a value is read; reading comes second
//! and refuses what the type itself cannot hold.

use serde_json::{Map, Number, Value};

use crate::Secret;
use crate::connector::Reader;
use crate::descriptor::{Literal, TypeSpec};
use crate::schema::{FieldKind, json_type, number};

/// A type that a connection field or a param may have.
///
/// Implemented for texts, numbers, `bool`, dates, [`Url`](super::Url), [`Secret`], `serde_json::Value`, `Option`,
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

    /// Returns the value of an absent field; `None` where a value is needed.
    fn absent() -> Option<Self> {
        None
    }

    /// Reads a field of this type; what the macros call. `None` if the type cannot hold the value, or needs one and there
    /// is none.
    #[doc(hidden)]
    fn field(reader: &mut Reader<'_>, name: &'static str) -> Option<Self> {
        reader.field(name)
    }
}

/// Why a type cannot hold a value: `expected number, got string`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mismatch(pub String);

impl Mismatch {
    pub(super) fn wanted(expected: &str, got: &Value) -> Self {
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

/// Returns the whole number that a JSON number means; `5.0` is 5.
fn whole(value: &Value) -> Option<i128> {
    number::whole(value.as_number()?)
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

// A point in time; a date without a time means its first moment in UTC.
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
