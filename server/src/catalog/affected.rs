//! Which connectors a breaking change affects: those that have a field set, or lack it, and those whose calls of the
//! last 30 days used a command or a param. The work is bounded: only the newest calls of a connector are read, and
//! those of at most [`MAX_CONNECTORS`] connectors.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use connector_runtime::schema::{ConfigSchema, is_missing};
use connector_runtime::version::{Affects, Change, Changes};
use floh_client::answers::Affected;
use jiff::{SignedDuration, Timestamp};
use serde_json::value::RawValue;
use uuid::Uuid;

use crate::services::Services;
pub use crate::store::MAX_RECENT_CALLS;
use crate::store::{RecentCall, StoreError, StoredConfig};

/// The maximum number of connectors whose calls are read.
pub(super) const MAX_CONNECTORS: usize = 2_000;
/// The maximum number of items in an answer.
pub(super) const MAX_NAMED: usize = 1_000;
/// The age up to which calls count.
const RECENT: SignedDuration = SignedDuration::from_hours(30 * 24);

/// How an affected connector used what changes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AffectedUse {
    /// The connector, and the pointer of the change.
    pub affected: Affected,
    /// Its calls that used it; `None` if the change is of the connection, which no call names, or if they are not told.
    pub calls: Option<RecentUse>,
}

/// The calls of a connector that used something, among its newest ones of the last 30 days.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RecentUse {
    /// How many.
    pub calls: u64,
    /// When the last of them was made.
    pub last: Timestamp,
}

impl RecentUse {
    fn and(so_far: Option<Self>, calls: u64, last: Timestamp) -> Option<Self> {
        let before = so_far.map_or(0, |used| used.calls);
        Some(Self { calls: before + calls, last: so_far.map_or(last, |used| used.last.max(last)) })
    }
}

/// The connectors that a change affects.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct AffectedList {
    /// The first of them, by connector and pointer.
    pub uses: Vec<AffectedUse>,
    /// The number of all, if it is greater than the number of `uses`.
    pub total: Option<usize>,
}

