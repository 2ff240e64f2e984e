//! The effects of a change of a connector type.

use std::borrow::Cow;

use connector_schema::version::{Change, Level};
use semver::Version;
use serde::{Deserialize, Serialize};

use super::{Mistake, OperationView, TypeView, Warning};

/// What changed, the level that this needs, and which connectors it affects.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct ChangeView {
    /// The highest level of the changes.
    #[cfg_attr(feature = "schema", schema(schema_with = level_schema))]
    pub level: Level,
    /// The changes.
    pub changes: Vec<SchemaChange>,
    /// The smallest version that the changes allow.
    #[cfg_attr(feature = "schema", schema(value_type = String))]
    pub suggested_version: Version,
    /// The connectors and the run definitions that the breaking changes affect.
    pub affected: Vec<AffectedItem>,
    /// The number of all items, if `affected` does not contain them all.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub affected_total: Option<usize>,
}

/// One change between two config schemas.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct SchemaChange {
    /// The level that it needs.
    #[cfg_attr(feature = "schema", schema(schema_with = level_schema))]
    pub level: Level,
    /// Its rule, such as `param_removed`.
    pub rule: Cow<'static, str>,
    /// JSON pointer (RFC 6901) into the new config schema, or into the old one if something was removed.
    pub pointer: String,
    /// What changed, by name; a fragment of a sentence.
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

/// What a version of a type changed since the previous one, as the history keeps it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct ChangeSummary {
    /// The highest level of the changes.
    #[cfg_attr(feature = "schema", schema(schema_with = level_schema))]
    pub level: Level,
    /// The number of changes.
    pub total: usize,
    /// The first 200 of them.
    pub changes: Vec<SchemaChange>,
}

/// A connector that a breaking change affects.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct Affected {
    /// Name of the connector.
    pub connector: String,
    /// The change's JSON pointer.
    pub pointer: String,
}

/// A run definition that a change breaks: its newest version has an error that it did not have before.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct AffectedDefinition {
    /// Name of the definition.
    pub definition: String,
    /// The version that was checked.
    pub version: i64,
    /// JSON pointer of the place in the definition, such as `/steps/1/params/limit`.
    pub pointer: String,
    /// What is wrong there after the change.
    pub message: String,
}

/// What a change affects.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(untagged)]
pub enum AffectedItem {
    /// A connector.
    Connector(Affected),
    /// A run definition.
    Definition(AffectedDefinition),
}

/// Secrets of a connector that a change of its type cleared, because their destination moved.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct ClearedSecrets {
    /// Name of the connector.
    pub connector: String,
    /// The fields that were cleared.
    pub fields: Vec<String>,
}

/// What an import reports in addition to the change, as parse-oas does.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct ImportView {
    /// The result for each operation.
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
    /// The changed type.
    #[serde(flatten)]
    pub view: TypeView,
    /// What changed.
    pub change: ChangeView,
    /// The result for each operation, if a document was sent.
    #[serde(flatten)]
    #[cfg_attr(feature = "schema", schema(inline))]
    pub imported: ImportView,
    /// Secrets that were cleared, because their destination moved.
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
    /// The version that the type would have; absent if the change would be refused.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub version: Option<String>,
    /// Why the change would be refused; empty if it would not.
    pub errors: Vec<Mistake>,
    /// The result for each operation, if a document was sent.
    #[serde(flatten)]
    #[cfg_attr(feature = "schema", schema(inline))]
    pub imported: ImportView,
    /// Secrets that would be cleared.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub secrets_cleared: Vec<ClearedSecrets>,
}

/// Describes a level by its possible words.
#[cfg(feature = "schema")]
fn level_schema() -> utoipa::openapi::schema::Object {
    let words = [Level::None, Level::Patch, Level::Minor, Level::Major].map(Level::as_str);
    utoipa::openapi::schema::ObjectBuilder::new()
        .schema_type(utoipa::openapi::schema::Type::String)
        .enum_values(Some(words))
        .build()
}
