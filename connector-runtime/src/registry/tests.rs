use super::Registry;
use crate::connector::Connector;
use crate::descriptor::{Descriptor, Place};
use crate::prelude::*;

/// One.
#[connector(name = "registry-one", version = "1.0.0", category = "demo", tags("a", "b"), lock = false)]
#[derive(Debug)]
struct One;

#[connector]
impl One {
    /// Pings.
    #[command]
    fn ping(&self) {}
}

const fn twin(file: &'static str, line: u32) -> Descriptor {
    let one = One::DESCRIPTOR;
    Descriptor { name: "twin", place: Place { file, line }, ..*one }
}

static FIRST: Descriptor = twin("crates/a/src/lib.rs", 7);
static SECOND: Descriptor = twin("crates/b/src/lib.rs", 9);

#[test]
fn what_is_annotated_is_collected() {
    let registry = Registry::collect().unwrap();
    let entry = registry.get("registry-one").unwrap();
    assert_eq!(entry.descriptor().version, "1.0.0");
    assert!(entry.descriptor().place.file.ends_with("registry/tests.rs"));
    assert_eq!(entry.schema().commands.keys().collect::<Vec<_>>(), ["ping"]);
    assert!(registry.get("registry-two").is_none());
}

#[test]
fn a_schema_is_kept_only_for_those_who_use_it_again() {
    let registry = Registry::collect().unwrap();
    let entry = registry.get("registry-one").unwrap();
    let unkept = std::sync::Arc::downgrade(&entry.unkept_schema());
    assert!(unkept.upgrade().is_none(), "nobody holds it");
    assert_eq!(entry.unkept_schema(), *entry.schema());
    assert!(std::sync::Arc::ptr_eq(&entry.unkept_schema(), entry.schema()), "the one that is kept serves all");
}

#[test]
fn two_of_one_name_are_refused_with_both_places_in_any_order() {
    for order in [[&FIRST, &SECOND], [&SECOND, &FIRST]] {
        let error = Registry::of(order).unwrap_err();
        assert_eq!(
            error.to_string(),
            "two connectors are named twin: one at crates/a/src/lib.rs:7, one at crates/b/src/lib.rs:9; rename one of them"
        );
    }
}

#[test]
fn an_empty_registry_says_so() {
    let registry = Registry::of([]).unwrap();
    assert!(registry.is_empty());
    assert_eq!((registry.len(), registry.names().count(), registry.iter().count()), (0, 0, 0));
}

#[test]
fn the_seed_row_is_that_of_the_attribute() {
    let row = One::DESCRIPTOR.seed_row();
    assert_eq!((row.name, row.version, row.description), ("registry-one", "1.0.0", "One."));
    assert_eq!((row.category, row.tags, row.execution_model), (Some("demo"), ["a", "b"].as_slice(), "built_in"));
    assert!(!row.empty_schema);
}
