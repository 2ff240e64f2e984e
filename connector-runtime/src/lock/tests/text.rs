//! The text of a lock: what is written, and what is read.

use super::fixture::{Lab, ListLab};
use crate::connector::Connector;
use crate::descriptor::Descriptor;
use crate::lock::{LockError, Mistake, diff, out, parse, print};
use crate::version::Level;

#[test]
fn a_lock_says_what_is_inside_lists_and_maps() {
    let text = print(ListLab::DESCRIPTOR);
    let expected = r#"version 1.0.0
command take
connection sizes array required
param take foreign array required
param take nodes array default=null
param take nodes.[] object required
param take nodes.[].below array null
param take nodes.[].inside array required
param take nodes.[].inside.[] object required
param take nodes.[].inside.[].any raw null
param take nodes.[].inside.[].size number default=3 integer min=0 max=9
param take plain object required
param take ways object required
param take ways.{} array required
param take ways.{}.[] select required
param-option take ways.{}.[] "down"
param-option take ways.{}.[] "up"
text take "#;
    assert!(text.starts_with(expected), "{text}");
    assert_eq!(parse(&text).unwrap().to_string(), text);
    let without = |line: &str| text.replacen(line, "", 1);
    for (new, level, pointer) in [
        (
            without("param take nodes.[].inside.[].any raw null\n"),
            Level::Major,
            "/commands/take/paramSchema/nodes/schema/items/properties/inside/items/properties/any",
        ),
        (
            without("param-option take ways.{}.[] \"up\"\n"),
            Level::Major,
            "/commands/take/paramSchema/ways/schema/additionalProperties/items/options",
        ),
    ] {
        let changes = diff(&text, &new).unwrap();
        assert_eq!((changes.level(), changes.items[0].pointer.as_str()), (level, pointer));
        assert!(diff(&new, &text).unwrap().level() > Level::Patch);
    }
}

#[test]
fn a_lock_is_sorted_lines_with_everything_that_the_rules_look_at() {
    let text = print(Lab::DESCRIPTOR);
    let expected = r#"version 1.0.0
command alpha
command beta since=1.0.0 effect=read idempotent deprecated
connection key secret required
connection text string default="a \"b\"\n\u0001ü" min_length=2 max_length=9 pattern="a .b"
connection warmth number default=-1.5 min=-2 max=0.25
output beta a
output beta b
param beta filter object required
param beta filter.any raw null
param beta filter.size number default=3 integer min=0 max=9
text alpha "#;
    assert!(text.starts_with(expected), "{text}");
    let lines: Vec<&str> = text.lines().skip(1).collect();
    assert!(lines.is_sorted(), "{text}");
    assert_eq!(parse(&text).unwrap().to_string(), text);
}

#[test]
fn without_the_order_of_the_macro_the_text_is_the_same() {
    let unordered = Descriptor { order: &[], ..*Lab::DESCRIPTOR };
    assert_eq!(print(&unordered), print(Lab::DESCRIPTOR));
}

#[test]
fn a_lock_that_cannot_be_read_names_the_line() {
    let good = print(Lab::DESCRIPTOR);
    for (text, line, mistake) in [
        (String::new(), 1, Mistake::Version),
        ("version one\n".to_owned(), 1, Mistake::Version),
        (good.replacen("version", "Version", 1), 1, Mistake::Version),
        (good.replace("output beta a", "output beta"), 7, Mistake::Unreadable),
        (good.replace("output beta a", "output beta a extra"), 7, Mistake::Unreadable),
        (good.replace("output beta a", ""), 7, Mistake::Unreadable),
        (good.replace("effect=read", "effect="), 3, Mistake::Unreadable),
        (good.replace("effect=read", "affect=read"), 3, Mistake::Unreadable),
        (good.replace("key secret", "key secrets"), 4, Mistake::Unreadable),
        (good.replace("output beta b", "output beta a"), 8, Mistake::Order),
        (good.replace("output beta a", "output gamma a"), 8, Mistake::Order),
    ] {
        assert_eq!(parse(&text), Err(LockError { line, mistake }), "{text}");
    }
    assert_eq!(
        parse("").unwrap_err().to_string(),
        "line 1 of the lock does not say the version, such as `version 1.0.0`; it is the first line of every lock"
    );
}

#[test]
fn line_ends_of_another_system_are_read() {
    let text = print(Lab::DESCRIPTOR);
    assert!(diff(&text, &text.replace('\n', "\r\n")).unwrap().is_empty());
}

#[test]
fn numbers_are_written_so_that_reading_gives_them_back() {
    for value in [0.0, 0.1, -1.5, 30.0, 1e15, 123_456.789, 1.0 / 3.0, 1e300, f64::MIN_POSITIVE] {
        let text = out::text(|out| out.float(value));
        let back = match text.strip_prefix("bits:") {
            Some(bits) => f64::from_bits(u64::from_str_radix(bits, 16).unwrap()),
            None => text.parse().unwrap(),
        };
        assert_eq!(back.to_bits(), value.to_bits(), "{text}");
    }
    assert_eq!(out::text(|out| out.float(0.1)), "0.1");
    assert_eq!(out::text(|out| out.float(30.0)), "30.0");
}
