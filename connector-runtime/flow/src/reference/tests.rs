//! The grammar and the rules of rendering, case by case, and as laws.

use proptest::prelude::*;
use serde_json::{Map, Value, json};

use super::*;

fn variables() -> Map<String, Value> {
    let bag = json!({
        "count": 12, "rate": 0.50, "word": "sun", "none": null, "yes": true, "blank": "", "half-way": "there",
        "loop": "{{count}}", "big": 9_007_199_254_740_993_u64,
        "shop": {
            "open": 4, "list": [{ "key": "k1", "x-mail": "m@y" }, { "key": "k2" }],
            "dotted.name": 8, "0": "nought", "01": "padded", "run": "inner", "gone": null,
        },
    });
    bag.as_object().cloned().unwrap()
}

fn rendered(template: &Value) -> Result<Value, String> {
    let template = Template::parse(template).map_err(|mistakes| format!("{mistakes:?}"))?;
    render_at(&template, "/params", &Bag::new(&variables())).map_err(|error| error.to_string())
}

#[test]
fn a_placeholder_alone_keeps_the_type() {
    let list = json!([{ "key": "k1", "x-mail": "m@y" }, { "key": "k2" }]);
    for (text, value) in [
        ("{{count}}", json!(12)),
        ("{{ count }}", json!(12)),
        ("{{\n\tcount\r}}", json!(12)),
        ("{{yes}}", json!(true)),
        ("{{none}}", Value::Null),
        ("{{shop.list}}", list),
        ("{{shop.list[0].key}}", json!("k1")),
        ("{{shop.list.1.key}}", json!("k2")),
        ("{{shop.list[0].x-mail}}", json!("m@y")),
        ("{{shop[\"list\"][1][\"key\"]}}", json!("k2")),
        ("{{shop[\"dotted.name\"]}}", json!(8)),
        ("{{shop.0}}", json!("nought")),
        ("{{shop[0]}}", json!("nought")),
        ("{{shop.01}}", json!("padded")),
        ("{{shop.run}}", json!("inner")),
        ("{{half-way}}", json!("there")),
        ("{{\"lone\"}}", json!("lone")),
        ("{{loop}}", json!("{{count}}")),
        ("{{big}}", json!(9_007_199_254_740_993_u64)),
    ] {
        assert_eq!(rendered(&json!(text)), Ok(value), "{text}");
    }
}

