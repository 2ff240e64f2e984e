//! Lists and maps, whose elements serde reads and schemars describes.

use std::collections::{BTreeMap, HashMap};

use schemars::JsonSchema;
use schemars::generate::SchemaSettings;
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::{FieldType, Mismatch};
use crate::descriptor::TypeSpec;
use crate::schema::FieldKind;

#[diagnostic::do_not_recommend]
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
        #[diagnostic::do_not_recommend]
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

/// Writes the JSON Schema 2020-12 of a type that is read, self-contained. What may be left out is not required.
pub(crate) fn schema_of<T: JsonSchema + ?Sized>() -> Value {
    written::<T>(SchemaSettings::draft2020_12())
}

/// The same of a type that is answered: what serde always writes is required, also where it may be null.
pub(crate) fn answer_schema_of<T: JsonSchema + ?Sized>() -> Value {
    written::<T>(SchemaSettings::draft2020_12().for_serialize())
}

fn written<T: JsonSchema + ?Sized>(settings: SchemaSettings) -> Value {
    let settings = settings.with(|settings| {
        settings.inline_subschemas = true;
        settings.meta_schema = None;
    });
    let mut schema = settings.into_generator().into_root_schema_for::<T>();
    schema.remove("title");
    schema.to_value()
}
