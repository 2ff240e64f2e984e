//! A JSON value as a tree that opens and closes, and as a table.

use connector_runtime::schema::pointer;
use maud::{Markup, html};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
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

/// A part of a value: where it is, as a path that people read and as a JSON pointer.
#[derive(Debug, Clone, Default)]
pub(in crate::ui) struct Place {
    /// The path by which a run refers to it.
    pub(in crate::ui) path: String,
    pointer: String,
}

impl Place {
    /// The place of a whole value, under the path by which a run refers to it.
    pub(in crate::ui) fn whole(root: &str) -> Self {
        Self { path: root.to_owned(), pointer: String::new() }
    }

    /// Finds the part of a value at a JSON pointer.
    pub(in crate::ui) fn find<'v>(root: &str, value: &'v Value, at: &str) -> Option<(Self, &'v Value)> {
        let found = value.pointer(at)?;
        let tokens = at.split('/').skip(1).map(|token| token.replace("~1", "/").replace("~0", "~"));
        Some((tokens.fold(Self::whole(root), |place, token| place.part(&token)), found))
    }

    fn part(&self, key: &str) -> Self {
        let path = if self.path.is_empty() { key.to_owned() } else { format!("{}.{key}", self.path) };
        Self { path, pointer: pointer::join(&self.pointer, key) }
    }
}

/// Shows values as trees.
struct Trees<'t> {
    /// Where the parts are that do not fit, with a query that names the value.
    more: Option<&'t str>,
    /// How many parts may still be shown.
    left: usize,
}

/// A tree with its title, and the path of the part that has the focus. `more` is the address of the page with further
/// parts of it, with a query that names the value.
pub(in crate::ui) fn titled(title: &str, value: &Value, root: &str, more: Option<&str>) -> Markup {
    let mut trees = Trees { more, left: MAX_NODES };
    boxed(title, &trees.node(value, None, &Place::whole(root), 0))
}

/// A tree of the parts of a list or an object from one of them on.
pub(in crate::ui) fn part(title: &str, value: &Value, place: &Place, from: usize, more: &str) -> Markup {
    let mut trees = Trees { more: Some(more), left: MAX_NODES };
    boxed(title, &trees.branch(&html! {}, value, place, 0, from))
}

/// Returns how many parts a value has.
pub(in crate::ui) fn count(value: &Value) -> usize {
    match value {
        Value::Object(map) => map.len(),
        Value::Array(items) => items.len(),
        _ => 0,
    }
}

fn boxed(title: &str, tree: &Markup) -> Markup {
    html! {
        div data-tree {
            div.row.tight.tree-head {
                h3.grow { (title) }
                code.path data-tree-path hidden {}
                button.btn.small.bare type="button" data-copy="" data-tree-copy hidden { (super::icon::icon("copy")) "Copy path" }
            }
            div.tree { (tree) }
        }
    }
}

impl Trees<'_> {
    fn node(&mut self, value: &Value, key: Option<&str>, place: &Place, level: usize) -> Markup {
        self.left = self.left.saturating_sub(1);
        let name = html! { @if let Some(key) = key { span.f { (key) } ":\u{a0}" } };
        if count(value) == 0 {
            return html! { span.leaf data-path=(place.path) tabindex="-1" { (name) (leaf(value)) } };
        }
        self.branch(&name, value, place, level, 0)
    }

    fn branch(&mut self, name: &Markup, value: &Value, place: &Place, level: usize, from: usize) -> Markup {
        let count = count(value);
        let size = if value.is_array() { format!("[{count}]") } else { format!("{{{count}}}") };
        let shown = MAX_PARTS.min(self.left).min(count.saturating_sub(from));
        let after = from + shown;
        html! {
            details open[level < OPEN_LEVELS && (level == 0 || count <= 20)] {
                summary data-path=(place.path) { (name) span.n { (size) } }
                ul {
                    @for (key, value) in parts(value).skip(from).take(shown) {
                        li { (self.node(value, Some(&key), &place.part(&key), level + 1)) }
                    }
                    @if after < count {
                        li.leaf {
                            @match self.more {
                                Some(more) => a href={ (more) "&at=" (utf8_percent_encode(&place.pointer, NON_ALPHANUMERIC)) "&from=" (after) } { (count - after) " more" },
                                None => span.muted { (count - after) " more; “JSON” has all" },
                            }
                        }
                    }
                }
            }
        }
    }
}

/// The parts of a list or an object, each with its key.
fn parts(value: &Value) -> Box<dyn Iterator<Item = (String, &Value)> + '_> {
    match value {
        Value::Object(map) => Box::new(map.iter().map(|(key, value)| (key.clone(), value))),
        Value::Array(items) => Box::new(items.iter().enumerate().map(|(number, value)| (number.to_string(), value))),
        _ => Box::new(std::iter::empty()),
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
