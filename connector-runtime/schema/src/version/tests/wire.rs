use semver::Version;
use serde_json::json;

use crate::ConfigSchema;
use crate::version::{Changes, Level, diff};

#[test]
fn a_report_is_written_as_the_contract_says() {
    let old = json!({ "connectionConfig": {}, "commands": { "list": { "params": ["limit"] } } });
    let new = json!({ "connectionConfig": {}, "commands": { "list": { "description": "Lists." } } });
    let changes = diff(&ConfigSchema::parse(&old).unwrap(), &ConfigSchema::parse(&new).unwrap());
    let report = serde_json::to_value(changes.report(&Version::new(1, 2, 3))).unwrap();
    let expected = json!({
        "level": "major",
        "changes": [
            { "level": "patch", "rule": "text_changed", "pointer": "/commands/list/description", "message": "description of list changed" },
            { "level": "major", "rule": "param_removed", "pointer": "/commands/list/paramSchema/limit", "message": "param limit of list was removed" },
        ],
        "suggestedVersion": "2.0.0",
    });
    assert_eq!(report, expected);
}

#[test]
fn what_changed_beside_the_schema_is_a_patch() {
    let mut changes = Changes::default();
    assert_eq!((changes.level(), changes.is_empty()), (Level::None, true));
    changes.script_source_changed();
    changes.endpoint_url_changed();
    let pointers: Vec<&str> = changes.items.iter().map(|change| change.pointer.as_str()).collect();
    assert_eq!((changes.level(), pointers), (Level::Patch, vec!["/scriptSource", "/endpointUrl"]));
    assert_eq!(changes.report(&Version::new(0, 1, 0)).suggested_version, Version::new(0, 1, 1));
}
