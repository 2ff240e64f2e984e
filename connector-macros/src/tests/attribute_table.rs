//! The tables of docs/writing-connectors.md name every key of every attribute.

use std::collections::BTreeSet;
use std::path::Path;

use crate::args::{CommandArgs, ConnectorArgs, CrateArgs, FieldArgs, Keys, OutputArgs, SelectArgs};

/// The keys in the tables below a heading, up to the next heading.
fn documented(page: &str, heading: &str) -> BTreeSet<String> {
    let (_, section) = page.split_once(&format!("\n### {heading}\n")).unwrap_or_else(|| panic!("no heading {heading}"));
    let section = section.split("\n#").next().unwrap();
    let cells = section.lines().filter_map(|line| line.strip_prefix("| `")?.split_once('`'));
    cells.map(|(key, _)| key.to_owned()).collect()
}

fn keys(lists: &[&[&str]]) -> BTreeSet<String> {
    let wire = |key: &&str| if *key == "krate" { "crate".to_owned() } else { (*key).to_owned() };
    lists.iter().copied().flatten().map(wire).collect()
}

#[test]
fn every_key_has_its_row() {
    let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/writing-connectors.md");
    let page = std::fs::read_to_string(page).unwrap();
    for (heading, lists) in [
        ("`#[connector]` on the struct", &[ConnectorArgs::KEYS][..]),
        ("`#[config]` and `#[param]` on fields and params", &[FieldArgs::KEYS]),
        ("`#[command]` on methods", &[CommandArgs::KEYS]),
        ("`#[payload]`, `#[object]` and `#[output]`", &[CrateArgs::KEYS, OutputArgs::KEYS]),
        ("`#[select]` on enums with `#[derive(Select)]`, and on their variants", &[SelectArgs::KEYS]),
    ] {
        assert_eq!(documented(&page, heading), keys(lists), "{heading}");
    }
}
