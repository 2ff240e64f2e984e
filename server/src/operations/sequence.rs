//! Answers that are a sequence of items: JSON Lines, JSON text sequences (RFC 7464) and server-sent events. They become a
//! list, once the service has ended them; one without an end meets the call's deadline.

use connector_runtime::schema::json_text::MAX_JSON_VALUES;
use serde::Serialize;
use serde_json::value::RawValue;

use super::json::compact;

/// How the items of a sequence are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Sequence {
    /// An item on each line.
    Lines,
    /// Each item after a record separator.
    Records,
    /// Events of `text/event-stream`.
    Events,
}

/// An event; `data` stays the text that it is.
#[derive(Debug, Default, Serialize)]
struct Event {
    #[serde(skip_serializing_if = "String::is_empty")]
    event: String,
    /// The id that the event itself has: repeated in each one after it, a long id would fill the memory.
    #[serde(skip_serializing_if = "String::is_empty")]
    id: String,
    data: String,
}

impl Sequence {
    /// Returns which sequence a media type is, if it is one.
    pub(super) fn of(media: &str) -> Option<Self> {
        Some(match media {
            "application/jsonl" | "application/x-jsonlines" | "application/ndjson" | "application/x-ndjson" => {
                Self::Lines
            }
            "application/json-seq" => Self::Records,
            "text/event-stream" => Self::Events,
            _ => return None,
        })
    }

    /// Writes the items as a list.
    ///
    /// # Errors
    /// If one of them is not JSON, with its number, or there are too many.
    pub(super) fn list(self, text: &str) -> Result<Box<RawValue>, String> {
        let text = text.trim_start_matches('\u{feff}');
        let mut list = List::default();
        match self {
            Self::Lines => text.split('\n').try_for_each(|part| list.json(part))?,
            Self::Records => text.split('\u{1e}').try_for_each(|part| list.json(part))?,
            Self::Events => events(text, &mut list)?,
        }
        // The whole list is held to the limits of any JSON.
        compact(&list.end())
    }
}

/// A list that is being written.
#[derive(Debug, Default)]
struct List {
    text: String,
    count: usize,
}

impl List {
    /// Adds an item that is JSON text; an empty one is none.
    fn json(&mut self, part: &str) -> Result<(), String> {
        let part = part.trim();
        if part.is_empty() {
            return Ok(());
        }
        let number = self.count + 1;
        let item: &RawValue =
            serde_json::from_str(part).map_err(|error| format!("its item {number} is not JSON: {error}"))?;
        self.push(item)
    }

    fn push(&mut self, item: &(impl Serialize + ?Sized)) -> Result<(), String> {
        if self.count == MAX_JSON_VALUES {
            return Err(format!("it has more than {MAX_JSON_VALUES} items"));
        }
        self.text.push(if self.count == 0 { '[' } else { ',' });
        self.text.push_str(&serde_json::to_string(item).map_err(|error| error.to_string())?);
        self.count += 1;
        Ok(())
    }

    fn end(mut self) -> String {
        self.text.push_str(if self.count == 0 { "[]" } else { "]" });
        self.text
    }
}

/// Reads events as HTML's section 9.2.6 asks: an empty line ends one, and one without data does not count.
fn events(text: &str, list: &mut List) -> Result<(), String> {
    let mut event = Event::default();
    let mut has_data = false;
    // The end of the stream ends no event.
    for line in text.replace("\r\n", "\n").replace('\r', "\n").split('\n') {
        if line.is_empty() {
            let ended = std::mem::take(&mut event);
            if std::mem::take(&mut has_data) {
                list.push(&ended)?;
            }
            continue;
        }
        let (name, value) = line.split_once(':').unwrap_or((line, ""));
        let value = value.strip_prefix(' ').unwrap_or(value);
        match name {
            "event" => event.event = value.to_owned(),
            "id" if !value.contains('\0') => event.id = value.to_owned(),
            "data" => {
                if std::mem::replace(&mut has_data, true) {
                    event.data.push('\n');
                }
                event.data.push_str(value);
            }
            _ => {}
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn items_become_a_list_with_their_digits() {
        let list = |media: &str, text: &str| Sequence::of(media).unwrap().list(text).map(|list| list.get().to_owned());
        let lines = "{\"id\": 9007199254740993}\r\n\n[1.10]\n\"x\"";
        assert_eq!(list("application/x-ndjson", lines).unwrap(), r#"[{"id":9007199254740993},[1.10],"x"]"#);
        assert_eq!(list("application/jsonl", "").unwrap(), "[]");
        assert_eq!(list("application/json-seq", "\u{1e}{\"a\":1}\n\u{1e}2\n").unwrap(), r#"[{"a":1},2]"#);
        assert_eq!(list("application/jsonl", "1\n{\n").unwrap_err().split(':').next(), Some("its item 2 is not JSON"));
        assert_eq!(Sequence::of("application/json"), None);
    }

    #[test]
    fn events_are_read_as_browsers_read_them() {
        let stream = "\u{feff}: hello\ndata: one\ndata:two\nid: 7\n\nevent: done\r\ndata\r\n\r\nid: 8\n\ndata:  {\"a\":1}\n\ndata: lost";
        let list = Sequence::Events.list(stream).unwrap();
        assert_eq!(list.get(), r#"[{"id":"7","data":"one\ntwo"},{"event":"done","data":""},{"data":" {\"a\":1}"}]"#);
    }

    #[test]
    fn a_sequence_is_bounded() {
        let many = "1\n".repeat(MAX_JSON_VALUES + 1);
        assert!(Sequence::Lines.list(&many).unwrap_err().contains("more than"));
        let long = format!("id: {}\n{}", "x".repeat(1 << 20), "data\n\n".repeat(10_000));
        assert!(Sequence::Events.list(&long).unwrap().get().len() < 2 << 20);
    }
}
