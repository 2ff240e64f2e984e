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

/// A JSON text has more values than are read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("it has more than {most} values; send it in parts")]
pub struct TooManyValues {
    /// The most values that are read here.
    pub most: usize,
}

/// How deep a parser reads; it goes no further in a text that is deeper, and neither does the count.
const MAX_DEPTH: usize = 128;

/// Counts the values of a JSON text: texts, numbers, lists, objects. Of a text that is not valid JSON it counts at least
/// what a parser builds before it finds that out.
///
/// # Errors
/// If there are more than `most`; the rest of the text is not looked at.
pub fn count_values(text: &[u8], most: usize) -> Result<usize, TooManyValues> {
    let mut values = 1_usize;
    let mut bytes = text.iter();
    // Whether a list or an object has just been opened: it may be empty.
    let mut opened = false;
    let mut depth = 0_usize;
    while let Some(byte) = bytes.next() {
        match byte {
            b' ' | b'\t' | b'\n' | b'\r' => continue,
            b'"' => skip_text(&mut bytes),
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
            return Err(TooManyValues { most });
        }
    }
    if values > most { Err(TooManyValues { most }) } else { Ok(values) }
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
            prop_assert_eq!(count_values(text.as_bytes(), count - 1), Err(TooManyValues { most: count - 1 }));
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
    fn stops_at_the_limit() {
        let text = json!(vec![0; 2_000]).to_string();
        assert_eq!(count_values(text.as_bytes(), 1_000), Err(TooManyValues { most: 1_000 }));
        assert_eq!(count_values(text.as_bytes(), 2_001), Ok(2_001));
    }
}
