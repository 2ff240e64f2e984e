//! The declaration of a body: one list of fields yields the struct, the accepted keys, the reader, the writer, the
//! JSON Schema and a `Debug` that shows no secret.
//!
//! A field is a key of the JSON object, a name in Rust, and a type that says whether the key is required and what kind
//! of value it has: [`Required`], [`Optional`] or [`Nullable`] around one of the [`kinds`]. All mistakes of a kind are
//! in one place, its reader in [`Source`].

pub mod kinds;
mod presence;
mod source;

pub use presence::{Field, Nullable, Optional, Required};
pub use source::Source;

use serde_json::Value;

/// A JSON object that a caller sends, declared by [`body!`](crate::body!).
pub trait Body: Sized {
    /// The accepted keys, in the order of their declaration.
    const KEYS: &'static [&'static str];

    /// Reads it key by key; mistakes are reported to the source. A missing or invalid value is read as an empty one, so
    /// that all mistakes are found: the caller must check the source for mistakes before it uses the body.
    fn read(source: &mut impl Source) -> Self;

    /// Returns its JSON Schema (2020-12).
    fn json_schema() -> Value;
}

/// Declares a body.
///
/// ```
/// use floh_client::body::kinds::{Flag, SecretText, ShortText};
/// use floh_client::body::{Body, Optional, Required};
///
/// floh_client::body! {
///     /// A new account.
///     pub struct NewAccount {
///         /// What it is called.
///         "displayName" display_name: Required<ShortText>,
///         /// What its calls are signed with.
///         "signingSecret" signing_secret: Optional<SecretText>,
///         /// Whether it may be used; true where absent.
///         "enabled" enabled: Optional<Flag>,
///     }
/// }
///
/// let account = NewAccount { display_name: "Ada".to_owned(), signing_secret: Some("s3cret".into()), enabled: None };
/// assert_eq!(NewAccount::KEYS, ["displayName", "signingSecret", "enabled"]);
/// assert_eq!(serde_json::to_string(&account).unwrap(), r#"{"displayName":"Ada","signingSecret":"s3cret"}"#);
/// assert!(!format!("{account:?}").contains("s3cret"));
/// assert_eq!(NewAccount::json_schema()["required"], serde_json::json!(["displayName"]));
/// ```
#[macro_export]
macro_rules! body {
    (
        $(#[doc = $summary:literal])*
        $visibility:vis struct $name:ident {
            $($(#[doc = $doc:literal])* $key:literal $field:ident: $spec:ty),* $(,)?
        }
    ) => {
        $(#[doc = $summary])*
        #[derive(Clone, PartialEq)]
        $visibility struct $name {
            $($(#[doc = $doc])* pub $field: <$spec as $crate::body::Field>::Value,)*
        }

        impl $crate::body::Body for $name {
            const KEYS: &'static [&'static str] = &[$($key),*];

            fn read(source: &mut impl $crate::body::Source) -> Self {
                Self { $($field: <$spec as $crate::body::Field>::read(source, $key)),* }
            }

            fn json_schema() -> $crate::body::JsonValue {
                $crate::body::object_schema(
                    concat!($($summary, "\n"),*),
                    &[$(($key, <$spec as $crate::body::Field>::REQUIRED,
                        $crate::body::described(<$spec as $crate::body::Field>::schema(), concat!($($doc, "\n"),*)))),*],
                )
            }
        }

        impl Default for $name {
            fn default() -> Self {
                Self { $($field: <$spec as $crate::body::Field>::empty()),* }
            }
        }

        impl $crate::body::Serialize for $name {
            fn serialize<S: $crate::body::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                let mut object = $crate::body::JsonMap::new();
                $(<$spec as $crate::body::Field>::write(&self.$field, $key, &mut object);)*
                $crate::body::Serialize::serialize(&object, serializer)
            }
        }

        impl std::fmt::Debug for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.debug_struct(stringify!($name))
                    $(.field(stringify!($field), &<$spec as $crate::body::Field>::shown(&self.$field)))*
                    .finish()
            }
        }

        $crate::open_api_schema!($name);
    };
}

/// Adds a body to OpenAPI documents, if the feature `schema` is on.
#[cfg(feature = "schema")]
#[doc(hidden)]
#[macro_export]
macro_rules! open_api_schema {
    ($name:ident) => {
        impl $crate::body::utoipa::PartialSchema for $name {
            fn schema() -> $crate::body::utoipa::openapi::RefOr<$crate::body::utoipa::openapi::schema::Schema> {
                $crate::body::open_api(<Self as $crate::body::Body>::json_schema())
            }
        }

        impl $crate::body::utoipa::ToSchema for $name {}
    };
}

/// Does nothing without the feature `schema`.
#[cfg(not(feature = "schema"))]
#[doc(hidden)]
#[macro_export]
macro_rules! open_api_schema {
    ($name:ident) => {};
}

#[doc(hidden)]
pub use serde::{Serialize, Serializer};
#[doc(hidden)]
pub use serde_json::{Map as JsonMap, Value as JsonValue};
#[cfg(feature = "schema")]
#[doc(hidden)]
pub use utoipa;

#[doc(hidden)]
pub fn object_schema(summary: &str, fields: &[(&str, bool, Value)]) -> Value {
    let required: Vec<&str> = fields.iter().filter(|(_, required, _)| *required).map(|(key, ..)| *key).collect();
    let properties: JsonMap<String, Value> =
        fields.iter().map(|(key, _, schema)| ((*key).to_owned(), schema.clone())).collect();
    let mut schema = serde_json::json!({
        "type": "object", "description": summary.trim(), "properties": properties, "additionalProperties": false,
    });
    if !required.is_empty() {
        schema["required"] = required.into();
    }
    schema
}

#[doc(hidden)]
pub fn described(mut schema: Value, doc: &str) -> Value {
    let text: Vec<&str> = doc.lines().map(str::trim).collect();
    schema["description"] = text.join(" ").trim().into();
    schema
}

/// Converts a JSON Schema to a schema of an OpenAPI document.
#[cfg(feature = "schema")]
#[doc(hidden)]
#[expect(clippy::expect_used, reason = "the schemas are written by this crate; a test reads every one")]
pub fn open_api(schema: Value) -> utoipa::openapi::RefOr<utoipa::openapi::schema::Schema> {
    utoipa::openapi::RefOr::T(serde_json::from_value(schema).expect("a body's schema is one of OpenAPI"))
}
