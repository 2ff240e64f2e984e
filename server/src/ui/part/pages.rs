//! The links to the next part of a list, and what stands in place of an empty one.

use maud::{Markup, html};

use super::icon::icon;

/// The foot of a list: where it goes on. A list only leads on to what is older; back is the first page.
pub(in crate::ui) fn pager(query: &str, cursor: Option<&str>, is_first: bool, note: &str) -> Markup {
    foot(query, cursor, is_first, note, ["Newest", "Older"])
}

/// The foot of a list that is in the order of names.
pub(in crate::ui) fn named_pager(query: &str, cursor: Option<&str>, is_first: bool, note: &str) -> Markup {
    foot(query, cursor, is_first, note, ["First page", "Next page"])
}

fn foot(query: &str, cursor: Option<&str>, is_first: bool, note: &str, [back, on]: [&str; 2]) -> Markup {
    let with = |key: &str, value: &str| {
        let mut pairs = url::form_urlencoded::Serializer::new(String::new());
        for (name, value) in url::form_urlencoded::parse(query.as_bytes()).filter(|(name, _)| name != "cursor") {
            pairs.append_pair(&name, &value);
        }
        if !value.is_empty() {
            pairs.append_pair(key, value);
        }
        format!("?{}", pairs.finish())
    };
    html! {
        div.pages {
            span { (note) }
            span.end {
                @if is_first { span.btn.small aria-disabled="true" { (back) } } @else { a.btn.small href=(with("cursor", "")) { (back) } }
                @match cursor {
                    Some(cursor) => a.btn.small href=(with("cursor", cursor)) rel="next" { (on) },
                    None => span.btn.small aria-disabled="true" { (on) },
                }
            }
        }
    }
}

/// What stands in place of a list that has nothing in it.
pub(in crate::ui) fn empty(mark: &str, title: &str, text: &str, actions: &Markup) -> Markup {
    html! { div.empty { (icon(mark)) h2 { (title) } p { (text) } div.row { (actions) } } }
}

/// What stands in place of a list whose filter leaves nothing.
pub(in crate::ui) fn nothing_matches(what: &str, filter: &str, clear: &str) -> Markup {
    html! {
        div.empty { (icon("search")) h2 { "No " (what) " matches" } p { (filter) } div.row { a.btn href=(clear) { "Clear filters" } } }
    }
}
