//! What is read here is what libyaml reads.

use proptest::prelude::*;
use serde::Deserialize;
use serde_json::{Value, json};

use super::read;

fn known(text: &str) -> Option<Value> {
    read(text, std::marker::PhantomData::<Value>).ok()
}

fn by_libyaml(text: &str) -> Option<Value> {
    let document = yaml_serde::Deserializer::from_str(text).next()?;
    Value::deserialize(document).ok()
}

#[test]
fn documents_as_people_and_programs_write_them() {
    let text = "\
---
# About the document.
openapi: 3.0.3
info:
  title: 'It''s a title'
  version: \"1.0\"
  description: >-
    Folded
    text.

    # not a comment
  x-long: some words
    that go on

    and on
tags:
- name: a
  value: 12
- name: b
  value: -1.5
-
  - nested: true
  - [x, y]
paths:
  /a/{id}: {}
  '/b':
    get: # nothing yet
    \"x: y\": ~
    200: []
    text: |
      # a title

        indented
    end: \"two
      lines \\u00e9\"
";
    assert_eq!(known(text), by_libyaml(text));
    let value = known(text).unwrap();
    assert_eq!(value["info"]["x-long"], "some words that go on\nand on");
    assert_eq!(value["tags"][2], json!([{ "nested": true }, ["x", "y"]]));
    assert_eq!(value["paths"]["/b"]["end"], "two lines \u{e9}");
}

#[test]
fn what_is_not_known_is_left_to_libyaml() {
    for text in [
        "a: &x 1\nb: *x\n",
        "a: !tag b\n",
        "a: b # comment\n",
        "a:\tb\n",
        "a: b\r\nc: d\r\n",
        "a: b\n---\nc: d\n",
        "a: b: c\n",
        "? a\n: b\n",
        "a: |2\n   b\n",
        "a: - b\n",
        "a: [b,\n  c]\n",
        "a: b\n   c: d\n",
        "a\n",
        "a: \u{85}b\n",
        "a: ---\n",
    ] {
        assert_eq!(known(text), None, "{text}");
    }
}

/// Parts of lines, from which anything may arise.
fn line() -> impl Strategy<Value = String> {
    let part = prop_oneof![
        6 => Just("a: "), 2 => Just("b:"), 2 => Just("c: x"), 3 => Just("- "), 1 => Just("-"), 2 => Just("text"), 1 => Just("# c"),
        1 => Just(" #c"), 1 => Just("'q'"), 1 => Just("'q: "), 1 => Just("\"d\": "), 1 => Just("\"d\\n"), 1 => Just("\""),
        1 => Just("|"), 1 => Just(">-"), 1 => Just("|+"), 1 => Just("[x, 1]"), 1 => Just("{k: v}"), 1 => Just("{"), 1 => Just("12"),
        1 => Just("-1.5"), 1 => Just("010"), 1 => Just("1e3"), 1 => Just("true"), 1 => Just("~"), 1 => Just("---"), 1 => Just("..."),
        1 => Just("?"), 1 => Just(": "), 1 => Just(":"), 1 => Just("  "), 1 => Just("/p/{x}: "), 1 => Just("&a"), 1 => Just("\u{e9}"),
        1 => Just("<<: "), 1 => Just(".5"), 1 => Just("+1"), 1 => Just("0x1f"), 1 => Just("null"), 1 => Just(""),
    ];
    (0_usize..7, prop::collection::vec(part, 0..4)).prop_map(|(indent, parts)| " ".repeat(indent) + &parts.concat())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(4000))]

    #[test]
    fn nothing_is_read_otherwise(lines in prop::collection::vec(line(), 0..9), ends in any::<bool>()) {
        let text = lines.join("\n") + if ends { "\n" } else { "" };
        if let Some(value) = known(&text) {
            prop_assert_eq!(Some(value), by_libyaml(&text), "{}", text);
        }
    }
}
