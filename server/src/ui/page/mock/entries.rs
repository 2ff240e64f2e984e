//! The stored results of a mock as a list of scenarios, and back.

use connector_runtime::mock::DEFAULT_SCENARIO;
use connector_runtime::schema::{Command, pointer};
use serde_json::{Map, Value, json};

use crate::ui::form::{Mistakes, Typed};
use crate::ui::part::editor::Mark;

/// The place of the list.
pub(super) const DATA: &str = "/mock/data";
/// The most scenarios that the page shows; the data of a connector with more is changed over REST.
pub(super) const MAX_SCENARIOS: usize = 200;
/// The most bytes of a result that the page edits.
pub(super) const MAX_RESULT_BYTES: usize = 256 * 1024;
/// What follows the place of an entry whose result is too large for the page and stays as it is stored.
const KEPT: &str = "kept";

/// One scenario.
#[derive(Debug, Clone, PartialEq)]
struct Entry {
    command: String,
    scenario: String,
    result: Value,
}

/// The scenarios of a mock.
#[derive(Debug)]
pub(super) struct Entries(Vec<Entry>);

/// What was read from the list.
#[derive(Debug, Default)]
pub(super) struct Read {
    /// The data of all commands; `None` if the page does not show it.
    pub(super) data: Option<Map<String, Value>>,
    pub(super) mistakes: Mistakes,
    pub(super) wrong: Vec<(usize, Mark)>,
}

fn is_result(value: &Value) -> bool {
    value.get("success").is_some_and(Value::is_boolean)
}

/// The scenarios of one command as they are stored.
fn scenarios(entry: &Value) -> Vec<(String, Value)> {
    match entry {
        entry if is_result(entry) => vec![(DEFAULT_SCENARIO.to_owned(), entry.clone())],
        Value::Object(map) => map.iter().map(|(name, result)| (name.clone(), result.clone())).collect(),
        _ => Vec::new(),
    }
}

impl Entries {
    /// Reads the scenarios that are stored.
    pub(super) fn of(mock: &Map<String, Value>) -> Self {
        let data = mock.get("data").and_then(Value::as_object);
        let all = data.into_iter().flatten().flat_map(|(command, entry)| {
            let named = scenarios(entry).into_iter();
            named.map(|(scenario, result)| Entry { command: command.clone(), scenario, result })
        });
        Self(all.collect())
    }

    /// Writes them into the inputs, if they are not too many.
    pub(super) fn fill(&self, typed: &mut Typed) {
        if self.0.len() > MAX_SCENARIOS {
            return;
        }
        typed.set_count(DATA, self.0.len());
        for (number, Entry { command, scenario, result }) in self.0.iter().enumerate() {
            let at = format!("{DATA}/{number}");
            typed.set(format!("{at}/command"), command.clone());
            typed.set(format!("{at}/scenario"), scenario.clone());
            let text = pretty(result);
            if text.len() > MAX_RESULT_BYTES {
                typed.set(format!("{at}/{KEPT}"), scenario.clone());
            } else {
                typed.set(format!("{at}/result"), text);
            }
        }
    }
}

/// Returns whether the page shows the scenarios.
pub(super) fn are_shown(typed: &Typed) -> bool {
    typed.get(&format!("{DATA}~n")).is_some()
}

/// Returns whether an entry has a result that is too large for the page.
pub(super) fn is_kept(typed: &Typed, number: usize) -> bool {
    typed.get(&format!("{DATA}/{number}/{KEPT}")).is_some()
}

/// Adds a scenario behind those of its command, and returns its number. The first one of a command is its default.
pub(super) fn add(typed: &mut Typed, command: &str, word: &str, result: &Value) -> usize {
    let count = typed.count(DATA);
    let number = count.min(MAX_SCENARIOS);
    let of_command = |number: &usize| typed.text(&format!("{DATA}/{number}/command")) == command;
    let taken: Vec<String> = (0..count)
        .filter(of_command)
        .map(|number| typed.text(&format!("{DATA}/{number}/scenario")).to_owned())
        .collect();
    let numbered = (2..).map(|number| format!("{word}-{number}"));
    let names = [DEFAULT_SCENARIO.to_owned(), word.to_owned()].into_iter().chain(numbered);
    let scenario = names.into_iter().find(|name| !taken.contains(name)).unwrap_or_default();
    typed.set_count(DATA, number + 1);
    let at = format!("{DATA}/{number}");
    typed.set(format!("{at}/command"), command);
    typed.set(format!("{at}/scenario"), scenario);
    typed.set(format!("{at}/result"), pretty(result));
    number
}

