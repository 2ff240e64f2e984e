//! docs/runs.md says what is true: its examples are read, its references replaced, its runs checked.
#![allow(clippy::unwrap_used, reason = "a test: what goes wrong here fails it")]

use std::path::Path;

use connector_flow::check::{Code, Connector, Inputs, Known, State, check};
use connector_flow::condition::evaluate;
use connector_flow::definition::{Action, Flow, parse_inputs};
use connector_flow::reference::{Bag, Template, render};
use connector_schema::{ConfigSchema, Fields};
use serde_json::{Map, Value, json};

fn guide() -> String {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/runs.md");
    std::fs::read_to_string(file).unwrap()
}

/// Returns the blocks of a language.
fn blocks<'g>(guide: &'g str, language: &str) -> Vec<&'g str> {
    let begin = format!("\n```{language}\n");
    guide.split(&begin).skip(1).map(|rest| rest.split("\n```").next().unwrap()).collect()
}

fn bag(guide: &str) -> Map<String, Value> {
    serde_json::from_str(blocks(guide, "bag")[0]).unwrap()
}

#[test]
fn every_row_of_references_gives_what_it_says() {
    let guide = guide();
    let bag = bag(&guide);
    let rows: Vec<[&str; 2]> = guide
        .lines()
        .filter_map(|line| {
            let (written, rest) = line.strip_prefix("| `\"")?.split_once("\"` | ")?;
            Some([written, rest.split(" | ").next()?])
        })
        .collect();
    assert!(rows.len() >= 19, "{rows:?}");
    for [written, gives] in rows {
        let text: Value = serde_json::from_str(&format!("\"{written}\"")).unwrap();
        let template = Template::parse(&text);
        if gives == "refused" {
            assert!(template.is_err(), "{text}");
            continue;
        }
        let value = render(&template.unwrap(), &Bag::new(&bag));
        if gives == "fails" {
            assert!(value.is_err(), "{text}: {value:?}");
        } else {
            let expected: Value = serde_json::from_str(gives.trim_matches('`')).unwrap();
            assert_eq!(value.unwrap(), expected, "{text}");
        }
    }
}

#[test]
fn every_condition_holds() {
    let guide = guide();
    let bag = bag(&guide);
    let (run, steps) = (json!({}), json!({ "find": { "success": true, "error": null } }));
    let bag = Bag::new(&bag).with_run(&run, &steps);
    for line in blocks(&guide, "conditions")[0].lines() {
        let when: Value = serde_json::from_str(line).unwrap();
        let steps = json!([{ "id": "a", "connector": "shop" }, { "id": "b", "connector": "shop", "when": when }]);
        let flow = Flow::parse(&steps, false).unwrap();
        assert!(evaluate(flow.steps[1].when.as_ref().unwrap(), &bag).unwrap(), "{line}");
    }
}

#[test]
fn every_code_has_its_row() {
    let guide = guide();
    let (_, table) = guide.split_once("| code | what it means |").unwrap();
    let table = table.split("\n\n").next().unwrap();
    for code in Code::ALL {
        let word = format!("`{}`", code.as_str());
        assert!(
            table.lines().any(|line| line.split(" | ").next().is_some_and(|codes| codes.contains(&word))),
            "{word}"
        );
    }
}

#[test]
fn every_example_is_a_step_or_a_run_and_its_pauses_are_right() {
    let guide = guide();
    let documents: Vec<Value> =
        blocks(&guide, "json").iter().map(|block| serde_json::from_str(block).unwrap()).collect();
    let [first, pay, definition] = documents.as_slice() else { panic!("{documents:?}") };
    Flow::parse(&first["steps"], false).unwrap();
    Flow::parse(&definition["steps"], false).unwrap();
    assert_eq!(parse_inputs(&definition["inputs"]).unwrap().len(), 2);
    let flow = Flow::parse(&json!([pay]), false).unwrap();
    let Action::Call(call) = &flow.steps[0].action else { panic!("a call") };
    let retry = call.retry.as_ref().unwrap();
    let pauses: Vec<Option<u64>> = (1..=4).map(|attempt| retry.pause_after(attempt)).collect();
    assert_eq!(pauses, [Some(500), Some(1_500), Some(4_500), None]);
}

/// The connectors of the first run.
struct Shelf {
    shop: ConfigSchema,
    mail: ConfigSchema,
}

impl Known for Shelf {
    fn connector(&self, name: &str) -> Option<Connector<'_>> {
        let schema = match name {
            "shop" => &self.shop,
            "mail" => &self.mail,
            _ => return None,
        };
        Some(Connector { schema, built_in: true, state: State::Ready })
    }

    fn connector_names(&self) -> Vec<&str> {
        vec!["shop", "mail"]
    }

    fn variables(&self, connector: &str, command: &str) -> Option<&Fields> {
        self.connector(connector)?.variables(command)
    }
}

#[test]
fn the_first_run_is_clean_and_its_typo_is_found_as_shown() {
    let guide = guide();
    let mut run: Value = serde_json::from_str(blocks(&guide, "json")[0]).unwrap();
    let page = json!({ "type": "object", "required": ["widgets", "total"], "additionalProperties": false,
        "properties": { "widgets": { "type": "array" }, "total": { "type": "integer" } } });
    let shop = json!({ "connectionConfig": {}, "commands": { "listWidgets": {
        "params": ["limit"], "paramSchema": { "limit": { "type": "number" } }, "outputs": ["widgets", "total"], "outputSchema": page,
        "variables": { "widgetCount": { "type": "number", "required": true } } } } });
    let mail = json!({ "connectionConfig": {}, "commands": { "send": { "params": ["subject", "limit"], "variables": {},
        "paramSchema": { "subject": { "type": "string", "required": true }, "limit": { "type": "number" } } } } });
    let shelf = Shelf { shop: ConfigSchema::parse(&shop).unwrap(), mail: ConfigSchema::parse(&mail).unwrap() };
    let variables = run["variables"].as_object().unwrap().clone();
    let checked = |run: &Value| {
        let flow = Flow::parse(&run["steps"], false).unwrap();
        serde_json::to_value(check(&flow, &Inputs::Given(&variables), &shelf)).unwrap()
    };
    let clean = checked(&run);
    assert_eq!((&clean["errors"], &clean["warnings"]), (&json!([]), &json!([])));
    run["steps"][1]["params"]["limit"] = json!("{{widgets.totl}}");
    let shown: Value = serde_json::from_str(blocks(&guide, "finding")[0]).unwrap();
    assert_eq!(checked(&run)["errors"], json!([shown]));
}
