//! Const descriptor -> [`ConfigSchema`]. Done once a type, when somebody first asks.

use serde_json::{Number, Value};

use crate::descriptor::{CommandSpec, Descriptor, FieldSpec, Literal};
use connector_schema::{Choice, Command, ConfigSchema, Field, Fields, NestedSchema, Pattern};

#[cfg(test)]
mod tests;

/// Writes the config schema of a compiled connector.
pub fn describe(descriptor: &Descriptor) -> ConfigSchema {
    ConfigSchema {
        // The macro says it in the descriptor.
        egress: None,
        connection: fields(descriptor.connection),
        commands: descriptor.commands.iter().map(|spec| (spec.name.to_owned(), command(spec))).collect(),
        default_command: descriptor.default_command.map(str::to_owned),
        open: false,
    }
}

fn command(spec: &CommandSpec) -> Command {
    Command {
        description: Some(spec.description.to_owned()),
        params: fields(spec.params),
        outputs: spec.outputs.names.iter().map(|name| (*name).to_owned()).collect(),
        output_schema: spec.outputs.schema.map(|schema| schema()),
        deprecated: spec.deprecated.is_some(),
        deprecated_message: spec.deprecated.filter(|message| !message.is_empty()).map(str::to_owned),
        added_in_version: spec.since.and_then(|version| semver::Version::parse(version).ok()),
        effect: spec.effect,
        idempotent: spec.idempotent,
        variables: spec.variables.map(fields),
        source: None,
    }
}

fn fields(specs: &[FieldSpec]) -> Fields {
    specs.iter().map(|spec| (spec.name.to_owned(), field(spec))).collect()
}

fn field(spec: &FieldSpec) -> Field {
    let ty = &spec.ty;
    let default = match spec.default {
        None if ty.nullable => Some(Value::Null),
        other => other.map(Literal::to_value),
    };
    Field {
        required: default.is_none(),
        secret: ty.secret,
        description: Some(spec.description.to_owned()).filter(|text| !text.is_empty()),
        label: spec.label.map(str::to_owned),
        placeholder: spec.placeholder.map(str::to_owned),
        example: spec
            .example
            .map(|example| if ty.kind.is_structured() { example.to_json() } else { example.to_value() }),
        default,
        options: ty
            .choices
            .iter()
            .map(|choice| Choice {
                value: Value::String(choice.value.to_owned()),
                label: Some(choice.label.to_owned()),
            })
            .collect(),
        integer: ty.integer,
        minimum: spec.minimum.or(ty.minimum).and_then(number),
        maximum: spec.maximum.or(ty.maximum).and_then(number),
        min_length: spec.min_length,
        max_length: spec.max_length,
        pattern: spec.pattern.map(Pattern::trusted),
        format: if spec.destination && ty.format.is_none() { Some("hostname") } else { ty.format }.map(str::to_owned),
        schema: ty.schema.map(|schema| NestedSchema::new(schema())),
        ..Field::new(ty.kind)
    }
}

fn number(literal: Literal) -> Option<Number> {
    literal.to_value().as_number().cloned()
}
