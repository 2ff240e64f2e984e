//! Answers that are a sequence of items: JSON Lines, JSON text sequences (RFC 7464) and server-sent events. They become a
//! list, once the service has ended them; one without an end meets the call's deadline.

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
    /// If one of them is not JSON, with its number.
    pub(super) fn list(self, text: &str) -> Result<Box<RawValue>, String> {
        let text = text.trim_start_matches('\u{feff}');
        let items: Vec<Box<RawValue>> = match self {
            Self::Lines => values(text.split('\n'))?,
            Self::Records => values(text.split('\u{1e}'))?,
            Self::Events => events(text)
                .iter()
                .map(serde_json::value::to_raw_value)
                .collect::<Result<_, _>>()
                .map_err(|error| error.to_string())?,
        };
        // The whole list is held to the limits of any JSON.
        let list = serde_json::to_string(&items).map_err(|error| error.to_string())?;
        compact(&list)
    }
}

fn values<'t>(parts: impl Iterator<Item = &'t str>) -> Result<Vec<Box<RawValue>>, String> {
    let parts = parts.map(str::trim).filter(|part| !part.is_empty()).enumerate();
    parts
        .map(|(at, part)| {
            serde_json::from_str::<Box<RawValue>>(part)
                .map_err(|error| format!("its item {} is not JSON: {error}", at + 1))
        })
        .collect()
}

/// Reads events as HTML's section 9.2.6 asks: an empty line ends one, and one without data does not count.
fn events(text: &str) -> Vec<Event> {
    let mut all = Vec::new();
    let mut event = Event::default();
    let mut has_data = false;
    // The end of the stream ends no event.
    for line in text.replace("\r\n", "\n").replace('\r', "\n").split('\n') {
        if line.is_empty() {
            let ended = std::mem::take(&mut event);
            // The id stays until another one comes.
            event.id.clone_from(&ended.id);
            if std::mem::take(&mut has_data) {
                all.push(ended);
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
    all
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
        assert_eq!(
            list.get(),
            r#"[{"id":"7","data":"one\ntwo"},{"event":"done","id":"7","data":""},{"id":"8","data":" {\"a\":1}"}]"#
        );
    }
}
