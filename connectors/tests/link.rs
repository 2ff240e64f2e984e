//! What a program that only calls `link` gets.

use connector_runtime::registry::Registry;

#[test]
fn the_built_in_connectors_are_registered() {
    connectors::link();
    let registry = Registry::collect().unwrap();
    let names: Vec<_> = registry.names().collect();
    assert!(names.contains(&"delay") && names.contains(&"http"), "{names:?}");
}