/// A result with the outputs of a command, to be filled in.
pub(super) fn skeleton(command: &Command) -> Value {
    let payload: Map<String, Value> = command.outputs.iter().map(|name| (name.clone(), Value::Null)).collect();
    json!({ "success": true, "payload": payload })
}

/// Reads the list. A command whose scenarios are as they were keeps the form in which they are stored.
pub(super) fn read(typed: &Typed, stored: &Map<String, Value>) -> Read {
    let mut read = Read::default();
    if !are_shown(typed) {
        return read;
    }
    let kept = Entries::of(stored);
    let mut data: Map<String, Value> = Map::new();
    for number in 0..typed.count(DATA) {
        let at = format!("{DATA}/{number}");
        let (command, scenario) = (typed.text(&format!("{at}/command")), typed.text(&format!("{at}/scenario")).trim());
        if scenario.is_empty() {
            let told = format!("enter a name; {DEFAULT_SCENARIO} answers calls that name none");
            read.mistakes.add(&format!("{at}/scenario"), told);
            continue;
        }
        let Some(result) = result(typed, number, &kept, &mut read) else { continue };
        let Value::Object(named) = data.entry(command).or_insert_with(|| json!({})) else { continue };
        if named.insert(scenario.to_owned(), result).is_some() {
            read.mistakes.add(&format!("{at}/scenario"), format!("{command} has the scenario {scenario} twice"));
        }
    }
    let known = stored.get("data").and_then(Value::as_object);
    for (command, entry) in &mut data {
        let before = known.and_then(|known| known.get(command));
        let now = scenarios(entry);
        match before {
            Some(before) if scenarios(before) == now => *entry = before.clone(),
            _ => {
                if let [(name, result)] = &now[..]
                    && name == DEFAULT_SCENARIO
                    && is_result(result)
                {
                    *entry = result.clone();
                }
            }
        }
    }
    read.data = Some(data);
    read
}

fn result(typed: &Typed, number: usize, kept: &Entries, read: &mut Read) -> Option<Value> {
    let at = format!("{DATA}/{number}");
    let mut wrong = |mark: Mark| {
        read.wrong.push((number, mark));
        None
    };
    let plain = |message: String| Mark { line: None, column: None, message };
    if let Some(name) = typed.get(&format!("{at}/{KEPT}")) {
        let command = typed.text(&format!("{at}/command"));
        let found = kept.0.iter().find(|entry| entry.command == command && entry.scenario == name);
        return match found {
            Some(entry) => Some(entry.result.clone()),
            None => wrong(plain("the result that was stored is gone; remove the scenario".to_owned())),
        };
    }
    let text = typed.text(&format!("{at}/result"));
    if text.len() > MAX_RESULT_BYTES {
        let limit = MAX_RESULT_BYTES / 1024;
        return wrong(plain(format!(
            "the result has {} KiB; this page takes {limit} KiB, REST takes more",
            text.len().div_ceil(1024)
        )));
    }
    match serde_json::from_str(text) {
        Ok(value) => Some(value),
        Err(error) => wrong(Mark::of_json(&error)),
    }
}

/// Returns the entry that a pointer of the body is about.
pub(super) fn number_of(at: &str, typed: &Typed) -> Option<usize> {
    let mut steps = at.strip_prefix(DATA)?.split('/').skip(1).map(pointer::unescape);
    let command = steps.next()?;
    let scenario = steps.next();
    let of_command = |number: &usize| typed.text(&format!("{DATA}/{number}/command")) == command;
    let mut all = (0..typed.count(DATA)).filter(of_command);
    let exact = scenario.and_then(|name| {
        let mut all = (0..typed.count(DATA)).filter(of_command);
        all.find(|number| typed.text(&format!("{DATA}/{number}/scenario")).trim() == name)
    });
    exact.or_else(|| all.next())
}

