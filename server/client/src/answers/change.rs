//! What a change of a connector type comes to.

use std::borrow::Cow;

use connector_schema::version::{Change, Level};
use semver::Version;
use serde::{Deserialize, Serialize};

use super::{Mistake, OperationView, TypeView, Warning};

/// What changed, how much that asks for, and who is touched by it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct ChangeView {
    /// The highest level found.
    #[cfg_attr(feature = "schema", schema(schema_with = level_schema))]
    pub level: Level,
    /// The changes.
    pub changes: Vec<SchemaChange>,
    /// The smallest version that the changes allow.
    #[cfg_attr(feature = "schema", schema(value_type = String))]
    pub suggested_version: Version,
    /// The connectors that the breaking changes touch.
    pub affected: Vec<Affected>,
    /// How many items there are, where `affected` does not name them all.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub affected_total: Option<usize>,
}

/// One change between two config schemas.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct SchemaChange {
    /// How much it asks for.
    #[cfg_attr(feature = "schema", schema(schema_with = level_schema))]
    pub level: Level,
    /// The rule that it falls under, such as `param_removed`.
    pub rule: Cow<'static, str>,
    /// JSON pointer (RFC 6901) into the new config schema, or into the old one where something was removed.
    pub pointer: String,
    /// What changed, naming it; a fragment.
    pub message: String,
}

impl From<&Change> for SchemaChange {
    fn from(change: &Change) -> Self {
        Self {
            level: change.level(),
            rule: change.rule.id.into(),
            pointer: change.pointer.clone(),
            message: change.message.clone(),
        }
    }
}

/// What a version of a type changed against the one before, as the history keeps it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct ChangeSummary {
    /// The highest level found.
    #[cfg_attr(feature = "schema", schema(schema_with = level_schema))]
    pub level: Level,
    /// How many changes there are.
    pub total: usize,
    /// The first 200 of them.
    pub changes: Vec<SchemaChange>,
}

/// A connector that a breaking change touches.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct Affected {
    /// Name of the connector.
    pub connector: String,
    /// The change's JSON pointer.
    pub pointer: String,
}

/// Secrets of a connector that a change of its type cleared, because they would go elsewhere.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct ClearedSecrets {
    /// Name of the connector.
    pub connector: String,
    /// The fields that were cleared.
    pub fields: Vec<String>,
}

/// What an import tells beside the change: as parse-oas does.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct ImportView {
    /// What became of each operation.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub operations: Option<Vec<OperationView>>,
    /// What a person should know.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub warnings: Option<Vec<Warning>>,
}

/// The answer to a change of a type.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct ChangedType {
    /// The type as it is now.
    #[serde(flatten)]
    pub view: TypeView,
    /// What changed.
    pub change: ChangeView,
    /// What became of the operations, where a document was sent.
    #[serde(flatten)]
    #[cfg_attr(feature = "schema", schema(inline))]
    pub imported: ImportView,
    /// Secrets that were cleared, because they would go elsewhere.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub secrets_cleared: Vec<ClearedSecrets>,
}

/// The answer to the dry run of a change.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct TypeDiff {
    /// What would change.
    pub change: ChangeView,
    /// The version that the type would have; absent where the change would be refused.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub version: Option<String>,
    /// Why the change would be refused, where it would.
    pub errors: Vec<Mistake>,
    /// What would become of the operations, where a document was sent.
    #[serde(flatten)]
    #[cfg_attr(feature = "schema", schema(inline))]
    pub imported: ImportView,
    /// Secrets that would be cleared.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub secrets_cleared: Vec<ClearedSecrets>,
}

/// Describes a level by its words.
#[cfg(feature = "schema")]
fn level_schema() -> utoipa::openapi::schema::Object {
    let words = [Level::None, Level::Patch, Level::Minor, Level::Major].map(Level::as_str);
    utoipa::openapi::schema::ObjectBuilder::new()
        .schema_type(utoipa::openapi::schema::Type::String)
        .enum_values(Some(words))
        .build()
}
