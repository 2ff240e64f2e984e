//! The lock's text, what is said of two of them, and that both engines go by the same rules.

use proptest::prelude::*;

use super::{LockError, Mistake, bytes, diff, number, out, parse, print};
use crate::connector::Connector;
use crate::descriptor::{ChoiceSpec, CommandSpec, Descriptor, FieldSpec, Literal, Outputs, TypeSpec};
use crate::prelude::*;
use crate::schema::{Effect, FieldKind, describe};
use crate::version::{Level, diff as schema_diff};

/// A connector to take descriptors from.
#[connector(name = "lock-lab", version = "1.0.0", lock = false)]
#[derive(Debug)]
struct Lab {
    /// A key.
    key: Secret,
    /// A "quoted" default.
    #[config(default = "a \"b\"\n\u{1}ü", pattern = "a .b", min_length = 2, max_length = 9)]
    text: String,
    /// How warm.
    #[config(default = -1.5, min = -2, max = 0.25)]
    warmth: f64,
}

/// An object.
#[object]
#[derive(Debug)]
struct Inner {
    /// A size.
    #[param(default = 3, max = 9)]
    size: u8,
    /// Anything.
    any: Option<Value>,
}

#[connector]
impl Lab {
    /// Second by name.
    #[command(effect = read, idempotent, since = "1.0.0", deprecated = "use alpha", outputs("b", "a"))]
    fn beta(
        &self,
        /// A filter.
        filter: Inner,
    ) -> Outcome<Value> {
        let _ = (&self.key, &self.text, self.warmth, filter.size, filter.any);
        succeed(Value::Null)
    }

    /// First by name.
    #[command]
    fn alpha(&self) {}
}

/// A connector whose params are lists and maps.
#[connector(name = "list-lab", version = "1.0.0", lock = false)]
#[derive(Debug)]
struct ListLab {
    /// Sizes.
    sizes: Vec<u8>,
}

/// A node with others below it.
#[object]
#[derive(Debug)]
#[expect(dead_code, reason = "only its schema counts")]
struct Node {
    /// Those below.
    below: Option<Vec<Self>>,
    /// What is in it.
    inside: Vec<Inner>,
}

/// A way.
#[derive(Debug, Clone, Copy, Select)]
enum Way {
    /// Up.
    Up,
    /// Down.
    Down,
}

/// Only serde knows it.
#[derive(Debug, serde::Deserialize, schemars::JsonSchema)]
struct Foreign;

