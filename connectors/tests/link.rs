//! What a program that only calls `link` gets.

use connector_runtime::registry::Registry;

#[test]
fn every_built_in_connector_is_registered() {
    connectors::link();
    let registry = Registry::collect().unwrap();
    assert_eq!(registry.names().collect::<Vec<_>>(), ["delay", "http"]);
}
