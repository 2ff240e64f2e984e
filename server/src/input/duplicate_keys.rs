//! Reads JSON and reports duplicate keys. Of two equal keys the last one counts; in a config schema the first would be
//! a field or param that its author wrote and that is lost silently.

use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, Error as _, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Number, Value};

use crate::error::{MAX_MISTAKES, Mistake};
use connector_runtime::schema::json_text::NUMBER;
use connector_runtime::schema::pointer;

/// Parses a JSON text, and returns the duplicate keys; the last of equal ones is kept.
///
/// # Errors
/// If the text is not valid JSON.
pub(super) fn read(bytes: &[u8]) -> Result<(Value, Vec<Mistake>), serde_json::Error> {
    let mut found = Found::default();
    let mut reader = serde_json::Deserializer::from_slice(bytes);
    let value = Reading(&mut found).deserialize(&mut reader)?;
    reader.end()?;
    Ok((value, found.mistakes))
}

#[derive(Default)]
struct Found {
    path: Vec<String>,
    mistakes: Vec<Mistake>,
}

impl Found {
    fn twice(&mut self, key: &str) {
        if self.mistakes.len() < MAX_MISTAKES {
            let steps = self.path.iter().map(String::as_str).chain([key]);
            let pointer = pointer::of(steps);
            self.mistakes.push(Mistake::new(pointer, "duplicate key; an object has each key once"));
        }
    }
}

struct Reading<'f>(&'f mut Found);

impl<'de> DeserializeSeed<'de> for Reading<'_> {
    type Value = Value;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Reading<'_> {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(Value::Bool(value))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
        Ok(Value::from(value))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Value, E> {
        Ok(Value::from(value))
    }

    fn visit_f64<E: serde::de::Error>(self, value: f64) -> Result<Value, E> {
        Number::from_f64(value).map(Value::Number).ok_or_else(|| E::custom("a number beyond what JSON has"))
    }

    fn visit_str<E>(self, value: &str) -> Result<Value, E> {
        Ok(Value::String(value.to_owned()))
    }

    fn visit_string<E>(self, value: String) -> Result<Value, E> {
        Ok(Value::String(value))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Value, A::Error> {
        let mut list = Vec::new();
        loop {
            self.0.path.push(list.len().to_string());
            let item = items.next_element_seed(Reading(self.0))?;
            self.0.path.pop();
            match item {
                Some(item) => list.push(item),
                None => return Ok(Value::Array(list)),
            }
        }
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Value, A::Error> {
        let mut map = Map::new();
        while let Some(key) = entries.next_key::<String>()? {
            if key == NUMBER {
                let text = entries.next_value::<String>()?;
                return text.parse().map(Value::Number).map_err(A::Error::custom);
            }
            if map.contains_key(&key) {
                self.0.twice(&key);
            }
            self.0.path.push(key);
            let value = entries.next_value_seed(Reading(self.0))?;
            let key = self.0.path.pop().ok_or_else(|| A::Error::custom("the path is in disorder"))?;
            map.insert(key, value);
        }
        Ok(Value::Object(map))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn reads_what_the_plain_reader_reads() {
        let text = r#"{"a":[1,-2,3.5,18446744073709551615,1e300,true,null,"x\u00e9",{"b":{}}],"c":[]}"#;
        let (value, mistakes) = read(text.as_bytes()).unwrap();
        assert_eq!(value, serde_json::from_str::<Value>(text).unwrap());
        assert!(mistakes.is_empty());
        for broken in ["", "{", "{}}", "[1,]", "{\"a\"}", "nul", "\"\\ud800\""] {
            assert!(read(broken.as_bytes()).is_err(), "{broken}");
        }
        let deep = "[".repeat(200) + &"]".repeat(200);
        assert!(read(deep.as_bytes()).is_err(), "the depth is bounded as the plain reader's");
    }

    #[test]
    fn names_every_key_that_stands_twice() {
        let text = r#"{"a":1,"a":2,"b":[0,{"c/d":1,"c/d":{"~":1,"~":2}}]}"#;
        let (value, mistakes) = read(text.as_bytes()).unwrap();
        assert_eq!(value, json!({ "a": 2, "b": [0, { "c/d": { "~": 2 } }] }));
        let pointers: Vec<&str> = mistakes.iter().map(|mistake| mistake.pointer.as_str()).collect();
        assert_eq!(pointers, ["/a", "/b/1/c~1d", "/b/1/c~1d/~0"]);
    }

    #[test]
    fn lists_no_million_of_them() {
        let text = format!("{{{}}}", vec!["\"a\":1"; 10_000].join(","));
        assert_eq!(read(text.as_bytes()).unwrap().1.len(), MAX_MISTAKES);
    }
}