#[connector]
impl ListLab {
    /// Takes lists.
    #[command]
    fn take(
        &self,
        /// Nodes.
        nodes: Option<Vec<Node>>,
        /// Ways by name.
        ways: std::collections::BTreeMap<String, Vec<Way>>,
        /// Plain ones.
        plain: std::collections::HashMap<String, Vec<Option<String>>>,
        /// Foreign ones.
        foreign: Vec<Foreign>,
    ) {
        let _ = (&self.sizes, nodes.map(|nodes| nodes.len()), ways.len(), plain.len(), foreign.len());
    }
}

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
fn each_change_is_found_and_said() {
    let old = print(Lab::DESCRIPTOR);
    for (from, to, rule, pointer, message) in [
        ("command alpha\n", "", "command_removed", "/commands/alpha", "command alpha was removed"),
        (
            " idempotent",
            "",
            "idempotent_withdrawn",
            "/commands/beta/idempotent",
            "command beta: no longer declared idempotent",
        ),
        (
            "effect=read",
            "effect=update",
            "effect_changed",
            "/commands/beta/effect",
            "command beta: effect changed, effect was read, is update",
        ),
        (" deprecated", "", "deprecation_lifted", "/commands/beta/deprecated", "command beta: no longer deprecated"),
        (
            "key secret",
            "key string",
            "secret_lifted",
            "/connectionConfig/key/secret",
            "connection field key: was a secret, is none",
        ),
        (
            "key secret",
            "key number",
            "type_changed",
            "/connectionConfig/key/type",
            "connection field key: type changed, it was string, is number",
        ),
        (
            "max=0.25",
            "max=0.125",
            "bounds_narrowed",
            "/connectionConfig/warmth/maximum",
            "connection field warmth: bounds narrowed, max was 0.25, is 0.125",
        ),
        (
            "min=-2",
            "min=-2.5",
            "bounds_widened",
            "/connectionConfig/warmth/minimum",
            "connection field warmth: bounds widened, min was -2, is -2.5",
        ),
        (
            "min=-2",
            "min=-2.0",
            "text_changed",
            "/connectionConfig/warmth/minimum",
            "connection field warmth: text for people changed, min was -2, is -2.0",
        ),
        (
            "pattern=\"a .b",
            "pattern=\"a .c",
            "pattern_narrowed",
            "/connectionConfig/text/pattern",
            "connection field text: pattern added or changed, pattern was \"a .b\", is \"a .c\"",
        ),
        ("output beta a\n", "", "output_removed", "/commands/beta/outputs", "output a of beta was removed"),
        (
            "filter.any raw null",
            "filter.any raw required",
            "property_required",
            "/commands/beta/paramSchema/filter/schema/properties/any/required",
            "param filter.any of beta: property of a nested value required that was not",
        ),
        (
            "param beta filter.any raw null\n",
            "",
            "property_removed",
            "/commands/beta/paramSchema/filter/schema/properties/any",
            "param filter.any of beta was removed",
        ),
        (
            "default=3",
            "default=4",
            "default_changed",
            "/commands/beta/paramSchema/filter/schema/properties/size/default",
            "param filter.size of beta: default changed, default was 3, is 4",
        ),
    ] {
        let new = old.replacen(from, to, 1);
        assert_ne!(old, new, "{from}");
        let changes = diff(&old, &new).unwrap();
        let found = changes.items.iter().find(|change| change.rule.id == rule);
        let found = found.unwrap_or_else(|| panic!("{rule}: {changes:#?}"));
        assert_eq!((found.pointer.as_str(), found.message.as_str()), (pointer, message));
    }
}

#[test]
fn what_came_or_went_with_its_owner_is_not_said_twice() {
    let old = print(Lab::DESCRIPTOR);
    let without: String = old.lines().filter(|line| !line.contains(" beta")).map(|line| format!("{line}\n")).collect();
    for (from, to, rule) in [(&old, &without, "command_removed"), (&without, &old, "command_added")] {
        let changes = diff(from, to).unwrap();
        assert_eq!(changes.items.len(), 1, "{changes:#?}");
        assert_eq!(changes.items[0].rule.id, rule);
    }
    let other =
        old.replace("filter object required", "filter raw required").replace("param beta filter.any raw null\n", "");
    let rules: Vec<&str> = diff(&old, &other).unwrap().items.iter().map(|change| change.rule.id).collect();
    assert_eq!(rules, ["type_changed"]);
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

/// Connectors of a few traits, each chosen by a number.
fn grown(genes: &[u8]) -> Descriptor {
    let mut genes = genes.iter().copied();
    let mut of = |count: u8| genes.next().unwrap_or(0) % count;
    let mut field = |name: &'static str| {
        let kind = [FieldKind::String, FieldKind::Number, FieldKind::Select][usize::from(of(3))];
        let choices: [&'static [ChoiceSpec]; 3] = [&[CHOICES[0]], &[CHOICES[0], CHOICES[1]], &[CHOICES[1]]];
        let (number, text) = (kind == FieldKind::Number, kind == FieldKind::String);
        let ty = TypeSpec {
            nullable: of(2) == 1,
            secret: of(2) == 1 && text,
            integer: of(2) == 1 && number,
            format: [None, Some("uri"), Some("date")][usize::from(of(3))],
            choices: if kind == FieldKind::Select { choices[usize::from(of(3))] } else { &[] },
            ..TypeSpec::new(kind)
        };
        let bounds = [None, Some(Literal::Int(1)), Some(Literal::Float(1.5)), Some(Literal::Int(-2))];
        let defaults = if number { [None, Some(Literal::Int(1))] } else { [None, Some(Literal::Str("a"))] };
        FieldSpec {
            default: if ty.nullable { None } else { defaults[usize::from(of(2))] },
            minimum: bounds[usize::from(of(4))].filter(|_| number),
            maximum: bounds[usize::from(of(4))].filter(|_| number),
            max_length: [None, Some(8), Some(9)][usize::from(of(3))].filter(|_| text),
            pattern: [None, Some("a"), Some("b")][usize::from(of(3))].filter(|_| text),
            ..FieldSpec::new(name, "", ty)
        }
    };
    let mut all: Vec<Vec<FieldSpec>> = vec![Vec::new(), Vec::new(), Vec::new()];
    for list in &mut all {
        for name in ["a", "b"] {
            list.push(field(name));
        }
    }
    for list in &mut all {
        match of(4) {
            0 => list.clear(),
            1 => list.truncate(1),
            _ => {}
        }
    }
    let lists: Vec<&'static [FieldSpec]> = all.into_iter().map(|list| &*Box::leak(list.into_boxed_slice())).collect();
    let mut commands = Vec::new();
    for (name, params) in [("list", lists[1]), ("show", lists[2])] {
        let outputs: [&'static [&'static str]; 3] = [&[], &["a"], &["a", "b"]];
        let [base, ..] = Lab::DESCRIPTOR.commands else { unreachable!("the lab has commands") };
        let spec = CommandSpec {
            name,
            description: "",
            params,
            outputs: Outputs { names: outputs[usize::from(of(3))], ..Outputs::default() },
            deprecated: [None, Some("")][usize::from(of(2))],
            since: [None, Some("1.0.0")][usize::from(of(2))],
            effect: [None, Some(Effect::Read), Some(Effect::Delete)][usize::from(of(3))],
            idempotent: of(2) == 1,
            timeout: None,
            mocks: &[],
            call: base.call,
        };
        if of(4) > 0 {
            commands.push(spec);
        }
    }
    let default_command = [None, Some("list"), Some("show")][usize::from(of(3))];
    let (connection, commands) = (lists[0], &*Box::leak(commands.into_boxed_slice()));
    Descriptor { connection, commands, default_command, order: &[], ..*Lab::DESCRIPTOR }
}

