//! JSON -> [`Flow`], with every mistake at its JSON pointer.

use std::collections::HashMap;

use connector_schema::{ConfigSchema, Field, FieldKind, Fields, is_command_name};
use indexmap::IndexMap;
use serde_json::{Map, Number, Value, json};

use super::{
    Action, Call, Flow, MAX_ATTEMPTS, MAX_CONDITION_DEPTH, MAX_CONDITIONS, MAX_FACTOR, MAX_NAME_LENGTH, MAX_STEPS,
    MAX_TIMEOUT_MS, MAX_WAIT_MS, RESERVED_ROOTS, Retry, Step, Wait, is_root_name, is_step_name,
};
use crate::condition::{Comparison, Condition};
use crate::mistake::{Mistake, Mistakes, Reader};
use crate::reference::Template;

const CALL_KEYS: [&str; 10] = [
    "id",
    "connector",
    "command",
    "params",
    "outputKey",
    "when",
    "retry",
    "timeoutMs",
    "mockScenario",
    "continueOnError",
];

/// What a name of a step or of an output is.
const NAME_RULE: &str = "a letter or _, then letters, digits, _ or -, at most 63 characters";

impl Flow {
    /// Reads the list of steps, which is at `/steps` of its body.
    ///
    /// # Errors
    /// Every mistake, up to [`MAX_MISTAKES`](crate::mistake::MAX_MISTAKES).
    pub fn parse(steps: &Value, strict: bool) -> Result<Self, Mistakes> {
        let mut reader = Reader::at_key("steps");
        let steps = reader.steps(steps);
        let mistakes = reader.into_mistakes();
        if mistakes.is_empty() { Ok(Self { steps, strict }) } else { Err(Mistakes(mistakes)) }
    }
}

/// Reads the inputs of a definition, which are at `/inputs` of its body: FIELDs by name.
///
/// # Errors
/// Every mistake. Names must be readable by a placeholder, and not be `run` or `steps`.
pub fn parse_inputs(inputs: &Value) -> Result<Fields, Mistakes> {
    const PLACE: &str = "/commands/inputs/paramSchema";
    let mut reader = Reader::at_key("inputs");
    let Some(map) = reader.object(inputs) else { return Err(Mistakes(reader.into_mistakes())) };
    for name in map.keys().filter(|name| !is_root_name(name) || !is_command_name(name)) {
        reader.mistake_at(name, "expected letters, digits and _, not starting with a digit; not run or steps");
    }
    // One reader of FIELDs exists, and it reads whole config schemas.
    let names: Vec<&String> = map.keys().collect();
    let command = json!({ "description": "-", "params": names, "paramSchema": inputs, "outputs": [] });
    let mut mistakes = reader.into_mistakes();
    match ConfigSchema::parse(&json!({ "connectionConfig": {}, "commands": { "inputs": command } })) {
        Ok(schema) if mistakes.is_empty() => {
            return Ok(schema.commands.into_values().next().map(|command| command.params).unwrap_or_default());
        }
        Ok(_) => {}
        Err(error) => mistakes.extend(error.problems.into_iter().filter_map(|problem| {
            let below = problem.pointer.strip_prefix(PLACE)?;
            Some(Mistake { pointer: format!("/inputs{below}"), message: problem.message, column: None })
        })),
    }
    if mistakes.is_empty() {
        mistakes.push(Mistake {
            pointer: "/inputs".to_owned(),
            message: "these fields cannot be read; each is an object with a type".to_owned(),
            column: None,
        });
    }
    Err(Mistakes(mistakes))
}

impl Reader {
    fn steps(&mut self, value: &Value) -> Vec<Step> {
        let Some(list) = self.typed(value, "a list of steps", Value::as_array) else { return Vec::new() };
        if list.is_empty() || list.len() > MAX_STEPS {
            self.mistake(format!("expected 1 to {MAX_STEPS} steps, got {}", list.len()));
        }
        let mut steps = Vec::new();
        let (mut ids, mut keys) = (HashMap::new(), HashMap::new());
        for (index, value) in list.iter().take(MAX_STEPS).enumerate() {
            self.at(&index.to_string(), |reader| {
                let Some(map) = reader.object(value) else { return };
                let step = reader.step(map);
                reader.unique(map, "id", index, &mut ids);
                reader.unique(map, "outputKey", index, &mut keys);
                steps.extend(step);
            });
        }
        steps
    }

