//! What is said of two locks, and what a lock lets pass.

use super::fixture::Lab;
use crate::connector::Connector;
use crate::descriptor::Descriptor;
use crate::lock::{Lock, LockFile, LockVerdict, diff, print, verdict};

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
            "connection field key: no longer a secret",
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
        assert_eq!(matches!(verdict, LockVerdict::Fine), fine, "{version}: {verdict:?}");
    }
}

/// The widget of the compile-fail cases with other texts: it compiles beside its lock.
mod reworded {
    use crate::prelude::*;

    /// Widgets, in other words.
    #[connector(name = "reworded", version = "1.0.0", lock = "../../../../connector-macros/tests/ui/lock/widget.lock")]
    #[expect(dead_code, reason = "its schema is what is looked at")]
    pub(super) struct Reworded {
        /// Where the API answers, in other words.
        #[config(label = "API")]
        base_url: Url,
    }

    #[connector]
    impl Reworded {
        /// Lists widgets, in other words.
        #[command(effect = read)]
        fn list(
            &self,
            /// Most of them.
            #[param(default = 50, min = 1, max = 500, example = 20)]
            limit: u32,
        ) -> Outcome {
            let _ = limit;
            succeed(())
        }
    }
}

#[test]
fn other_texts_compile_under_the_same_version() {
    let lock = include_str!("../../../../connector-macros/tests/ui/lock/widget.lock");
    let changes = diff(lock, &print(reworded::Reworded::DESCRIPTOR)).unwrap();
    assert_eq!(changes.level(), crate::version::Level::Patch, "{changes:#?}");
}
