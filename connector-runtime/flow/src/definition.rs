//! The steps of a run, as typed data.
//!
//! A [`Flow`] is read from JSON with every mistake at its place and writes the same JSON. Whatever can be judged without
//! knowing any connector is judged here; the rest is the [check](crate::check).

mod read;
#[cfg(test)]
#[allow(clippy::needless_pass_by_value, reason = "shorter calls")]
mod tests;
mod wait;

use indexmap::IndexMap;
use serde::ser::SerializeMap as _;
use serde::{Serialize, Serializer};
use serde_json::{Map, Number, Value};

use crate::condition::Condition;
use crate::reference::{Bag, ReferenceError, Template, render_params};

pub(crate) use self::read::instant;
pub use self::read::parse_inputs;
pub use self::wait::{Pause, Wait, WaitError};

/// The most steps of a run.
pub const MAX_STEPS: usize = 100;
/// The most levels of a condition; a comparison alone is one.
pub const MAX_CONDITION_DEPTH: usize = 8;
/// The most conditions in one list.
pub const MAX_CONDITIONS: usize = 100;
/// The longest wait, and the longest pause between attempts: 30 days, in milliseconds.
pub const MAX_WAIT_MS: u64 = 30 * 24 * 60 * 60 * 1000;
/// The longest deadline of a step, in milliseconds.
pub const MAX_TIMEOUT_MS: u64 = 300_000;
/// The most attempts of a step.
pub const MAX_ATTEMPTS: u64 = 10;
/// The largest factor between two pauses of a retry.
pub const MAX_FACTOR: u64 = 10;
/// The most characters of an id or an output key.
pub const MAX_NAME_LENGTH: usize = 63;
/// Roots that the run sets itself; no output key and no input has such a name.
pub const RESERVED_ROOTS: [&str; 2] = ["run", "steps"];

/// The steps of a run in order, and how strictly they are checked.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Flow {
    /// 1 to [`MAX_STEPS`] steps with ids of their own.
    pub steps: Vec<Step>,
    /// Whether warnings about references count as errors.
    pub strict: bool,
}

/// One step: a call or a wait, and when it is taken.
#[derive(Debug, Clone, PartialEq)]
pub struct Step {
    /// Names the step among the steps of its run.
    pub id: String,
    /// The step is skipped if it is false.
    pub when: Option<Condition>,
    /// What the step does.
    pub action: Action,
}

/// What a step does.
#[derive(Debug, Clone, PartialEq)]
pub enum Action {
    /// Calls a command.
    Call(Box<Call>),
    /// Lets time pass.
    Wait(Wait),
}

/// A call of a connector's command.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Call {
    /// The connector's name.
    pub connector: String,
    /// The command; the type's default command where absent.
    pub command: Option<String>,
    /// Params, each parsed once.
    pub params: Option<IndexMap<String, Template>>,
    /// The root under which the payload is kept.
    pub output_key: Option<String>,
    /// How often a failed call is tried again.
    pub retry: Option<Retry>,
    /// The deadline of one attempt, in milliseconds.
    pub timeout_ms: Option<u64>,
    /// The mock scenario that answers instead of the connector.
    pub mock_scenario: Option<String>,
    /// Whether the run goes on when the step fails.
    pub continue_on_error: Option<bool>,
}

impl Call {
    /// Returns the params in the order of the definition.
    pub fn params(&self) -> impl Iterator<Item = (&str, &Template)> {
        self.params.iter().flatten().map(|(name, template)| (name.as_str(), template))
    }

    /// Replaces the references of the params.
    ///
    /// # Errors
    /// The first reference that is absent, or null within a text, with its pointer from the step, such as
    /// `/params/limit`.
    pub fn render_params(&self, bag: &Bag<'_>) -> Result<Map<String, Value>, ReferenceError> {
        render_params(self.params(), bag)
    }

    /// Returns whether the run goes on when the step fails.
    pub fn continues_on_error(&self) -> bool {
        self.continue_on_error.unwrap_or(false)
    }
}

/// How often, and how fast, a failed call is tried again.
#[derive(Debug, Clone, PartialEq)]
pub struct Retry {
    /// Calls in all, the first one included: 1 to [`MAX_ATTEMPTS`].
    pub attempts: u64,
    /// Milliseconds before the second attempt; 1,000 where absent.
    pub backoff_ms: Option<u64>,
    /// What each pause is multiplied by for the next: 1 to [`MAX_FACTOR`]; 2 where absent.
    pub factor: Option<Number>,
    /// The longest pause in milliseconds; 300,000 where absent.
    pub max_backoff_ms: Option<u64>,
}

