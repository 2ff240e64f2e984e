//! Laws over generated flows: a clean one never fails by a reference, every wrong reference is found, and no right one is
//! called wrong.

use proptest::prelude::*;
use serde_json::{Map, Value, json};

use super::*;
use crate::condition::{ConditionError, evaluate};
use crate::reference::{Bag, ReferenceError, render_at};

/// What a command answers.
#[derive(Debug, Clone)]
enum Spec {
    Whole,
    Truth,
    Text,
    Nullable(Box<Self>),
    List(Box<Self>, usize),
    Record(Vec<(String, Self, bool)>),
    Table(Box<Self>),
}

/// A source of choices that repeats from its seed.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(self.0 >> 33).unwrap_or(0) % sides.max(1)
    }

    fn one_in(&mut self, sides: usize) -> bool {
        self.roll(sides) == 0
    }

    fn pick<'t, T>(&mut self, from: &'t [T]) -> &'t T {
        &from[self.roll(from.len())]
    }
}

const NAMES: [&str; 8] = ["total", "items", "ownerName", "state", "kindOf", "x-mark", "place", "sum_up"];

impl Spec {
    fn any(dice: &mut Dice, depth: usize) -> Self {
        match dice.roll(if depth == 0 { 3 } else { 8 }) {
            0 => Self::Whole,
            1 => Self::Truth,
            2 => Self::Text,
            3 => Self::Nullable(Box::new(Self::any(dice, depth - 1))),
            4 => Self::List(Box::new(Self::any(dice, depth - 1)), dice.roll(3)),
            5 => Self::Table(Box::new(Self::any(dice, depth - 1))),
            _ => Self::record(dice, depth),
        }
    }

    fn record(dice: &mut Dice, depth: usize) -> Self {
        let first = dice.roll(NAMES.len());
        let names = (0..1 + dice.roll(4)).map(|index| NAMES[(first + index) % NAMES.len()]);
        let members = names.map(|name| (name.to_owned(), Self::any(dice, depth - 1), !dice.one_in(3)));
        Self::Record(members.collect())
    }

    fn schema(&self) -> Value {
        match self {
            Self::Whole => json!({ "type": "integer" }),
            Self::Truth => json!({ "type": "boolean" }),
            Self::Text => json!({ "type": "string" }),
            Self::Nullable(inner) => json!({ "anyOf": [inner.schema(), { "type": "null" }] }),
            Self::List(items, least) => json!({ "type": "array", "items": items.schema(), "minItems": least }),
            Self::Table(values) => json!({ "type": "object", "additionalProperties": values.schema() }),
            Self::Record(members) => {
                let properties: Map<String, Value> =
                    members.iter().map(|(name, spec, _)| (name.clone(), spec.schema())).collect();
                let required: Vec<&String> = members.iter().filter(|member| member.2).map(|member| &member.0).collect();
                json!({ "type": "object", "properties": properties, "required": required, "additionalProperties": false })
            }
        }
    }

    /// Makes a value that the schema allows.
    fn value(&self, dice: &mut Dice) -> Value {
        match self {
            Self::Whole => json!(dice.roll(100)),
            Self::Truth => json!(dice.one_in(2)),
            Self::Text => json!(*dice.pick(&["", "a", "{{nope}}"])),
            Self::Nullable(inner) => {
                if dice.one_in(2) {
                    Value::Null
                } else {
                    inner.value(dice)
                }
            }
            Self::List(items, least) => (0..least + dice.roll(2)).map(|_| items.value(dice)).collect(),
            Self::Table(values) => json!({ "key": values.value(dice) }),
            Self::Record(members) => {
                let mut map = Map::new();
                for (name, spec, required) in members {
                    if *required || dice.one_in(2) {
                        map.insert(name.clone(), spec.value(dice));
                    }
                }
                Value::Object(map)
            }
        }
    }

