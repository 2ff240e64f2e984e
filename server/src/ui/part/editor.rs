//! An editor for code: a text area over its coloured copy. Without scripts it is the text area alone, with the same text,
//! and the mistakes stand in the summary above the form.

use maud::{Markup, html};
use serde_json::{Value, json};

use super::icon::icon;
use crate::error::{Error, Mistake};
use crate::ui::form::{Line, capital, id};

/// The most lines of a text that is shown in colours. A longer one is a plain text area, because every key would be slow.
pub(in crate::ui) const MAX_COLOURED_LINES: usize = 5_000;
/// The most characters of a text that is shown in colours.
pub(in crate::ui) const MAX_COLOURED_CHARS: usize = 500_000;
/// The most mistakes that are marked in the text.
const MAX_MARKS: usize = 100;

/// The language of a text, for its colours.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::ui) enum Lang {
    /// JavaScript.
    Js,
    /// JSON.
    Json,
}

impl Lang {
    /// Returns the word of the script that draws the colours.
    pub(in crate::ui) fn as_str(self) -> &'static str {
        match self {
            Self::Js => "js",
            Self::Json => "json",
        }
    }
}

/// A mistake in a text, at its line and column, which both begin at 1.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::ui) struct Mark {
    /// The line; `None` if the text as a whole is wrong.
    pub(in crate::ui) line: Option<u32>,
    /// The column.
    pub(in crate::ui) column: Option<u32>,
    /// What is wrong. It may name the place too.
    pub(in crate::ui) message: String,
}

impl Mark {
    /// Returns the mistakes of a use case that are at a place.
    pub(in crate::ui) fn of(error: &Error, at: &str) -> Vec<Self> {
        let own = error.mistakes().iter().filter(|mistake| mistake.pointer == at);
        own.map(|Mistake { message, line, column, .. }| Self { line: *line, column: *column, message: message.clone() })
            .collect()
    }

    /// Returns where a text stops being JSON.
    pub(in crate::ui) fn of_json(error: &serde_json::Error) -> Self {
        let number = |number: usize| u32::try_from(number).ok().filter(|number| *number > 0);
        let text = error.to_string();
        let reason = text.split(" at line ").next().unwrap_or_default();
        let message = format!("line {}, column {}: not JSON: {reason}", error.line(), error.column());
        Self { line: number(error.line()), column: number(error.column()), message }
    }

    /// Reads the place that a message begins with.
    pub(in crate::ui) fn of_message(message: &str) -> Self {
        let number = |text: &str, word: &str| {
            let digits: String = text.split_once(word)?.1.chars().take_while(char::is_ascii_digit).collect();
            digits.parse().ok()
        };
        let place = message.split(": ").next().filter(|place| place.starts_with("line ")).unwrap_or_default();
        Self { line: number(place, "line "), column: number(place, "column "), message: message.to_owned() }
    }

    /// Returns the line of the summary above the form. With a script, pressing it goes to the place in the text.
    pub(in crate::ui) fn summary_line(&self, name: &str, label: &str) -> Line {
        Line { target: Some(id(name)), label: Some(label.to_owned()), message: capital(&self.message) }
    }
}

/// An editor as it is shown.
#[derive(Debug, Clone, Copy)]
pub(in crate::ui) struct Editor<'e> {
    /// The name of the input, from which its id is made.
    pub(in crate::ui) name: &'e str,
    /// Its label.
    pub(in crate::ui) label: &'e str,
    /// What stands below the label.
    pub(in crate::ui) help: Option<&'e str>,
    /// The language.
    pub(in crate::ui) lang: Lang,
    /// The text.
    pub(in crate::ui) text: &'e str,
    /// What is wrong in it.
    pub(in crate::ui) marks: &'e [Mark],
    /// How high it is: nothing, `low` or `small`.
    pub(in crate::ui) size: &'e str,
    /// Whether a value must be given.
    pub(in crate::ui) required: bool,
}

impl<'e> Editor<'e> {
    /// Makes an optional, high editor without mistakes.
    pub(in crate::ui) fn new(name: &'e str, label: &'e str, lang: Lang, text: &'e str) -> Self {
        Self { name, label, help: None, lang, text, marks: &[], size: "", required: false }
    }

    /// Shows the editor with its label, its help and the first of its mistakes.
    pub(in crate::ui) fn show(&self) -> Markup {
        let id = id(self.name);
        let is_plain = is_plain(self.text);
        let first = self.marks.first();
        let keys = format!("{id}.keys");
        let help = self.help.map(|_| format!("{id}.help"));
        let error = first.map(|_| format!("{id}.error"));
        // What the keys do is said once a page, below the large editor.
        let has_keys = self.size.is_empty();
        let keys_note = (has_keys || is_plain).then_some(keys.as_str());
        let described: Vec<&str> = [help.as_deref(), error.as_deref(), keys_note].into_iter().flatten().collect();
        let described = described.join(" ");
        html! {
            div.field data-bad[first.is_some()] {
                label for=(id) {
                    (self.label)
                    @if self.required { " " span.req aria-hidden="true" { "required" } }
                }
                @if let (Some(text), Some(help)) = (self.help, &help) { p.help id=(help) { (text) } }
                @if let (Some(mark), Some(error)) = (first, &error) {
                    p.error id=(error) {
                        (icon("alert"))
                        span {
                            span.sr { "Error: " } (capital(&mark.message))
                            @if self.marks.len() > 1 { " (and " (self.marks.len() - 1) " more)" }
                        }
                    }
                }
                (Area {
                    id: &id,
                    name: self.name,
                    lang: self.lang,
                    text: self.text,
                    marks: self.marks,
                    size: self.size,
                    required: self.required,
                    described: Some(described.as_str()).filter(|ids| !ids.is_empty()),
                }.show())
                p.help id=(keys) {
                    @if has_keys { span data-colours hidden[is_plain] { "Tab moves on, as everywhere; Ctrl+M makes it indent, Escape gives it back." } }
                    span data-plain hidden[!is_plain] { "Shown plain: the text has more than " (MAX_COLOURED_LINES) " lines or " (MAX_COLOURED_CHARS / 1000) ",000 characters." }
                }
            }
        }
    }
}

