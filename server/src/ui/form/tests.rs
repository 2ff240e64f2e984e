//! Every value that a schema allows goes into its form and comes back from a browser as it was.

use std::collections::BTreeMap;

use connector_runtime::schema::{Choice, Field, FieldKind, Fields, NestedSchema};
use proptest::prelude::*;
use serde_json::{Map, Value, json};

use super::*;
use crate::ui::tests::html;

/// A JSON Schema and a value that it allows.
fn nested(depth: u32) -> BoxedStrategy<(Value, Value)> {
    let leaf = prop_oneof![
        any::<String>().prop_map(|text| (json!({ "type": "string" }), json!(text))),
        any::<i64>().prop_map(|number| (json!({ "type": "integer" }), json!(number))),
        number().prop_map(|number| (json!({ "type": "number" }), number)),
        any::<bool>().prop_map(|flag| (json!({ "type": "boolean" }), json!(flag))),
        (0..3usize).prop_map(|at| (json!({ "enum": ["a", "1", 1] }), json!(["a", "1", 1])[at].clone())),
        proptest::collection::vec("[a-z\n\r ]{0,4}", 0..4)
            .prop_map(|texts| (json!({ "type": "array", "items": { "type": "string" } }), json!(texts))),
        proptest::collection::vec(any::<i64>(), 0..4)
            .prop_map(|numbers| (json!({ "type": "array", "items": { "type": "integer" } }), json!(numbers))),
        proptest::collection::btree_map("[a-z\n=]{0,3}", "[a-z\n\r]{0,3}", 0..4).prop_map(|pairs| {
            (json!({ "type": "object", "additionalProperties": { "type": "string" } }), json!(pairs))
        }),
        json_value().prop_map(|value| (json!({ "oneOf": [true] }), value)),
    ];
    if depth == 0 {
        return leaf.boxed();
    }
    let fields = proptest::collection::btree_map("[a-z~/:. ü-]{1,4}", (nested(depth - 1), any::<bool>()), 1..4);
    let object = fields.clone().prop_map(|fields| {
        let (schema, value) = of_fields(&fields);
        (schema, Value::Object(value))
    });
    let list = (fields, 0..3usize).prop_map(|(fields, count)| {
        let (schema, value) = of_fields(&fields);
        (json!({ "type": "array", "items": schema }), Value::Array(vec![Value::Object(value); count]))
    });
    prop_oneof![leaf, object, list].boxed()
}

fn of_fields(fields: &BTreeMap<String, ((Value, Value), bool)>) -> (Value, Map<String, Value>) {
    let properties: Map<String, Value> =
        fields.iter().map(|(name, ((schema, _), _))| (name.clone(), schema.clone())).collect();
    let values =
        fields.iter().filter(|(_, (_, is_set))| *is_set).map(|(name, ((_, value), _))| (name.clone(), value.clone()));
    (json!({ "type": "object", "properties": properties }), values.collect())
}

fn number() -> impl Strategy<Value = Value> {
    let texts = prop_oneof![
        "-?[1-9][0-9]{0,40}",
        "-?[0-9]\\.[0-9]{1,20}",
        "[1-9]e[1-9][0-9]{0,2}",
        Just("-0.0".to_owned()),
        Just("1.0".to_owned()),
    ];
    texts.prop_map(|text| serde_json::from_str(&text).unwrap())
}

fn json_value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        any::<bool>().prop_map(Value::from),
        any::<String>().prop_map(Value::from),
        number(),
        Just(json!({})),
        Just(json!([])),
    ];
    leaf.prop_recursive(2, 8, 3, |inner| {
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..3).prop_map(Value::from),
            proptest::collection::btree_map("[a-z]{1,2}", inner, 0..3).prop_map(|map| json!(map)),
        ]
    })
}

