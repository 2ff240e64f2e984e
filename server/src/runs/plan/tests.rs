//! How the mistakes of a body are placed. The check itself is tested in `connector-flow`, and through REST in
//! `api/tests/runs.rs`.

use connector_flow::definition::MAX_STEPS;
use serde_json::json;

use super::*;
use crate::input;

fn refused(body: &Value) -> Error {
    Plan::of_steps(input::new_run(body.to_string().as_bytes()).unwrap()).unwrap_err()
}

#[test]
fn every_mistake_of_a_body_is_told_at_once() {
    let steps = json!([{ "id": "a", "connector": "c", "colour": 1 }, { "id": "a", "connector": "c" }]);
    let error = refused(&json!({ "steps": steps, "variables": 1, "strict": "yes", "definition": "d" }));
    let pointers: Vec<&str> = error.mistakes().iter().map(|mistake| mistake.pointer.as_str()).collect();
    assert_eq!(pointers, ["/variables", "/strict", "/definition", "/steps/0/colour", "/steps/1/id"]);
}

#[test]
fn a_mistake_in_a_text_has_its_line_and_column() {
    let steps = json!([{ "id": "a", "connector": "c", "params": { "text": "ä\nü {{a b}}" } }]);
    let error = refused(&json!({ "steps": steps }));
    let [mistake] = error.mistakes() else { panic!("{error:?}") };
    assert_eq!((mistake.pointer.as_str(), mistake.line), ("/steps/0/params/text", Some(2)));
    assert!(mistake.column.is_some_and(|column| (3..=7).contains(&column)), "{mistake:?}");
}

#[test]
fn no_more_mistakes_are_listed_than_an_error_has() {
    let step = json!({ "id": "", "connector": 1 });
    let error = refused(&json!({ "steps": vec![step; MAX_STEPS] }));
    assert_eq!(error.mistakes().len(), MAX_MISTAKES);
}
