//! A part of a recorded result: by a path, lists by items, texts by characters.

use serde_json::{Value, json};

use crate::error::Error;

/// The maximum number of characters of a path.
const MAX_PATH: usize = 1_000;
/// How many names of an object an error lists.
const MAX_NAMES: usize = 20;

/// A part of a value.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Part {
    value: Value,
    /// How many items or characters there are in all, if it is a list or a text.
    total: Option<usize>,
    next_offset: Option<usize>,
    /// Whether the value is a piece of JSON text.
    is_json_text: bool,
}

impl Part {
    /// Writes the part into an answer.
    pub(super) fn write(self, answer: &mut Value) {
        answer["value"] = self.value;
        if let Some(total) = self.total {
            answer["total"] = json!(total);
        }
        if let Some(next) = self.next_offset {
            answer["nextOffset"] = json!(next);
        }
        if self.is_json_text {
            answer["encoding"] = json!("json");
        }
    }
}

/// Returns a part of a value, of at most about `max` bytes. An object that is larger comes as its JSON text, by characters.
///
/// # Errors
/// Invalid, if the path is none or leads nowhere.
pub(super) fn read(root: &Value, path: &str, offset: usize, limit: Option<usize>, max: usize) -> Result<Part, Error> {
    let value = follow(root, path)?;
    match value {
        Value::Array(items) => list(items, offset, limit, max, path),
        Value::String(text) => Ok(characters(text, offset, limit, max, false)),
        other => {
            let text = other.to_string();
            if text.len() <= max && offset == 0 {
                return Ok(Part { value: other.clone(), total: None, next_offset: None, is_json_text: false });
            }
            Ok(characters(&text, offset, limit, max, true))
        }
    }
}

fn list(items: &[Value], offset: usize, limit: Option<usize>, max: usize, path: &str) -> Result<Part, Error> {
    let mut taken = Vec::new();
    let mut bytes = 0;
    for item in items.iter().skip(offset).take(limit.unwrap_or(usize::MAX)) {
        bytes += item.to_string().len() + 1;
        if bytes > max {
            break;
        }
        taken.push(item.clone());
    }
    if taken.is_empty() && offset < items.len() {
        let message = format!("item {offset} is larger than an answer may be; read it by the path {path}[{offset}]");
        return Err(Error::invalid_at("/path", message));
    }
    let end = offset.saturating_add(taken.len());
    let next_offset = (end < items.len()).then_some(end);
    Ok(Part { value: Value::Array(taken), total: Some(items.len()), next_offset, is_json_text: false })
}

fn characters(text: &str, offset: usize, limit: Option<usize>, max: usize, is_json_text: bool) -> Part {
    let mut piece = String::new();
    let mut count = 0;
    let mut bytes = 0;
    for character in text.chars().skip(offset).take(limit.unwrap_or(usize::MAX)) {
        // As it is written in JSON.
        bytes += match character {
            '"' | '\\' | '\n' | '\r' | '\t' => 2,
            other if other.is_control() => 6,
            other => other.len_utf8(),
        };
        if bytes > max && count > 0 {
            break;
        }
        piece.push(character);
        count += 1;
    }
    let total = text.chars().count();
    let end = offset.saturating_add(count);
    Part {
        value: Value::String(piece),
        total: Some(total),
        next_offset: (count > 0 && end < total).then_some(end),
        is_json_text,
    }
}

/// Follows a path such as `payload.items[0]["any name"]`; an empty one is the value itself.
fn follow<'v>(root: &'v Value, path: &str) -> Result<&'v Value, Error> {
    let wrong = |message: String| Error::invalid_at("/path", message);
    if path.chars().count() > MAX_PATH {
        return Err(wrong(format!("expected at most {MAX_PATH} characters")));
    }
    let mut value = root;
    let mut rest = path;
    let mut is_first = true;
    while !rest.is_empty() {
        let (step, after) = step(rest, is_first).map_err(|column| {
            let column = path.chars().count() - column + 1;
            wrong(format!("column {column}: expected .name, [index] or [\"any name\"]"))
        })?;
        let found = match (&step, value) {
            (Step::Index(index), Value::Array(items)) => items.get(*index),
            (Step::Name(name), Value::Object(map)) => map.get(name.as_str()),
            // A digits-only name is an index on lists.
            (Step::Name(name), Value::Array(items)) => name.parse::<usize>().ok().and_then(|index| items.get(index)),
            _ => None,
        };
        value = found.ok_or_else(|| {
            let so_far = &path[..path.len() - rest.len()];
            wrong(format!(
                "there is no {step} in {}; it has {}",
                if so_far.is_empty() { "the result" } else { so_far },
                has(value)
            ))
        })?;
        (rest, is_first) = (after, false);
    }
    Ok(value)
}

