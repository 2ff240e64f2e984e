//! The locks that are shipped are those of the connectors beside them.
#![allow(clippy::unwrap_used, reason = "a test: what goes wrong here fails it")]

use std::path::Path;

use connector_runtime::lock;
use connector_runtime::registry::Registry;

#[test]
fn every_lock_says_what_its_connector_says() {
    use connector_runtime::connector::Connector as _;
    // Named, so that it is linked.
    let widget = examples::widget::Widget::DESCRIPTOR.name;
    let registry = Registry::collect().unwrap();
    assert!(registry.get(widget).is_some());
    for entry in registry.iter() {
        let descriptor = entry.descriptor();
        if descriptor.is_draft() {
            continue;
        }
        let path = lock::locate(descriptor, Path::new(env!("CARGO_MANIFEST_DIR"))).unwrap().unwrap();
        let text = std::fs::read_to_string(&path).unwrap();
        assert_eq!(text, lock::print(descriptor), "{} is out of date", path.display());
    }
}
