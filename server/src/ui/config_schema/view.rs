//! Shows the editor of a config schema.

use std::collections::BTreeMap;

use maud::{Markup, html};

use super::{FORM, SCHEMA, VIEW, convert, is_json};
use crate::ui::form::{self, EDIT, FormView, Mistakes, Spec, Typed};
use crate::ui::part::editor::{Editor, Lang, Mark};
use crate::ui::part::icon::icon;

/// The editor as it is shown.
#[derive(Debug, Clone, Copy)]
pub(in crate::ui) struct Shown<'s> {
    /// What is in the inputs.
    pub(in crate::ui) typed: &'s Typed,
    /// What is wrong, each at its control.
    pub(in crate::ui) mistakes: &'s Mistakes,
    /// What is wrong in the JSON view.
    pub(in crate::ui) marks: &'s [Mark],
    /// The button of the editor that was pressed: what it has changed is open.
    pub(in crate::ui) pressed: &'s str,
}

/// One of the lists of the form.
#[derive(Debug, Clone, Copy)]
struct List<'l> {
    /// Its place.
    at: &'l str,
    /// The words for one item, for the first letter of a sentence.
    one: &'l str,
    /// What the button says.
    add: &'l str,
}

impl Shown<'_> {
    /// Shows the editor as a card.
    pub(in crate::ui) fn show(&self) -> Markup {
        let is_json = is_json(self.typed);
        html! {
            section.card aria-labelledby="schema-title" {
                header {
                    h2 #schema-title { "Schema" }
                    span.end.row.tight role="group" aria-label="View of the schema" {
                        button.btn.small name=(EDIT) value="view form" formnovalidate aria-pressed=(!is_json) { "Form" }
                        button.btn.small name=(EDIT) value="view json" formnovalidate aria-pressed=(is_json) { "JSON" }
                    }
                }
                input type="hidden" name=(VIEW) value=(if is_json { "json" } else { "form" });
                div.body.stack {
                    @if is_json { (self.json()) } @else { (self.form()) }
                }
            }
        }
    }

    fn json(&self) -> Markup {
        let editor = Editor {
            help: Some("connectionConfig, commands, defaultCommand, egress: as REST takes it."),
            marks: self.marks,
            required: true,
            ..Editor::new(SCHEMA, "Schema as JSON", Lang::Json, self.typed.text(SCHEMA))
        };
        editor.show()
    }

    fn view(&self) -> FormView<'_> {
        static NONE: BTreeMap<String, jiff::Timestamp> = BTreeMap::new();
        FormView { typed: self.typed, mistakes: self.mistakes, stored: &NONE, held: &[] }
    }

    fn form(&self) -> Markup {
        let specs = convert::of_schema();
        let fields = List { at: "/schema/fields", one: "Connection field", add: "Add a connection field" };
        let commands = List { at: "/schema/commands", one: "Command", add: "Add a command" };
        let rest: Vec<&Spec> = specs.iter().skip(2).collect();
        let here = |spec: &Spec| format!("{FORM}/{}", spec.name);
        let is_open =
            rest.iter().any(|spec| self.mistakes.has_within(&here(spec)) || self.pressed.ends_with(&here(spec)));
        html! {
            div.schema-list id=(form::id(FORM)) tabindex="-1" {
                h3 { "Connection fields" }
                p.help { "What a connector of this type is set up with. A script reads them as floh.config." }
                @if let Some(text) = self.mistakes.at(FORM) { p.error { (icon("alert")) span { span.sr { "Error: " } (form::capital(&text)) } } }
                (self.list(fields, &|at| self.field_item(at, true)))
            }
            div.schema-list {
                h3 { "Commands" }
                p.help { "What can be called: each is a function of the script with the same name." }
                (self.list(commands, &|at| self.command_item(at)))
            }
            details.more open[is_open] {
                summary { "More of the schema" }
                div.in.stack { div.fields { @for spec in rest { (self.view().field(spec, &here(spec))) } } }
            }
        }
    }

    fn list(&self, list: List<'_>, item: &dyn Fn(&str) -> Markup) -> Markup {
        let count = self.typed.count(list.at);
        html! {
            div.stack.tight id=(form::id(list.at)) tabindex="-1" {
                input type="hidden" name={ (list.at) "~n" } value=(count);
                @if let Some(text) = self.mistakes.at(list.at) { p.error { (icon("alert")) span { span.sr { "Error: " } (form::capital(&text)) } } }
                @for number in 0..count {
                    @let at = format!("{}/{number}", list.at);
                    details.more.part open[self.is_open(&at)] {
                        summary { (item_title(self.typed, &at, list.one)) @if self.mistakes.has_within(&at) { " " span.badge.bad { (icon("alert")) "Look" } } }
                        fieldset.in.stack {
                            legend.sr { (list.one) " " (number + 1) }
                            (item(&at))
                            div.row.tight {
                                (button("up", &at, "up", &format!("Move {} {} up", list.one.to_lowercase(), number + 1), number == 0))
                                (button("down", &at, "down", &format!("Move {} {} down", list.one.to_lowercase(), number + 1), number + 1 == count))
                                (button("remove", &at, "trash", &format!("Remove {} {}", list.one.to_lowercase(), number + 1), false))
                            }
                        }
                    }
                }
                div.row { button.btn.small name=(EDIT) value={ "add " (list.at) } formnovalidate { (icon("plus")) (list.add) } }
            }
        }
    }

    /// An item is open where something is to be done: a name is missing, something is wrong, or a button in it was pressed.
    fn is_open(&self, at: &str) -> bool {
        let pressed = self.pressed.split_once(' ').map_or("", |(_, place)| place);
        let within =
            |place: &str| place.strip_prefix(at).is_some_and(|rest| rest.starts_with('/') || rest.starts_with('~'));
        self.typed.text(&format!("{at}/name")).is_empty() || self.mistakes.has_within(at) || within(pressed)
    }

    fn field_item(&self, at: &str, is_connection: bool) -> Markup {
        let specs = convert::of_field(is_connection);
        html! { div.fields.grid { @for spec in &specs { (self.view().field(spec, &format!("{at}/{}", spec.name))) } } }
    }

    fn command_item(&self, at: &str) -> Markup {
        let specs = convert::of_command();
        let params = format!("{at}/params");
        let list = List { at: &params, one: "Param", add: "Add a param" };
        html! {
            div.fields.grid { @for spec in specs.iter().filter(|spec| spec.name != "params") { (self.view().field(spec, &format!("{at}/{}", spec.name))) } }
            h4 { "Params" }
            (self.list(list, &|at| self.field_item(at, false)))
        }
    }
}

/// What an item is called in its closed line.
fn item_title(typed: &Typed, at: &str, one: &str) -> Markup {
    let name = typed.text(&format!("{at}/name"));
    let kind = typed.text(&format!("{at}/kind")).trim_matches('"');
    let mut words: Vec<&str> = Vec::new();
    words.extend((!kind.is_empty()).then_some(kind));
    for flag in ["required", "secret"] {
        words.extend((typed.text(&format!("{at}/{flag}")) == "true").then_some(flag));
    }
    words.extend(Some(typed.text(&format!("{at}/effect")).trim_matches('"')).filter(|word| !word.is_empty()));
    html! {
        @if name.is_empty() { "New " (one.to_lowercase()) } @else { code { (name) } }
        @if !words.is_empty() { " " span.muted { (words.join(", ")) } }
    }
}

fn button(verb: &str, at: &str, mark: &str, label: &str, disabled: bool) -> Markup {
    html! {
        button.btn.bare.small.icon name=(EDIT) value={ (verb) " " (at) } aria-label=(label) disabled[disabled] formnovalidate { (icon(mark)) }
    }
}