/// A field, and a value that it allows.
fn field() -> BoxedStrategy<(Field, Value)> {
    let of = |kind: FieldKind| Field::new(kind);
    let structured = nested(2).prop_map(move |(schema, value)| {
        let kind = match &value {
            Value::Array(_) => FieldKind::Array,
            Value::Object(_) => FieldKind::Object,
            _ => FieldKind::Raw,
        };
        (Field { schema: Some(NestedSchema::new(schema)), ..of(kind) }, value)
    });
    let moments = prop_oneof![
        Just("2026-01-31T12:00:00Z"),
        Just("2026-01-31T12:00:30.5Z"),
        Just("2026-01-31T12:00:00+02:00"),
        Just("2026-01-31T12:00:00z"),
        Just("2026-01-31 12:00:00Z"),
    ];
    let choices = |values: Value| -> Vec<Choice> {
        values.as_array().unwrap().iter().map(|value| Choice { value: value.clone(), label: None }).collect()
    };
    prop_oneof![
        4 => any::<String>().prop_map(move |text| (of(FieldKind::String), json!(text))),
        2 => "[a-z\n]{0,5}".prop_map(move |text| (Field { max_length: Some(1000), ..of(FieldKind::String) }, json!(text))),
        3 => number().prop_map(move |number| (of(FieldKind::Number), number)),
        1 => any::<bool>().prop_map(move |flag| (of(FieldKind::Boolean), json!(flag))),
        1 => any::<bool>().prop_map(move |flag| (Field { default: Some(json!(true)), ..of(FieldKind::Boolean) }, json!(flag))),
        2 => moments.prop_map(move |text| (Field { format: Some("date-time".to_owned()), ..of(FieldKind::Date) }, json!(text))),
        1 => Just((Field { format: Some("date".to_owned()), ..of(FieldKind::Date) }, json!("2026-01-31"))),
        2 => (0..3usize).prop_map(move |at| {
            let values = json!(["a", 1, "1"]);
            (Field { options: choices(values.clone()), ..of(FieldKind::Select) }, values[at].clone())
        }),
        2 => (0..60usize).prop_map(move |at| {
            let values: Value = (0..60).map(|n| if n % 2 == 0 { json!(n / 2) } else { json!((n / 2).to_string()) }).collect();
            (Field { options: choices(values.clone()), ..of(FieldKind::Select) }, values[at].clone())
        }),
        8 => structured,
    ]
    .boxed()
}

/// Shows values in a form and returns what a browser would send back.
fn sent(specs: &[Spec], typed: &Typed) -> Typed {
    let (stored, mistakes) = (BTreeMap::new(), Mistakes::default());
    let view = FormView { typed, mistakes: &mistakes, stored: &stored, held: &[] };
    let page = view.fields("/config", specs, "field").into_string();
    Typed::parse(&html::submission(&page)).unwrap()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    #[test]
    fn a_value_comes_back_as_it_was(given in proptest::collection::btree_map("[a-zA-Z_~/: ]{1,6}", field(), 1..4)) {
        let fields: Fields = given.iter().map(|(name, (field, _))| (name.clone(), field.clone())).collect();
        let values: Map<String, Value> = given.iter().map(|(name, (_, value))| (name.clone(), value.clone())).collect();
        let specs = super::fields(&fields);
        let mut typed = Typed::default();
        fill("/config", &specs, &values, &mut typed);
        let reading = read("/config", &specs, &sent(&specs, &typed));
        prop_assert!(reading.mistakes.is_empty(), "{:?}", reading.mistakes);
        for (name, value) in &values {
            prop_assert_eq!(reading.values.get(name).map(Value::to_string), Some(value.to_string()), "{}", name);
        }
    }

    #[test]
    fn what_was_not_filled_in_is_absent(given in proptest::collection::btree_map("[a-z]{1,6}", field(), 1..4)) {
        let fields: Fields = given.iter().map(|(name, (field, _))| (name.clone(), field.clone())).collect();
        let specs = super::fields(&fields);
        let mut typed = Typed::default();
        fill("/config", &specs, &Map::new(), &mut typed);
        let reading = read("/config", &specs, &sent(&specs, &typed));
        prop_assert!(reading.mistakes.is_empty(), "{:?}", reading.mistakes);
        for (name, value) in &reading.values {
            // A box is either on or off.
            prop_assert_eq!(Some(value), fields[name].default.as_ref(), "{}", name);
        }
    }

    #[test]
    fn no_button_loses_what_was_typed(given in field(), button in 0..4usize) {
        let (field, value) = given;
        let fields = Fields::from_iter([("it".to_owned(), field)]);
        let specs = super::fields(&fields);
        let mut typed = Typed::default();
        fill("/config", &specs, &Map::from_iter([("it".to_owned(), value.clone())]), &mut typed);
        let verb = ["json", "form", "add", "nonsense"][button];
        if verb == "add" {
            return Ok(());
        }
        edit(&format!("{verb} /config/it"), "/config", &specs, &mut typed);
        let reading = read("/config", &specs, &sent(&specs, &typed));
        prop_assert_eq!(reading.values.get("it").map(Value::to_string), Some(value.to_string()));
    }
}

