//! Enums whose variants are the values of a select.

use std::borrow::Cow;

use schemars::{Schema, json_schema};
use serde::{Deserialize, Deserializer};
use serde_json::Value;

use super::Mismatch;
use crate::descriptor::ChoiceSpec;

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