/// The text area of an editor, for a field that has its own label and help.
#[derive(Debug, Clone, Copy)]
pub(in crate::ui) struct Area<'a> {
    /// Its id.
    pub(in crate::ui) id: &'a str,
    /// The name of the input.
    pub(in crate::ui) name: &'a str,
    /// The language.
    pub(in crate::ui) lang: Lang,
    /// The text.
    pub(in crate::ui) text: &'a str,
    /// What is wrong in it.
    pub(in crate::ui) marks: &'a [Mark],
    /// How high it is: the class of its box.
    pub(in crate::ui) size: &'a str,
    /// Whether a value must be given.
    pub(in crate::ui) required: bool,
    /// The ids of its help and its mistake.
    pub(in crate::ui) described: Option<&'a str>,
}

impl Area<'_> {
    /// Shows the text area.
    pub(in crate::ui) fn show(&self) -> Markup {
        let is_wrong = !self.marks.is_empty();
        html! {
            div class={ "editor " (self.size) } data-editor data-lang=(self.lang.as_str()) data-marks=(marks(self.marks))
                data-most-lines=(MAX_COLOURED_LINES) data-most-chars=(MAX_COLOURED_CHARS) {
                div.gutter aria-hidden="true" {}
                div.pane {
                    pre aria-hidden="true" { code {} }
                    textarea id=(self.id) name=(self.name) wrap="off" spellcheck="false" autocapitalize="off" autocomplete="off"
                        required[self.required] aria-invalid=[is_wrong.then_some("true")] aria-describedby=[self.described] {
                        "\n" (self.text)
                    }
                }
            }
        }
    }
}

/// Returns whether a text is too long for colours.
fn is_plain(text: &str) -> bool {
    text.len() > MAX_COLOURED_CHARS || text.bytes().filter(|byte| *byte == b'\n').count() >= MAX_COLOURED_LINES
}

/// The mistakes as the script reads them: line, column, message.
fn marks(marks: &[Mark]) -> String {
    let placed = marks.iter().take(MAX_MARKS).filter_map(|mark| Some((mark.line?, mark)));
    let list: Vec<Value> = placed.map(|(line, mark)| json!([line, mark.column, mark.message])).collect();
    Value::Array(list).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_editor_is_a_text_area_with_its_mistakes() {
        let at = |line, column, message: &str| Mark { line, column, message: message.to_owned() };
        let found = [
            at(Some(12), Some(17), "line 12, column 17: expected ',' or '}'"),
            at(None, None, "the schema has the command list, and the script has no function list"),
        ];
        let text = "\nfunction test() {\n  return \"</textarea>\";\n}\n";
        let editor = Editor {
            marks: &found,
            help: Some("A function for every command."),
            required: true,
            ..Editor::new("/scriptSource", "Script", Lang::Js, text)
        };
        insta::assert_snapshot!("editor_wrong", editor.show().into_string().replace('>', ">\n"));
        let empty = Editor { size: "low", ..Editor::new("/schema", "Schema", Lang::Json, "") };
        insta::assert_snapshot!("editor_empty", empty.show().into_string().replace('>', ">\n"));
    }

    #[test]
    fn a_long_text_is_plain() {
        assert!(!is_plain(&"x\n".repeat(MAX_COLOURED_LINES - 1)));
        assert!(is_plain(&"x\n".repeat(MAX_COLOURED_LINES)));
        assert!(is_plain(&"x".repeat(MAX_COLOURED_CHARS + 1)));
    }

    #[test]
    fn mistakes_keep_their_place() {
        let wrong = serde_json::from_str::<Value>("{\n  \"a\": ?\n}").unwrap_err();
        let mark = Mark::of_json(&wrong);
        assert_eq!((mark.line, mark.column), (Some(2), Some(8)));
        assert_eq!(mark.message, "line 2, column 8: not JSON: expected value");
        let line = mark.summary_line("/configSchema", "Schema");
        assert_eq!(line.target.as_deref(), Some("f-configSchema"));
        assert_eq!(Mark::of_message(&mark.message), mark);
        for text in ["expected an object, got list 3: column 4", "line: 3", ""] {
            let place = Mark::of_message(text);
            assert_eq!((place.line, place.column), (None, None), "{text}");
        }
        let error = Error::invalid(vec![
            Mistake::new("/scriptSource", "line 3: no").at(Some(3), None),
            Mistake::new("/name", "taken"),
        ]);
        assert_eq!(Mark::of(&error, "/scriptSource").len(), 1);
        assert_eq!(marks(&Mark::of(&error, "/scriptSource")), r#"[[3,null,"line 3: no"]]"#);
    }
}