    /// Lists the paths below: the path, whether it is always there, and what is there.
    fn paths<'s>(&'s self, at: &str, certain: bool, found: &mut Vec<(String, bool, &'s Self)>) {
        found.push((at.to_owned(), certain, self));
        match self {
            Self::Nullable(inner) => {
                let mut below = Vec::new();
                inner.paths(at, false, &mut below);
                found.extend(below.into_iter().skip(1));
            }
            Self::List(items, least) => (0..2).for_each(|index| {
                items.paths(&format!("{at}[{index}]"), certain && index < *least, found);
            }),
            Self::Table(values) => values.paths(&format!("{at}.key"), false, found),
            Self::Record(members) => {
                for (name, spec, required) in members {
                    spec.paths(&format!("{at}.{name}"), certain && *required, found);
                }
            }
            Self::Whole | Self::Truth | Self::Text => {}
        }
    }
}

/// Connectors `c0`, `c1`, ... with one command each that answers a spec and takes anything.
fn connectors(specs: &[Spec]) -> Shelf {
    let mut shelf = Shelf::default();
    for (index, spec) in specs.iter().enumerate() {
        let params = json!({
            "any": { "type": "raw" }, "raw1": { "type": "raw" }, "raw2": { "type": "raw" }, "text": { "type": "string" }, "must": { "type": "raw" }, "count": { "type": "number" },
            "list": { "type": "array" }, "yes": { "type": "boolean" },
        });
        let variables = json!({ format!("v{index}"): { "type": "number", "integer": true, "required": true },
            format!("o{index}"): { "type": "string" } });
        let command = json!({ "run": { "description": "-", "effect": "read", "paramSchema": params,
            "outputSchema": spec.schema(), "variables": variables } });
        shelf.add(&format!("c{index}"), true, State::Ready, &command, Some("run"));
    }
    shelf
}

fn specs(dice: &mut Dice) -> Vec<Spec> {
    (0..2 + dice.roll(4)).map(|_| Spec::record(dice, 3)).collect()
}

/// Picks a step, an earlier one more often than not.
fn any_step(dice: &mut Dice, specs: &[Spec], before: usize) -> usize {
    if before > 0 && !dice.one_in(8) { dice.roll(before) } else { dice.roll(specs.len()) }
}

/// Makes references at random: right, wrong, early, perhaps absent.
fn any_reference(dice: &mut Dice, specs: &[Spec], before: usize) -> String {
    let index = any_step(dice, specs, before);
    let mut paths = Vec::new();
    specs[index].paths(&format!("out{index}"), true, &mut paths);
    let mut path = match dice.roll(8) {
        0 => format!("v{index}"),
        1 => format!("o{index}"),
        2 => format!("steps.s{index}.success"),
        3 => format!("steps.s{index}.error"),
        _ => dice.pick(&paths).0.clone(),
    };
    match dice.roll(12) {
        0 if !path.ends_with(']') => path.push('x'),
        1 => path.push_str(".id"),
        2 => path.push_str("[0]"),
        _ => {}
    }
    let default = *dice.pick(&["", "", "", " ?? 0", " ?? null", " ?? \"d\""]);
    format!("{{{{{path}{default}}}}}")
}

fn any_condition(dice: &mut Dice, specs: &[Spec], before: usize, depth: usize) -> Value {
    let index = any_step(dice, specs, before);
    match dice.roll(if depth == 0 { 5 } else { 8 }) {
        0 | 1 => json!(format!("{{{{steps.s{index}.success}}}}")),
        2 => {
            json!({ "value": any_reference(dice, specs, before), "is": "equal", "to": any_reference(dice, specs, before) })
        }
        3 => json!({ "value": "{{go}}", "is": "equal", "to": true }),
        4 => {
            let mut reference = any_reference(dice, specs, before);
            if let Some((path, _)) = reference.split_once(" ??") {
                reference = format!("{path}}}}}");
            }
            json!({ "value": reference, "is": "exists" })
        }
        5 => json!({ "not": any_condition(dice, specs, before, depth - 1) }),
        many => {
            let key = if many == 6 { "all" } else { "any" };
            json!({ key: [any_condition(dice, specs, before, depth - 1), any_condition(dice, specs, before, depth - 1)] })
        }
    }
}