const CHOICES: [ChoiceSpec; 2] =
    [ChoiceSpec { value: "a", label: "A", description: "" }, ChoiceSpec { value: "b b", label: "B", description: "" }];

/// The rules above a patch, with what they are about. Texts have one line for many.
fn rules(changes: &crate::version::Changes) -> Vec<(&'static str, String)> {
    let list = changes.items.iter().filter(|change| change.level() > Level::Patch);
    let mut list: Vec<_> = list
        .map(|change| {
            let (pointer, last) = change.pointer.rsplit_once('/').unwrap_or_default();
            let index = last.bytes().all(|byte| byte.is_ascii_digit());
            (change.rule.id, if index { pointer.to_owned() } else { change.pointer.clone() })
        })
        .collect();
    list.sort();
    list
}

proptest! {
    #[test]
    fn both_engines_give_the_same_rules(
        genes in prop::collection::vec(any::<u8>(), 100),
        edits in prop::collection::vec((0..100_usize, any::<u8>()), 0..6),
    ) {
        let mut other = genes.clone();
        for (at, gene) in edits {
            other[at] = gene;
        }
        let (old, new) = (grown(&genes), grown(&other));
        let (old_text, new_text) = (print(&old), print(&new));
        prop_assert_eq!(&parse(&new_text).unwrap().to_string(), &new_text);
        prop_assert!(diff(&old_text, &old_text).unwrap().is_empty());
        let (by_lock, by_schema) = (diff(&old_text, &new_text).unwrap(), schema_diff(&describe(&old), &describe(&new)));
        prop_assert_eq!(rules(&by_lock), rules(&by_schema), "{}\n{}", old_text, new_text);
        prop_assert_eq!(by_lock.is_empty(), by_schema.is_empty());
    }

    #[test]
    fn decimals_compare_as_numbers_do(a in -999_i32..999, b in -999_i32..999, places in 0..3_usize) {
        let text = |value: i32| format!("{:.places$}", f64::from(value) / 10_f64.powi(places.try_into().unwrap()));
        prop_assert_eq!(number::compare(text(a).as_bytes(), text(b).as_bytes()), Some(a.cmp(&b)));
    }

    #[test]
    fn versions_compare_by_precedence(a in version(), b in version()) {
        let ours = number::version(a.as_bytes()).unwrap().compare(&number::version(b.as_bytes()).unwrap());
        let theirs = semver::Version::parse(&a).unwrap().cmp_precedence(&semver::Version::parse(&b).unwrap());
        prop_assert_eq!(ours, theirs, "{} {}", a, b);
    }

    #[test]
    fn bytes_compare_as_slices_do(a in prop::collection::vec(0..3_u8, 0..5), b in prop::collection::vec(0..3_u8, 0..5)) {
        prop_assert_eq!(bytes::compare(&a, &b), a.cmp(&b));
    }
}