fn text_field(secret: bool) -> Fields {
    Fields::from_iter([("key".to_owned(), Field { secret, ..Field::new(FieldKind::String) })])
}

#[test]
fn a_secret_is_kept_replaced_or_cleared_and_never_shown() {
    let specs = super::fields(&text_field(true));
    let stored = BTreeMap::from([("/config/key".to_owned(), "2026-01-31T12:00:00Z".parse().unwrap())]);
    let mistakes = Mistakes::default();
    let mut typed = Typed::default();
    typed.set("/config/key", "canary");
    let view = FormView { typed: &typed, mistakes: &mistakes, stored: &stored, held: &[] };
    let page = view.fields("/config", &specs, "field").into_string();
    assert!(!page.contains("canary"), "{page}");
    let read_with = |action: &str, text: &str| {
        let mut typed = Typed::default();
        typed.set("/config/key~do", action);
        typed.set("/config/key", text);
        read("/config", &specs, &typed)
    };
    assert_eq!(read_with("keep", "ignored").kept, ["key"]);
    assert_eq!(read_with("clear", "").cleared, ["key"]);
    assert_eq!(read_with("replace", "new\n").values["key"], "new", "a line break of a pasted line does not count");
    assert_eq!(read_with("replace", "a\nb\n").values["key"], "a\nb\n", "the lines of a key do");
}

#[test]
fn what_cannot_be_read_is_told_at_its_place_and_stays_typed() {
    let schema =
        json!({ "type": "array", "items": { "type": "object", "properties": { "port": { "type": "integer" } } } });
    let list = Field { schema: Some(NestedSchema::new(schema)), ..Field::new(FieldKind::Array) };
    let lines = json!({ "type": "array", "items": { "type": "integer" } });
    let fields = Fields::from_iter([
        ("count".to_owned(), Field { integer: true, ..Field::new(FieldKind::Number) }),
        ("list".to_owned(), list),
        ("raw".to_owned(), Field::new(FieldKind::Raw)),
        ("ids".to_owned(), Field { schema: Some(NestedSchema::new(lines)), ..Field::new(FieldKind::Array) }),
    ]);
    let specs = super::fields(&fields);
    let body = "/p/count=3o&/p/list~n=2&/p/list/0/port=1&/p/list/1/port=http&/p/raw=%7B%22a%22%3A&/p/ids=1%0D%0Atwo";
    let typed = Typed::parse(body.as_bytes()).unwrap();
    let reading = read("/p", &specs, &typed);
    let told: Vec<Line> = reading.mistakes.lines(&[("/p", &specs)], &typed);
    let told: Vec<(Option<&str>, &str)> =
        told.iter().map(|line| (line.target.as_deref(), line.message.as_str())).collect();
    assert_eq!(
        told,
        [
            (Some("f-p-count"), "Expected a whole number, got “3o”"),
            (Some("f-p-list-1-port"), "Expected a whole number, got “http”"),
            (Some("f-p-raw"), "Line 1, column 5: not JSON: EOF while parsing a value"),
            (Some("f-p-ids"), "Line 2: expected a number, got “two”"),
        ]
    );
    let stored = BTreeMap::new();
    let view = FormView { typed: &typed, mistakes: &reading.mistakes, stored: &stored, held: &[] };
    let page = view.fields("/p", &specs, "param").into_string();
    for text in ["value=\"3o\"", "value=\"http\"", "{&quot;a&quot;:"] {
        assert!(page.contains(text), "{text} in {page}");
    }
}

#[test]
fn two_places_never_have_one_id() {
    let places = ["/a/b", "/a-b", "/a_b", "/a.b", "/a~1b", "/a b", "/ä", "/a/b~n"];
    let ids: std::collections::BTreeSet<String> = places.iter().map(|place| id(place)).collect();
    assert_eq!(ids.len(), places.len(), "{ids:?}");
    assert_eq!(id("/config/baseUrl"), "f-config-baseUrl");
}

