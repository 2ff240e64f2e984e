//! The secrets among what a run is given: literal values of secret params, and variables that become such.

use std::collections::HashMap;

use connector_flow::definition::{Call, Flow};
use connector_flow::reference::{Bag, render_at};
use connector_runtime::redact::{Redactor, mask_fields, mask_named, secret_texts};
use connector_runtime::schema::{Fields, pointer};
use serde_json::{Map, Value};

use crate::catalog::NamedConnectors;

/// Finds the texts of secret params: those that are written into the steps, and those that the variables bring; and those of
/// secret inputs.
pub(super) fn secrets_of(
    flow: &Flow,
    inputs: Option<&Fields>,
    variables: &Map<String, Value>,
    known: &NamedConnectors,
) -> Vec<String> {
    let bag = Bag::new(variables);
    let mut texts = inputs.map(|inputs| secret_texts(inputs, variables)).unwrap_or_default();
    for call in flow.steps.iter().filter_map(|step| step.call()) {
        let Some(fields) = params_of(call, known) else { continue };
        let rendered = call.params().filter_map(|(name, template)| {
            // What cannot be read yet is not among the variables.
            Some((name.to_owned(), render_at(template, &pointer::join("/params", name), &bag).ok()?))
        });
        texts.extend(secret_texts(fields, &rendered.collect()));
    }
    texts.sort_unstable();
    texts.dedup();
    texts
}

/// Finds the places where a literal value is written into a secret param: a text without a reference, or the default of
/// one.
pub(super) fn literal_secrets(flow: &Flow, steps: &Value, known: &NamedConnectors) -> Vec<String> {
    let mut found = Vec::new();
    for (index, step) in flow.steps.iter().enumerate() {
        let Some(call) = step.call() else { continue };
        let at = format!("/{index}/params");
        let (Some(fields), Some(Value::Object(params))) = (params_of(call, known), steps.pointer(&at)) else {
            continue;
        };
        let (masked, mut references) = (mask_fields(fields, params), References::default());
        references.read(call);
        for (name, given) in params {
            let place = pointer::join("", name);
            masked_places(given, masked.get(name).unwrap_or(given), &place, &mut |place| {
                if references.hold_literal(place) {
                    found.push(format!("/steps{at}{place}"));
                }
            });
        }
    }
    found
}

/// The texts of a call that are made of references alone, or with text around them, by their pointers below `params`.
#[derive(Default)]
struct References {
    /// With whether one of them has a default that is not null.
    by_place: HashMap<String, bool>,
}

impl References {
    fn read(&mut self, call: &Call) {
        for (name, template) in call.params() {
            template.visit(&pointer::join("", name), &mut |place, reference, _| {
                let has_default = reference.default.as_ref().is_some_and(|default| !default.is_null());
                *self.by_place.entry(place.to_owned()).or_default() |= has_default;
            });
        }
    }

    fn hold_literal(&self, place: &str) -> bool {
        self.by_place.get(place).is_none_or(|has_default| *has_default)
    }
}

/// Calls `found` with the pointer of each value that is masked.
fn masked_places(given: &Value, masked: &Value, at: &str, found: &mut dyn FnMut(&str)) {
    match (given, masked) {
        (Value::Object(given), Value::Object(masked)) => {
            for (name, given) in given {
                masked_places(given, masked.get(name).unwrap_or(given), &pointer::join(at, name), found);
            }
        }
        (Value::Array(given), Value::Array(masked)) if given.len() == masked.len() => {
            for (index, (given, masked)) in given.iter().zip(masked).enumerate() {
                masked_places(given, masked, &format!("{at}/{index}"), found);
            }
        }
        _ if given != masked => found(at),
        _ => {}
    }
}

/// Returns the steps as they are shown: secrets are masked, references stay.
pub(super) fn shown_steps(flow: &Flow, steps: &Value, known: &NamedConnectors, redactor: &Redactor) -> Value {
    let mut shown = steps.clone();
    for (index, step) in flow.steps.iter().enumerate() {
        let Some(call) = step.call() else { continue };
        let Some(Value::Object(params)) = shown.pointer_mut(&format!("/{index}/params")) else { continue };
        let mut masked = params_of(call, known).map_or_else(|| params.clone(), |fields| mask_fields(fields, params));
        for (name, template) in call.params() {
            let is_plain = template.as_reference().is_some_and(|reference| reference.default.is_none());
            if let (true, Some(given)) = (is_plain, params.get(name)) {
                masked.insert(name.to_owned(), given.clone());
            }
        }
        let mut masked = Value::Object(masked);
        mask_named(&mut masked);
        if let Value::Object(masked) = masked {
            *params = masked;
        }
    }
    redactor.value(&mut shown);
    shown
}

fn params_of<'k>(call: &Call, known: &'k NamedConnectors) -> Option<&'k Fields> {
    let schema = &known.by_name.get(&call.connector)?.schema;
    let name = call.command.as_deref().filter(|name| !name.is_empty()).or(schema.default_command.as_deref())?;
    schema.commands.get(name).map(|command| &command.params)
}