fn version() -> impl Strategy<Value = String> {
    "[0-2]\\.[0-2]\\.[0-2](-(rc|a|0|1|10)(\\.(rc|a|0|2|10)){0,2})?(\\+b)?"
}

#[test]
fn a_lock_lies_in_the_crate_or_beside_the_source() {
    use crate::descriptor::Place;
    use crate::lock::{LocateError, LockFile, locate};
    let folder = std::env::temp_dir().join(format!("lock-{}", uuid::Uuid::now_v7()));
    let source = folder.join("inner/src/deep");
    std::fs::create_dir_all(&source).unwrap();
    std::fs::write(folder.join("inner/Cargo.toml"), "").unwrap();
    std::fs::write(source.join("lab.rs"), "").unwrap();
    let place = Place { file: "inner/src/deep/lab.rs", line: 1 };
    let at = |lock, place| Descriptor { lock, place, ..*Lab::DESCRIPTOR };
    let in_crate = locate(&at(LockFile::Crate("schema.lock/lab.lock"), place), &folder.join("inner")).unwrap();
    let beside = locate(&at(LockFile::Beside("../lab.lock"), place), &folder).unwrap();
    let off = locate(&at(LockFile::Off, place), &folder).unwrap();
    let lost = locate(&at(LockFile::Crate("x"), Place { file: "inner/none.rs", line: 1 }), &folder).unwrap_err();
    std::fs::remove_dir_all(&folder).unwrap();
    assert_eq!(in_crate, Some(folder.join("inner/schema.lock/lab.lock")));
    assert_eq!(beside, Some(source.join("../lab.lock")));
    assert_eq!(off, None);
    assert!(matches!(lost, LocateError::NoSource { file: "inner/none.rs", .. }), "{lost}");
}

#[test]
fn what_comes_or_goes_takes_its_texts_along() {
    let old = "version 1.0.0\ncommand list\nparam list limit number default=50\ntext list 00000001\ntexts 00000003\n";
    let gone = "version 1.0.0\ncommand list\ntext list 00000002\ntexts 00000003\n";
    let ids = |old: &str, new: &str| -> Vec<&str> {
        diff(old, new).unwrap().items.iter().map(|change| change.rule.id).collect()
    };
    assert_eq!(ids(old, gone), ["param_removed"]);
    assert_eq!(ids(gone, old), ["param_added"]);
    assert_eq!(ids(old, &old.replace("00000001", "00000002")), ["text_changed"]);
    assert_eq!(ids(old, &gone.replace("00000003", "00000004")), ["param_removed", "text_changed"]);
}

#[test]
fn a_draft_may_differ_from_its_lock_and_a_release_may_not() {
    use crate::lock::{Lock, LockFile, Verdict, verdict};
    let lock = Lock {
        file: LockFile::Off,
        text: Some("version 1.0.0\ncommand gone\ntext gone 00000001\ntexts 00000002\n"),
        mode: None,
    };
    for (version, fine) in
        [("1.0.0", false), ("1.1.0+build-1", false), ("1.1.0-draft", true), ("0.9.0-rc.1+b", true), ("2.0.0", true)]
    {
        let descriptor = Descriptor { version, ..*Lab::DESCRIPTOR };
        let verdict = verdict(&descriptor, &lock);
        assert_eq!(matches!(verdict, Verdict::Fine), fine, "{version}: {verdict:?}");
    }
}