/// The reason why a connector is affected.
#[derive(Debug, PartialEq, Eq)]
enum Touch<'c> {
    /// It has the connection field.
    Has(&'c str),
    /// It relies on the connection field's default.
    Lacks(&'c str),
    /// It lacks the connection field, which is now required.
    Misses(&'c str),
    /// It called the command.
    Calls(&'c str),
    /// It called the command with the param.
    Gives(&'c str, &'c str),
}

/// Finds the connectors that a change affects.
///
/// # Errors
/// Database errors.
pub(super) async fn affected(
    services: &Services,
    type_id: Uuid,
    old: &ConfigSchema,
    new: &ConfigSchema,
    changes: &Changes,
) -> Result<AffectedList, StoreError> {
    let touches: Vec<(Touch<'_>, &str)> =
        changes.items.iter().filter_map(|change| Some((touch(change, old)?, change.pointer.as_str()))).collect();
    if touches.is_empty() {
        return Ok(AffectedList::default());
    }
    let commands: BTreeSet<&str> = touches.iter().filter_map(|(touch, _)| command(touch)).collect();
    let params = touches.iter().any(|(touch, _)| matches!(touch, Touch::Gives(..)));
    let since = Timestamp::now() - RECENT;
    let mut found = Found::default();
    let (mut after, mut looked_at) = (None, 0);
    loop {
        let batch = services.store.connectors().configs(type_id, after).await?;
        let Some(last) = batch.last() else { return Ok(found.into()) };
        after = Some(last.id);
        for stored in &batch {
            looked_at += 1;
            let calls = if commands.is_empty() || looked_at > MAX_CONNECTORS {
                Vec::new()
            } else {
                services.store.executions().recent_calls(stored.id, since, &commands, params, MAX_RECENT_CALLS).await?
            };
            let used = Used::of(calls);
            let touched = touches.iter().filter(|(touch, _)| used.is_touched(touch, stored, new));
            let pointers = touched.map(|(touch, pointer)| (*pointer, used.calls_of(touch))).collect();
            found.add(&stored.name, &pointers);
        }
    }
}

fn command<'c>(touch: &Touch<'c>) -> Option<&'c str> {
    match touch {
        Touch::Calls(command) | Touch::Gives(command, _) => Some(command),
        Touch::Has(_) | Touch::Lacks(_) | Touch::Misses(_) => None,
    }
}

/// Returns what a change affects: its pointer names the thing, its rule says whose calls. Names contain no characters
/// that a pointer would escape.
fn touch<'c>(change: &'c Change, old: &'c ConfigSchema) -> Option<Touch<'c>> {
    if change.rule.affects == Affects::Nobody {
        return None;
    }
    // A change inside a nested value affects every caller that sends the value.
    let affects = |key: Option<&str>| if key == Some("schema") { Affects::Users } else { change.rule.affects };
    let mut steps = change.pointer.split('/').skip(1);
    let mut step = || steps.next();
    match (step()?, step()) {
        ("connectionConfig", Some(field)) => Some(match affects(step()) {
            Affects::WithoutValue => Touch::Misses(field),
            Affects::DefaultUsers => Touch::Lacks(field),
            Affects::Users | Affects::Nobody => Touch::Has(field),
        }),
        ("commands", Some(command)) => match (step(), step()) {
            (Some("paramSchema"), Some(param)) if affects(step()) == Affects::Users => {
                Some(Touch::Gives(command, param))
            }
            _ => Some(Touch::Calls(command)),
        },
        ("defaultCommand", _) => old.default_command.as_deref().map(Touch::Calls),
        _ => None,
    }
}

/// What a connector's recent calls used.
#[derive(Debug, Default)]
struct Used {
    commands: HashMap<String, RecentUse>,
    params: HashMap<(String, String), RecentUse>,
    /// Commands with calls whose params are too large to read: any param may be among them.
    unseen: HashMap<String, RecentUse>,
}

/// Adds calls to those of a key.
fn add<K: std::hash::Hash + Eq>(uses: &mut HashMap<K, RecentUse>, key: K, calls: u64, last: Timestamp) {
    let so_far = uses.get(&key).copied();
    uses.extend(RecentUse::and(so_far, calls, last).map(|used| (key, used)));
}

impl Used {
    fn of(calls: Vec<RecentCall>) -> Self {
        let mut used = Self::default();
        for RecentCall { command, params, calls, last } in calls {
            match params.as_deref().map(serde_json::from_str::<BTreeMap<String, &RawValue>>) {
                Some(Ok(params)) => {
                    for (name, _) in params.into_iter().filter(|(_, value)| value.get() != "null") {
                        add(&mut used.params, (command.clone(), name), calls, last);
                    }
                }
                _ => add(&mut used.unseen, command.clone(), calls, last),
            }
            add(&mut used.commands, command, calls, last);
        }
        used
    }

    /// Returns the calls that used what a change touches; those whose params cannot be read count.
    fn calls_of(&self, touch: &Touch<'_>) -> Option<RecentUse> {
        match *touch {
            Touch::Has(_) | Touch::Lacks(_) | Touch::Misses(_) => None,
            Touch::Calls(command) => self.commands.get(command).copied(),
            Touch::Gives(command, param) => {
                let given = self.params.get(&(command.to_owned(), param.to_owned())).copied();
                let unseen = self.unseen.get(command);
                unseen.map_or(given, |unseen| RecentUse::and(given, unseen.calls, unseen.last))
            }
        }
    }

    fn is_touched(&self, touch: &Touch<'_>, stored: &StoredConfig, new: &ConfigSchema) -> bool {
        let given = |field: &str| stored.config.get(field).filter(|value| !value.is_null());
        let sealed = |field: &str| stored.secrets.iter().any(|secret| secret.field == field);
        let lacks = |field: &str| given(field).is_none() && !sealed(field);
        match *touch {
            Touch::Has(field) => !lacks(field),
            Touch::Lacks(field) => lacks(field),
            Touch::Misses(field) => {
                let missing = new.connection.get(field).is_some_and(|now| is_missing(now, given(field)));
                missing && !sealed(field)
            }
            Touch::Calls(command) => self.commands.contains_key(command),
            Touch::Gives(command, param) => {
                self.unseen.contains_key(command) || self.params.contains_key(&(command.to_owned(), param.to_owned()))
            }
        }
    }
}

/// The affected connectors so far: the first by name, and the count of all.
#[derive(Debug, Default)]
struct Found {
    items: BTreeMap<Affected, Option<RecentUse>>,
    total: usize,
}

impl Found {
    fn add(&mut self, connector: &str, pointers: &BTreeMap<&str, Option<RecentUse>>) {
        self.total += pointers.len();
        for (pointer, calls) in pointers {
            let affected = Affected { connector: connector.to_owned(), pointer: (*pointer).to_owned() };
            self.items.insert(affected, *calls);
            if self.items.len() > MAX_NAMED {
                self.items.pop_last();
            }
        }
    }
}

impl From<Found> for AffectedList {
    fn from(found: Found) -> Self {
        let total = (found.total > found.items.len()).then_some(found.total);
        let uses = found.items.into_iter().map(|(affected, calls)| AffectedUse { affected, calls });
        Self { uses: uses.collect(), total }
    }
}

#[cfg(test)]
mod tests {
    use connector_runtime::version::diff;
    use serde_json::{Map, Value, json};

    use super::*;

    fn call(command: &str, params: Option<&str>) -> RecentCall {
        let last = Timestamp::UNIX_EPOCH;
        RecentCall { command: command.to_owned(), params: params.map(str::to_owned), calls: 3, last }
    }

    #[test]
    fn a_change_touches_what_its_rule_says() {
        let schema = |config: Value, value: Value| {
            let commands = json!({ "list": { "params": ["value"], "paramSchema": { "value": value } } });
            ConfigSchema::parse(&json!({ "connectionConfig": config, "commands": commands })).unwrap()
        };
        let object =
            |properties: Value| json!({ "type": "object", "schema": { "type": "object", "properties": properties } });
        let text = |keys: Value| {
            let mut field = json!({ "type": "string" });
            field.as_object_mut().unwrap().extend(keys.as_object().unwrap().clone());
            field
        };
        let with_default = || json!({ "a": { "type": "string", "default": "x" } });
        let bare = || json!({ "a": { "type": "string" } });
        for (old, new, of_field, of_param) in [
            (text(json!({})), json!({ "type": "number" }), Some(Touch::Has("f")), Some(Touch::Gives("list", "value"))),
            (text(json!({ "default": "x" })), text(json!({})), Some(Touch::Lacks("f")), Some(Touch::Calls("list"))),
            (text(json!({})), text(json!({ "required": true })), Some(Touch::Misses("f")), Some(Touch::Calls("list"))),
            (object(with_default()), object(bare()), Some(Touch::Has("f")), Some(Touch::Gives("list", "value"))),
            (text(json!({})), text(json!({ "default": "x" })), None, None),
        ] {
            let (before, after) = (schema(json!({ "f": old }), old.clone()), schema(json!({ "f": new }), new.clone()));
            let changes = diff(&before, &after);
            let touches: Vec<_> = changes.items.iter().map(|change| touch(change, &before)).collect();
            assert_eq!(touches, [of_field, of_param], "{old} -> {new}: {changes:?}");
        }
    }

    #[test]
    fn params_that_are_too_long_to_be_read_may_hold_any() {
        let calls = vec![
            call("list", Some(r#"{"a":1,"b":null,"a\u0062":{}}"#)),
            call("get", None),
            call("put", Some("broken")),
        ];
        let used = Used::of(calls);
        let stored = StoredConfig {
            id: Uuid::nil(),
            name: String::new(),
            execution_model: None,
            endpoint_url: None,
            config: Map::new(),
            secrets: Vec::new(),
        };
        let touched = |touch: Touch<'_>| used.is_touched(&touch, &stored, &ConfigSchema::default());
        assert!(touched(Touch::Gives("list", "a")) && touched(Touch::Gives("list", "ab")));
        assert!(!touched(Touch::Gives("list", "b")) && !touched(Touch::Gives("list", "c")));
        assert!(touched(Touch::Gives("get", "anything")) && touched(Touch::Gives("put", "anything")));
        assert!(touched(Touch::Calls("get")) && !touched(Touch::Calls("delete")));
        let calls = |touch: Touch<'_>| used.calls_of(&touch).map(|used| used.calls);
        assert_eq!((calls(Touch::Gives("list", "a")), calls(Touch::Gives("get", "any"))), (Some(3), Some(3)));
        assert_eq!((calls(Touch::Calls("put")), calls(Touch::Has("f"))), (Some(3), None));
        assert!(touched(Touch::Lacks("f")) && !touched(Touch::Has("f")) && !touched(Touch::Misses("f")));
    }

    #[test]
    fn an_answer_names_so_many_and_counts_the_rest() {
        let mut found = Found::default();
        for number in (0..600).rev() {
            found.add(&format!("c{number:03}"), &BTreeMap::from([("/a", None), ("/b", None)]));
        }
        let list = AffectedList::from(found);
        assert_eq!((list.uses.len(), list.total), (MAX_NAMED, Some(1_200)));
        let name = |place: usize| list.uses[place].affected.connector.as_str();
        assert_eq!((name(0), name(999)), ("c000", "c499"));
        let mut found = Found::default();
        found.add("one", &BTreeMap::from([("/a", None)]));
        assert_eq!(AffectedList::from(found).total, None);
    }
}
