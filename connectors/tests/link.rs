//! What a program that only calls `link` gets.
#![allow(clippy::unwrap_used, reason = "a test: what goes wrong here fails it")]

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use connector_runtime::registry::Registry;

/// Reads the names that the sources declare: `#[connector(name = "..")]`.
fn declared(folder: &Path, names: &mut BTreeSet<String>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            declared(&path, names);
        } else {
            let text = fs::read_to_string(&path).unwrap();
            for (at, _) in text.match_indices("\n#[connector(") {
                let attribute = text[at..].split(")]").next().unwrap();
                let name = attribute.split("name = \"").nth(1).and_then(|rest| rest.split('"').next());
                assert!(names.insert(name.unwrap().to_owned()), "{name:?} is declared twice");
            }
        }
    }
}

#[test]
fn every_connector_of_the_sources_is_registered_and_no_other() {
    connectors::link();
    let registry = Registry::collect().unwrap();
    let mut names = BTreeSet::new();
    declared(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src"), &mut names);
    assert!(names.contains("delay") && names.contains("http"), "{names:?}");
    assert_eq!(registry.names().map(str::to_owned).collect::<Vec<_>>(), names.into_iter().collect::<Vec<_>>());
}
