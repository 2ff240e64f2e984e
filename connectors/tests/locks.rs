//! The locks that are shipped are those of the connectors beside them.

use std::path::Path;

use connector_runtime::lock;
use connector_runtime::registry::Registry;

#[test]
fn every_lock_says_what_its_connector_says() {
    connectors::link();
    for entry in Registry::collect().unwrap().iter() {
        let descriptor = entry.descriptor();
        if descriptor.is_draft() {
            continue;
        }
        let path = lock::locate(descriptor, Path::new(env!("CARGO_MANIFEST_DIR"))).unwrap().unwrap();
        let text = std::fs::read_to_string(&path).unwrap();
        assert_eq!(text, lock::print(descriptor), "{} is out of date", path.display());
    }
}
