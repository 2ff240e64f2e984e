//! The variables of a run: what they hold, what of it is shown, and how they are stored.

use connector_flow::reference::Bag;
use connector_runtime::egress::memory::Reserved;
use connector_runtime::redact::Redactor;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use uuid::Uuid;

use super::MAX_RUN_BYTES;
use crate::error::Error;
use crate::services::Services;
use crate::vault::{Place, Vault};

/// The maximum number of characters of a step's error that later steps can read.
const MAX_ERROR: usize = 4_000;

/// The variables of a run and what its steps came to.
#[derive(Clone, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct RunBag {
    /// The variables.
    pub(super) variables: Map<String, Value>,
    /// `success` and `error` of each step that has ended, by its id.
    steps: Value,
    /// The variables without secrets, where they differ.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    shown: Option<Map<String, Value>>,
    /// The texts of secret params that it may hold.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    secrets: Vec<String>,
}

impl std::fmt::Debug for RunBag {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("RunBag").field("variables", &self.variables.len()).finish_non_exhaustive()
    }
}

/// What a result adds to the variables.
#[derive(Debug, Default)]
pub(super) struct Gain {
    variables: Map<String, Value>,
    payload: Option<(String, Value)>,
}

impl Gain {
    /// Takes the variables of a result and, if it succeeded and the step has an output key, the payload. A success without
    /// one gives null.
    pub(super) fn of(success: bool, variables: Map<String, Value>, payload: Option<Value>, key: Option<&str>) -> Self {
        let payload = key.filter(|_| success).map(|key| (key.to_owned(), payload.unwrap_or(Value::Null)));
        Self { variables, payload }
    }

    fn merge_into(self, bag: &mut Map<String, Value>) {
        bag.extend(self.variables);
        bag.extend(self.payload);
    }
}

impl RunBag {
    /// Creates the bag of a run that starts with variables; `secrets` are the texts of secrets among them.
    pub(super) fn new(variables: Map<String, Value>, secrets: Vec<String>) -> Self {
        let mut bag = Self { variables, steps: json!({}), shown: None, secrets };
        bag.hide(&bag.redactor());
        bag
    }

    /// Returns whether the variables may hold secrets.
    pub(super) fn has_secrets(&self) -> bool {
        !self.secrets.is_empty()
    }

    /// Returns what knows the secrets that the variables may hold.
    pub(super) fn redactor(&self) -> Redactor {
        Redactor::new(self.secrets.iter().cloned())
    }

    /// Remembers the secrets of a call: its result may hold them.
    pub(super) fn learn(&mut self, secrets: Vec<String>) {
        for secret in secrets {
            if !self.secrets.contains(&secret) {
                self.secrets.push(secret);
            }
        }
    }

    /// Returns the bag as references read it.
    pub(super) fn read<'b>(&'b self, run: &'b Value) -> Bag<'b> {
        Bag::new(&self.variables).with_run(run, &self.steps)
    }

    /// Returns the variables without secrets.
    pub(super) fn shown(&self) -> &Map<String, Value> {
        self.shown.as_ref().unwrap_or(&self.variables)
    }

    /// Merges what a result gives. `shown` is the same without secrets, if it has any; `redactor` knows the secrets of the
    /// call, which earlier variables may hold too. Returns false, and merges nothing, if the variables would exceed
    /// [`MAX_RUN_BYTES`].
    pub(super) fn merge(&mut self, gain: Gain, shown: Option<Gain>, redactor: &Redactor) -> bool {
        if gain.variables.is_empty() && gain.payload.is_none() {
            self.hide(redactor);
            return true;
        }
        let before = self.clone();
        if shown.is_some() || self.shown.is_some() {
            let kept = self.shown.get_or_insert_with(|| self.variables.clone());
            match shown {
                Some(shown) => shown.merge_into(kept),
                None => Gain { variables: gain.variables.clone(), payload: gain.payload.clone() }.merge_into(kept),
            }
        }
        gain.merge_into(&mut self.variables);
        if size(&self.variables) > MAX_RUN_BYTES {
            *self = before;
            return false;
        }
        self.hide(redactor);
        true
    }

    /// Notes what a step came to.
    pub(super) fn end_step(&mut self, step: &str, error: Option<&str>, success: bool) {
        let error = error.map(|error| error.chars().take(MAX_ERROR).collect::<String>());
        if let Value::Object(steps) = &mut self.steps {
            steps.insert(step.to_owned(), json!({ "success": success, "error": error }));
        }
    }

    /// Masks secrets in what is shown.
    fn hide(&mut self, redactor: &Redactor) {
        if redactor.is_empty() || !redactor.finds(&text(self.shown())) {
            return;
        }
        let mut shown = Value::Object(self.shown().clone());
        redactor.value(&mut shown);
        if let Value::Object(shown) = shown {
            self.shown = Some(shown);
        }
    }

    /// Seals the bag for its row.
    ///
    /// # Errors
    /// Internal.
    pub(super) fn seal(&self, vault: &Vault, run: Uuid) -> Result<String, Error> {
        let text = serde_json::to_vec(self).map_err(Error::internal)?;
        seal(vault, "run", "bag", run, &text)
    }