/// One field of each kind.
fn every_kind() -> Vec<(&'static str, Field, Value)> {
    let of = |kind: FieldKind| Field { description: Some("What it is for.".to_owned()), ..Field::new(kind) };
    let nested = |kind: FieldKind, schema: Value| Field { schema: Some(NestedSchema::new(schema)), ..of(kind) };
    let options = |names: &[&str]| names.iter().map(|name| choice(name)).collect::<Vec<_>>();
    let object = json!({ "type": "object", "required": ["host"], "properties": {
        "host": { "type": "string" }, "port": { "type": "integer", "minimum": 1 }, "tls": { "type": "boolean" }
    } });
    vec![
        ("text", Field { required: true, example: Some(json!("acme")), ..of(FieldKind::String) }, json!("acme")),
        ("url", Field { format: Some("uri".to_owned()), ..of(FieldKind::String) }, json!("https://api.example.com")),
        ("long", Field { max_length: Some(1000), ..of(FieldKind::String) }, json!("one\ntwo")),
        ("secret", Field { secret: true, required: true, ..of(FieldKind::String) }, json!("never shown")),
        (
            "whole",
            Field {
                integer: true,
                minimum: Some(1.into()),
                maximum: Some(9.into()),
                default: Some(json!(5)),
                ..of(FieldKind::Number)
            },
            json!(3),
        ),
        ("on_off", Field { default: Some(json!(true)), ..of(FieldKind::Boolean) }, json!(false)),
        ("three_states", of(FieldKind::Boolean), json!(true)),
        ("day", Field { format: Some("date".to_owned()), ..of(FieldKind::Date) }, json!("2026-01-31")),
        (
            "moment",
            Field { format: Some("date-time".to_owned()), ..of(FieldKind::Date) },
            json!("2026-01-31T12:00:00Z"),
        ),
        ("few", Field { options: options(&["eu", "us"]), ..of(FieldKind::Select) }, json!("us")),
        (
            "some",
            Field { options: options(&["a1", "b2", "c3", "d4", "e5"]), required: true, ..of(FieldKind::Select) },
            json!("c3"),
        ),
        (
            "texts",
            nested(FieldKind::Array, json!({ "type": "array", "items": { "type": "string" } })),
            json!(["a", "b"]),
        ),
        ("checks", nested(FieldKind::Array, json!({ "type": "array", "items": { "enum": ["r", "w"] } })), json!(["w"])),
        (
            "items",
            nested(FieldKind::Array, json!({ "type": "array", "maxItems": 2, "items": object })),
            json!([{ "host": "h", "port": 1 }]),
        ),
        ("group", nested(FieldKind::Object, object.clone()), json!({ "host": "h", "tls": true })),
        (
            "pairs",
            nested(FieldKind::Object, json!({ "type": "object", "additionalProperties": { "type": "string" } })),
            json!({ "x-team": "identity" }),
        ),
        ("raw", of(FieldKind::Raw), json!({ "a": [1, 2.50] })),
    ]
}

/// Writes a page with one tag a line, so that a change of it is seen.
fn lines(page: &str) -> String {
    page.replace("><", ">\n<").replace('\r', "\\r")
}

#[test]
fn every_kind_of_field_in_every_state() {
    for (name, field, value) in every_kind() {
        let fields = Fields::from_iter([(name.to_owned(), field)]);
        let specs = super::fields(&fields);
        let mut wrong = Mistakes::default();
        wrong.add(&format!("/config/{name}"), "expected something else");
        let (none, stored) = (Mistakes::default(), BTreeMap::new());
        let mut filled = Typed::default();
        fill("/config", &specs, &Map::from_iter([(name.to_owned(), value)]), &mut filled);
        let empty = Typed::default();
        let mut shown = String::new();
        for (state, typed, mistakes) in [("empty", &empty, &none), ("set", &filled, &none), ("wrong", &filled, &wrong)]
        {
            let view = FormView { typed, mistakes, stored: &stored, held: &[] };
            shown += &format!("== {state}\n{}\n", lines(&view.fields("/config", &specs, "field").into_string()));
        }
        assert!(!shown.contains("never shown"));
        insta::assert_snapshot!(format!("field_{name}"), shown);
    }
}
