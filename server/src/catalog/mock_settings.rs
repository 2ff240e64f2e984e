//! Checks the mock settings of a connector when they are written, so that a mistake in them is reported at its place and
//! not by the first call that meets it.

use connector_runtime::mock::DEFAULT_SCENARIO;
use connector_runtime::outcome::Reply;
use connector_runtime::result::ReplyOrigin;
use connector_runtime::schema::{ConfigSchema, json_type, nearest_name, pointer, shown_name};
use serde_json::{Map, Value};

use crate::error::{Error, Mistake};

/// The keys of mock settings.
const KEYS: [&str; 3] = ["enabled", "data", "script"];
/// Maximum number of mistakes that one answer lists.
const MAX_MOCK_MISTAKES: usize = 50;

/// Checks mock settings, or a change of them, against the commands of the type. A null removes a key.
///
/// # Errors
/// 422 with the pointer of each mistake, of which at most [`MAX_MOCK_MISTAKES`] are listed.
pub(super) fn check(mock: &Map<String, Value>, schema: &ConfigSchema) -> Result<(), Error> {
    let mut mistakes = Vec::new();
    for (key, value) in mock {
        let at = pointer::of(["mock", key]);
        match (key.as_str(), value) {
            ("enabled" | "data" | "script", Value::Null)
            | ("enabled", Value::Bool(_))
            | ("script", Value::String(_)) => {}
            ("data", Value::Object(data)) => check_data(data, &at, schema, &mut mistakes),
            ("enabled", other) => mistakes.push(Mistake::new(at, wanted("true or false", other))),
            ("data", other) => {
                mistakes.push(Mistake::new(at, wanted("an object with an entry for each command", other)));
            }
            ("script", other) => mistakes.push(Mistake::new(at, wanted("JavaScript as a text", other))),
            _ => mistakes.push(Mistake::new(at, unknown("key", key, KEYS, "mock settings have"))),
        }
    }
    mistakes.truncate(MAX_MOCK_MISTAKES);
    if mistakes.is_empty() { Ok(()) } else { Err(Error::invalid(mistakes)) }
}

/// Like [`check`], for a change: entries of `data` that are stored already may stay, also if the type has changed since.
///
/// # Errors
/// Those of [`check`].
pub(super) fn check_change(
    mock: &Map<String, Value>,
    stored: &Map<String, Value>,
    schema: &ConfigSchema,
) -> Result<(), Error> {
    let mut changed = mock.clone();
    let stored = stored.get("data").and_then(Value::as_object);
    if let (Some(Value::Object(data)), Some(stored)) = (changed.get_mut("data"), stored) {
        data.retain(|command, entry| stored.get(command) != Some(entry));
    }
    check(&changed, schema)
}

fn check_data(data: &Map<String, Value>, at: &str, schema: &ConfigSchema, mistakes: &mut Vec<Mistake>) {
    for (command, entry) in data {
        let at = pointer::join(at, command);
        if schema.command(command).is_none() {
            let known = schema.commands.keys().map(String::as_str);
            mistakes.push(Mistake::new(at, unknown("command", command, known, "the type has")));
            continue;
        }
        match entry {
            // It passes on to what comes after `data`.
            Value::Null => {}
            Value::Object(result) if result.get("success").is_some_and(Value::is_boolean) => {
                check_result(entry, &at, mistakes);
            }
            Value::Object(scenarios) => {
                for (scenario, result) in scenarios {
                    check_result(result, &pointer::join(&at, scenario), mistakes);
                }
            }
            other => {
                let what = format!(
                    "a result with a boolean `success`, or an object with a result for each scenario, such as {DEFAULT_SCENARIO}"
                );
                mistakes.push(Mistake::new(at, wanted(&what, other)));
            }
        }
        if mistakes.len() > MAX_MOCK_MISTAKES {
            return;
        }
    }
}

fn check_result(result: &Value, at: &str, mistakes: &mut Vec<Mistake>) {
    if let Err(error) = Reply::read(result.clone(), ReplyOrigin::Script) {
        mistakes.push(Mistake::new(at, error));
    }
}

fn wanted(what: &str, got: &Value) -> String {
    format!("expected {what}, got {}", json_type(got))
}