impl Retry {
    const BACKOFF_MS: u64 = 1000;
    const FACTOR: f64 = 2.0;
    const MAX_BACKOFF_MS: u64 = 300_000;

    /// Returns the milliseconds between an attempt, counted from 1, and the next one; `None` after the last.
    pub fn pause_after(&self, attempt: u64) -> Option<u64> {
        if attempt >= self.attempts {
            return None;
        }
        let most = self.max_backoff_ms.unwrap_or(Self::MAX_BACKOFF_MS).min(MAX_WAIT_MS);
        let factor = self.factor.as_ref().and_then(Number::as_f64).unwrap_or(Self::FACTOR);
        let mut pause = self.backoff_ms.unwrap_or(Self::BACKOFF_MS).min(most);
        for _ in 1..attempt {
            pause = times(pause, factor).min(most);
        }
        Some(pause)
    }
}

/// Multiplies milliseconds; the parts after the point are dropped.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_precision_loss,
    clippy::cast_sign_loss,
    reason = "at most 10 x 30 days"
)]
fn times(pause: u64, factor: f64) -> u64 {
    (pause as f64 * factor) as u64
}

impl Flow {
    /// Returns the position of a step.
    pub fn position(&self, id: &str) -> Option<usize> {
        self.steps.iter().position(|step| step.id == id)
    }
}

impl Step {
    /// Returns the call, if the step is one.
    pub fn call(&self) -> Option<&Call> {
        if let Action::Call(call) = &self.action { Some(call) } else { None }
    }

    /// Calls `found` with each reference of the step, the JSON pointer of its text from the step, such as
    /// `/params/limit`, and whether it stands alone in its text.
    pub fn visit<'s>(&'s self, found: &mut dyn FnMut(&str, &'s crate::reference::Reference, bool)) {
        if let Some(when) = &self.when {
            when.visit("/when", found);
        }
        match &self.action {
            Action::Call(call) => {
                for (name, template) in call.params() {
                    template.visit(&connector_schema::pointer::join("/params", name), found);
                }
            }
            Action::Wait(Wait::For(template)) => template.visit("/wait/forMs", found),
            Action::Wait(Wait::Until(template)) => template.visit("/wait/until", found),
        }
    }
}

/// Writes the list of steps; `strict` is beside it in the body and is not written.
impl Serialize for Flow {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.steps.serialize(serializer)
    }
}

impl Serialize for Step {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("id", &self.id)?;
        match &self.action {
            Action::Call(call) => {
                map.serialize_entry("connector", &call.connector)?;
                entry(&mut map, "command", call.command.as_ref())?;
                entry(&mut map, "params", call.params.as_ref())?;
                entry(&mut map, "outputKey", call.output_key.as_ref())?;
                entry(&mut map, "when", self.when.as_ref())?;
                entry(&mut map, "retry", call.retry.as_ref())?;
                entry(&mut map, "timeoutMs", call.timeout_ms.as_ref())?;
                entry(&mut map, "mockScenario", call.mock_scenario.as_ref())?;
                entry(&mut map, "continueOnError", call.continue_on_error.as_ref())?;
            }
            Action::Wait(wait) => {
                map.serialize_entry("wait", wait)?;
                entry(&mut map, "when", self.when.as_ref())?;
            }
        }
        map.end()
    }
}

impl Serialize for Retry {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("attempts", &self.attempts)?;
        entry(&mut map, "backoffMs", self.backoff_ms.as_ref())?;
        entry(&mut map, "factor", self.factor.as_ref())?;
        entry(&mut map, "maxBackoffMs", self.max_backoff_ms.as_ref())?;
        map.end()
    }
}

/// Writes a key if it has a value.
pub(crate) fn entry<M: serde::ser::SerializeMap>(
    map: &mut M,
    key: &str,
    value: Option<&impl Serialize>,
) -> Result<(), M::Error> {
    value.map_or(Ok(()), |value| map.serialize_entry(key, value))
}

/// Returns whether a text may name an input: a root that a placeholder can read and the run does not set itself.
pub(crate) fn is_root_name(name: &str) -> bool {
    is_step_name(name) && !RESERVED_ROOTS.contains(&name)
}

/// Returns whether a text may name a step.
pub(crate) fn is_step_name(name: &str) -> bool {
    name.starts_with(|first: char| first.is_ascii_alphabetic() || first == '_')
        && name.len() <= MAX_NAME_LENGTH
        && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-'))
}
