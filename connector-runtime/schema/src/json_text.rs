//! Counts the values of a JSON text in one pass over its bytes, before a tree is built from it.
//!
//! A tree takes 40 to 100 times the bytes of a hostile text, so the size of a text says little. Whoever reads JSON from
//! outside counts first, refuses what has too many values, and reserves memory for the rest.

/// The most values of a JSON text that is read from outside.
pub const MAX_JSON_VALUES: usize = 1_000_000;

/// The most values of the text that a command is called with: its params and the run's variables.
pub const MAX_PARAM_VALUES: usize = 100_000;

/// The most bytes of memory that one value of a tree takes, without the bytes of its texts. Measured: 83 for a number
/// in a list, 231 for a small object and its value, 259 for a list in a list.
pub const VALUE_BYTES: usize = 264;

/// The start of the names that the JSON reader keeps for itself. It reads an object with such a name as something else:
/// `{"$serde_json::private::Number":"1"}` would become the number 1.
pub const RESERVED: &str = "$serde_json::private::";

/// The reader's name for the text of a number.
///
/// A [`serde::de::Visitor`] that reads any JSON gets a number as an object with this one name; its value is the text.
pub const NUMBER: &str = "$serde_json::private::Number";

/// Why a JSON text is not read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Unreadable {
    /// It has more values than are read.
    #[error("it has more than {most} values; send it in parts")]
    TooManyValues {
        /// The most values that are read here.
        most: usize,
    },
    /// It has a key that the JSON reader keeps for itself.
    #[error("it has a key that starts with {RESERVED}, which is reserved; rename the key")]
    ReservedKey,
}

/// How deep a parser reads; it goes no further in a text that is deeper, and neither does the count.
const MAX_DEPTH: usize = 128;

/// Counts the values of a JSON text: texts, numbers, lists, objects. Of a text that is not valid JSON it counts at least
/// what a parser builds before it finds that out.
///
/// # Errors
/// If there are more than `most`, or a key is reserved; the rest of the text is not looked at.
pub fn count_values(text: &[u8], most: usize) -> Result<usize, Unreadable> {
    let mut values = 1_usize;
    let mut bytes = text.iter();
    // Whether a list or an object has just been opened: it may be empty.
    let mut opened = false;
    let mut depth = 0_usize;
    while let Some(byte) = bytes.next() {
        match byte {
            b' ' | b'\t' | b'\n' | b'\r' => continue,
            b'"' => {
                let rest = bytes.as_slice();
                skip_text(&mut bytes);
                // Its first character may be escaped.
                if let [b'$' | b'\\', ..] = rest
                    && is_reserved_key(&rest[..rest.len() - bytes.len()], bytes.as_slice())
                {
                    return Err(Unreadable::ReservedKey);
                }
            }
            b',' => values += 1,
            b'[' | b'{' => {
                values += usize::from(opened);
                opened = true;
                depth += 1;
                if depth > MAX_DEPTH {
                    break;
                }
                continue;
            }
            b']' | b'}' => {
                opened = false;
                depth = depth.saturating_sub(1);
                continue;
            }
            _ => {}
        }
        values += usize::from(opened);
        opened = false;
        if values > most {
            return Err(Unreadable::TooManyValues { most });
        }
    }
    if values > most { Err(Unreadable::TooManyValues { most }) } else { Ok(values) }
}

fn skip_text(bytes: &mut std::slice::Iter<'_, u8>) {
    while let Some(byte) = bytes.next() {
        match byte {
            b'"' => return,
            b'\\' => drop(bytes.next()),
            _ => {}
        }
    }
}

/// Whether a text, given from its first character to its closing quote, is a key that is reserved.
fn is_reserved_key(text: &[u8], after: &[u8]) -> bool {
    let is_key = after.iter().find(|byte| !byte.is_ascii_whitespace()) == Some(&b':');
    let literal = || [b"\"", text].concat();
    is_key && serde_json::from_slice::<String>(&literal()).is_ok_and(|key| key.starts_with(RESERVED))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::{Value, json};

    use super::*;

    fn of(value: &Value) -> usize {
        match value {
            Value::Array(items) => 1 + items.iter().map(of).sum::<usize>(),
            Value::Object(map) => 1 + map.values().map(of).sum::<usize>(),
            _ => 1,
        }
    }

    fn any_json() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::from),
            any::<i64>().prop_map(Value::from),
            "[\\[\\]{},:\"\\\\ a]{0,6}".prop_map(Value::from),
        ];
        leaf.prop_recursive(5, 60, 6, |inner| {
            let key = "[\\[\\]{},:\"\\\\ a]{0,4}";
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..6).prop_map(Value::from),
                prop::collection::vec((key, inner), 0..6).prop_map(|pairs| Value::Object(pairs.into_iter().collect())),
            ]
        })
    }

    proptest! {
        #[test]
        fn counts_what_a_tree_has(value in any_json(), pretty in any::<bool>()) {
            let text = if pretty { serde_json::to_string_pretty(&value) } else { serde_json::to_string(&value) };
            let text = text.unwrap();
            let count = of(&value);
            prop_assert_eq!(count_values(text.as_bytes(), usize::MAX), Ok(count));
            prop_assert_eq!(count_values(text.as_bytes(), count), Ok(count));
            let refused = Err(Unreadable::TooManyValues { most: count - 1 });
            prop_assert_eq!(count_values(text.as_bytes(), count - 1), refused);
        }

        #[test]
        fn reads_any_bytes(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            prop_assert!(count_values(&bytes, usize::MAX).unwrap() <= bytes.len() + 1);
        }
    }

    #[test]
    fn goes_no_deeper_than_a_parser() {
        let text = format!("[0,{}", "[".repeat(1_000_000));
        assert_eq!(count_values(text.as_bytes(), 1_000), Ok(130));
    }

    #[test]
    fn a_key_that_the_reader_keeps_for_itself_is_refused() {
        for text in [
            r#"{"$serde_json::private::Number":"1"}"#,
            r#"[{"a":{"$serde_json::private::RawValue" : "{}"}}]"#,
            r#"{"\u0024serde_json::private::Number":"1"}"#,
            r#"{"\u0024\u0073erde_json::private::Number":"1"}"#,
        ] {
            assert_eq!(count_values(text.as_bytes(), 100), Err(Unreadable::ReservedKey), "{text}");
        }
        for text in [r#"{"a":"$serde_json::private::Number"}"#, r#"{"$ref":"x","\u0024":1,"\"":2}"#] {
            assert!(count_values(text.as_bytes(), 100).is_ok(), "{text}");
        }
        // The reader's name is what it is said to be.
        let read: Value = serde_json::from_str(&json!({ NUMBER: "1" }).to_string()).unwrap();
        assert_eq!(read, json!(1));
    }

    #[test]
    fn stops_at_the_limit() {
        let text = json!(vec![0; 2_000]).to_string();
        assert_eq!(count_values(text.as_bytes(), 1_000), Err(Unreadable::TooManyValues { most: 1_000 }));
        assert_eq!(count_values(text.as_bytes(), 2_001), Ok(2_001));
    }
}