    /// Opens the bag of a row; the memory that it takes is held as long as the second value.
    ///
    /// # Errors
    /// Unavailable if there is no memory for it; internal.
    pub(super) fn open(services: &Services, run: Uuid, sealed: &str) -> Result<(Self, Reserved), Error> {
        let text = open(&services.vault, "run", "bag", run, sealed)?;
        // Each value takes a byte at least.
        let reserved = services.work.memory.tree(&text, text.len())?;
        Ok((serde_json::from_slice(&text).map_err(Error::internal)?, reserved))
    }
}

/// Seals a text of a run for a row.
pub(super) fn seal(vault: &Vault, table: &'static str, field: &str, run: Uuid, text: &[u8]) -> Result<String, Error> {
    let row = run.to_string();
    vault.seal(&Place { table, row: &row, field }, text).map_err(Error::internal)
}

/// Opens a sealed text of a run.
pub(super) fn open(
    vault: &Vault,
    table: &'static str,
    field: &str,
    run: Uuid,
    sealed: &str,
) -> Result<impl AsRef<[u8]> + std::ops::Deref<Target = Vec<u8>>, Error> {
    let row = run.to_string();
    vault.open(&Place { table, row: &row, field }, sealed).map_err(Error::internal)
}

/// Returns the bytes of variables as JSON text.
pub(super) fn size(variables: &Map<String, Value>) -> usize {
    struct Count(usize);
    impl std::io::Write for Count {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            self.0 += bytes.len();
            Ok(bytes.len())
        }

        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }
    let mut count = Count(0);
    serde_json::to_writer(&mut count, variables).map_or(usize::MAX, |()| count.0)
}

fn text(variables: &Map<String, Value>) -> String {
    serde_json::to_string(variables).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn map(value: Value) -> Map<String, Value> {
        let Value::Object(map) = value else { panic!("an object") };
        map
    }

    fn plain() -> Redactor {
        Redactor::new([])
    }

    #[test]
    fn variables_merge_flat_and_the_payload_wins() {
        let mut bag = RunBag::new(map(json!({ "a": 1 })), Vec::new());
        let gain = Gain::of(true, map(json!({ "a": 2, "out": 3 })), Some(json!({ "n": 1 })), Some("out"));
        assert!(bag.merge(gain, None, &plain()));
        assert_eq!(Value::Object(bag.variables.clone()), json!({ "a": 2, "out": { "n": 1 } }));
        assert!(bag.merge(Gain::of(false, map(json!({ "b": 1 })), Some(json!(9)), Some("out")), None, &plain()));
        assert!(bag.merge(Gain::of(true, Map::new(), None, Some("none")), None, &plain()));
        assert_eq!(bag.variables["none"], Value::Null);
        assert_eq!((bag.variables["b"].clone(), bag.variables["out"].clone()), (json!(1), json!({ "n": 1 })));
    }

    #[test]
    fn what_would_be_too_large_merges_nothing() {
        let mut bag = RunBag::new(map(json!({ "a": 1 })), Vec::new());
        let large = "x".repeat(MAX_RUN_BYTES);
        assert!(!bag.merge(Gain::of(true, map(json!({ "b": 1 })), Some(json!(large)), Some("out")), None, &plain()));
        assert_eq!(Value::Object(bag.variables.clone()), json!({ "a": 1 }));
        // `{"a":1,"b":""}` is 14 bytes.
        assert!(bag.merge(
            Gain::of(true, map(json!({ "b": "x".repeat(MAX_RUN_BYTES - 14) })), None, None),
            None,
            &plain()
        ));
        assert_eq!(size(&bag.variables), MAX_RUN_BYTES);
    }

    #[test]
    fn what_is_secret_is_read_and_not_shown() {
        let mut bag = RunBag::new(map(json!({ "password": "hunter22", "n": 1 })), vec!["hunter22".to_owned()]);
        assert_eq!(bag.shown()["password"], "[redacted]");
        assert_eq!(bag.variables["password"], "hunter22");
        // A secret that is only known after a later call.
        assert!(bag.merge(Gain::of(true, map(json!({ "t": "token-77" })), None, None), None, &plain()));
        assert_eq!(bag.shown()["t"], "token-77");
        assert!(bag.merge(Gain::default(), None, &Redactor::new(["token-77".to_owned()])));
        assert_eq!((&bag.shown()["t"], &bag.shown()["n"]), (&json!("[redacted]"), &json!(1)));
        // A result that was redacted for another reason.
        let gain = |text: &str| Gain::of(true, map(json!({ "h": text })), None, None);
        assert!(bag.merge(gain("cookie"), Some(gain("[redacted]")), &plain()));
        assert_eq!((bag.variables["h"].clone(), bag.shown()["h"].clone()), (json!("cookie"), json!("[redacted]")));
        assert!(!format!("{bag:?}").contains("hunter22"));
    }

    #[test]
    fn steps_are_read_by_references() {
        let mut bag = RunBag::new(Map::new(), Vec::new());
        bag.end_step("a", Some(&"e".repeat(MAX_ERROR + 1)), false);
        let run = json!({ "id": "r" });
        let steps = bag.read(&run).root("steps").expect("there").clone();
        assert_eq!(steps["a"]["success"], false);
        assert_eq!(steps["a"]["error"].as_str().map(str::len), Some(MAX_ERROR));
    }
}
