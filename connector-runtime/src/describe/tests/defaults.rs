//! Defaults of lists, maps and objects: in the schema, in the lock, before the handler; and objects as payloads.

use std::collections::BTreeMap;

use serde_json::json;

use crate::connector::Connector as _;
use crate::prelude::*;
use crate::schema::{ConfigSchema, describe};
use crate::{lock, testing};

/// A way.
#[derive(Debug, Clone, Copy, Select)]
enum Way {
    /// Upwards.
    Up,
    /// Downwards.
    Down,
}

/// A size.
#[object]
#[derive(Debug)]
struct Size {
    /// How wide.
    #[param(default = 3, max = 9, example = 5)]
    width: u8,
    /// Its colour.
    #[param(example = "blue", default = "red")]
    color: String,
    /// Its names.
    #[param(default = ["small", "tiny"], example = ["large"])]
    names: Vec<String>,
    /// Sizes inside.
    #[param(default = [])]
    inside: Vec<Self>,
}

/// A login.
#[object]
#[derive(Debug)]
struct Login {
    /// The password.
    password: Option<Secret>,
}

/// An object around one that has a secret: it is no payload either, and compiles all the same.
#[object]
#[derive(Debug)]
struct Around {
    /// A login.
    login: Login,
}

/// What was read.
#[payload]
#[derive(Debug)]
struct Seen {
    /// Tags.
    tags: Vec<String>,
    /// Ways.
    ways: Vec<Way>,
    /// Limits.
    limits: BTreeMap<String, f64>,
    /// A size.
    size: Size,
    /// More sizes.
    sizes: Vec<Size>,
    /// Raw.
    raw: Value,
}

/// Defaults.
#[connector(name = "deep-defaults", version = "1.0.0", lock = false)]
#[derive(Debug)]
struct Deep {
    /// Tags.
    #[config(default = ["a", "b c"], example = ["d"])]
    tags: Vec<String>,
}

#[connector]
impl Deep {
    /// Shows what came.
    #[command(effect = read)]
    fn show(
        &self,
        /// Ways.
        #[param(default = ["up", "down"])]
        ways: Vec<Way>,
        /// Limits.
        #[param(default = json!({ "cpu": 1.5, "\"quoted\"\n": -2 }))]
        limits: BTreeMap<String, f64>,
        /// A size.
        #[param(default = json!({ "width": 4, "names": ["x"] }))]
        size: Size,
        /// More sizes.
        #[param(default = [json!({}), json!({ "inside": [{ "width": 9 }] })])]
        sizes: Vec<Size>,
        /// Anything.
        #[param(default = json!([null, { "a": [true] }]))]
        raw: Value,
        /// A login.
        around: Option<Around>,
    ) -> Outcome<Seen> {
        drop(around.map(|around| around.login.password));
        succeed(Seen { tags: self.tags.clone(), ways, limits, size, sizes, raw })
    }

    /// Gives a size back.
    #[command(effect = read)]
    fn size(
        &self,
        /// A size.
        size: Size,
    ) -> Outcome<Size> {
        succeed(size)
    }
}

#[tokio::test]
async fn a_deep_default_takes_the_place_of_what_is_absent() {
    let result = testing::call::<Deep>("show").run().await;
    let small = |width: u8, inside: Value| json!({ "width": width, "color": "red", "names": ["small", "tiny"], "inside": inside });
    let expected = json!({
        "tags": ["a", "b c"],
        "ways": ["up", "down"],
        "limits": { "\"quoted\"\n": -2.0, "cpu": 1.5 },
        "size": { "width": 4, "color": "red", "names": ["x"], "inside": [] },
        "sizes": [small(3, json!([])), small(3, json!([small(9, json!([]))]))],
        "raw": [null, { "a": [true] }],
    });
    assert_eq!(result.payload, Some(expected), "{result:?}");
    let given = testing::call::<Deep>("show").config("tags", ["z"]).param("ways", json!([])).param("raw", 1);
    let payload = given.run().await.payload.unwrap();
    assert_eq!((&payload["tags"], &payload["ways"], &payload["raw"]), (&json!(["z"]), &json!([]), &json!(1)));
}

#[tokio::test]
async fn an_object_is_a_payload_too() {
    let result = testing::call::<Deep>("size").param("size", json!({ "width": 1 })).run().await;
    assert_eq!(result.payload, Some(json!({ "width": 1, "color": "red", "names": ["small", "tiny"], "inside": [] })));
    let outputs = Deep::DESCRIPTOR.command("size").unwrap().outputs;
    assert_eq!(outputs.names, ["width", "color", "names", "inside"]);
}

#[test]
fn a_deep_default_is_in_the_schema_and_in_the_lock() {
    let schema = describe(Deep::DESCRIPTOR);
    let printed = json!(schema);
    assert_eq!(ConfigSchema::parse(&printed).unwrap(), schema);
    let params = &printed["commands"]["show"]["paramSchema"];
    assert_eq!(printed["connectionConfig"]["tags"]["default"], json!(["a", "b c"]));
    assert_eq!(printed["connectionConfig"]["tags"]["example"], json!(["d"]));
    assert_eq!(params["sizes"]["default"], json!([{}, { "inside": [{ "width": 9 }] }]));
    assert_eq!(params["size"]["schema"]["properties"]["names"]["default"], json!(["small", "tiny"]));
    assert_eq!(params["size"]["schema"]["properties"]["color"]["examples"], json!(["blue"]));
    assert_eq!(params["size"]["required"], Value::Null, "{params:#}");
    let text = lock::print(Deep::DESCRIPTOR);
    for line in [
        r#"connection tags array default=["a","b c"]"#,
        r#"param show limits object default={"cpu":1.5,"\"quoted\"\n":-2}"#,
        r#"param show raw raw default=[null,{"a":[true]}]"#,
        r#"param show size.names array default=["small","tiny"]"#,
    ] {
        assert!(text.lines().any(|own| own == line), "{line}: {text}");
    }
    assert_eq!(lock::parse(&text).unwrap().to_string(), text);
    let other = text.replace(r#"["a","b c"]"#, r#"["a","c"]"#);
    let changes = lock::diff(&text, &other).unwrap();
    assert_eq!(changes.items[0].rule.id, "default_changed");
    assert!(changes.items[0].message.contains(r#"was ["a","b c"], is ["a","c"]"#), "{changes:?}");
}
