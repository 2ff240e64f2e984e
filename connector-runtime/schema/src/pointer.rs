//! JSON pointers (RFC 6901): the one place that escapes, joins and splits them.

use std::borrow::Cow;

/// Escapes one step of a pointer: `~` as `~0`, `/` as `~1`.
pub fn escape(step: &str) -> Cow<'_, str> {
    if step.contains(['~', '/']) { Cow::Owned(step.replace('~', "~0").replace('/', "~1")) } else { Cow::Borrowed(step) }
}

/// Reads one step of a pointer back into the name that was escaped.
pub fn unescape(step: &str) -> Cow<'_, str> {
    if step.contains('~') { Cow::Owned(step.replace("~1", "/").replace("~0", "~")) } else { Cow::Borrowed(step) }
}

/// Appends one step to a pointer.
pub fn join(pointer: &str, step: &str) -> String {
    format!("{pointer}/{}", escape(step))
}

/// Writes the pointer of several steps.
pub fn of<'s>(steps: impl IntoIterator<Item = &'s str>) -> String {
    steps.into_iter().fold(String::new(), |pointer, step| pointer + "/" + &escape(step))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    #[test]
    fn what_is_escaped_is_what_serde_json_finds() {
        let value = json!({ "a/b": { "~": 1, "m~n": 2, "": 3 } });
        assert_eq!(value.pointer(&of(["a/b", "~"])), Some(&json!(1)));
        assert_eq!(value.pointer(&join("/a~1b", "m~n")), Some(&json!(2)));
        assert_eq!(value.pointer(&join("/a~1b", "")), Some(&json!(3)));
    }

    proptest! {
        #[test]
        fn every_step_comes_back(step in ".*") {
            let escaped = escape(&step);
            prop_assert!(!escaped.contains('/'));
            prop_assert_eq!(unescape(&escaped), step.as_str());
        }
    }
}