fn any_steps(dice: &mut Dice, specs: &[Spec]) -> Vec<Value> {
    let mut steps = Vec::new();
    for index in 0..specs.len() {
        let mut step =
            json!({ "id": format!("s{index}"), "connector": format!("c{index}"), "outputKey": format!("out{index}") });
        if index > 0 && dice.one_in(2) {
            step["when"] = any_condition(dice, specs, index, 2);
        }
        if dice.one_in(3) {
            step["continueOnError"] = json!(true);
        }
        let mut params = Map::new();
        for name in ["any", "must", "raw1", "raw2", "text", "list", "count", "yes"] {
            let reference = any_reference(dice, specs, index);
            let value = match dice.roll(3) {
                0 if name == "any" => json!({ "deep": [reference, any_reference(dice, specs, index)] }),
                0 if name == "text" => json!(format!("t {reference}{}", any_reference(dice, specs, index))),
                _ => json!(reference),
            };
            params.insert(name.to_owned(), value);
        }
        step["params"] = Value::Object(params);
        steps.push(step);
    }
    steps
}

/// Takes out of the steps what the check does not like, until it likes the rest.
fn cleaned(mut steps: Vec<Value>, variables: &Map<String, Value>, shelf: &Shelf) -> Flow {
    loop {
        let flow = Flow::parse(&json!(steps), true).unwrap();
        let checked = check(&flow, &Inputs::Given(variables), shelf);
        if checked.errors.is_empty() {
            return flow;
        }
        for item in checked.errors {
            let mut parts = item.pointer.split('/').skip(2);
            let index: usize = parts.next().unwrap().parse().unwrap();
            match (parts.next().unwrap(), parts.next()) {
                ("params", Some(name)) => drop(steps[index]["params"].as_object_mut().unwrap().remove(name)),
                (key, _) => drop(steps[index].as_object_mut().unwrap().remove(key)),
            }
        }
    }
}

/// Runs a flow over commands that honour their schemas; returns how many references were read.
fn run(flow: &Flow, specs: &[Spec], dice: &mut Dice) -> Result<usize, ReferenceError> {
    let mut bag = given(&json!({ "go": true }));
    let (about, mut results) = (json!({ "id": "r", "startedAt": "2030-01-31T09:30:00Z" }), json!({}));
    let mut read = 0;
    for (index, step) in flow.steps.iter().enumerate() {
        let call = step.call().unwrap();
        let now = Bag::new(&bag).with_run(&about, &results);
        let is_taken = match step.when.as_ref().map(|when| evaluate(when, &now)) {
            Some(Err(ConditionError::Reference(error))) => return Err(error),
            Some(Err(ConditionError::Type { .. })) => return Ok(read),
            Some(Ok(holds)) => holds,
            None => true,
        };
        if !is_taken {
            results[&step.id] = json!({ "success": false });
            continue;
        }
        for (name, template) in call.params() {
            render_at(template, &format!("{}/params/{name}", step.id), &now)?;
            read += 1;
        }
        let success = !dice.one_in(3);
        if success || dice.one_in(2) {
            bag.insert(format!("v{index}"), json!(dice.roll(9)));
        }
        if dice.one_in(2) {
            bag.insert(format!("o{index}"), json!("set"));
        }
        if success {
            bag.insert(format!("out{index}"), specs[index].value(dice));
            results[&step.id] = json!({ "success": true });
        } else {
            results[&step.id] = json!({ "success": false, "error": "it failed" });
            if !call.continues_on_error() {
                return Ok(read);
            }
        }
    }
    Ok(read)
}

/// Checks a flow of a step for each spec, and a last one that reads texts; returns the code of the error of each.
fn errors(specs: &[Spec], shelf: &Shelf, first: &Value, texts: &[String]) -> Vec<Option<Code>> {
    let mut steps: Vec<Value> = (0..specs.len())
        .map(|index| json!({ "id": format!("s{index}"), "connector": format!("c{index}"), "outputKey": format!("out{index}") }))
        .collect();
    for (key, value) in first.as_object().unwrap() {
        steps[0][key] = value.clone();
    }
    let last = json!({ "id": "reads", "connector": "c0", "outputKey": "own", "params": { "list": texts } });
    let flow = Flow::parse(&steps.into_iter().chain([last]).collect(), false).unwrap();
    let variables = given(&json!({ "go": true }));
    let checked = check(&flow, &Inputs::Given(&variables), shelf);
    let code = |index: usize| {
        let place = format!("/steps/{}/params/list/{index}", specs.len());
        let mut codes = checked.errors.iter().filter(|item| item.pointer == place).map(|item| item.code);
        let code = codes.next();
        assert_eq!(codes.next(), None, "one error a place");
        code
    };
    (0..texts.len()).map(code).collect()
}