/// Says what a value has.
fn has(value: &Value) -> String {
    match value {
        Value::Object(map) => {
            let names = map.keys().take(MAX_NAMES).map(String::as_str).collect::<Vec<_>>().join(", ");
            let more = map.len().saturating_sub(MAX_NAMES);
            if more == 0 { names } else { format!("{names} and {more} more") }
        }
        Value::Array(items) => format!("{} items", items.len()),
        _ => "no parts".to_owned(),
    }
}

/// One step of a path.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Step {
    Name(String),
    Index(usize),
}

impl std::fmt::Display for Step {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Name(name) => f.write_str(name),
            Self::Index(index) => write!(f, "[{index}]"),
        }
    }
}

/// Reads a step; fails with how many characters are left.
fn step(rest: &str, is_first: bool) -> Result<(Step, &str), usize> {
    let left = rest.chars().count();
    if let Some(inside) = rest.strip_prefix('[') {
        if inside.starts_with('"') {
            let mut texts = serde_json::Deserializer::from_str(inside).into_iter::<String>();
            let Some(Ok(name)) = texts.next() else { return Err(left - 1) };
            let after = &inside[texts.byte_offset()..];
            return after.strip_prefix(']').map(|after| (Step::Name(name), after)).ok_or(after.chars().count());
        }
        let (digits, after) = inside.split_once(']').ok_or(left - 1)?;
        let is_number = digits == "0" || (!digits.starts_with('0') && digits.bytes().all(|byte| byte.is_ascii_digit()));
        let index = digits.parse().ok().filter(|_| is_number).ok_or(left - 1)?;
        return Ok((Step::Index(index), after));
    }
    let named = if is_first { rest } else { rest.strip_prefix('.').ok_or(left)? };
    let fits = |character: char| character.is_ascii_alphanumeric() || character == '_' || character == '-';
    let end = named.find(|character| !fits(character)).unwrap_or(named.len());
    if end == 0 {
        return Err(named.chars().count());
    }
    Ok((Step::Name(named[..end].to_owned()), &named[end..]))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn part(root: &Value, path: &str, offset: usize, limit: Option<usize>, max: usize) -> Value {
        let mut answer = json!({});
        read(root, path, offset, limit, max).unwrap().write(&mut answer);
        answer
    }

    #[test]
    fn paths_lead_to_parts() {
        let root = json!({ "payload": { "items": [{ "a-b": 1 }, { "any name": [true] }], "0": "zero" } });
        for (path, expected) in [
            ("payload.items[0].a-b", json!(1)),
            ("payload.items.0.a-b", json!(1)),
            ("payload.items[1][\"any name\"][0]", json!(true)),
            ("[\"payload\"].0", json!("zero")),
            ("", root.clone()),
        ] {
            assert_eq!(part(&root, path, 0, None, 10_000)["value"], expected, "{path}");
        }
        for (path, why) in [
            ("payload.itms", "there is no itms in payload; it has items, 0"),
            ("payload.items[2]", "there is no [2] in payload.items; it has 2 items"),
            ("payload.items[01]", "column 15"),
            ("payload..items", "column 9"),
            ("payload.items[", "column 15"),
            ("payload.items[\"a]", "column 15"),
            (".payload", "column 1"),
            ("payload items", "column 8"),
            ("payload.items[0].a-b.c", "no parts"),
        ] {
            let error = read(&root, path, 0, None, 10_000).unwrap_err().detail().to_owned();
            assert!(error.contains(why), "{path}: {error}");
        }
    }

    #[test]
    fn lists_come_by_items_that_fit() {
        let root = json!((0..1_000).collect::<Vec<u32>>());
        let mut all = Vec::new();
        let mut offset = 0;
        loop {
            let page = part(&root, "", offset, None, 500);
            assert!(page["value"].to_string().len() <= 501 && page["total"] == 1_000);
            all.extend(page["value"].as_array().unwrap().clone());
            let Some(next) = page["nextOffset"].as_u64() else { break };
            offset = usize::try_from(next).unwrap();
        }
        assert_eq!(Value::Array(all), root);
        let large = json!([1, "x".repeat(1_000)]);
        let error = read(&large, "", 1, None, 500).unwrap_err();
        assert!(error.detail().contains("path [1]"), "{error}");
        assert_eq!(part(&large, "", 0, Some(1), 500)["value"], json!([1]));
    }

    #[test]
    fn texts_and_large_objects_come_by_characters() {
        let text = "größe \"x\"\n".repeat(100);
        let root = json!({ "text": text, "more": [1, 2, 3] });
        for (path, whole) in [("text", text), ("", root.to_string())] {
            let mut all = String::new();
            let mut offset = 0;
            loop {
                let page = part(&root, path, offset, None, 100);
                assert!(page["value"].to_string().len() <= 110, "{page}");
                assert_eq!(page.get("encoding").is_some(), path.is_empty());
                all.push_str(page["value"].as_str().unwrap());
                let Some(next) = page["nextOffset"].as_u64() else { break };
                offset = usize::try_from(next).unwrap();
            }
            assert_eq!(all, whole);
        }
    }
}