/// Says that a name is unknown, with the nearest known one, else with some of those that are known.
fn unknown<'n>(what: &str, name: &str, known: impl IntoIterator<Item = &'n str> + Clone, of: &str) -> String {
    /// Maximum number of names that a message lists.
    const MAX_NAMED: usize = 30;
    let shown = shown_name(name);
    match nearest_name(name, known.clone()) {
        Some(meant) => format!("unknown {what} {shown}; did you mean {meant}?"),
        None => {
            let names: Vec<&str> = known.into_iter().take(MAX_NAMED).collect();
            let names = if names.is_empty() { "none".to_owned() } else { names.join(", ") };
            format!("unknown {what} {shown}; {of} {names}")
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn schema() -> ConfigSchema {
        let commands = json!({ "list": { "params": [], "outputs": [] }, "getUser": { "params": [], "outputs": [] } });
        ConfigSchema::parse(&json!({ "connectionConfig": {}, "commands": commands })).unwrap()
    }

    #[test]
    fn what_is_stored_may_stay_as_it_is() {
        let of = |value: Value| value.as_object().unwrap().clone();
        let stored = of(json!({ "data": { "gone": { "success": true }, "list": { "data": 1 } } }));
        let same = of(json!({ "enabled": true, "data": { "gone": { "success": true }, "list": { "data": 1 } } }));
        check_change(&same, &stored, &schema()).unwrap();
        let other = of(json!({ "data": { "gone": { "success": false }, "list": null } }));
        let error = check_change(&other, &stored, &schema()).unwrap_err();
        let places: Vec<&str> = error.mistakes().iter().map(|mistake| mistake.pointer.as_str()).collect();
        assert_eq!(places, ["/mock/data/gone"], "null passes on to what comes after data");
    }

    fn mistakes(mock: &Value) -> Vec<(String, String)> {
        match check(mock.as_object().unwrap(), &schema()) {
            Ok(()) => Vec::new(),
            Err(error) => error.mistakes().iter().map(|it| (it.pointer.clone(), it.message.clone())).collect(),
        }
    }

    #[test]
    fn what_mocks_may_be_is_taken() {
        for mock in [
            json!({}),
            json!({ "enabled": true, "data": null, "script": null }),
            json!({ "data": { "list": { "success": true, "payload": [1] }, "getUser": {} }, "script": "" }),
            json!({ "data": { "list": { "default": { "payload": 1 }, "empty": null, "down": { "error": "no" } } } }),
        ] {
            assert_eq!(mistakes(&mock), [], "{mock}");
        }
        let anything = ConfigSchema { open: true, ..ConfigSchema::default() };
        check(json!({ "data": { "whatever": { "success": true } } }).as_object().unwrap(), &anything).unwrap();
    }

    #[test]
    fn each_mistake_is_reported_at_its_place() {
        for (mock, at, text) in [
            (json!({ "enbled": true }), "/mock/enbled", "unknown key enbled; did you mean enabled?"),
            (json!({ "enabled": 1 }), "/mock/enabled", "expected true or false, got number"),
            (json!({ "data": [] }), "/mock/data", "expected an object with an entry for each command, got array"),
            (json!({ "script": {} }), "/mock/script", "expected JavaScript as a text, got object"),
            (json!({ "data": { "getUsr": {} } }), "/mock/data/getUsr", "unknown command getUsr; did you mean getUser?"),
            (json!({ "data": { "a/b": {} } }), "/mock/data/a~1b", "unknown command a/b; the type has list, getUser"),
            (json!({ "data": { "list": "ok" } }), "/mock/data/list", "expected a result with a boolean `success`"),
            (
                json!({ "data": { "list": { "success": true, "error": 1 } } }),
                "/mock/data/list",
                "error must be a string",
            ),
            (json!({ "data": { "list": { "x": [1] } } }), "/mock/data/list/x", "returned an array"),
            (json!({ "data": { "list": { "x": { "success": 1 } } } }), "/mock/data/list/x", "must be true or false"),
            (json!({ "data": { "list": { "x": { "paylod": 1 } } } }), "/mock/data/list/x", "it has: paylod"),
            (
                json!({ "data": { "list": { "x": { "success": true, "data": 1 } } } }),
                "/mock/data/list/x",
                "protocol 1.x",
            ),
        ] {
            let found = mistakes(&mock);
            let [(pointer, message)] = &found[..] else { panic!("{mock}: {found:?}") };
            assert!(pointer == at && message.contains(text), "{mock}: {pointer}: {message}");
        }
    }

    #[test]
    fn only_so_many_mistakes_are_listed() {
        let data: Map<String, Value> = (0..1_000).map(|number| (format!("nothing{number}"), json!({}))).collect();
        assert_eq!(mistakes(&json!({ "data": data })).len(), MAX_MOCK_MISTAKES);
    }
}