#[test]
fn anything_around_it_makes_a_text() {
    for (text, expected) in [
        ("c={{count}}", "c=12"),
        (" {{count}}", " 12"),
        ("{{count}} ", "12 "),
        ("{{word}}{{count}}", "sun12"),
        ("{{rate}}%", "0.5%"),
        ("{{yes}}?", "true?"),
        ("{{shop.list}};", r#"[{"key":"k1","x-mail":"m@y"},{"key":"k2"}];"#),
        ("<{{loop}}", "<{{count}}"),
        (r#"{{"{{"}}count}}"#, "{{count}}"),
        (r#"{{""}}{{count}}"#, "12"),
        (r#"{{"a\"b\u00e9"}}!"#, "a\"bé!"),
        ("}} loose }}", "}} loose }}"),
        ("{ {count} }", "{ {count} }"),
        ("{{count}}}", "12}"),
        ("", ""),
    ] {
        assert_eq!(rendered(&json!(text)), Ok(json!(expected)), "{text}");
    }
    let exact: Value = serde_json::from_str("1.50").unwrap();
    let bag = Map::from_iter([("exact".to_owned(), exact)]);
    let template = Template::parse(&json!("{{exact}} EUR")).unwrap();
    assert_eq!(render(&template, &Bag::new(&bag)), Ok(json!("1.50 EUR")), "a number is written as it came");
}

#[test]
fn a_default_stands_for_absent_and_for_null() {
    for (text, value) in [
        ("{{gone ?? 7}}", json!(7)),
        ("{{none ?? \"n\"}}", json!("n")),
        ("{{blank ?? \"n\"}}", json!("")),
        ("{{shop.list[9].key ?? null}}", Value::Null),
        ("{{shop.gone.deeper??[1,{\"a\":\"}}\"}]}}", json!([1, { "a": "}}" }])),
        ("{{count ?? 7}}", json!(12)),
        ("x{{gone ?? \"\"}}y", json!("xy")),
        ("{{none ?? true}}!", json!("true!")),
    ] {
        assert_eq!(rendered(&json!(text)), Ok(value), "{text}");
    }
}

#[test]
fn texts_at_any_depth_are_rendered_and_keys_are_not() {
    let template =
        json!({ "list": ["{{count}}", { "w": "{{word}}" }, 1.0, null], "{{count}}": 1, "plain": { "k": 2 } });
    let value = json!({ "list": [12, { "w": "sun" }, 1.0, null], "{{count}}": 1, "plain": { "k": 2 } });
    assert_eq!(rendered(&template), Ok(value));
    let parsed = Template::parse(&template).unwrap();
    assert_eq!(serde_json::to_string(&parsed).unwrap(), template.to_string(), "it is written as it was read");
    let mut seen = Vec::new();
    parsed.visit("/p", &mut |pointer, reference, alone| seen.push(format!("{pointer} {} {alone}", reference.path)));
    assert_eq!(seen, ["/p/list/0 count true", "/p/list/1/w word true"]);
}

#[test]
fn an_absent_reference_says_what_is_there_and_what_was_meant() {
    let shop = "shop has open, list, dotted.name, 0, 01, run, gone";
    let roots = "the run has count, rate, word, none, yes, blank, half-way, loop, big, shop";
    for (text, message) in [
        ("{{xyzzy}}", format!("Unknown reference xyzzy at /params/a~1b: {roots}")),
        ("{{cuont}}", format!("Unknown reference cuont at /params/a~1b: {roots}; did you mean count?")),
        ("{{shop.opne}}", format!("Unknown reference shop.opne at /params/a~1b: {shop}; did you mean open?")),
        ("{{shop.LIST}}", format!("Unknown reference shop.LIST at /params/a~1b: {shop}; did you mean list?")),
        (
            "{{shop.list[2]}}",
            "Unknown reference shop.list[2] at /params/a~1b: shop.list has 2 items, counted from 0".to_owned(),
        ),
        (
            "{{shop.list.key}}",
            "Unknown reference shop.list.key at /params/a~1b: shop.list has 2 items, counted from 0".to_owned(),
        ),
        (
            "{{shop.list[\"0\"]}}",
            "Unknown reference shop.list[\"0\"] at /params/a~1b: shop.list has 2 items, counted from 0".to_owned(),
        ),
        (
            "{{shop.list[99999999999999999999999]}}",
            "Unknown reference shop.list[99999999999999999999999] at /params/a~1b: shop.list has 2 items, counted from 0"
                .to_owned(),
        ),
        ("{{count.deep}}", "Unknown reference count.deep at /params/a~1b: count is a number".to_owned()),
        ("{{word[0]}}", "Unknown reference word[0] at /params/a~1b: word is a string".to_owned()),
        ("{{none.x}}", "Unknown reference none.x at /params/a~1b: none is null".to_owned()),
        (
            "a{{none}}",
            "Reference none at /params/a~1b is null, which has no text; write {{none ?? \"\"}} for an empty one".to_owned(),
        ),
    ] {
        assert_eq!(rendered(&json!({ "a/b": text })), Err(message), "{text}");
    }
}

#[test]
fn anything_else_after_two_braces_is_refused_with_its_column() {
    for (text, column) in [
        ("{{", 3),
        ("{{count", 8),
        ("{{count}", 8),
        ("{{}}", 3),
        ("{{ }}", 4),
        ("{{.count}}", 3),
        ("{{9lives}}", 3),
        ("{{-a}}", 3),
        ("{{count.}}", 9),
        ("{{count..x}}", 9),
        ("{{shop.list[-1]}}", 13),
        ("{{shop.list[01]}}", 13),
        ("{{shop.list[]}}", 13),
        ("{{shop.list[a]}}", 13),
        ("{{shop.list[1}}", 14),
        ("{{shop[\"a]}}", 8),
        ("{{shop .open}}", 8),
        ("{{count | upper}}", 9),
        ("{{count + 1}}", 9),
        ("{{count(1)}}", 8),
        ("{{count ?? }}", 12),
        ("{{count ??", 11),
        ("{{count ? 1}}", 9),
        ("{{count ?? other}}", 12),
        ("{{count ?? 'x'}}", 12),
        ("{{count ?? 1 ?? 2}}", 14),
        ("{{count ?? 1", 13),
        ("{{count ?? 01}}", 12),
        ("{{\"open}}", 3),
        ("{{\"a\" ?? 1}}", 7),
        ("{{\"a\".b}}", 6),
        ("{{{count}}}", 3),
        ("{{'a'}}", 3),
        ("é{{ü}}", 4),
        ("{{count}} and {{", 17),
        (r#"{{a ?? {"$serde_json::private::Number":"1"}}}"#, 8),
    ] {
        let mistakes = Template::parse(&json!({ "p": [text] })).unwrap_err();
        let [(pointer, mistake)] = &*mistakes else { panic!("{text}: {mistakes:?}") };
        assert_eq!((pointer.as_str(), mistake.column), ("/p/0", column), "{text}: {mistake}");
    }
}

#[test]
fn every_mistake_is_listed() {
    let mistakes = Template::parse(&json!({ "a": "{{", "b": ["{{x}}", "{{x|y}}"] })).unwrap_err();
    let places: Vec<&str> = mistakes.iter().map(|(pointer, _)| pointer.as_str()).collect();
    assert_eq!(places, ["/a", "/b/1"]);
}

#[test]
fn reserved_roots_come_first() {
    let bag = json!({ "run": "mine", "steps": "mine" });
    let (run, steps) = (json!({ "id": "r1" }), json!({ "a": { "success": true } }));
    let bag = Bag::new(bag.as_object().unwrap()).with_run(&run, &steps);
    let template = Template::parse(&json!(["{{run.id}}", "{{steps.a.success}}"])).unwrap();
    assert_eq!(render(&template, &bag), Ok(json!(["r1", true])));
}

#[test]
fn a_small_template_cannot_make_a_huge_value() {
    let bag = Map::from_iter([("wide".to_owned(), json!("w".repeat(1 << 20)))]);
    for many in [json!("{{wide}}".repeat(11)), json!(vec!["{{wide}}"; 11])] {
        let error = render(&Template::parse(&many).unwrap(), &Bag::new(&bag)).unwrap_err();
        assert_eq!(error.kind, ReferenceErrorKind::TooLarge, "{error}");
    }
    assert!(render(&Template::parse(&json!("{{wide}}".repeat(9))).unwrap(), &Bag::new(&bag)).is_ok());
}

fn any_value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        "[{} a\"}]{0,12}".prop_map(Value::from),
    ];
    leaf.prop_recursive(3, 24, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::hash_map("[a-z.\\]\"0-9]{0,5}", inner, 0..4)
                .prop_map(|map| Value::Object(map.into_iter().collect())),
        ]
    })
}

proptest! {
    #[test]
    fn data_is_never_scanned(value in any_value()) {
        let bag = Map::from_iter([("it".to_owned(), value.clone())]);
        let template = Template::parse(&json!({ "p": "{{it}}" })).unwrap();
        prop_assert_eq!(render(&template, &Bag::new(&bag)), Ok(json!({ "p": value })));
    }

    #[test]
    fn any_text_is_read_or_refused(text in "[{}a.\\[\\]\"0 ?é]{0,24}") {
        match Template::parse(&json!(text)) {
            Ok(template) => {
                prop_assert_eq!(serde_json::to_value(&template).unwrap(), json!(text));
                if !text.contains("{{") {
                    prop_assert_eq!(render(&template, &Bag::new(&Map::new())), Ok(json!(text)));
                }
            }
            Err(mistakes) => {
                prop_assert!(text.contains("{{"));
                prop_assert!((1..=text.chars().count() + 1).contains(&mistakes[0].1.column));
            }
        }
    }

    #[test]
    fn any_text_can_be_written_as_a_quoted_text(text in ".*") {
        let quoted = format!("{{{{{}}}}}", Value::from(text.as_str()));
        let template = Template::parse(&json!(quoted)).unwrap();
        prop_assert_eq!(render(&template, &Bag::new(&Map::new())), Ok(json!(text)));
    }

    #[test]
    fn a_path_is_written_as_it_is_read(root in "[A-Za-z_][A-Za-z0-9_-]{0,5}", keys in prop::collection::vec(".{0,6}", 0..4)) {
        let rest = keys.into_iter().map(Segment::Key).collect();
        let path = Path { root, rest };
        let parsed = Template::parse(&json!(format!("{{{{{path}}}}}"))).unwrap();
        let read = &parsed.as_reference().unwrap().path;
        prop_assert!(read.leads_to(&path) && path.leads_to(read));
    }
}
