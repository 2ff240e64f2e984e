//! The rules as data: an id that programs may rely on, the level, and what the rule is about.

use std::fmt;

use serde::{Deserialize, Serialize};

/// How much a change asks of those who call the connector, in rising order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Level {
    /// Nothing changed.
    #[default]
    None,
    /// Nobody has to notice.
    Patch,
    /// There is more than before, and what was there works on.
    Minor,
    /// What worked may no longer work.
    Major,
}

impl Level {
    /// Returns the wire name.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Patch => "patch",
            Self::Minor => "minor",
            Self::Major => "major",
        }
    }
}

impl fmt::Display for Level {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// One rule of docs/contract.md#levels-of-a-change.
#[derive(Debug, PartialEq, Eq)]
pub struct Rule {
    /// Stable name, in snake_case.
    pub id: &'static str,
    /// What the change needs.
    pub level: Level,
    /// What changed, said in general; a fragment without a full stop.
    pub text: &'static str,
}

macro_rules! rules {
    ($($name:ident $id:literal $level:ident $text:literal;)*) => {
        /// Each rule under its name, for the code that applies it.
        pub mod id {
            use super::{Level, Rule};

            $(#[doc = $text] pub const $name: &Rule = &Rule { id: $id, level: Level::$level, text: $text };)*
        }

        /// Every rule, the breaking ones first.
        pub const RULES: &[&Rule] = &[$(id::$name),*];
    };
}

rules! {
    COMMAND_REMOVED "command_removed" Major "command removed";
    PARAM_REMOVED "param_removed" Major "param removed";
    OUTPUT_REMOVED "output_removed" Major "output removed";
    CONNECTION_FIELD_REMOVED "connection_field_removed" Major "connection field removed";
    PARAM_ADDED_WITHOUT_DEFAULT "param_added_without_default" Major "param added to an existing command without a default";
    CONNECTION_FIELD_ADDED_REQUIRED "connection_field_added_required" Major "connection field added as required without a default";
    TYPE_CHANGED "type_changed" Major "type changed";
    BECAME_REQUIRED "became_required" Major "was optional, is required";
    DEFAULT_REMOVED "default_removed" Major "default removed";
    OPTION_REMOVED "option_removed" Major "option removed";
    BOUNDS_NARROWED "bounds_narrowed" Major "bounds narrowed";
    PATTERN_NARROWED "pattern_narrowed" Major "pattern added or changed";
    FORMAT_ADDED "format_added" Major "format added or changed";
    INTEGER_ADDED "integer_added" Major "must be a whole number now";
    SECRET_LIFTED "secret_lifted" Major "was a secret, is none";
    IDEMPOTENT_WITHDRAWN "idempotent_withdrawn" Major "no longer declared idempotent";
    DEFAULT_COMMAND_REMOVED "default_command_removed" Major "default command removed";
    DEFAULT_COMMAND_CHANGED "default_command_changed" Major "default command changed";
    PROPERTY_REMOVED "property_removed" Major "property of a nested value removed";
    PROPERTY_REQUIRED "property_required" Major "property of a nested value required that was not";
    SCHEMA_NARROWED "schema_narrowed" Major "nested schema changed in a way that may refuse what it accepted";
    COMMAND_ADDED "command_added" Minor "command added";
    OUTPUT_ADDED "output_added" Minor "output added";
    PARAM_ADDED "param_added" Minor "param with a default added";
    CONNECTION_FIELD_ADDED "connection_field_added" Minor "connection field added that may be left out";
    DEFAULT_COMMAND_ADDED "default_command_added" Minor "default command added";
    BECAME_OPTIONAL "became_optional" Minor "was required, is optional";
    DEFAULT_CHANGED "default_changed" Minor "default changed";
    DEFAULT_ADDED "default_added" Minor "default added";
    OPTION_ADDED "option_added" Minor "option added";
    BOUNDS_WIDENED "bounds_widened" Minor "bounds widened";
    PATTERN_DROPPED "pattern_dropped" Minor "pattern dropped";
    FORMAT_DROPPED "format_dropped" Minor "format dropped";
    INTEGER_DROPPED "integer_dropped" Minor "need not be a whole number any more";
    SECRET_SET "secret_set" Minor "was no secret, is one";
    DEPRECATION_SET "deprecation_set" Minor "deprecated";
    DEPRECATION_LIFTED "deprecation_lifted" Minor "no longer deprecated";
    EFFECT_CHANGED "effect_changed" Minor "effect changed";
    IDEMPOTENT_DECLARED "idempotent_declared" Minor "declared idempotent";
    PROPERTY_ADDED "property_added" Minor "optional property of a nested value added";
    PROPERTY_OPTIONAL "property_optional" Minor "property of a nested value no longer required";
    SCHEMA_WIDENED "schema_widened" Minor "nested schema accepts more";
    TEXT_CHANGED "text_changed" Patch "text for people changed";
    ORDER_CHANGED "order_changed" Patch "order changed";
    SINCE_CHANGED "since_changed" Patch "version of origin changed";
    SOURCE_CHANGED "source_changed" Patch "API operation behind the command changed";
    OUTPUT_SCHEMA_CHANGED "output_schema_changed" Patch "output schema changed";
    SCRIPT_SOURCE_CHANGED "script_source_changed" Patch "script changed";
    ENDPOINT_URL_CHANGED "endpoint_url_changed" Patch "endpoint changed";
}
