//! A JSON value as a tree that opens and closes, and as a table.

use maud::{Markup, html};
use serde_json::{Map, Value};

/// How many parts of a list or an object are shown at once.
pub(in crate::ui) const MAX_PARTS: usize = 100;
/// How many parts a tree shows in all.
const MAX_NODES: usize = 2000;
/// How many levels are open at first.
const OPEN_LEVELS: usize = 2;
/// The most characters of a text that are shown.
const MAX_TEXT: usize = 2000;
/// The most columns of a table.
const MAX_COLUMNS: usize = 12;

/// The word that stands in records in place of a secret.
const REDACTED: &str = "[redacted]";

/// Shows a value as a tree. `root` is the path by which a run refers to the value.
pub(in crate::ui) fn tree(value: &Value, root: &str) -> Markup {
    let mut left = MAX_NODES;
    html! { div.tree { (node(value, None, root, 0, &mut left)) } }
}

/// A tree with its title, and the path of the part that has the focus.
pub(in crate::ui) fn titled(title: &str, value: &Value, root: &str) -> Markup {
    html! {
        div data-tree {
            div.row.tight.tree-head {
                h3.grow { (title) }
                code.path data-tree-path hidden {}
                button.btn.small.bare type="button" data-copy="" data-tree-copy hidden { (super::icon::icon("copy")) "Copy path" }
            }
            (tree(value, root))
        }
    }
}

fn node(value: &Value, key: Option<&str>, path: &str, level: usize, left: &mut usize) -> Markup {
    *left = left.saturating_sub(1);
    let name = html! { @if let Some(key) = key { span.f { (key) } ":\u{a0}" } };
    let within = |key: &str| if path.is_empty() { key.to_owned() } else { format!("{path}.{key}") };
    match value {
        Value::Object(map) if !map.is_empty() => {
            let parts = map.iter().map(|(key, value)| (key.clone(), value));
            branch(&name, &format!("{{{}}}", map.len()), path, level, parts, map.len(), &within, left)
        }
        Value::Array(items) if !items.is_empty() => {
            let parts = items.iter().enumerate().map(|(number, value)| (number.to_string(), value));
            branch(&name, &format!("[{}]", items.len()), path, level, parts, items.len(), &within, left)
        }
        other => html! { span.leaf data-path=(path) tabindex="-1" { (name) (leaf(other)) } },
    }
}

#[allow(clippy::too_many_arguments, reason = "the parts of one branch")]
fn branch<'v>(
    name: &Markup,
    size: &str,
    path: &str,
    level: usize,
    parts: impl Iterator<Item = (String, &'v Value)>,
    count: usize,
    within: &dyn Fn(&str) -> String,
    left: &mut usize,
) -> Markup {
    let room = MAX_PARTS.min(*left);
    html! {
        details open[level < OPEN_LEVELS && (level == 0 || count <= 20)] {
            summary data-path=(path) { (name) span.n { (size) } }
            ul {
                @for (key, value) in parts.take(room) { li { (node(value, Some(&key), &within(&key), level + 1, left)) } }
                @if count > room { li.leaf { span.muted { (count - room) " more; “JSON” has all" } } }
            }
        }
    }
}

/// Shows a value that has no parts.
fn leaf(value: &Value) -> Markup {
    match value {
        Value::String(text) if text == REDACTED => html! { span.gone { "redacted" } },
        Value::String(text) if text.chars().count() > MAX_TEXT => {
            let start: String = text.chars().take(MAX_TEXT).collect();
            html! { span.s { "\"" (start) "…\"" } span.muted { " " (text.len()) " bytes" } }
        }
        Value::String(text) => html! { span.s { "\"" (text) "\"" } },
        Value::Null => html! { span.c { "null" } },
        Value::Array(_) => html! { span.n { "[ ]" } },
        Value::Object(_) => html! { span.n { "{ }" } },
        other => html! { span.m { (other) } },
    }
}

/// Returns the list of objects that a table shows: the value itself, or the only list in an object.
fn rows(value: &Value) -> Option<&Vec<Value>> {
    let list = match value {
        Value::Array(items) => items,
        Value::Object(map) => {
            let mut lists = map.values().filter_map(Value::as_array).filter(|list| !list.is_empty());
            let first = lists.next()?;
            if lists.next().is_some() {
                return None;
            }
            first
        }
        _ => return None,
    };
    (!list.is_empty() && list.iter().all(Value::is_object)).then_some(list)
}

/// Shows a list of objects as a table; `None` if the value is no such list.
pub(in crate::ui) fn table(value: &Value) -> Option<Markup> {
    let rows = rows(value)?;
    let mut columns: Vec<&str> = Vec::new();
    for key in rows.iter().take(MAX_PARTS).filter_map(Value::as_object).flat_map(Map::keys) {
        if columns.len() < MAX_COLUMNS && !columns.contains(&key.as_str()) {
            columns.push(key);
        }
    }
    Some(html! {
        div.table tabindex="0" role="region" aria-label="Table of the payload" {
            table {
                caption.sr { "The payload as a table" }
                thead { tr { @for column in &columns { th scope="col" { (column) } } } }
                tbody {
                    @for row in rows.iter().take(MAX_PARTS) {
                        tr { @for column in &columns { td.clip { @match row.get(*column) { Some(value) => (cell(value)), None => "" } } } }
                    }
                }
            }
        }
        @if rows.len() > MAX_PARTS { p.help { (rows.len() - MAX_PARTS) " more rows; “JSON” has all" } }
    })
}

fn cell(value: &Value) -> Markup {
    match value {
        Value::String(text) if text == REDACTED => html! { span.gone { "redacted" } },
        Value::String(text) => html! { (text.chars().take(80).collect::<String>()) },
        Value::Array(items) => html! { span.muted { "[" (items.len()) "]" } },
        Value::Object(map) => html! { span.muted { "{" (map.len()) "}" } },
        Value::Null => html! { span.muted { "null" } },
        other => html! { (other) },
    }
}
