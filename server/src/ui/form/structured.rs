//! Lists, pairs and JSON as controls. Every button that changes a list sends the form, so all of them work without
//! scripts.

use connector_runtime::schema::pointer;
use maud::{Markup, html};

use super::control::FormView;
use super::spec::{JsonOf, Kind, Spec};
use super::typed::{AS_JSON, COUNT, KEY, MAX_ITEMS, MODE, id};
use crate::ui::part::editor::{Area, Lang, Mark};
use crate::ui::part::icon::icon;

/// The name of the buttons that change the form itself.
pub(in crate::ui) const EDIT: &str = "edit";

impl FormView<'_> {
    /// A list of objects.
    pub(super) fn items(&self, spec: &Spec, at: &str, fields: &[Spec], most: usize) -> Markup {
        let count = self.typed.count(at).min(most.max(MAX_ITEMS));
        self.set(spec, at, "", html! {
            input type="hidden" name={ (at) (COUNT) } value=(count);
            @if count > 0 {
                div.stack {
                    @for number in 0..count {
                        @let here = format!("{at}/{number}");
                        fieldset.item {
                            legend.sr { (spec.label) " " (number + 1) }
                            header {
                                span aria-hidden="true" { "Item " (number + 1) }
                                span.end {
                                    (edit_button("up", &here, "up", &format!("Move item {} of {} up", number + 1, spec.label), number == 0))
                                    (edit_button("down", &here, "down", &format!("Move item {} of {} down", number + 1, spec.label), number + 1 == count))
                                    (edit_button("remove", &here, "trash", &format!("Remove item {} of {}", number + 1, spec.label), false))
                                }
                            }
                            div.in { @for field in fields { (self.field(field, &pointer::join(&here, &field.name))) } }
                        }
                    }
                }
            }
            div.row {
                (add_button(spec, at, count, most))
                (self.json_button(spec, at))
            }
        })
    }

    /// An object of texts.
    pub(super) fn pairs(&self, spec: &Spec, at: &str) -> Markup {
        let count = self.typed.count(at).clamp(1, MAX_ITEMS);
        self.set(spec, at, "", html! {
            input type="hidden" name={ (at) (COUNT) } value=(count);
            div.stack {
                @for number in 0..count {
                    @let here = format!("{at}/{number}");
                    @let key = format!("{here}{KEY}");
                    div.pairs {
                        input name=(key) type="text" value=[self.typed.get(&key)] placeholder="Name" autocomplete="off" spellcheck="false"
                            aria-label={ (spec.label) ": name " (number + 1) };
                        input name=(here) type="text" value=[self.typed.get(&here)] placeholder="Value" autocomplete="off" spellcheck="false"
                            aria-label={ (spec.label) ": value " (number + 1) };
                        (edit_button("remove", &here, "cross", &format!("Remove {} of {}", number + 1, spec.label), false))
                    }
                }
            }
            div.row {
                (add_button(spec, at, count, MAX_ITEMS))
                (self.json_button(spec, at))
            }
        })
    }

    /// A value that has no other control.
    pub(super) fn json_box(&self, spec: &Spec, at: &str) -> Markup {
        let what = match spec.kind {
            Kind::Json(JsonOf::List) => "A list as JSON.",
            Kind::Json(JsonOf::Object) => "An object as JSON.",
            _ => "JSON.",
        };
        let spec = &Spec { rule: Some(what.to_owned()), ..spec.clone() };
        self.single(spec, at, "", html! {
            (self.json_area(spec, at))
            div.row {
                @if self.typed.text(at).trim().is_empty() {
                    button.btn.small.bare name=(EDIT) value={ "example " (at) } formnovalidate { "Insert an example" }
                }
                @if self.mistakes.at(at).is_some() && matches!(spec.kind, Kind::Json(JsonOf::Any)) {
                    button.btn.small name=(EDIT) value={ "text " (at) } formnovalidate { "Use it as text" }
                }
            }
        })
    }

    /// A value that its own control does not show, or that a person wants to write as JSON.
    pub(super) fn as_json(&self, spec: &Spec, at: &str) -> Markup {
        let spec = &Spec { rule: Some("JSON.".to_owned()), ..spec.clone() };
        self.single(spec, at, "", html! {
            input type="hidden" name={ (at) (MODE) } value=(AS_JSON);
            (self.json_area(spec, at))
            @if !matches!(spec.kind, Kind::Json(_)) {
                div.row { button.btn.small.bare name=(EDIT) value={ "form " (at) } formnovalidate { "Back to the form" span.sr { " of " (spec.label) } } }
            }
        })
    }

    fn json_area(&self, spec: &Spec, at: &str) -> Markup {
        let marks: Vec<Mark> = self.mistakes.at(at).iter().map(|message| Mark::of_message(message)).collect();
        let described = self.described(spec, at);
        let area = Area {
            id: &id(at),
            name: at,
            lang: Lang::Json,
            text: self.typed.text(at),
            marks: &marks,
            size: "small",
            required: spec.required,
            described: described.as_deref(),
        };
        area.show()
    }

    /// The button that shows a list or an object as JSON. A secret is not shown, so it has none.
    #[allow(clippy::unused_self, reason = "reads as the other parts of a field")]
    pub(super) fn json_button(&self, spec: &Spec, at: &str) -> Markup {
        html! {
            @if !spec.secret {
                button.btn.small.bare name=(EDIT) value={ "json " (at) } formnovalidate {
                    (icon("code")) "Edit as JSON" span.sr { ": " (spec.label) }
                }
            }
        }
    }
}

fn add_button(spec: &Spec, at: &str, count: usize, most: usize) -> Markup {
    html! {
        button.btn.small name=(EDIT) value={ "add " (at) } formnovalidate disabled[count >= most] { (icon("plus")) "Add to " (spec.label) }
        @if count >= most { span.muted { "at most " (most) } }
    }
}

fn edit_button(verb: &str, at: &str, mark: &str, label: &str, disabled: bool) -> Markup {
    html! {
        button.btn.bare.small.icon name=(EDIT) value={ (verb) " " (at) } aria-label=(label) disabled[disabled] formnovalidate { (icon(mark)) }
    }
}
