//! The config schema of a connector type as its row holds it.

use std::sync::Arc;

use connector_runtime::schema::ConfigSchema;
use serde_json::Value;

/// The text of a row that shows no schema.
const EMPTY: &str = "{}";
/// The text of a row whose type accepts any command.
const OPEN: &str = "null";

/// The config schema of a connector type as its row holds it (docs/contract.md#2-config-schema).
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum StoredSchema {
    /// The row shows `{}`: a built-in type accepts what is compiled in.
    Empty,
    /// The row shows `null`: an external type whose service publishes no schema accepts any command.
    Open,
    /// A schema, as JSON text. Clones share it.
    Text(Arc<str>),
}

impl StoredSchema {
    /// Returns what a row stores for a schema.
    pub fn of(schema: &ConfigSchema) -> Self {
        Self::from_text(schema.to_text())
    }

    /// Reads the text of a row.
    pub fn from_text(text: impl Into<String>) -> Self {
        let text = text.into();
        match text.trim() {
            EMPTY => Self::Empty,
            OPEN => Self::Open,
            _ => Self::Text(text.into()),
        }
    }

    /// Returns the schema as JSON.
    ///
    /// # Errors
    /// If the text is not valid JSON.
    pub fn to_value(&self) -> Result<Value, serde_json::Error> {
        serde_json::from_str(self.as_text())
    }

    /// Returns the text that a row stores; it is JSON.
    pub fn as_text(&self) -> &str {
        match self {
            Self::Empty => EMPTY,
            Self::Open => OPEN,
            Self::Text(text) => text,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_is_kept_as_it_is() {
        for (text, schema) in [
            ("{}", StoredSchema::Empty),
            ("null", StoredSchema::Open),
            (r#"{"commands":{}}"#, StoredSchema::Text(r#"{"commands":{}}"#.into())),
        ] {
            assert_eq!((StoredSchema::from_text(text), schema.as_text()), (schema.clone(), text));
        }
        assert_eq!(StoredSchema::from_text(" {}\n"), StoredSchema::Empty);
        assert_eq!(StoredSchema::of(&ConfigSchema::open()), StoredSchema::Open);
    }
}
