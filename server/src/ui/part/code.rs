//! A listing of code that is read, not edited: with line numbers and colours, the first lines of a long one, and the whole
//! as a download.

use axum::http::header;
use axum::response::{IntoResponse, Response};
use maud::{Markup, html};

use super::editor::Lang;
use super::icon::icon;

/// How many lines of a listing are shown at first.
pub(in crate::ui) const SHOWN_LINES: usize = 200;

/// A listing as it is shown.
#[derive(Debug, Clone, Copy)]
pub(in crate::ui) struct Code<'c> {
    /// Its id, to which “Show all” leads.
    pub(in crate::ui) id: &'c str,
    /// What it is: the name of the region.
    pub(in crate::ui) title: &'c str,
    /// The language.
    pub(in crate::ui) lang: Lang,
    /// The text.
    pub(in crate::ui) text: &'c str,
    /// The address of this page with the whole text; `None` shows the whole text here.
    pub(in crate::ui) all: Option<&'c str>,
    /// The address of the text as a file.
    pub(in crate::ui) download: Option<&'c str>,
}

impl Code<'_> {
    /// Shows the listing.
    pub(in crate::ui) fn show(&self) -> Markup {
        let count = self.text.lines().count();
        let first = first_lines(self.text, SHOWN_LINES);
        let (text, cut) = match self.all {
            Some(address) if first.len() < self.text.len() => (first, Some(address)),
            _ => (self.text, None),
        };
        let numbers: String = (1..=text.lines().count()).map(|number| format!("{number}\n")).collect();
        html! {
            div.listing id=(self.id) {
                div.lines {
                    pre.gutter aria-hidden="true" { (numbers) }
                    pre.code tabindex="0" role="region" aria-label=(self.title) data-code data-lang=(self.lang.as_str()) { code { (text) } }
                }
                @if cut.is_some() || self.download.is_some() {
                    div.row {
                        @if let Some(address) = cut { a.btn.small href={ (address) "#" (self.id) } { "Show all " (thousands(count)) " lines" } }
                        @if let Some(address) = self.download { a.btn.small.bare href=(address) download { (icon("file")) "Download" } }
                    }
                }
            }
        }
    }
}

/// Answers with a text as a file.
pub(in crate::ui) fn file(name: &str, content_type: &'static str, text: String) -> Response {
    let safe: String = name.chars().filter(|c| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_')).collect();
    let disposition = format!("attachment; filename=\"{safe}\"");
    ([(header::CONTENT_TYPE, content_type.to_owned()), (header::CONTENT_DISPOSITION, disposition)], text)
        .into_response()
}

/// Returns the beginning of a text, whole lines.
fn first_lines(text: &str, most: usize) -> &str {
    match text.match_indices('\n').nth(most - 1) {
        Some((end, _)) => &text[..=end],
        None => text,
    }
}

/// Writes a number with a comma between its thousands.
fn thousands(number: usize) -> String {
    let digits = number.to_string();
    let groups: Vec<&[u8]> = digits.as_bytes().rchunks(3).rev().collect();
    groups.iter().map(|group| String::from_utf8_lossy(group)).collect::<Vec<_>>().join(",")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_listing_is_cut() {
        let text: String = (1..=5_587).map(|number| format!("line {number}\n")).collect();
        let code = Code {
            id: "script",
            title: "Script",
            lang: Lang::Js,
            text: &text,
            all: Some("/types/crm/script?lines=all"),
            download: Some("/types/crm/script.js"),
        };
        let shown = code.show().into_string();
        assert!(shown.contains("line 200\n") && !shown.contains("line 201\n"), "{shown}");
        assert!(shown.contains("Show all 5,587 lines") && shown.contains("Download"), "{shown}");
        let whole = Code { all: None, download: None, ..code }.show().into_string();
        assert!(whole.contains("line 5587\n") && !whole.contains("Show all"));
        let short = Code { text: "a\nb", ..code }.show().into_string();
        assert!(!short.contains("Show all"), "{short}");
        insta::assert_snapshot!("listing", short.replace('>', ">\n"));
    }

    #[test]
    fn numbers_and_names_are_plain() {
        for (number, text) in [(0, "0"), (999, "999"), (1_000, "1,000"), (1_234_567, "1,234,567")] {
            assert_eq!(thousands(number), text);
        }
        let response = file("a\"b\n../c.js", "text/javascript; charset=utf-8", String::new());
        assert_eq!(response.headers()[header::CONTENT_DISPOSITION], "attachment; filename=\"ab..c.js\"");
    }
}