/// Checks texts against the errors that they are.
fn compare(
    specs: &[Spec],
    shelf: &Shelf,
    first: &Value,
    cases: &[(String, Option<Code>)],
) -> Result<(), TestCaseError> {
    for cases in cases.chunks(100) {
        let texts: Vec<String> = cases.iter().map(|(text, _)| text.clone()).collect();
        for (found, (text, expected)) in errors(specs, shelf, first, &texts).into_iter().zip(cases) {
            prop_assert_eq!(found, *expected, "{} after {}", text, first);
        }
    }
    Ok(())
}

/// Changes the last name of a path, so that none of its neighbours has the new one.
fn wrong_names(path: &str) -> Option<[String; 3]> {
    let (above, name) = path.rsplit_once('.').filter(|(_, name)| !name.contains('[') && *name != "key")?;
    let swap =
        |letter: char| if letter.is_uppercase() { letter.to_ascii_lowercase() } else { letter.to_ascii_uppercase() };
    let (cut, case) = (&name[..name.len() - 1], name.chars().map(swap).collect::<String>());
    Some([format!("{above}.{cut}"), format!("{above}.{name}q"), format!("{above}.{case}")])
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 500, ..ProptestConfig::default() })]

    #[test]
    fn a_flow_that_checks_clean_never_fails_by_a_reference(seed in any::<u64>()) {
        let mut dice = Dice(seed);
        let specs = specs(&mut dice);
        let variables = given(&json!({ "go": true }));
        let flow = cleaned(any_steps(&mut dice, &specs), &variables, &connectors(&specs));
        for _ in 0..8 {
            let ran = run(&flow, &specs, &mut dice);
            prop_assert!(ran.is_ok(), "{:?}\n{}", ran, serde_json::to_string_pretty(&flow).unwrap());
        }
    }

    #[test]
    fn right_references_are_no_errors_and_wrong_ones_are(seed in any::<u64>()) {
        let mut dice = Dice(seed);
        let specs = specs(&mut dice);
        let shelf = connectors(&specs);
        let mut paths = Vec::new();
        specs[0].paths("out0", true, &mut paths);
        paths.truncate(40);
        let whole = |path: &str| format!("{{{{{path}}}}}");
        let (mut cases, mut skipped) = (Vec::new(), Vec::new());
        for (path, _, spec) in &paths {
            let is_nullable = matches!(spec, Spec::Nullable(_));
            cases.push((whole(path), None));
            cases.push((format!("in a text {}", whole(path)), is_nullable.then_some(Code::MaybeNull)));
            cases.push((format!("with a default {{{{{path} ?? \"\"}}}}"), None));
            for wrong in wrong_names(path).into_iter().flatten() {
                cases.push((whole(&wrong), Some(Code::UnknownPath)));
            }
            skipped.push((whole(path), Some(Code::MaybeAbsent)));
        }
        for wrong in ["outt0", "OUT0", "ou", "go0"] {
            cases.push((whole(wrong), Some(Code::UnknownRoot)));
        }
        for later in ["own", "own.total", "steps.reads.success"] {
            cases.push((whole(later), Some(Code::LaterStep)));
        }
        compare(&specs, &shelf, &json!({}), &cases)?;
        compare(&specs, &shelf, &json!({ "when": "{{go}}" }), &skipped)?;
        compare(&specs, &shelf, &json!({ "continueOnError": true }), &skipped)?;
    }
}

#[test]
fn clean_flows_read_a_lot() {
    let (mut read, mut conditions) = (0, 0);
    for seed in 0..200 {
        let mut dice = Dice(seed);
        let specs = specs(&mut dice);
        let flow = cleaned(any_steps(&mut dice, &specs), &given(&json!({ "go": true })), &connectors(&specs));
        conditions += flow.steps.iter().filter(|step| step.when.is_some()).count();
        read += run(&flow, &specs, &mut dice).unwrap();
    }
    assert!(read > 300 && conditions > 50, "{read} references, {conditions} conditions: the law above says little");
}