    /// Reports a name that an earlier step has.
    fn unique<'v>(&mut self, map: &'v Map<String, Value>, key: &str, index: usize, seen: &mut HashMap<&'v str, usize>) {
        let Some(name) = map.get(key).and_then(Value::as_str) else { return };
        let first = *seen.entry(name).or_insert(index);
        if first != index {
            self.mistake_at(key, format!("{name:.63} is taken by /steps/{first}/{key}; choose another"));
        }
    }

    fn step(&mut self, map: &Map<String, Value>) -> Option<Step> {
        let id = self.required_key(map, "id", |reader, value| reader.name(value));
        let when = self.key(map, "when", |reader, value| reader.condition(value, 1));
        let action = if map.contains_key("wait") && !map.contains_key("connector") {
            self.known_keys(map, &["id", "wait", "when"]);
            self.key(map, "wait", Self::wait).map(Action::Wait)
        } else {
            if map.contains_key("wait") {
                self.mistake_at("wait", "a step calls a connector or waits; make the wait a step of its own");
            }
            let known: Vec<&str> = CALL_KEYS.into_iter().chain(map.contains_key("wait").then_some("wait")).collect();
            self.known_keys(map, &known);
            self.call(map).map(|call| Action::Call(Box::new(call)))
        };
        Some(Step { id: id?, when, action: action? })
    }

    fn call(&mut self, map: &Map<String, Value>) -> Option<Call> {
        if !map.contains_key("connector") {
            self.mistake_at("connector", "missing; a step names a connector, or has wait");
        }
        let connector = self.key(map, "connector", Self::plain_text);
        let call = Call {
            connector: connector.unwrap_or_default(),
            command: self.key(map, "command", Self::plain_text),
            params: self.key(map, "params", Self::params),
            output_key: self.key(map, "outputKey", Self::output_key),
            retry: self.key(map, "retry", Self::retry),
            timeout_ms: self.key(map, "timeoutMs", |reader, value| reader.whole(value, 1, MAX_TIMEOUT_MS)),
            mock_scenario: self.key(map, "mockScenario", Self::plain_text),
            continue_on_error: self.flag(map, "continueOnError"),
        };
        (!call.connector.is_empty()).then_some(call)
    }

    /// Reads a text in which no placeholder is replaced.
    fn plain_text(&mut self, value: &Value) -> Option<String> {
        let text = self.typed(value, "a string", Value::as_str)?;
        if text.contains("{{") {
            self.mistake("placeholders are not replaced here; write the name itself");
            return None;
        }
        if text.is_empty() {
            self.mistake("expected a name, got an empty text");
            return None;
        }
        Some(text.to_owned())
    }

    fn name(&mut self, value: &Value) -> Option<String> {
        let text = self.plain_text(value)?;
        if !is_step_name(&text) {
            let shown: String = text.chars().take(MAX_NAME_LENGTH).collect();
            self.mistake(format!("expected {NAME_RULE}; got {shown:?}"));
            return None;
        }
        Some(text)
    }

    fn output_key(&mut self, value: &Value) -> Option<String> {
        let name = self.name(value)?;
        if RESERVED_ROOTS.contains(&name.as_str()) {
            self.mistake(format!("{name} is set by the run itself; choose another name"));
            return None;
        }
        Some(name)
    }

    fn params(&mut self, value: &Value) -> Option<IndexMap<String, Template>> {
        let map = self.object(value)?;
        if map.contains_key("command") {
            self.mistake_at("command", "command is a reserved name; write the command beside params");
        }
        let mut params = IndexMap::new();
        for (name, value) in map {
            let template = self.at(name, |reader| reader.template(value));
            params.extend(template.map(|template| (name.clone(), template)));
        }
        Some(params)
    }

    fn template(&mut self, value: &Value) -> Option<Template> {
        match Template::parse(value) {
            Ok(template) => Some(template),
            Err(mistakes) => {
                for (below, mistake) in mistakes {
                    self.below(&below, |reader| reader.mistake_in_text(mistake.message, Some(mistake.column)));
                }
                None
            }
        }
    }

    /// Goes down a JSON pointer.
    fn below(&mut self, pointer: &str, report: impl FnOnce(&mut Self)) {
        match pointer.strip_prefix('/') {
            None => report(self),
            Some(rest) => {
                let (step, rest) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
                let step = connector_schema::pointer::unescape(step);
                // A boxed closure, so that the type does not grow with the depth.
                let report: Box<dyn FnOnce(&mut Self) + '_> = Box::new(report);
                self.at(&step, |reader| reader.below(rest, report));
            }
        }
    }

    fn retry(&mut self, value: &Value) -> Option<Retry> {
        let map = self.object(value)?;
        self.known_keys(map, &["attempts", "backoffMs", "factor", "maxBackoffMs"]);
        let attempts = self.required_key(map, "attempts", |reader, value| reader.whole(value, 1, MAX_ATTEMPTS));
        let backoff_ms = self.key(map, "backoffMs", |reader, value| reader.whole(value, 0, MAX_WAIT_MS));
        let factor = self.key(map, "factor", Self::factor);
        let max_backoff_ms = self.key(map, "maxBackoffMs", |reader, value| reader.whole(value, 0, MAX_WAIT_MS));
        Some(Retry { attempts: attempts?, backoff_ms, factor, max_backoff_ms })
    }

    fn factor(&mut self, value: &Value) -> Option<Number> {
        let number = self.typed(value, "a number", Value::as_number)?;
        let mut field = Field::new(FieldKind::Number);
        (field.minimum, field.maximum) = (Some(1_u64.into()), Some(MAX_FACTOR.into()));
        self.fits(&field, value).then(|| number.clone())
    }

    fn fits(&mut self, field: &Field, value: &Value) -> bool {
        let checked = field.check(value);
        if let Err(message) = &checked {
            self.mistake(message);
        }
        checked.is_ok()
    }

    fn wait(&mut self, value: &Value) -> Option<Wait> {
        let map = self.object(value)?;
        self.known_keys(map, &["forMs", "until"]);
        match (map.contains_key("forMs"), map.contains_key("until")) {
            (true, false) => self.key(map, "forMs", Self::wait_for).map(Wait::For),
            (false, true) => self.key(map, "until", Self::wait_until).map(Wait::Until),
            _ => {
                self.mistake("expected either forMs or until");
                None
            }
        }
    }

    fn wait_for(&mut self, value: &Value) -> Option<Template> {
        let template = self.template(value)?;
        if template.as_literal().is_some() {
            self.whole(value, 0, MAX_WAIT_MS)?;
        } else if template.as_reference().is_none() {
            self.mistake("expected a number of milliseconds or one placeholder alone");
            return None;
        }
        Some(template)
    }

    fn wait_until(&mut self, value: &Value) -> Option<Template> {
        self.typed(value, "a string", Value::as_str)?;
        let template = self.template(value)?;
        let fits = template.as_literal().is_none_or(|value| self.fits(&instant(), value));
        fits.then_some(template)
    }

    /// Reads a condition; `level` counts from 1.
    fn condition(&mut self, value: &Value, level: usize) -> Option<Condition> {
        if level > MAX_CONDITION_DEPTH {
            self.mistake(format!("a condition has at most {MAX_CONDITION_DEPTH} levels"));
            return None;
        }
        match value {
            Value::String(_) => {
                let template = self.template(value)?;
                if template.as_reference().is_none() {
                    self.mistake("expected one placeholder alone that reads true or false, such as {{found}}");
                    return None;
                }
                Some(Condition::Holds(template))
            }
            Value::Object(map) => self.condition_object(map, level),
            other => {
                let got = connector_schema::json_type(other);
                self.mistake(format!("expected a placeholder, or an object with value, all, any or not; got {got}"));
                None
            }
        }
    }

    fn condition_object(&mut self, map: &Map<String, Value>, level: usize) -> Option<Condition> {
        if let Some(key) = ["all", "any", "not"].into_iter().find(|key| map.contains_key(*key)) {
            self.known_keys(map, &[key]);
            return match key {
                "all" => self.key(map, key, |reader, value| reader.conditions(value, level)).map(Condition::All),
                "any" => self.key(map, key, |reader, value| reader.conditions(value, level)).map(Condition::Any),
                _ => {
                    let inner = self.key(map, key, |reader, value| reader.condition(value, level + 1));
                    inner.map(|inner| Condition::Not(Box::new(inner)))
                }
            };
        }
        self.known_keys(map, &["value", "is", "to"]);
        let value = self.required_key(map, "value", Self::template);
        let is = self.required_key(map, "is", Self::comparison);
        let to = self.key(map, "to", Self::template);
        let is = is?;
        if is.takes_operand() && !map.contains_key("to") {
            self.mistake_at("to", format!("missing; {is} compares the value to something"));
        } else if !is.takes_operand() && map.contains_key("to") {
            self.mistake_at("to", format!("{is} compares the value to nothing; leave it out"));
        }
        let value = value?;
        if is == Comparison::Exists && value.as_reference().is_none() {
            self.mistake_at("value", "exists asks for one placeholder alone, such as {{order.id}}");
        }
        Some(Condition::Compare { value, is, to })
    }

    fn comparison(&mut self, value: &Value) -> Option<Comparison> {
        let name = self.typed(value, "a string", Value::as_str)?;
        let found = Comparison::ALL.into_iter().find(|is| is.as_str() == name);
        if found.is_none() {
            let known = || Comparison::ALL.into_iter().map(Comparison::as_str);
            let meant = crate::nearest(name, known()).map(|meant| format!("; did you mean {meant}?"));
            let known: Vec<&str> = known().collect();
            self.mistake(format!("expected one of {}{}", known.join(", "), meant.unwrap_or_default()));
        }
        found
    }

    fn conditions(&mut self, value: &Value, level: usize) -> Option<Vec<Condition>> {
        let list = self.typed(value, "a list of conditions", Value::as_array)?;
        if list.is_empty() || list.len() > MAX_CONDITIONS {
            self.mistake(format!("expected 1 to {MAX_CONDITIONS} conditions, got {}", list.len()));
            return None;
        }
        let read =
            |(index, value): (usize, &Value)| self.at(&index.to_string(), |reader| reader.condition(value, level + 1));
        // Every one is read, so that every mistake is found.
        list.iter().enumerate().map(read).collect::<Vec<_>>().into_iter().collect()
    }
}

/// The field of a moment: an RFC 3339 date-time.
pub(crate) fn instant() -> Field {
    Field { format: Some("date-time".to_owned()), ..Field::new(FieldKind::Date) }
}
