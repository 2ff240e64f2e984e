//! What a connector would refuse, or warn of, in a call.

use connector_schema::{Effect, Field, is_missing, pointer, shown_name};
use serde_json::Value;

use super::Checker;
use super::facts::Facts;
use super::fits::{fits, wanted};
use super::item::{Code, Item};
use super::known::{Known, State};
use super::reading::Use;
use crate::definition::Call;
use crate::reference::{Node, Template, listed};
use crate::shape::{ArrayShape, ObjectShape, Rest, Shape};

impl<'a> Checker<'_, 'a> {
    /// Checks connector and command.
    pub(super) fn call(&mut self, index: usize, call: &Call, at: &str, known: &dyn Known) {
        let view = &self.sources.steps[index];
        let Some(connector) = view.connector else {
            let names = known.connector_names();
            let meant = crate::nearest(&call.connector, names);
            let message = format!("there is no connector {}{}", shown_name(&call.connector), did_you_mean(meant));
            let item = Item::new(Code::UnknownConnector, format!("{at}/connector"), message);
            return self.found.error(item.suggest(meant));
        };
        match connector.state {
            State::Ready => {}
            State::Disabled => {
                let message = format!("{} is disabled; its calls fail until it is enabled", call.connector);
                self.found.warn(Item::new(Code::Disabled, format!("{at}/connector"), message));
            }
            // A mock scenario answers without the connection.
            State::NotReady if call.mock_scenario.is_some() => {}
            State::NotReady => {
                let message = format!("{} lacks connection values; its calls fail until they are set", call.connector);
                self.found.warn(Item::new(Code::NotReady, format!("{at}/connector"), message));
            }
        }
        let Some(command) = view.command else {
            let names = || connector.schema.commands.keys().map(String::as_str);
            let has = listed(connector.schema.commands.len(), names());
            let (problem, meant) = match &call.command {
                Some(name) => (format!("unknown command {}", shown_name(name)), crate::nearest(name, names())),
                None => ("no command is named, and the type has no default".to_owned(), None),
            };
            let message = format!("{problem}: {} has {has}{}", call.connector, did_you_mean(meant));
            let item = Item::new(Code::UnknownCommand, format!("{at}/command"), message);
            return self.found.error(item.suggest(meant));
        };
        if command.deprecated {
            let advice = command.deprecated_message.as_deref().map(|advice| format!(": {advice}")).unwrap_or_default();
            let item =
                Item::new(Code::Deprecated, format!("{at}/command"), format!("the command is deprecated{advice}"));
            self.found.warn(item);
        }
        let repeats = call.retry.as_ref().is_some_and(|retry| retry.attempts > 1);
        if repeats && !command.idempotent && command.effect != Some(Effect::Read) {
            let message = "the command is neither idempotent nor only reads; a second attempt may have a second effect, \
                           and after an unknown outcome none is made";
            self.found.warn(Item::new(Code::RetryNotIdempotent, format!("{at}/retry"), message));
        }
    }

    /// Checks every param against its field.
    pub(super) fn params(&mut self, index: usize, call: &'a Call, at: &str, facts: &Facts<'a>) {
        let view = &self.sources.steps[index];
        let fields = view.command.map(|command| &command.params);
        let takes_any = view.connector.is_none_or(|connector| connector.schema.open);
        for (name, template) in call.params() {
            let place = pointer::join(&format!("{at}/params"), name);
            let field = fields.and_then(|fields| fields.get(name));
            match (field, template.as_literal()) {
                (Some(field), Some(value)) => self.literal(field, value, &place),
                (Some(field), None) => self.value(index, template, &place, Use::Field(field), facts),
                (None, Some(_)) => {}
                (None, None) => self.value(index, template, &place, Use::Value, facts),
            }
            if let (None, Some(fields), false) = (field, fields, takes_any) {
                let meant = crate::nearest(name, fields.keys().map(String::as_str));
                let takes = match fields.len() {
                    0 => "it takes none".to_owned(),
                    many => format!("it takes {}", listed(many, fields.keys().map(String::as_str))),
                };
                let message = format!("the command does not know this param; {takes}{}", did_you_mean(meant));
                self.found.warn(Item::new(Code::UnknownParam, place, message).suggest(meant));
            }
        }
        for (name, field) in fields.into_iter().flatten() {
            let is_given = call.params.as_ref().is_some_and(|params| params.contains_key(name));
            if !is_given && is_missing(field, None) {
                self.missing(&pointer::join(&format!("{at}/params"), name), field);
            }
        }
    }

    /// Checks a literal param as execute does: with the one validator of fields.
    fn literal(&mut self, field: &Field, value: &Value, place: &str) {
        if is_missing(field, Some(value)) {
            self.missing(place, field);
        } else if !value.is_null()
            && let Err(message) = field.check_within(value, &mut self.fuel)
        {
            self.found.error(Item::new(Code::InvalidParam, place, message));
        }
    }

    fn missing(&mut self, place: &str, field: &Field) {
        let message = format!("missing required param; expected {}", wanted(field));
        self.found.error(Item::new(Code::MissingParam, place, message));
    }

    /// Checks a value that is made of a text around placeholders, or of a list or object with placeholders in it.
    pub(super) fn made_value(&mut self, template: &Template, at: &str, field: &Field) {
        let shape = match &template.0 {
            Node::Literal(_) => return,
            Node::Text { .. } => Shape::TEXT,
            Node::Array(_) => Shape::Array(Box::new(ArrayShape::of(Shape::Any))),
            Node::Object(_) => Shape::Object(ObjectShape { properties: indexmap::IndexMap::new(), rest: Rest::Unsaid }),
        };
        if !fits(&shape, field) {
            let hint = if shape == Shape::TEXT { "; a placeholder alone keeps its type" } else { "" };
            let message = format!("this makes a value of type {shape}, which is not {}{hint}", wanted(field));
            self.found.error(Item::new(Code::TypeMismatch, at, message));
        }
    }

    /// Checks the name under which the payload is kept.
    pub(super) fn output(&mut self, index: usize, call: &Call, at: &str) {
        let Some(key) = &call.output_key else { return };
        let place = format!("{at}/outputKey");
        if self.sources.is_given_before(key, index) {
            let message = format!("{key} is given before this step, and hidden from here on; choose another name");
            self.found.warn(Item::new(Code::Shadowed, place.clone(), message));
        }
        // The last call's output is what a run is for.
        let has_later_call = self.sources.last_call.is_some_and(|last| last > index);
        if has_later_call && !self.sources.is_read_after(key, index) {
            let message = format!("no later step reads {key}; leave outputKey out if nobody needs it");
            self.found.warn(Item::new(Code::UnusedOutput, place, message));
        }
    }
}

fn did_you_mean(meant: Option<&str>) -> String {
    meant.map(|meant| format!("; did you mean {meant}?")).unwrap_or_default()
}