fn pretty(value: &Value) -> String {
    serde_json::to_string_pretty(value).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mock(data: Value) -> Map<String, Value> {
        [("data".to_owned(), data)].into_iter().collect()
    }

    #[test]
    fn what_is_stored_comes_back_in_its_own_form() {
        for data in [
            json!({}),
            json!({ "list": { "success": true, "payload": [1] } }),
            json!({ "list": { "default": { "payload": 1 }, "empty": null, "down": { "success": false, "error": "no" } }, "get": {} }),
            json!({ "list": { "default": { "success": true } } }),
        ] {
            let stored = mock(data.clone());
            let mut typed = Typed::default();
            Entries::of(&stored).fill(&mut typed);
            let read = read(&typed, &stored);
            let mut expected = data;
            // What has no scenario answers nothing.
            expected.as_object_mut().unwrap().shift_remove("get");
            assert_eq!(Value::Object(read.data.unwrap()), expected);
        }
    }

    #[test]
    fn scenarios_are_added_renamed_and_told() {
        let mut typed = Typed::default();
        Entries::of(&Map::new()).fill(&mut typed);
        let first = add(&mut typed, "list", "scenario", &json!({ "success": true }));
        assert_eq!(Value::Object(read(&typed, &Map::new()).data.unwrap()), json!({ "list": { "success": true } }));
        let second = add(&mut typed, "list", "recorded", &json!({ "payload": 1 }));
        add(&mut typed, "list", "recorded", &json!({ "payload": 2 }));
        let expected = json!({ "list": { "default": { "success": true }, "recorded": { "payload": 1 }, "recorded-2": { "payload": 2 } } });
        assert_eq!(Value::Object(read(&typed, &Map::new()).data.unwrap()), expected);
        assert_eq!(number_of("/mock/data/list/recorded/payload", &typed), Some(second));
        assert_eq!(number_of("/mock/data/list", &typed), Some(first));
        assert_eq!(number_of("/mock/data/get", &typed), None);
        typed.set("/mock/data/1/scenario", "default");
        typed.set("/mock/data/2/scenario", " ");
        typed.set("/mock/data/0/result", "{\n nonsense");
        let told = read(&typed, &Map::new());
        assert_eq!((told.wrong.len(), told.wrong[0].0, told.wrong[0].1.line), (1, 0, Some(2)));
        assert!(told.mistakes.at("/mock/data/2/scenario").unwrap().contains("enter a name"));
        typed.set("/mock/data/0/result", "{}");
        let told = read(&typed, &Map::new());
        assert_eq!(told.mistakes.at("/mock/data/1/scenario").unwrap(), "list has the scenario default twice");
    }

    #[test]
    fn what_is_too_large_for_a_page_stays() {
        let large = json!({ "success": true, "payload": "x".repeat(MAX_RESULT_BYTES) });
        let stored = mock(json!({ "list": large }));
        let mut typed = Typed::default();
        Entries::of(&stored).fill(&mut typed);
        assert!(is_kept(&typed, 0));
        assert_eq!(read(&typed, &stored).data.unwrap()["list"], large);
        assert_eq!(read(&typed, &Map::new()).wrong.len(), 1, "it is gone meanwhile");
        let mut typed = Typed::default();
        add(&mut typed, "list", "scenario", &large);
        assert!(read(&typed, &Map::new()).wrong[0].1.message.contains("this page takes 256 KiB"));
        let many: Map<String, Value> =
            (0..=MAX_SCENARIOS).map(|number| (format!("c{number}"), json!({ "success": true }))).collect();
        let mut typed = Typed::default();
        Entries::of(&mock(many.into())).fill(&mut typed);
        assert!(!are_shown(&typed) && read(&typed, &Map::new()).data.is_none());
    }
}
